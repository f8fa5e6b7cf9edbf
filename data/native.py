"""Compiled kernels as machine code on disk, called without numba.

Importing numba and restoring one function from its own cache costs 0.6 s and 85 MB, more than reading a run of seven
million lines. So numba compiles the kernels once; what LLVM made of them is kept in a file of ours, and later
processes load it by llvmlite alone (0.02 s). The file is named by what it depends on (the kernels' source, llvmlite,
the processor) and carries its own hash; any doubt means compiling again. What is kept together is a `Library`:
`intrex.eval.native` has that of the measures, `intrex.retrievers.native` that of text analysis.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

Call = Callable[..., int]


@dataclass(frozen=True)
class Library:
    """Kernels that are compiled together and kept in one file.

    Attributes:
        home: The module that holds it, as ``LIBRARY``: a process of its own asks it for the trial.
        kernels: Each kernel's module and how many arguments it takes, all 64 bits wide: addresses and integers.
        trial: Calls a kernel and raises unless it does what it should: numba promises no calling convention.
    """

    home: str
    kernels: Mapping[str, tuple[str, int]]
    trial: Callable[[dict[str, Call]], None]

    def __hash__(self) -> int:
        return hash(self.home)

    def sources(self) -> list[Path]:
        """The files that the machine code depends on."""
        names = {
            self.home,
            "intrex.data.native",
            "intrex.data.jit",
            *(module for module, _ in self.kernels.values()),
        }
        return [_source(name) for name in sorted(names)]


def _source(module: str) -> Path:
    """A module's file, without importing it: that would import numba."""
    package, _, name = module.rpartition(".")
    return Path(str(import_module(package).__path__[0]), f"{name}.py")


@functools.cache
def load(library: Library) -> dict[str, Call] | None:
    """Every kernel by name, as a function of integers and addresses that runs without the interpreter's lock.

    Returns 0 or 1 as the kernel does. None where this machine or this version of numba cannot make them.
    """
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    try:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        key = _key(llvm, library)
        code = _stored(key)
        if code is None:
            code = _compile(llvm, library)
            if not _survives(code, library):
                return None
            _store(key, code)
        return _link(llvm, code, library)
    except (ImportError, RuntimeError, ValueError, AttributeError, TypeError):
        return None


def ready(library: Library) -> bool:
    """Whether the kernels are compiled already: a few seconds the first time ever."""
    try:
        import llvmlite.binding as llvm

        return _stored(_key(llvm, library)) is not None
    except (ImportError, RuntimeError, AttributeError):
        return False


def _key(llvm: Any, library: Library) -> str:
    import llvmlite

    digest = hashlib.sha256()
    for path in library.sources():
        digest.update(path.read_bytes())
    machine = (llvmlite.__version__, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    digest.update(repr((machine, llvm.get_process_triple())).encode())
    return digest.hexdigest()[:32]


def _folders() -> Iterator[Path]:
    """Where the code may be kept: as numba does, the folder it is told, that of the bytecode, the user's cache."""
    if told := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(told)
        return
    yield Path(__file__).with_name("__pycache__")
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "intrex"


def _stored(key: str) -> bytes | None:
    for folder in _folders():
        try:
            data = (folder / f"intrex-kernels-{key}.o").read_bytes()
        except OSError:
            continue
        if hashlib.sha256(data[32:]).digest() == data[:32]:
            return data[32:]
    return None


def _store(key: str, code: bytes) -> None:
    """Keep the code where that is possible; two processes at once write equal files, each whole."""
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, hidden = tempfile.mkstemp(dir=folder, prefix=".intrex-kernels-")
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(hashlib.sha256(code).digest() + code)
                Path(hidden).replace(folder / f"intrex-kernels-{key}.o")
            finally:
                Path(hidden).unlink(missing_ok=True)
        except OSError:
            continue
        return


def _compile(llvm: Any, library: Library) -> bytes:
    """Compile the kernels by numba: its optimised LLVM code, each kernel under a plain name, as one object file."""
    whole = None
    for name in sorted(library.kernels):
        kernel = getattr(import_module(library.kernels[name][0]), name)
        (text,) = kernel.inspect_llvm().values()
        module = llvm.parse_assembly(text)
        (own,) = (f for f in module.functions if not f.is_declaration and f"{len(name)}{name}B" in f.name)
        own.name = f"intrex_{name}"
        if whole is None:
            whole = module
        else:
            whole.link_in(module)
    if whole is None:
        raise ValueError("a library without kernels")
    return bytes(_machine(llvm).emit_object(whole))


def _machine(llvm: Any) -> Any:
    target = llvm.Target.from_triple(llvm.get_process_triple())
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True, codemodel="jitdefault"
    )


def _survives(code: bytes, library: Library) -> bool:
    """Whether another process can link the code and call it: with a convention that changed, that one would crash."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernels.o"
        path.write_bytes(code)
        start = "from intrex.data.native import trial; trial()"
        trial = (sys.executable, "-c", start, str(path), library.home)
        return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def trial() -> None:
    """Link the object file that is named on the command line, and call a kernel of the library that is named after it."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    _link(llvm, Path(sys.argv[1]).read_bytes(), import_module(sys.argv[2]).LIBRARY)


_KEEP: list[Any] = []


def _link(llvm: Any, code: bytes, library: Library) -> dict[str, Call]:
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(llvm))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _KEEP.append(engine)  # the code lives as long as its engine
    counts = {name: arguments for name, (_, arguments) in library.kernels.items()}
    made = {name: _callable(engine.get_function_address(f"intrex_{name}"), n) for name, n in counts.items()}
    library.trial(made)
    return made


def _callable(address: int, arguments: int) -> Call:
    """The calling convention of numba: where the result goes, where an error would go, then the arguments."""
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, *([ctypes.c_void_p] * 2), *([ctypes.c_int64] * arguments))
    raw = kind(address)

    def call(*values: int) -> int:
        result, error = ctypes.c_int64(-1), ctypes.c_void_p()
        if raw(ctypes.addressof(result), ctypes.addressof(error), *values):
            raise RuntimeError("a kernel failed, which no kernel does")
        return result.value

    return call
