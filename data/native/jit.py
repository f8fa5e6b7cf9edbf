"""What kernels are declared and compiled with; only they import this, and only to compile (see `intrex.data.native.library`).

A kernel takes arrays and integers, allocates nothing, raises nothing and returns an integer: so its machine code needs
neither Python nor numba's run time. Its annotations say what each argument is; one that is a `NamedTuple` stands for its
fields, which the caller passes one after another. The decorator says how long arrays are at least, in terms of the
integers. All that is kept beside the machine code, for `intrex.data.native.kernel` to check each call by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, get_args, get_type_hints

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

Int = Annotated[Any, "int"]
Uint8s = Annotated[Any, "uint8"]
Uint16s = Annotated[Any, "uint16"]
Uint32s = Annotated[Any, "uint32"]
Uint64s = Annotated[Any, "uint64"]
Int16s = Annotated[Any, "int16"]
Int32s = Annotated[Any, "int32"]
Int64s = Annotated[Any, "int64"]
Float16s = Annotated[Any, "float16"]
Float32s = Annotated[Any, "float32"]
Float64s = Annotated[Any, "float64"]

OPTIONS = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner = njit(**OPTIONS)
"""What a kernel calls."""
stage = njit(forceinline=True, **OPTIONS)
"""The same, written out where it is called: for what is called so often or with so much that a call would show."""

_WORD = ir.IntType(64).as_pointer()


class Kernel:
    """A function to be compiled, the name and type of each of its arguments, and the least lengths of arrays."""

    def __init__(self, function: Callable[..., Any], lengths: dict[str, str]) -> None:
        self.function, self.name, self.lengths = function, function.__name__, lengths
        self.types: list[tuple[str, str]] = []
        hints = get_type_hints(function, include_extras=True)
        self._signature = types.int64(*(self._add(*hint) for hint in hints.items() if hint[0] != "return"))
        if len(dict(self.types)) < len(self.types) or not set(lengths) <= set(dict(self.types)):
            raise TypeError(f"kernel {self.name}: an argument's name stands twice, or a length's is of none")

    def _add(self, name: str, hint: Any) -> Any:
        if isinstance(hint, type):  # a NamedTuple
            fields = get_type_hints(hint, include_extras=True).items()
            return types.NamedTuple([self._add(*field) for field in fields], hint)
        dtype = get_args(hint)[1]
        self.types.append((name, dtype))
        own = "uint16" if dtype == "float16" else dtype  # numba has no float16
        return types.int64 if dtype == "int" else types.CPointer(getattr(types, own))

    def arguments(self) -> list[tuple[str, str, str]]:
        """Declare each argument: its name, ``int`` or the type of an array, the least length or nothing."""
        return [(name, dtype, self.lengths.get(name, "")) for name, dtype in self.types]

    def assembly(self) -> tuple[str, str]:
        """Let numba compile it; returns LLVM's text of it, and its name there."""
        function = njit(self._signature, **OPTIONS)(self.function)
        (result,) = function.overloads.values()
        (text,) = function.inspect_llvm().values()
        return text, result.fndesc.llvm_func_name


def kernel(**lengths: str) -> Callable[[Callable[..., Any]], Kernel]:
    """Declare a kernel: the function says its name and its arguments, ``lengths`` how long arrays are at least."""
    return lambda function: Kernel(function, lengths)


@kernel(numbers="n", factors="n", out="n")
def trial(numbers: Float32s, factors: Int64s, n: Int, out: Float64s) -> Int:
    """Multiply numbers: compiled with each library and called whenever it is loaded, as numba promises no convention."""
    for i in range(n):
        out[i] = numbers[i] * factors[i]
    return n


@intrinsic
def load8(context, pointer, at):
    """Read the eight bytes from ``pointer[at]`` on as a uint64, wherever they begin; the first is the lowest."""

    def build(context, builder, signature, arguments):
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), _WORD)
        return builder.load(place, align=1)

    return types.uint64(pointer, types.int64), build


@intrinsic
def store8(context, pointer, at, word):
    """Write a uint64 where `load8` reads it."""

    def build(context, builder, signature, arguments):
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), _WORD)
        builder.store(arguments[2], place, align=1)
        return context.get_dummy_value()

    return types.void(pointer, types.int64, types.uint64), build
