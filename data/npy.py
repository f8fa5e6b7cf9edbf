"""Arrays of artifacts: the one place that opens them, and the checks of what is used as an index or an address."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Array, Int64s
from intrex.data.errors import BadInput

HEADER = 128
"""Bytes of a header of numpy's format, as intrex writes it: rows are aligned."""
AT_ONCE = 1 << 22
"""Numbers that are looked at together: bounds the memory of a check."""


def open_array(
    path: Path,
    dtype: npt.DTypeLike | None = None,
    shape: tuple[int | None, ...] | None = None,
    rebuild: str = "rebuild the index",
) -> Array:
    """Memory-map an array of an artifact.

    Args:
        path: a file of numpy's format.
        dtype: of its numbers; any where it is None.
        shape: None stands for any size.
        rebuild: the hint of the error.

    Raises:
        BadInput: the file is missing, cut off, no such file, or of another type or shape.
    """
    try:
        mapped = _map(path) if path.stat().st_size > HEADER else _read(path)
    except (
        ValueError,
        OSError,
        EOFError,
        TypeError,
        SyntaxError,
        TokenError,
        OverflowError,
        MemoryError,
    ) as error:
        raise BadInput(f"damaged: not a sound array: {_first_line(error)} ({path})", rebuild) from error
    if not mapped.flags.c_contiguous:
        raise BadInput(f"damaged: not an array in C's order ({path})", rebuild)
    if dtype is not None and mapped.dtype != np.dtype(dtype):
        raise BadInput(f"damaged: numbers of type {mapped.dtype}, not {np.dtype(dtype)} ({path})", rebuild)
    if shape is not None and not _fits(mapped.shape, shape):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise BadInput(f"damaged: an array of shape {mapped.shape}, not ({wanted}) ({path})", rebuild)
    return np.asarray(mapped)  # slices of `numpy.memmap` cost more


def _map(path: Path) -> Array:
    # not `numpy.load`, which takes a zip file or a pickle for an array too
    return np.lib.format.open_memmap(path, mode="r")


def _read(path: Path) -> Array:
    """Read an array without numbers, which cannot be mapped."""
    with path.open("rb") as stream:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def _first_line(error: BaseException) -> str:
    return str(error).split("\n")[0][:200] or type(error).__name__


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(w in (None, size) for size, w in zip(shape, wanted, strict=True))


def check_offsets(
    offsets: Int64s, end: int, path: Path, rebuild: str = "rebuild the index", least: int = 0
) -> None:
    """Raise `BadInput` unless offsets [n + 1] begin with 0, rise by ``least`` or more, and end with ``end``."""
    sound = len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == end
    for low in range(0, len(offsets) - 1, AT_ONCE) if sound else ():
        part = offsets[low : low + AT_ONCE + 1]
        sound = sound and bool((part[1:] >= part[:-1] + least).all())
    if not sound:
        raise BadInput(f"damaged: offsets do not rise from 0 to {end:,} ({path})", rebuild)


def check_rows(rows: Array, count: int, path: Path, rebuild: str = "rebuild the index") -> None:
    """Raise `BadInput` unless every number is at least 0 and below ``count``."""
    for low in range(0, len(rows), AT_ONCE):
        part = rows[low : low + AT_ONCE]
        if int(part.min()) < 0 or int(part.max()) >= count:
            raise BadInput(f"damaged: a number that is not from 0 to {count - 1:,} ({path})", rebuild)


def check_spans(
    rows: Array, offsets: Int64s, count: int, path: Path, rebuild: str = "rebuild the index"
) -> None:
    """Raise `BadInput` unless the rows [p] of each span ``offsets[i]:offsets[i + 1]`` rise, from 0 at least and below ``count``.

    The offsets must have been checked. One pass, some 1 ms for a million rows.
    """
    begins = offsets[:-1][offsets[1:] > offsets[:-1]]
    ends = np.append(begins[1:], len(rows)) - 1 if len(rows) else begins
    sound = not len(rows) or bool(rows[begins].min() >= 0 and rows[ends].max() < count)
    for low in range(1, len(rows), AT_ONCE) if sound else ():
        high = min(low + AT_ONCE, len(rows))
        falls = rows[low:high] <= rows[low - 1 : high - 1]
        first, last = np.searchsorted(begins, [low, high])
        falls[begins[first:last] - low] = False  # a span begins anew
        sound = sound and not falls.any()
    if not sound:
        raise BadInput(
            f"damaged: rows that do not rise, or are not from 0 to {count - 1:,} ({path})", rebuild
        )
