"""``--fix``: a mended copy of a file, where mending needs no guess; else nothing is written."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from intrex.data.arrays import Int64s
from intrex.data.check.check import check_file
from intrex.data.check.codes import CODES, ERROR
from intrex.data.check.facts import Facts, factorize
from intrex.data.check.findings import Findings
from intrex.data.check.kinds import TREC_TOPICS, XML_TOPICS, FileKind, tell_kind
from intrex.data.check.lines import Table, read_table
from intrex.data.check.numbers import parse_floats, parse_integers
from intrex.data.errors import CheckFailed, UsageError
from intrex.data.io.containers import plain_name
from intrex.data.io.files import STDIO, raw_lines, refuse_existing, require_file, spooled, writing
from intrex.data.rankings.options import FORMS

# Warnings that a mended file would decide by guessing: is it a comment, are they distances, which order was meant?
_DOUBTFUL = {"F011", "R009", "R012"}
_WHOLE = (
    TREC_TOPICS,
    XML_TOPICS,
    "JSON",
    "sgml",
    *(form for form in FORMS if form not in ("trec", "msmarco")),
)  # a record is not a line
_HEADER = b"query-id\tcorpus-id\tscore"
_BYTES = {
    "F002": "byte order mark removed", "F003": "CRLF line ends replaced", "F007": "newline added at the end",
}  # fmt: skip
_ROWS = {"F009": "blank lines dropped", "F010": "comments dropped", "F012": "header rows dropped"}


def fix_file(paths: Sequence[Path], out: Path, kind: str | None = None, overwrite: bool = False) -> list[str]:
    """Write a mended copy of one file, and check it before it takes its place.

    Returns:
        What was changed, with counts, one line each.

    Raises:
        UsageError: there is more than one file, or a folder.
        CheckFailed: something cannot be mended without guessing; it is named with its lines, and nothing is written.
    """
    if len(paths) != 1 or paths[0].is_dir():
        raise UsageError("--fix mends one file", "intrex check FILE --fix OUT")
    path = paths[0]
    if path != STDIO:
        require_file(path, "file")
    refuse_existing(out, overwrite)
    label = "stdin" if path == STDIO else path.name
    with spooled(path) as file, tempfile.TemporaryDirectory() as folder:
        known = tell_kind(file, kind)
        facts = check_file(file, label, known or kind)
        if known and known.form == "msmarco" and facts.form != "MS MARCO":
            known = known._replace(form="tevatron")
        _refuse(facts, known)
        changes: Counter[str] = Counter()
        copy = Path(folder) / plain_name(file)
        with copy.open("wb") as stream:
            stream.writelines(_mend(file, known or FileKind("", ""), facts, changes))
        _refuse(check_file(copy, str(out), known), known)
        with writing(out, overwrite) as target, copy.open("rb") as stream:
            while piece := stream.read(1 << 20):
                target.write(piece)
    changed = [f"{out}: {change}: {n:,}" for change, n in changes.items() if n]
    return changed or [f"{out}: nothing to mend, an equal copy"]


def _refuse(facts: Facts, known: FileKind | None) -> None:
    """Raise `CheckFailed` for what cannot be mended without guessing."""
    by_code = facts.findings.found
    form = "" if known is None else known.form
    unmendable = [
        code
        for code, finding in by_code.items()
        if code in _DOUBTFUL
        or (code == "R007" and form == "msmarco")  # the rank is all that orders it
        or (finding.severity == ERROR and (form in _WHOLE or not CODES[code].mended))
    ]
    if not unmendable:
        return
    listed = "\n  ".join(
        f"{code} {text} ({where})" for code, _, where, _, text in facts.findings.rows() if code in unmendable
    )
    raise CheckFailed(
        f"not to be mended without guessing; nothing was written\n  {listed}",
        "mend these by hand; intrex check FILE --all shows every line",
    )


def _mend(path: Path, kind: FileKind, facts: Facts, changes: Counter[str]) -> Iterator[bytes]:
    """Yield the lines of the mended file; ``changes`` is complete when the last was taken."""
    in_columns = kind.name in ("run", "qrels") and kind.form not in _WHOLE
    for code, change in (_BYTES | _ROWS if in_columns else _BYTES).items():
        changes[change] = facts.findings.count(code)
    if in_columns:
        raw = list(raw_lines(path))
        lines = _run(path, raw, kind, changes) if kind.name == "run" else _qrels(path, raw, kind, changes)
        return (line + b"\n" for line in lines)
    return _records(path, kind, facts, changes)


def _run(path: Path, raw: list[bytes], kind: FileKind, changes: Counter[str]) -> Iterable[bytes]:
    trec = kind.form == "trec"
    table = read_table(path, kind.width, 4 if trec else 2, Findings(""))
    docs, at = table.columns[2 if trec else 1], 3 if trec else 2
    _, q = factorize(table.columns[0])
    ranks, none = parse_integers(table.columns[3 if trec else 2])
    score = parse_floats(table.columns[4])[0] if trec else -ranks.astype(np.float64)
    keep = _unrepeated([q, factorize(docs)[1], np.unique(score, return_inverse=True)[1]])
    changes["repeated rows dropped"] = len(q) - len(keep)
    order = keep[np.lexsort((docs[keep], score[keep]))[::-1]]
    order = order[np.argsort(_appearance(q)[order], kind="stable")]
    cells, separator = _cells(raw, table, kind.width, changes)
    changes["rows moved"] = int((order != keep).sum())
    if not trec:
        return (separator.join(cells[i]) for i in order.tolist())
    zeros = q[order][ranks[order] == 0]  # a query with one rank 0 counts from there
    base = 0 if len(zeros) and len(np.unique(zeros)) == len(zeros) and not none.any() else 1
    heads = np.flatnonzero(np.concatenate([[True], q[order][1:] != q[order][:-1]]))
    numbers = np.arange(len(order)) - np.repeat(heads, np.diff(np.append(heads, len(order)))) + base
    changes["ranks rewritten"] = int((none[order] | (ranks[order] != numbers)).sum())
    for i, rank in zip(order.tolist(), numbers.tolist(), strict=True):
        cells[i][at] = str(rank).encode()
    return (separator.join(cells[i]) for i in order.tolist())


def _qrels(path: Path, raw: list[bytes], kind: FileKind, changes: Counter[str]) -> Iterable[bytes]:
    table = read_table(path, kind.width, kind.width - 1, Findings(""))
    grades, none = parse_integers(table.columns[-1])
    values = parse_floats(table.columns[-1][none])[0]
    grades[none] = values.astype(np.int64)
    changes["grades rewritten as integers"] = int(none.sum())
    _, q = factorize(table.columns[0])
    keep = _unrepeated([factorize(c)[1] for c in table.columns[:-1]])
    changes["repeated rows dropped"] = len(q) - len(keep)
    order = keep[np.argsort(_appearance(q)[keep], kind="stable")]
    changes["rows moved"] = int((order != keep).sum())
    cells, separator = _cells(raw, table, kind.width, changes)
    for i in np.flatnonzero(none).tolist():
        cells[i][-1] = str(int(grades[i])).encode()
    rows = (separator.join(cells[i]) for i in order.tolist())
    if kind.width == 4:
        return rows
    changes["header added"] = not table.header
    return [b"\t".join(raw[table.header - 1].split()) if table.header else _HEADER, *rows]


def _cells(
    raw: list[bytes], table: Table, width: int, changes: Counter[str]
) -> tuple[list[list[bytes]], bytes]:
    """Return each row's columns, and what to put between them: a TAB where the first row has one (always in BEIR's form)."""
    rows = [raw[n - 1].removesuffix(b"\r") for n in table.lines.tolist()]
    cells = [row.split() for row in rows]
    changes["words after the tag dropped"] = sum(len(c) > width for c in cells)
    separator = b"\t" if width == 3 or (rows and b"\t" in rows[0]) else b" "
    changes["white space made even"] = sum(
        separator.join(c) != row for c, row in zip(cells, rows, strict=True)
    )
    return [c[:width] for c in cells], separator


def _unrepeated(columns: list[Int64s]) -> Int64s:
    """Return the rows that repeat no earlier one, in file order."""
    key = columns[0]
    for column in columns[1:]:
        key = np.unique(key, return_inverse=True)[1] * (int(column.max(initial=0)) + 1) + column
    return np.sort(np.unique(key, return_index=True)[1])


def _appearance(codes: Int64s) -> Int64s:
    """Return for each row the place of its query among the queries in order of appearance."""
    first, inverse = np.unique(codes, return_index=True, return_inverse=True)[1:]
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return place[inverse]


def _records(path: Path, kind: FileKind, facts: Facts, changes: Counter[str]) -> Iterator[bytes]:
    """Yield the lines of a corpus or of topics, without blank ones and repetitions where a line is a record."""
    found = facts.findings.found
    repeated = {n for code in ("C003", "T003") if code in found for n in found[code].lines}
    blank = set(found["F009"].lines) if "F009" in found else set()
    changes["repeated records dropped"], changes["blank lines dropped"] = len(repeated), len(blank)
    for number, line in enumerate(raw_lines(path), 1):
        if number not in repeated and number not in blank:
            yield line.removesuffix(b"\r") + b"\n"
