"""Numbers of a column, tolerantly: which cells are one, and which only look like it."""

from __future__ import annotations

import re

import numpy as np

from intrex.data.arrays import Bools, Bytes, Float64s, Int64s

_FLOAT = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_INTEGER = re.compile(rb"[+-]?\d{1,18}")
_IN_FLOATS = np.zeros(256, bool)
_IN_FLOATS[np.frombuffer(b"0123456789+-.eE\0", np.uint8)] = True
_IN_INTEGERS = np.zeros(256, bool)
_IN_INTEGERS[np.frombuffer(b"0123456789+-\0", np.uint8)] = True


def is_number(cell: bytes) -> bool:
    """Tell whether a cell is a number, NaN and infinity included."""
    return _FLOAT.fullmatch(cell) is not None


def parse_floats(column: Bytes) -> tuple[Float64s, Bools]:
    """Parse numbers as float64 [n] and tell which cells are none [n]; NaN and infinity are numbers here."""
    out, plain = np.zeros(len(column), np.float64), _only(column, _IN_FLOATS)
    try:
        out[plain] = column[plain].astype(np.float64)
    except ValueError:
        plain[:] = False
    good = plain.copy()
    for i in np.flatnonzero(~plain).tolist():
        cell = bytes(column[i])
        if is_number(cell):
            out[i], good[i] = float(cell), True
    return out, ~good


def parse_integers(column: Bytes) -> tuple[Int64s, Bools]:
    """Parse integers as int64 [n] and tell which cells are none [n]."""
    out, plain = np.zeros(len(column), np.int64), _only(column, _IN_INTEGERS)
    if column.itemsize <= 18:
        try:
            out[plain] = column[plain].astype(np.int64)
            return out, ~plain
        except ValueError:
            pass
    good = np.zeros(len(column), bool)
    for i in np.flatnonzero(plain).tolist():
        if _INTEGER.fullmatch(cell := bytes(column[i])):
            out[i], good[i] = int(cell), True
    return out, ~good


def _only(column: Bytes, allowed: Bools) -> Bools:
    """Tell which cells hold nothing but these bytes."""
    if not len(column):
        return np.empty(0, bool)
    cells = np.ascontiguousarray(column).view(np.uint8).reshape(len(column), -1)
    return np.asarray(allowed[cells].all(axis=1))
