"""A kernel as Python calls it: its arguments are checked against its declaration before any machine code sees them."""

from __future__ import annotations

import ctypes
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class Kernel:
    """A function of arrays and integers that returns an integer, and runs without Python's lock.

    Args:
        name: the kernel's.
        address: where its machine code begins.
        arguments: the name of each, ``int`` or the type of an array, and an array's least length in terms of the
            integers, or nothing; see `intrex.data.native.jit`.
    """

    def __init__(self, name: str, address: int, arguments: Sequence[tuple[str, str, str]]) -> None:
        self._name = name
        self._names = [argument for argument, _, _ in arguments]
        self._types = [None if dtype == "int" else np.dtype(dtype) for _, dtype, _ in arguments]
        self._limited = [i for i, (_, _, length) in enumerate(arguments) if length]
        lengths = "".join(f"{length}, " for _, _, length in arguments if length)
        self._lengths = eval(f"lambda {', '.join(self._names)}: ({lengths})")  # noqa: S307 - of declarations of ours
        # The convention of numba: where the result goes, where an error would go, then the arguments.
        kinds = [*[ctypes.c_void_p] * 2, *[ctypes.c_int64] * len(arguments)]
        self._code = ctypes.CFUNCTYPE(ctypes.c_int32, *kinds)(address)

    def __call__(self, *values: Any) -> int:
        """Call the kernel.

        Raises:
            TypeError: an argument is missing, is one too many, or has another type.
            ValueError: an array is not C-contiguous, or too short.
        """
        if len(values) != len(self._names):
            raise TypeError(f"{self._name} takes {', '.join(self._names)}")
        given = [self._pass(*one) for one in zip(self._names, self._types, values, strict=True)]
        for i, length in zip(self._limited, self._lengths(*values), strict=True):
            if values[i].size < length:
                raise ValueError(f"{self._name}: {self._names[i]} has {values[i].size} of {length} numbers")
        result, error = ctypes.c_int64(-1), ctypes.c_void_p()
        if self._code(ctypes.addressof(result), ctypes.addressof(error), *given):
            raise RuntimeError(f"the kernel {self._name} failed, which no kernel does")
        return result.value

    def _pass(self, name: str, dtype: np.dtype[Any] | None, value: Any) -> int:
        """Turn a value into what machine code takes: an integer, or the address of an array."""
        if dtype is None:
            return operator.index(value)
        if not isinstance(value, np.ndarray) or value.dtype != dtype:
            found = getattr(value, "dtype", type(value).__name__)
            raise TypeError(f"{self._name}: {name} is {found}, not {dtype}")
        if not value.flags.c_contiguous:
            raise ValueError(f"{self._name}: {name} is not C-contiguous")
        return value.ctypes.data


Kernels = Mapping[str, Kernel]
"""Kernels by name."""
