"""Kernels as machine code on disk, called without numba.

Importing numba and restoring one function from its own cache costs 0.6 s and 85 MB, more than reading a run of seven
million lines. So numba compiles a library of kernels once; what LLVM made of them is kept in a file of ours, and later
processes load it by llvmlite alone (0.02 s). The file is named by what it depends on (the kernels' source, llvmlite,
the processor) and carries its own hash; any doubt means compiling again.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import importlib
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

Call = Callable[..., int]
SHARED = ("intrex.data.jit", "intrex.data.native")


@dataclass(frozen=True)
class Library:
    """Kernels that are compiled together.

    Attributes:
        name: part of the name of the file that keeps them.
        modules: where they are written; numba is needed to import these.
        entries: ``(module, kernel, number of arguments)``; every argument is 64 bits wide: an address or an integer.
        trial: ``module:function`` that calls one kernel and raises if it does not do what it should, since numba
            promises no calling convention.
    """

    name: str
    modules: tuple[str, ...]
    entries: tuple[tuple[str, str, int], ...]
    trial: str


def native(library: Library, before: Callable[[], None] | None = None) -> Mapping[str, Call] | None:
    """Every kernel of a library by name, as a function of integers and addresses that runs without Python's lock.

    Returns None where this machine or this version of numba cannot make them.

    Args:
        library: what to load.
        before: called first if the kernels have to be compiled, which takes seconds.
    """
    return _LOADED[library] if library in _LOADED else _LOADED.setdefault(library, _load(library, before))


def _load(library: Library, before: Callable[[], None] | None) -> Mapping[str, Call] | None:
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    try:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        key = _key(llvm, library)
        code = _stored(key)
        if code is None:
            if before is not None and find_spec("numba"):
                before()
            with _rehearsal(library) as survives:
                code = _compile(llvm, library)
                if not survives(code):
                    return None
            _store(key, code)
        return _link(llvm, code, library)
    except (ImportError, RuntimeError, ValueError, AttributeError, TypeError):
        return None


def compiled(library: Library) -> bool:
    """Whether the kernels are compiled already: a few seconds the first time ever."""
    try:
        import llvmlite.binding as llvm

        return _stored(_key(llvm, library)) is not None
    except (ImportError, RuntimeError, AttributeError):
        return False


def _key(llvm: Any, library: Library) -> str:
    import llvmlite

    digest = hashlib.sha256(repr(library).encode())
    for module in (*SHARED, *library.modules):
        digest.update(_source(module).read_bytes())
    machine = (llvmlite.__version__, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    digest.update(repr((machine, llvm.get_process_triple())).encode())
    return f"{library.name}-{digest.hexdigest()[:32]}"


def _source(module: str) -> Path:
    """The file of a module, which is not imported: that would import numba."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ImportError(module)
    return Path(spec.origin)


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
        path = folder / f"intrex-kernels-{key}.o"
        try:
            if not _trusted(path):
                continue
            data = path.read_bytes()
        except OSError:
            continue
        if hashlib.sha256(data[32:]).digest() == data[:32]:
            return data[32:]
    return None


def _trusted(path: Path) -> bool:
    """Whether nobody but this user (or root) can have written the file: what it holds is run."""
    found = path.stat()
    ours = not hasattr(os, "geteuid") or found.st_uid in (os.geteuid(), 0)
    return ours and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _store(key: str, code: bytes) -> None:
    """Keep the code where that is possible; two processes at once write equal files, each whole."""
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, hidden = tempfile.mkstemp(dir=folder, prefix=".intrex-kernels-")
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(hashlib.sha256(code).digest() + code)
                Path(hidden).chmod(0o644)
                Path(hidden).replace(folder / f"intrex-kernels-{key}.o")
            finally:
                Path(hidden).unlink(missing_ok=True)
        except OSError:
            continue
        return


def _compile(llvm: Any, library: Library) -> bytes:
    """Compile the kernels by numba: its optimised LLVM code, each kernel under a plain name, as one object file."""
    collecting = gc.isenabled()
    gc.disable()  # numba makes millions of objects, most of which stay: looking for garbage takes a tenth of the time
    try:
        whole = _optimised(llvm, library)
    finally:
        if collecting:
            gc.enable()
    return bytes(_machine(llvm).emit_object(whole))


def _optimised(llvm: Any, library: Library) -> Any:
    whole = None
    for module, name, _ in library.entries:
        (text,) = getattr(importlib.import_module(module), name).inspect_llvm().values()
        one = llvm.parse_assembly(text)
        (own,) = (f for f in one.functions if not f.is_declaration and f"{len(name)}{name}B" in f.name)
        own.name = f"intrex_{name}"
        if whole is None:
            whole = one
        else:
            whole.link_in(one)
    return whole


def _machine(llvm: Any) -> Any:
    target = llvm.Target.from_triple(llvm.get_process_triple())
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True, codemodel="jitdefault"
    )


@contextlib.contextmanager
def _rehearsal(library: Library) -> Iterator[Callable[[bytes], bool]]:
    """Whether another process can link some code and call it: with a convention that changed, that one would crash.

    It starts, and imports what it needs, while the code is still being compiled.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernels.o"
        script = "from intrex.data.native import rehearse; rehearse()"
        where, attribute = library.trial.split(":")
        # -P: what lies in the current folder is not code of ours
        command = (sys.executable, "-P", "-c", script, str(path), where, attribute, repr(library.entries))
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
        ) as process:

            def survives(code: bytes) -> bool:
                path.write_bytes(code)
                process.communicate(b"go")
                return process.returncode == 0

            try:
                yield survives
            finally:
                process.kill()  # nothing, if it has ended


def rehearse() -> None:
    """When told on standard input, link the object file that the command line names, and call one of its kernels."""
    import ast

    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    path, where, attribute, entries = sys.argv[1:]
    importlib.import_module(where)
    if sys.stdin.read() != "go":
        sys.exit(1)
    _link(llvm, Path(path).read_bytes(), Library("", (), ast.literal_eval(entries), f"{where}:{attribute}"))


_LOADED: dict[Library, Mapping[str, Call] | None] = {}
_KEEP: list[Any] = []


def _link(llvm: Any, code: bytes, library: Library) -> Mapping[str, Call]:
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(llvm))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _KEEP.append(engine)  # the code lives as long as its engine
    made = {
        name: _callable(engine.get_function_address(f"intrex_{name}"), size)
        for _, name, size in library.entries
    }
    where, attribute = library.trial.split(":")
    getattr(importlib.import_module(where), attribute)(made)
    return MappingProxyType(made)


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
