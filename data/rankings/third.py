"""The third column of a run: ranks and scores are told apart by a look at all of it, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from intrex.data.arrays import Bools, Bytes, Float64s
from intrex.data.errors import Problems
from intrex.data.io.columns import parse_floats

Value = Literal["rank", "score"]
WAYS_OUT = (
    "say what it is: --columns query,document,score, or --columns query,document,rank for ranks with gaps; "
    "`intrex convert FILE OUT --columns ...` writes TREC's six columns"
)
_SHOWN = 4


def third_column(queries: Bytes, cells: Bytes) -> tuple[Value | None, list[tuple[int, str]]]:
    """Tell whether the third column of a run holds ranks or scores, by looking at all of it.

    Ranks are 1, 2, 3 ... (or 0, 1, 2 ...) in some order in each query. Numbers of which one has a fraction are scores.

    Args:
        queries: [n] ids.
        cells: [n] the column.

    Returns:
        What it is, or None where it could be either, with the row of each query that holds no ranks, and why.
    """
    numbers, readable = _numbers(cells)
    if not readable.all():
        rows = np.flatnonzero(~readable)
        return None, [
            (
                int(i),
                f"the third column is {cells[i].decode('utf-8', 'replace')!r}, a rank or a score is needed",
            )
            for i in rows
        ]
    if (numbers != np.floor(numbers)).any():
        return "score", []
    plain = bool((np.char.isdigit(cells)).all())
    faults = list(_without_ranks(queries, numbers))
    if plain and not faults:
        return "rank", []
    if not faults:
        return None, [(0, "the third column counts like ranks and is written like scores")]
    return None, faults


def _numbers(cells: Bytes) -> tuple[Float64s, Bools]:
    problems = Problems("")
    numbers = parse_floats(cells, np.arange(len(cells)), Path(), "value", problems)
    if not problems.count:
        return numbers, np.ones(len(cells), np.bool_)
    readable = np.array([_is_finite(cell) for cell in cells.tolist()], np.bool_)
    return numbers, readable


def _is_finite(cell: bytes) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _without_ranks(queries: Bytes, numbers: Float64s) -> Iterator[tuple[int, str]]:
    """Yield the first row of each query whose numbers are not 1, 2, 3 ... or 0, 1, 2 ..., with them."""
    _, first, owner = np.unique(queries, return_index=True, return_inverse=True)
    order = np.lexsort((numbers, owner))
    heads = np.concatenate([[0], np.flatnonzero(np.diff(owner[order])) + 1])
    sizes = np.diff(np.append(heads, len(order)))
    ranked = numbers[order] - (np.arange(len(order)) - np.repeat(heads, sizes))
    start = np.repeat(ranked[heads], sizes)
    wrong = np.unique(owner[order][(ranked != start) | ((start != 0) & (start != 1))])
    for query in wrong[np.argsort(first[wrong])].tolist():
        rows = np.flatnonzero(owner == query)[: _SHOWN + 1]
        words = ", ".join(f"{numbers[i]:g}" for i in rows[:_SHOWN]) + (" ..." if len(rows) > _SHOWN else "")
        reason = f"query {queries[rows[0]].decode()}: the third column is {words}, no ranks 1, 2, 3 ...; are these scores?"
        yield int(first[query]), reason
