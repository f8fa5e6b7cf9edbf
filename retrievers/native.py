"""The compiled kernels of text analysis; see `intrex.data.native`."""

from __future__ import annotations

import ctypes

from intrex.data import native
from intrex.data.native import Call


def _trial(made: dict[str, Call]) -> None:
    hashes, table = (ctypes.c_int64 * 1)(5), (ctypes.c_int32 * 4)(-1, -1, -1, -1)
    made["refill"](ctypes.addressof(hashes), 1, ctypes.addressof(table), 3)
    if list(table) != [-1, 0, -1, -1]:
        raise RuntimeError("a kernel does not do what it should")


LIBRARY = native.Library(
    home="intrex.retrievers.native",
    kernels={"refill": ("intrex.retrievers.kernels", 4), "tokens": ("intrex.retrievers.kernels", 15)},
    trial=_trial,
)


def kernels() -> dict[str, Call] | None:
    """Every kernel by name; None where this machine or this version of numba cannot make them."""
    return native.load(LIBRARY)


def ready() -> bool:
    """Whether the kernels are compiled already: a few seconds the first time ever."""
    return native.ready(LIBRARY)
