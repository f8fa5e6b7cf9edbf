"""The kernels of `intrex.eval.scoring.stream`; see `intrex.data.native.library`."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

from intrex.data.native.library import Call, Library, compiled, native

_SMALL, _PARSE, _RANK = (
    "intrex.eval.scoring.kernels.lines",
    "intrex.eval.scoring.kernels.parse",
    "intrex.eval.scoring.kernels.rank",
)
LIBRARY = Library(
    "eval",
    (_SMALL, _PARSE, _RANK),
    ((_SMALL, "cut", 3), (_SMALL, "index", 5), (_PARSE, "parse", 14), (_RANK, "rank", 30)),
    "intrex.eval.scoring.native:trial",
)


def kernels() -> Mapping[str, Call] | None:
    """The kernels, or None where they cannot be made. Each returns 0 or 1."""
    return native(LIBRARY)


def ready() -> bool:
    """Whether the kernels are compiled already: a few seconds the first time ever."""
    return compiled(LIBRARY)


def trial(calls: Mapping[str, Call]) -> None:
    """Raise unless one call does what it should."""
    text, kinds = ctypes.create_string_buffer(b"a\nb\n"), ctypes.create_string_buffer(256)
    kinds[10] = b"\2"
    if calls["cut"](ctypes.addressof(text), 4, ctypes.addressof(kinds)) != 2:
        raise RuntimeError("a kernel does not do what it should")
