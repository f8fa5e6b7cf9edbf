"""What libraries of vectors leave in a run: distances, whose scores grow with their ranks, and padded rows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Bytes, Float64s
from intrex.data.io.files import reading

PADDING, FLOAT32_END = b"-1", 3.4028e38
"""Document id, and size of the score as written with five digits, with which faiss fills up lists that are too short."""
_LEAST = 3  # growing scores, as in `intrex.data.check`: fewer may be one row in the wrong place
_PATIENCE = 10_000
log = logging.getLogger("intrex")


def note_growth(path: Path) -> None:
    """Tell the user, once for a file, if the scores of a TREC run contradict its ranks in every query."""
    if path.is_file() and scores_grow(path):
        _say(path)


def padded_rows(doc_ids: Bytes, scores: Float64s) -> Bools:
    """Return which rows of a run [n] a library of vectors has padded a list with."""
    padded: Bools = (doc_ids == PADDING) | (np.abs(scores) >= FLOAT32_END)
    return padded


def note_padding(path: Path, doc_ids: Bytes, scores: Float64s) -> None:
    """Tell the user, once for a file, if a run has padded rows."""
    if count := int(np.count_nonzero(padded_rows(doc_ids, scores))):
        _say_padding(path, count)


@cache
def _say_padding(path: Path, count: int) -> None:
    log.info(
        "%s: padded rows (document -1, or a score at the end of float32): %s. They count as documents that were retrieved "
        "(intrex check: R020)",
        path.name,
        f"{count:,}",
    )


@cache
def _say(path: Path) -> None:
    log.info(
        "%s: in every query the scores grow with the ranks: are they distances? Runs are ranked by score, highest first, "
        "so this one is turned round (intrex check: R008)",
        path.name,
    )


def scores_grow(path: Path) -> bool:
    """Tell whether scores grow with the rank in every query of a TREC run that has more than one document.

    Reading ends at the first query where they do not, in most runs the first one, and at a line that is none.
    """
    rises = rows = 0
    with reading(path) as stream:
        for _, lines in groupby(_fields(stream), lambda fields: fields[0]):
            try:
                ranked = sorted((int(fields[3]), float(fields[4])) for fields in lines)
            except (ValueError, IndexError):
                return False
            steps = [(low[0] < high[0], high[1] - low[1]) for low, high in pairwise(ranked)]
            growth = [gain > 0 for _, gain in steps]
            if not all(later and gain >= 0 for later, gain in steps) or (steps and not any(growth)):
                return False
            rises, rows = rises + sum(growth), rows + len(ranked)
            if rows > _PATIENCE and not rises:
                return False
    return rises >= _LEAST


def _fields(stream: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield the columns of each line, of what may be a header too; not of blank lines and comments."""
    for line in stream:
        if (fields := line.split()) and not fields[0].startswith(b"#"):
            yield fields
