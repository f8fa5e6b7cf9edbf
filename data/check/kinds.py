"""Kinds of files, told from the content; the name only decides between kinds that look alike."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from intrex.data.check.listedruns import first_object, listed_form
from intrex.data.check.numbers import is_number
from intrex.data.errors import BadInput, Problems, UsageError, nearest_name
from intrex.data.importers.inputs import Input
from intrex.data.importers.records import IDS, TEXTS, json_layout
from intrex.data.importers.tracktopics import is_trec
from intrex.data.importers.trecdocuments import is_trec_documents
from intrex.data.io.containers import is_tabular
from intrex.data.io.delimited import cells_of, delimiter_of
from intrex.data.io.files import read_lines
from intrex.data.io.lines import is_header
from intrex.data.io.parquet import column_names
from intrex.data.rankings.grades import number_of
from intrex.data.rankings.options import QRELS_ROLES, RUN_ROLES, run_source, spelled_columns
from intrex.data.rankings.third import third_column

KINDS = ("corpus", "queries", "qrels", "run")
_ALIASES = {"topics": "queries", "runs": "run", "docs": "corpus"}
TREC_TOPICS, XML_TOPICS = "TREC topics", "XML topics"
_SAMPLE = 200
_HIGHEST_GRADE = 4
"""Grades of the tracks end here; a higher number in a file that is not called judgements is a rank or a score."""
_IDS = {"_id", "id", "qid", "query_id", "docid"}
_CORPUS = re.compile(r"corpus|collection|docs|documents|passages", re.IGNORECASE)
_RUN = re.compile(r"(?<![a-z])(run|rank)", re.IGNORECASE)


class FileKind(NamedTuple):
    """Kind of a file and how it is written; of qrels and runs in columns, how many, and whether only TABs separate them."""

    name: str
    form: str
    width: int = 0
    tabs: bool = False


def known_kind(text: str) -> str:
    """Resolve a name for ``--as``; raises `UsageError` when there is no such kind."""
    name = _ALIASES.get(text, text)
    if name not in KINDS:
        raise UsageError(f"unknown kind of file {text!r}", nearest_name(text, [*KINDS, *_ALIASES]))
    return name


def tell_kind(path: Path, expected: str | None = None) -> FileKind | None:
    """Tell the kind of a file, or None when its content is nothing known; ``expected`` settles the kind, not the form."""
    if is_tabular(path):
        with contextlib.suppress(BadInput):
            return _named(column_names(path), path, expected)
        return None
    sample = _sample(path)
    if not sample:
        return _empty(expected, path)
    first = sample[0].lstrip()
    if first.startswith(("{", "[")):
        return _json(sample, path, expected)
    if first.startswith("<"):
        return _markup(path, expected)
    rows = [line for line in sample if not line.lstrip().startswith("#")]
    if not rows:
        return _empty(expected, path)
    delimiter = delimiter_of(path, rows[0])
    if delimiter and (table := _delimited(rows[0], delimiter, path, expected)):
        return table
    names = rows[0].lower().split("\t")
    if expected in (None, "corpus") and names[0] in IDS and {*TEXTS, "title"} & set(names[1:]):
        return FileKind("corpus", "colbert" if len(names) in (2, 3) else "table")
    kind = _columns(rows, path) if expected is None else _forced(rows, expected, path)
    return kind or _tabs(rows, path, expected)


def _named(header: list[str], path: Path, expected: str | None) -> FileKind | None:
    """Tell what a table holds by its header: runs and judgements name a document, corpora and queries a text."""
    if expected == "run" or (expected is None and run_source().unusual):
        return FileKind("run", "table")
    judged = spelled_columns(header, QRELS_ROLES).keys() >= {"query", "document", "grade"}
    ranked = spelled_columns(header, RUN_ROLES).keys()
    is_run = ranked >= {"query", "document"} and ranked & {"score", "rank"}
    if expected == "qrels" or (expected is None and judged and (not is_run or _named_qrels(path))):
        return FileKind("qrels", "table", 3)
    if expected is None and is_run:
        return FileKind("run", "table")
    words = {name.strip().lower() for name in header}
    if expected == "queries" or (expected is None and words & {"qid", "query", "question", "query_id"}):
        return FileKind("queries", "table")
    known = words & set(IDS) and words & {*TEXTS, "title"}
    return FileKind("corpus", "table") if expected == "corpus" or known else None


def _delimited(first: str, delimiter: str, path: Path, expected: str | None) -> FileKind | None:
    """Tell what a table with quotes holds, by its header row: a run has a document and a score or rank."""
    return _named(cells_of(first, delimiter), path, expected)


def _sample(path: Path) -> list[str]:
    """Return the first lines that can be read, whatever stands behind them."""
    sample: list[str] = []
    with contextlib.suppress(BadInput):
        for _, line in islice(read_lines(path, Problems(path.name)), _SAMPLE):
            sample.append(line)  # one by one: those before an error count
    return sample


def _empty(expected: str | None, path: Path) -> FileKind:
    """Tell the kind of a file without any line: its name is all there is to go by."""
    name = expected or (
        "qrels" if _named_qrels(path) else "queries" if "quer" in path.name or "topic" in path.name else "run"
    )
    if _CORPUS.search(path.name) and not expected:
        name = "corpus"
    return _FORMS[name]


def _markup(path: Path, expected: str | None) -> FileKind | None:
    file, form = Input(path, path.name), TREC_TOPICS
    with contextlib.suppress(BadInput):  # a file that breaks off is reported when it is checked
        if expected in (None, "corpus") and is_trec_documents(file):
            return FileKind("corpus", "sgml")
        form = TREC_TOPICS if is_trec(file) else XML_TOPICS
    return FileKind("queries", form) if expected in (None, "queries") else None


_FORMS = {
    "corpus": FileKind("corpus", "beir"),
    "queries": FileKind("queries", "TAB"),
    "qrels": FileKind("qrels", "TREC", 4),
    "run": FileKind("run", "trec", 6),
}


def _json(sample: list[str], path: Path, expected: str | None) -> FileKind | None:
    row = first_object(sample)
    keys = row.keys() if row is not None else set(re.findall(r'"([^"]+)"\s*:', sample[0]))
    if expected in (None, "run") and (form := listed_form(sample, row)):
        return FileKind("run", form)
    if expected == "run" or (expected is None and not keys & _IDS and _looks_like_run(sample, row)):
        return FileKind("run", "json")
    if expected == "qrels" or (expected is None and _is_judgement(row)):
        return FileKind("qrels", "JSON", 3)
    corpus = expected == "corpus" or (expected is None and _is_corpus(keys, path))
    is_document = sample[0].lstrip().startswith("[") or sample[0].strip() == "{"
    if corpus:
        return FileKind("corpus", json_layout(keys) or "beir")
    return FileKind("queries", "JSON" if is_document else "JSON lines")


def _looks_like_run(sample: list[str], row: dict[str, Any] | None) -> bool:
    if row is not None:
        # lists alone are rankings as `evaluate` takes them, and refuses them: records have at least one string
        lists = len(row) > 0 and all(isinstance(v, list) for v in row.values())
        return lists or 2 * sum(isinstance(v, dict) for v in row.values()) >= len(row)
    return (
        re.match(r'\s*\{\s*("[^"]*"\s*:\s*\{|$)', sample[0]) is not None
        and re.search(r'"\s*:\s*\{', " ".join(sample[:3])) is not None
    )


def _is_judgement(row: dict[str, Any] | None) -> bool:
    """Tell whether a JSON line is a judgement: a query, a document and a number, as data sets of Hugging Face have them."""
    return row is not None and spelled_columns(list(row), QRELS_ROLES).keys() >= {
        "query",
        "document",
        "grade",
    }


def _is_corpus(keys: Any, path: Path) -> bool:
    if "title" in keys or "docid" in keys:
        return True
    return "query" not in keys and ("contents" in keys or _CORPUS.search(path.name) is not None)


def _columns(rows: list[str], path: Path) -> FileKind | None:
    """Tell runs and judgements by the commonest number of columns, and by where the numbers stand."""
    tabs = [row.split("\t") for row in rows]
    if between_tabs := _judged_between_tabs(tabs, path):
        return between_tabs
    cells = [row.split() for row in rows]
    by_width = Counter(len(row) for row in cells)
    width = by_width.most_common(1)[0][0]
    common = [row for row in cells if len(row) == width]
    numeric = [sum(is_number(row[at].encode()) for row in common) > len(common) / 2 for at in range(width)]
    if width >= 5 and numeric[4] and (numeric[3] or width >= 6) and width < 12:
        return _FORMS["run"]
    if width >= 6 and width < 9 and sum(row[1] == "Q0" for row in common) > len(common) / 2:
        return _FORMS["run"]
    integral = sum(_is_whole(number_of(row[-1])) for row in common) > len(common) / 2
    counted = sum(row[1] in ("0", "Q0") for row in common) > len(common) / 2 if width == 4 else False
    if width == 4 and (integral or (numeric[3] and counted) or _named_qrels(path)):
        return FileKind("qrels", "TREC", 4)
    # `id TAB text` heads queries, though the text has two words
    headed = len(tabs[0]) != 2 and is_header(cells[0], -1)
    scored = width == 3 and numeric[2] and not integral and not headed
    if scored and _falls(common):
        return FileKind("run", "tevatron", 3)
    if width == 4 and numeric[2] and numeric[3] and _third(common) == "rank":
        return FileKind("run", "colbert", 4)
    if width == 3 and (integral or headed or _named_qrels(path)):
        return _three(common, headed, path)
    return None


def _third(rows: list[list[str]]) -> str | None:
    """Tell what the third column of some rows holds; see `third_column`."""
    columns = (np.array([row[at].encode() for row in rows]) for at in (0, 2))
    return third_column(*columns)[0]


def _falls(rows: list[list[str]]) -> bool:
    """Tell whether the third column holds scores, which fall down most lists: figures of a table do not."""
    if _third(rows) != "score":
        return False
    steps = [float(b[2]) <= float(a[2]) for a, b in pairwise(rows) if a[0] == b[0]]
    return bool(steps) and sum(steps) > len(steps) / 2


def _judged_between_tabs(rows: list[list[str]], path: Path) -> FileKind | None:
    """Tell judgements whose ids hold blanks, so that only TABs separate their columns."""
    headed = is_header(rows[0], -1)
    body = rows[1:] if headed else rows
    fits = [row for row in body if len(row) in (3, 4) and _is_whole(row[-1])]
    blanks = any(" " in cell.strip() for row in fits for cell in row)
    if not blanks or len(fits) <= len(body) / 2 or not (headed or _named_qrels(path)):
        return None
    width = len(fits[0])
    return FileKind("qrels", "BEIR" if width == 3 else "TREC", width, tabs=True)


def _named_qrels(path: Path) -> bool:
    return "qrel" in path.name.lower() or path.parent.name in ("qrels", "default")


def _is_whole(cell: str) -> bool:
    """Tell whether a cell is a whole number, perhaps with a point and zeros."""
    return re.fullmatch(r"[+-]?\d+(\.0*)?", cell.strip()) is not None


def _three(rows: list[list[str]], headed: bool, path: Path) -> FileKind:
    """Tell three columns apart: judgements, unless the third counts up within a query or holds what no collection has for grades."""
    if headed or _named_qrels(path):
        return FileKind("qrels", "BEIR", 3)
    pairs = [(a[2], b[2]) for a, b in pairwise(rows) if a[0] == b[0]]
    up = sum(a.isdigit() and b.isdigit() and int(b) == int(a) + 1 for a, b in pairs)
    high = any(row[2].isdigit() and int(row[2]) > _HIGHEST_GRADE for row in rows)
    if (pairs and up > len(pairs) / 2) or high or _RUN.search(path.name) or run_source().unusual:
        return FileKind("run", "msmarco", 3)
    return FileKind("qrels", "BEIR", 3)


def _forced(rows: list[str], expected: str, path: Path) -> FileKind | None:
    if expected in ("corpus", "queries"):
        return None
    if expected == "qrels" and (between_tabs := _judged_between_tabs([r.split("\t") for r in rows], path)):
        return between_tabs
    width = Counter(len(row.split()) for row in rows).most_common(1)[0][0]
    if expected == "qrels":
        return FileKind("qrels", "BEIR", 3) if width == 3 else _FORMS["qrels"]
    return {3: FileKind("run", "msmarco", 3), 4: FileKind("run", "colbert", 4)}.get(width, _FORMS["run"])


def _tabs(rows: list[str], path: Path, expected: str | None) -> FileKind | None:
    """Tell texts between TABs: a query file has two columns, a corpus two or three."""
    cells = [row.split("\t") for row in rows]
    width = Counter(map(len, cells)).most_common(1)[0][0]
    titled = width == 3 and not any(is_number(row[2].strip().encode()) for row in cells if len(row) == 3)
    if expected == "corpus" or (expected is None and (titled or (width == 2 and _CORPUS.search(path.name)))):
        return FileKind("corpus", "colbert")
    return FileKind("queries", "TAB") if expected == "queries" or (expected is None and width == 2) else None
