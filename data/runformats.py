"""Run files: read in whatever form they are, written in three."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from intrex.data.errors import Problems, UsageError, nearest_name
from intrex.data.ids import as_strings
from intrex.data.io.containers import plain_name
from intrex.data.io.files import require_file, spooled, writing
from intrex.data.options import LARGEST_FLOAT
from intrex.data.rankings.nested import FLOAT32_ENDS
from intrex.data.rankings.options import run_source
from intrex.data.rankings.read import read_table
from intrex.data.rankings.write import write_run
from intrex.data.run import Run, RunTable

FLOAT64_ENDS = float("inf")


def read_any_run(path: Path) -> Run:
    """Read a run in any of the forms of `intrex.data.rankings.options`, told by its content; ``-`` is stdin.

    Ranks without scores become 1/rank. Raises `BadInput` with everything that is malformed counted.
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
        if not file.is_dir():
            require_file(file, "run")
        problems = Problems(file.name)
        table = read_table(file, run_source(), problems, more, FLOAT64_ENDS if wide else FLOAT32_ENDS)
        scores = np.clip(table.scores, -LARGEST_FLOAT, LARGEST_FLOAT) if wide else table.scores
        columns = table.query_ids, table.doc_ids, scores
        run = Run.from_columns(*columns, table.tag, problems, table.lines, table.unique)
        problems.raise_if_any()
        return table, run


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
_READ_ONLY = (".parquet", ".parq", ".arrow", ".csv")


def format_of(path: Path) -> str:
    """Return the format that a file's name asks for: ``.json`` and ``.tsv`` (msmarco), compressed or not; else trec.

    Raises:
        UsageError: the name is one of a form that is read and not written.
    """
    suffix = Path(plain_name(path)).suffix
    if suffix in _READ_ONLY:
        raise UsageError(
            f"runs are not written as {suffix}: {path}", "name it .txt, .json or .tsv; or --to trec"
        )
    return _SUFFIXES.get(suffix, "trec")


def write_any_run(run: Run, path: Path, form: str, overwrite: bool = False) -> None:
    """Write a run as ``trec``, ``msmarco`` (query, document, rank) or ``json``; ``.gz`` compresses."""
    if form not in FORMATS:
        raise UsageError(f"unknown run format {form!r}", nearest_name(form, FORMATS))
    FORMATS[form](run, path, overwrite)
