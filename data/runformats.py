"""Run files in other forms than TREC's, and the one place that tells them apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.errors import BadInput, Problems, UsageError, json_type, nearest_name
from intrex.data.growth import note_growth
from intrex.data.ids import as_bytes, as_strings, id_problem
from intrex.data.io.columns import parse_integers, read_columns
from intrex.data.io.containers import plain_name
from intrex.data.io.files import json_reason, reading, require_file, spooled, writing
from intrex.data.io.lines import first_line
from intrex.data.options import LARGEST_FLOAT
from intrex.data.run import Run, RunTable, join_columns, read_trec_table, write_run

JSON_LAYOUT = "{query: {document: score}}"
FLOAT32_ENDS = 2.0**128 - 2.0**103  # rounds to infinity from here on
FLOAT64_ENDS = float("inf")


def read_any_run(path: Path) -> Run:
    """Read a run in TREC's six columns, MS MARCO's three (query, document, rank) or JSON ``{query: {doc: score}}``.

    The first line tells which; ``-`` is stdin. MS MARCO's form has no scores: they become 1/rank. Raises `BadInput`
    with every malformed line counted.
    """
    return read_table_and_run(path)[1]


def read_table_and_run(path: Path, more: bool = False, wide: bool = False) -> tuple[RunTable, Run]:
    """Read a run as it stands (the order of the file, scores as float64), and in order; see `read_any_run`.

    Args:
        path: the file.
        more: allow columns after the sixth of TREC's form, and do not look at them.
        wide: allow scores beyond float32.
    """
    with spooled(path) as file:
        require_file(file, "run")
        problems = Problems(file.name)
        table = _table(file, problems, more, FLOAT64_ENDS if wide else FLOAT32_ENDS)
        scores = np.clip(table.scores, -LARGEST_FLOAT, LARGEST_FLOAT) if wide else table.scores
        columns = table.query_ids, table.doc_ids, scores
        run = Run.from_columns(*columns, table.tag, problems, table.lines)
        problems.raise_if_any()
        return table, run


def _table(path: Path, problems: Problems, more: bool, ends: float) -> RunTable:
    first = first_line(path).lstrip()
    if first.startswith("{"):
        return _json_table(path, problems, ends)
    if len(first.split()) == 3:
        return _msmarco_table(path, problems)
    table = read_trec_table(path, problems, more)
    note_growth(path)
    return table


class _Pairs(list[tuple[str, Any]]):
    """JSON object as it stands, repeated keys included."""


def _json_table(path: Path, problems: Problems, ends: float) -> RunTable:
    problems.suggest(layout := f"a JSON run reads {JSON_LAYOUT}")
    try:
        with reading(path) as stream:
            text = stream.read().decode("utf-8-sig")
        # Integers as float: one of 400 digits is infinite then, and no number has too many digits to be read
        rankings = json.loads(text, object_pairs_hook=_Pairs, parse_int=float)
    except (ValueError, RecursionError) as error:
        hint = "convert the file to UTF-8 first (iconv)" if isinstance(error, UnicodeError) else layout
        raise BadInput(f"broken JSON: {json_reason(error)} ({path})", hint) from error
    rows = list(_json_rows(rankings, path, problems, ends))  # an object: it begins with a brace
    problems.raise_if_any()
    if not rows:
        raise BadInput(f"the run has no line ({path})", layout)
    queries, docs = as_bytes([q for q, _, _ in rows]), as_bytes([d for _, d, _ in rows])
    scores = np.array([s for _, _, s in rows], np.float64)
    return RunTable(queries, docs, scores, None, tag=_tag(path))


def _json_rows(
    ranked: _Pairs, path: Path, problems: Problems, ends: float
) -> Iterator[tuple[str, str, float]]:
    """Yield (query, document, score) of what is sound, scores below ``ends``; the rest goes to ``problems``, with its query."""
    queries: set[str] = set()
    for query, docs in ranked:
        where = f"{path.name}, query {query!r}"
        if query in queries:
            problems.add(where, "the query stands twice")
        elif problem := id_problem(query):
            problems.add(where, problem)
        queries.add(query)
        if not isinstance(docs, _Pairs):
            problems.add(where, f"the ranking is {_json_type(docs)}, an object is needed")
            continue
        listed: set[str] = set()
        for doc, score in docs:
            if doc in listed:
                problems.add(where, f"document {doc!r} stands twice")
            elif problem := id_problem(doc):
                problems.add(where, problem)
            elif not isinstance(score, float):
                problems.add(where, f"the score of {doc!r} is {_json_type(score)}, a number is needed")
            elif not abs(score) < ends:
                kind = "float32 " if ends == FLOAT32_ENDS else ""
                problems.add(where, f"the score of {doc!r} is {score!r}, a finite {kind}number is needed")
            else:
                yield query, doc, score
            listed.add(doc)


def _json_type(value: object) -> str:
    return "an object" if isinstance(value, _Pairs) else json_type(value)


def _msmarco_table(path: Path, problems: Problems) -> RunTable:
    parts, layout = [], "query document rank"
    for piece in read_columns(path, 3, layout, problems, header=2):
        piece.report_quotes((0, 1), path, problems)
        ranks = parse_integers(piece.column(2), piece.lines, path, "rank", problems, low=1)
        parts.append((piece.column(0), piece.column(1), 1.0 / ranks, piece.lines))
    return RunTable(*join_columns(parts, layout, path, problems), tag=_tag(path))


def _tag(path: Path) -> str:
    return "".join(path.name.split()).split(".")[0] or "run"


def _write_json(run: Run, path: Path, overwrite: bool) -> None:
    with writing(path, overwrite) as stream:
        body = []
        for query, docs, scores in run.rankings():
            ranking = dict(zip(as_strings(docs), map(float, scores.astype("S32")), strict=True))
            name = json.dumps(query.decode("utf-8"), ensure_ascii=False)
            body.append(f"{name}: {json.dumps(ranking, ensure_ascii=False)}")
        stream.write(("{" + ",\n".join(body) + "}\n").encode("utf-8"))


def _write_msmarco(run: Run, path: Path, overwrite: bool) -> None:
    with writing(path, overwrite) as stream:
        for query, docs, _ in run.rankings():
            name = query.decode("utf-8")
            stream.write(
                "".join(f"{name}\t{d}\t{r}\n" for r, d in enumerate(as_strings(docs), 1)).encode("utf-8")
            )


FORMATS: dict[str, Callable[[Run, Path, bool], None]] = {
    "json": _write_json,
    "msmarco": _write_msmarco,
    "trec": write_run,
}


_SUFFIXES = {".json": "json", ".tsv": "msmarco"}


def format_of(path: Path) -> str:
    """Return the format that a file's name asks for: ``.json`` and ``.tsv`` (msmarco), compressed or not; else trec."""
    return _SUFFIXES.get(Path(plain_name(path)).suffix, "trec")


def write_any_run(run: Run, path: Path, form: str, overwrite: bool = False) -> None:
    """Write a run as ``trec``, ``msmarco`` (query, document, rank) or ``json``; ``.gz`` compresses."""
    if form not in FORMATS:
        raise UsageError(f"unknown run format {form!r}", nearest_name(form, FORMATS))
    FORMATS[form](run, path, overwrite)
