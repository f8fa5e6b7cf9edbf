"""The compiled kernels of the measures; see `intrex.data.native`."""

from __future__ import annotations

import ctypes

from intrex.data import native
from intrex.data.native import Call

__all__ = ["LIBRARY", "Call", "kernels", "ready"]


def _trial(made: dict[str, Call]) -> None:
    text, kinds = ctypes.create_string_buffer(b"a\nb\n"), ctypes.create_string_buffer(256)
    kinds[10] = b"\2"
    if made["cut"](ctypes.addressof(text), 4, ctypes.addressof(kinds)) != 2:
        raise RuntimeError("a kernel does not do what it should")


LIBRARY = native.Library(
    home="intrex.eval.native",
    kernels={
        "index": ("intrex.eval.kernels", 5),
        "cut": ("intrex.eval.kernels", 3),
        "parse": ("intrex.eval.kernels_parse", 14),
        "rank": ("intrex.eval.kernels_rank", 30),
    },
    trial=_trial,
)


def kernels() -> dict[str, Call] | None:
    """Every kernel by name; None where this machine or this version of numba cannot make them."""
    return native.load(LIBRARY)


def ready() -> bool:
    """Whether the kernels are compiled already: a few seconds the first time ever."""
    return native.ready(LIBRARY)
