"""What the kernels are compiled with; only they import this, and only to compile (see `intrex.data.native.library`)."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

U1, U2, I2 = (types.CPointer(t) for t in (types.uint8, types.uint16, types.int16))
I4, U4, U8 = (types.CPointer(t) for t in (types.int32, types.uint32, types.uint64))
F4, F8, I8 = (types.CPointer(t) for t in (types.float32, types.float64, types.int64))
N = types.int64

_WORD = ir.IntType(64).as_pointer()

inner = njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


def entry(*arguments: Any) -> Any:
    """Compile at once for these arguments, without the wrappers that would need Python."""
    return njit(
        types.int64(*arguments),
        nogil=True,
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )


@intrinsic
def load8(context, pointer, at):  # type: ignore[no-untyped-def]
    """The eight bytes from ``pointer[at]`` on as a uint64, wherever they begin; the first is the lowest."""

    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), _WORD)
        return builder.load(place, align=1)

    return types.uint64(pointer, types.int64), build


@intrinsic
def store8(context, pointer, at, word):  # type: ignore[no-untyped-def]
    """Write a uint64 where `load8` reads it."""

    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), _WORD)
        builder.store(arguments[2], place, align=1)
        return context.get_dummy_value()

    return types.void(pointer, types.int64, types.uint64), build
