"""Ids of many rows at once: checked and encoded without a look at each, unless one of them cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from intrex.data.arrays import Bytes, Int64s, Uint8s
from intrex.data.ids import BLANKS, CONTROLS, MAX_BYTES, gather_spans, id_problem

_UNFIT = "".join(sorted(set(BLANKS + CONTROLS) - {"\n"}))
_UNFIT_ASCII = bytes(ord(c) for c in _UNFIT if ord(c) < 128)
_UNFIT_WIDE = re.compile(f"[{re.escape(_UNFIT)}]")
_NEWLINE, _QUOTE = ord("\n"), ord('"')


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
    if len(ends) != len(ids) or text.startswith('"') or '\n"' in text or _has_unfit(text, raw):
        return _one_by_one(ids, report)
    sizes = ends - starts
    if not sizes.all() or sizes.max() > MAX_BYTES:
        return _one_by_one(ids, report)
    return gather_spans(data, starts, sizes)


def span_array(
    spans: tuple[Uint8s, Int64s, Int64s] | None,
    ids: Any,
    report: Callable[[int, str], None],
    pad: Callable[[int], Bytes] | None = None,
) -> Bytes:
    """Return ids that stand in one text as a numpy ``S`` array; see `id_array`.

    Args:
        spans: the text [bytes], and where each id begins [n] and how long it is [n]; None if they must be looked at.
        ids: the same as a list of strings, or what ``to_pylist`` makes one of; read only where an id cannot be one.
        report: told the index of an id and what is wrong with it.
        pad: a faster way to the array where all of the text is ASCII; called with the bytes of the longest id.
    """
    if spans is not None:
        text, starts, sizes = spans
        if not len(starts):
            return np.empty(0, "S1")
        raw = text[starts[0] : starts[-1] + sizes[-1]].tobytes()
        sound = sizes.all() and sizes.max() <= MAX_BYTES and b"\n" not in raw
        if (
            sound
            and not (text[starts] == _QUOTE).any()
            and not _has_unfit(raw.decode("utf-8", "replace"), raw)
        ):
            if pad is not None and raw.isascii():
                return pad(int(sizes.max()))
            return gather_spans(text, starts, sizes)
    return _one_by_one(ids if isinstance(ids, list) else ids.to_pylist(), report)


def _has_unfit(text: str, raw: bytes) -> bool:
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
