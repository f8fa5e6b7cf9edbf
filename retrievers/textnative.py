"""The compiled kernels of text analysis; see `intrex.data.native`."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

from intrex.data.native import Call, Library, compiled, native

_TEXT, _READ, _STRINGS = (f"intrex.retrievers.kernels_{name}" for name in ("text", "read", "strings"))
LIBRARY = Library(
    "analysis",
    (_TEXT, "intrex.retrievers.kernels_porter", _READ, _STRINGS),
    (
        (_STRINGS, "refill", 4),
        (_TEXT, "cut", 11),
        (_TEXT, "recognise", 10),
        (_TEXT, "translate", 6),
        (_TEXT, "number", 15),
        (_READ, "scan", 8),
    ),
    "intrex.retrievers.textnative:trial",
)


def kernels() -> Mapping[str, Call] | None:
    """Every kernel by name; None where this machine or this version of numba cannot make them."""
    return native(LIBRARY)


def ready() -> bool:
    """Whether the kernels are compiled already: a few seconds the first time ever."""
    return compiled(LIBRARY)


def trial(calls: Mapping[str, Call]) -> None:
    """Raise unless one call does what it should."""
    old, table = (ctypes.c_uint64 * 2)(3, 1), (ctypes.c_uint64 * 2)()
    calls["refill"](ctypes.addressof(old), 1, ctypes.addressof(table), 0)
    if list(table) != [3, 1]:
        raise RuntimeError("a kernel does not do what it should")
