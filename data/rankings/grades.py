"""Grades that are words: the whole numbers that they stand for, as the user says."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Bytes
from intrex.data.rankings.options import grade_words

_LETTERS = "words and letters are grades with --grades A=3,B=2,C=1,D=0"


def numbered(cells: Bytes) -> Bytes:
    """Put the number of each declared word [n] in its place; other cells stay."""
    known = grade_words()
    if not known or not len(cells):
        return cells
    words, place = np.unique(cells, return_inverse=True)
    return np.array([number_of(word.decode("utf-8", "replace")).encode() for word in words.tolist()])[place]


def grade_hint(cell: str) -> str | None:
    """Return what to type where a grade is a word; None where it is a number of another kind, or nothing."""
    try:
        float(cell)
    except ValueError:
        return _LETTERS if cell[:1].isalpha() else None
    return None


def number_of(cell: str) -> str:
    """Return the number of a declared word as text; any other cell itself."""
    known = grade_words()
    return str(known[cell]) if known and cell in known else cell
