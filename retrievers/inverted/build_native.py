"""The kernels that build inverted indexes; see `intrex.data.native.library`."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Mapping

from intrex.data.native.library import Call, Library, compiled, native

WORTH_COMPILING = 8 << 20
"""Bytes of text from which on the kernels are compiled if they are not: some seconds, once on a machine."""
WORTH_LOADING = 1 << 18
"""Bytes of text from which on compiled kernels are loaded."""
_log = logging.getLogger(__name__)
_TEXT = "intrex.retrievers.text.kernels.terms"
_READ = "intrex.retrievers.text.kernels.jsonl"
_STRINGS = "intrex.retrievers.text.kernels.strings"
_INVERT = "intrex.retrievers.inverted.kernels.invert"
LIBRARY = Library(
    "indexing",
    (_TEXT, "intrex.retrievers.text.kernels.porter", _READ, _STRINGS, _INVERT),
    (
        (_TEXT, "cut", 11),
        (_TEXT, "recognise", 10),
        (_TEXT, "translate", 6),
        (_TEXT, "number", 15),
        (_STRINGS, "refill", 4),
        (_READ, "scan", 8),
        (_INVERT, "invert", 11),
        (_INVERT, "merge", 8),
        (_INVERT, "order", 5),
    ),
    "intrex.retrievers.inverted.build_native:trial",
)


def kernels() -> Mapping[str, Call] | None:
    """Every kernel by name; None where this machine or this version of numba cannot make them."""
    return native(LIBRARY, lambda: _log.warning("compiling the indexing kernels, once on this machine"))


def kernels_for(size: int) -> Mapping[str, Call] | None:
    """The kernels, where so many bytes of text are worth loading them, or compiling them if that was never done."""
    worth = size >= WORTH_COMPILING or (size >= WORTH_LOADING and compiled(LIBRARY))
    return kernels() if worth else None


def trial(calls: Mapping[str, Call]) -> None:
    """Raise unless one call does what it should."""
    old, table = (ctypes.c_uint64 * 2)(3, 1), (ctypes.c_uint64 * 2)()
    calls["refill"](ctypes.addressof(old), 1, ctypes.addressof(table), 0)
    if list(table) != [3, 1]:
        raise RuntimeError("a kernel does not do what it should")
