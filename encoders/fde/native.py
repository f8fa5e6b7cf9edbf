"""The kernel of fixed dimensional encodings; see `intrex.data.native.library`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from intrex.data.native.library import Call, Library, native

_MODULE = "intrex.encoders.fde.kernels"
LIBRARY = Library(
    "fde",
    (_MODULE, "intrex.encoders.fde.plain"),
    ((_MODULE, "encode", 21),),
    "intrex.encoders.fde.native:trial",
)
_log = logging.getLogger(__name__)


def kernels() -> Mapping[str, Call] | None:
    """The kernels, or None where they cannot be made; numpy does the same then, more slowly."""
    return native(LIBRARY, lambda: _log.warning("compiling the FDE kernels, once on this machine"))


def address(array: npt.NDArray[Any]) -> int:
    """Where an array's data begins."""
    return array.ctypes.data


def trial(calls: Mapping[str, Call]) -> None:
    """Raise unless one call does what it should."""
    points, out = np.array([[1.0, -1.0], [2.0, 1.0]], np.float32), np.zeros((1, 2), np.float32)
    counts, keys = np.zeros(2, np.int32), np.zeros(2, np.int64)
    begins, sizes, at = np.array([0]), np.array([2]), address(points)
    n = reps = k = width = 1
    given = (at, 0, 2, 0, at + 4, 2, 0, address(begins), address(sizes), n, reps, k, width)
    calls["encode"](*given, 0, 0, 0, 0, address(counts), address(keys), 0, address(out))
    if out.tolist() != [[1.0, 2.0]]:
        raise RuntimeError("a kernel does not do what it should")
