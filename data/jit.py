"""What the kernels are compiled with; only they import this, and only to compile (see `intrex.data.native`)."""

from __future__ import annotations

from typing import Any

from numba import njit, types

U1, U2, I2 = (types.CPointer(t) for t in (types.uint8, types.uint16, types.int16))
I4, U4 = (types.CPointer(t) for t in (types.int32, types.uint32))
F4, F8, I8 = (types.CPointer(t) for t in (types.float32, types.float64, types.int64))
N = types.int64

inner = njit(nogil=True, error_model="numpy")


def entry(*arguments: Any) -> Any:
    """Compile at once for these arguments, without the wrappers that would need Python."""
    return njit(
        types.int64(*arguments),
        nogil=True,
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )
