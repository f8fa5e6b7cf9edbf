"""The kernels of lexical search; see `intrex.data.native.library`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Bytes
from intrex.data.ids import IdTable
from intrex.data.native.library import Call, Library, native

_SEARCH, _LOOKUP = "intrex.retrievers.bm25.kernels", "intrex.retrievers.inverted.kernels.lookup"
SEARCH_SHARED = ("intrex.retrievers.inverted.kernels.search", "intrex.retrievers.inverted.kernels.top")
SEARCH_ARGUMENTS = 31
"""Arguments of every search kernel, before those of its own."""
LIBRARY = Library(
    "retrievers",
    (_SEARCH, *SEARCH_SHARED, _LOOKUP),
    (
        (_SEARCH, "search", SEARCH_ARGUMENTS + 9),
        (_LOOKUP, "find", 7),
        (_LOOKUP, "gather", 6),
    ),
    "intrex.retrievers.inverted.native:trial",
)
_IMPACTS = "intrex.retrievers.sparse.kernels"
IMPACTS = {
    dtype: Library(
        f"impacts-{dtype}",
        (_IMPACTS, *SEARCH_SHARED),
        ((_IMPACTS, f"search_{dtype}", SEARCH_ARGUMENTS + 2),),
        "intrex.retrievers.sparse.searcher:trial",
    )
    for dtype in ("uint8", "uint16", "float32")
}
"""Search by impacts, by the type of the documents' weights; each is compiled when the first such index is searched."""
_log = logging.getLogger(__name__)


def kernels() -> Mapping[str, Call] | None:
    """The kernels, or None where they cannot be made; numpy does the same then, more slowly."""
    return native(LIBRARY, _say)


def impact_search(dtype: str) -> Call | None:
    """The search kernel for documents' weights of a type, a key of `IMPACTS`; or None as for `kernels`."""
    calls = native(IMPACTS[dtype], _say)
    return calls[f"search_{dtype}"] if calls else None


def _say() -> None:
    _log.warning("compiling the search kernels, once on this machine")


def address(array: npt.NDArray[Any]) -> int:
    """Where an array's data begins."""
    return array.ctypes.data


def argument(value: npt.NDArray[Any] | int) -> int:
    """What a kernel takes: the address of an array, or a number as it is."""
    return address(value) if isinstance(value, np.ndarray) else value


def gather(ids: IdTable, rows: npt.NDArray[np.int32]) -> Bytes:
    """The ids of some rows, as `IdTable.gather` gives them."""
    calls = kernels()
    if calls is None or not len(rows):
        return ids.gather(rows)
    given = address(ids.text), address(ids.offsets), address(rows), len(rows)
    width = calls["gather"](*given, 0, 0)
    out = np.empty(len(rows), f"S{width}")
    calls["gather"](*given, width, address(out))
    return out


def trial(calls: Mapping[str, Call]) -> None:
    """Raise unless one call does what it should."""
    text, ends = np.frombuffer(b"a\nbc\n", np.uint8), np.array([0, 2, 5])
    out = np.zeros(1, np.int64)
    wanted = (address(text[2:]), address(np.array([0, 2])), 1)
    calls["find"](address(text), address(ends), 2, *wanted, address(out))
    if out[0] != 1:
        raise RuntimeError("a kernel does not do what it should")
