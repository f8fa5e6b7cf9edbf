"""The compiled kernels of text analysis; see `intrex.data.native`."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

from intrex.data.native import Call, Library, compiled, native

_TEXT = "intrex.retrievers.kernels_text"
LIBRARY = Library(
    "analysis", (_TEXT,), ((_TEXT, "refill", 4), (_TEXT, "tokens", 15)), "intrex.retrievers.textnative:trial"
)


def kernels() -> Mapping[str, Call] | None:
    """Every kernel by name; None where this machine or this version of numba cannot make them."""
    return native(LIBRARY)


def ready() -> bool:
    """Whether the kernels are compiled already: a few seconds the first time ever."""
    return compiled(LIBRARY)


def trial(calls: Mapping[str, Call]) -> None:
    """Raise unless one call does what it should."""
    hashes, table = (ctypes.c_int64 * 1)(5), (ctypes.c_int32 * 4)(-1, -1, -1, -1)
    calls["refill"](ctypes.addressof(hashes), 1, ctypes.addressof(table), 3)
    if list(table) != [-1, 0, -1, -1]:
        raise RuntimeError("a kernel does not do what it should")
