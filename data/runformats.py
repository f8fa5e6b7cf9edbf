"""Run files in other forms than TREC's, and the one place that tells them apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from intrex.data.columns import parse_integers, read_columns, stack
from intrex.data.errors import BadInput, Problems, UsageError, nearest
from intrex.data.files import read_lines, reading, require_file, spooled, writing
from intrex.data.ids import as_strings
from intrex.data.run import Run, read_run, write_run


def read_any_run(path: Path) -> Run:
    """Read a run in TREC's six columns, MS MARCO's three (query, document, rank) or JSON ``{query: {doc: score}}``.

    The first line tells which; ``-`` is stdin. MS MARCO's form has no scores: they become 1/rank.
    """
    with spooled(path) as file:
        return _read(file)


def _read(path: Path) -> Run:
    require_file(path, "run")
    problems = Problems(path.name)
    first = next(read_lines(path, problems), (0, ""))[1].lstrip()
    problems.raise_if_any()
    if first.startswith("{"):
        return _read_json(path)
    return _read_msmarco(path) if len(first.split()) == 3 else read_run(path)


def _read_json(path: Path) -> Run:
    try:
        with reading(path) as stream:
            ranked = json.loads(stream.read().decode("utf-8-sig"))
        return Run.from_dict(
            {q: {d: _number(s) for d, s in docs.items()} for q, docs in ranked.items()}, tag=_tag(path)
        )
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"broken JSON: {error} ({path})") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise BadInput(f"a JSON run reads {{query: {{document: score}}}}: {error} ({path})") from error


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"a score is {value!r}, a number is needed")
    return float(value)


def _read_msmarco(path: Path) -> Run:
    problems = Problems(path.name)
    parts = []
    for piece in read_columns(path, 3, "query document rank", problems):
        ranks = parse_integers(piece.column(2), piece.lines, path, "rank", problems)
        for i in np.flatnonzero(ranks < 1):
            problems.add(f"{path.name}:{piece.lines[i]}", f"the rank is {ranks[i]}, ranks count from 1")
        parts.append((piece.column(0), piece.column(1), 1.0 / np.maximum(ranks, 1), piece.lines))
    problems.raise_if_any()
    queries, docs = stack([p[0] for p in parts]), stack([p[1] for p in parts])
    scores, lines = np.concatenate([p[2] for p in parts]), np.concatenate([p[3] for p in parts])
    run = Run.from_columns(queries, docs, scores, _tag(path), problems, lines)
    problems.raise_if_any()
    return run


def _tag(path: Path) -> str:
    return "".join(path.name.split()).split(".")[0] or "run"


def _write_json(run: Run, path: Path, overwrite: bool) -> None:
    with writing(path, overwrite) as stream:
        rows = (
            (
                query.decode("utf-8"),
                dict(zip(as_strings(docs), map(float, scores.astype("S32")), strict=True)),
            )
            for query, docs, scores in run.rankings()
        )
        body = (
            f"{json.dumps(q, ensure_ascii=False)}: {json.dumps(docs, ensure_ascii=False)}" for q, docs in rows
        )
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


def write_any_run(run: Run, path: Path, form: str, overwrite: bool = False) -> None:
    """Write a run as ``trec``, ``msmarco`` (query, document, rank) or ``json``; ``.gz`` compresses."""
    if form not in FORMATS:
        raise UsageError(f"unknown run format {form!r}", nearest(form, FORMATS))
    FORMATS[form](run, path, overwrite)
