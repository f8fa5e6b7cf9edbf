"""Ids of many rows at once: checked and encoded without a look at each, unless one of them cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from intrex.data.arrays import Bytes
from intrex.data.ids import BLANKS, CONTROLS, MAX_BYTES, gather_spans, id_problem

_UNFIT = "".join(sorted(set(BLANKS + CONTROLS) - {"\n"}))
_UNFIT_ASCII = bytes(ord(c) for c in _UNFIT if ord(c) < 128)
_UNFIT_WIDE = re.compile(f"[{re.escape(_UNFIT)}]")
_NEWLINE = ord("\n")


def id_array(ids: Sequence[Any], report: Callable[[int, str], None]) -> Bytes:
    """Return ids as a numpy ``S`` array [n]; each that cannot be one is told to ``report`` and stands as ``?``.

    Args:
        ids: what should be strings.
        report: told the index of an id and what is wrong with it.
    """
    if not len(ids):
        return np.empty(0, "S1")
    try:
        text = "\n".join(ids)
        raw = text.encode("utf-8")
    except (TypeError, UnicodeEncodeError):
        return _one_by_one(ids, report)
    data = np.frombuffer(raw, np.uint8)
    ends = np.append(np.flatnonzero(data == _NEWLINE), len(data))
    starts = np.concatenate([[0], ends[:-1] + 1])
    if len(ends) != len(ids) or _has_unfit(text, raw):
        return _one_by_one(ids, report)
    sizes = ends - starts
    if not sizes.all() or sizes.max() > MAX_BYTES:
        return _one_by_one(ids, report)
    return gather_spans(data, starts, sizes)


def _has_unfit(text: str, raw: bytes) -> bool:
    if text.startswith('"') or '\n"' in text:
        return True
    if len(raw.translate(None, _UNFIT_ASCII)) < len(raw):
        return True
    return not text.isascii() and _UNFIT_WIDE.search(text) is not None


def _one_by_one(ids: Sequence[Any], report: Callable[[int, str], None]) -> Bytes:
    fit = []
    for at, value in enumerate(ids):
        problem = id_problem(value)
        if problem:
            report(at, problem)
        fit.append(b"?" if problem else value.encode("utf-8"))
    return np.array(fit, np.bytes_)
