"""Kernels as machine code on disk, called without numba.

Importing numba and restoring one function from its own cache costs 0.6 s and 85 MB, more than reading a run of seven
million lines. So numba compiles a library of kernels once; what LLVM made of them is kept in a file of ours, and later
processes load it by llvmlite alone (0.02 s). The file is named by what it depends on (the kernels' source, llvmlite,
the processor) and carries its own hash; any doubt means compiling again.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

Call = Callable[..., int]
SHARED = ("intrex.data.native.jit", "intrex.data.native.library", "intrex.data.native.compile")


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
        codes = _stored(key)
        if codes is None:
            if find_spec("numba") is None:
                return None
            if before is not None:
                before()
            codes = _compile(library)
            _store(key, codes)
        return link(llvm, codes, library)
    except (ImportError, OSError, RuntimeError, ValueError, AttributeError, TypeError):
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


def _stored(key: str) -> list[bytes] | None:
    for folder in _folders():
        path = folder / f"intrex-kernels-{key}.o"
        try:
            if not _trusted(path):
                continue
            data = path.read_bytes()
        except OSError:
            continue
        if hashlib.sha256(data[32:]).digest() == data[:32]:
            return _unpack(data[32:])
    return None


def _pack(codes: Sequence[bytes]) -> bytes:
    """Object files one after another, each behind its size in 8 bytes."""
    return b"".join(len(code).to_bytes(8, "little") + code for code in codes)


def _unpack(data: bytes) -> list[bytes]:
    codes, at = [], 0
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 8], "little")
        codes.append(data[at + 8 : end])
        at = end
    return codes


def _trusted(path: Path) -> bool:
    """Whether nobody but this user (or root) can have written the file: what it holds is run."""
    found = path.stat()
    ours = not hasattr(os, "geteuid") or found.st_uid in (os.geteuid(), 0)
    return ours and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _store(key: str, codes: Sequence[bytes]) -> None:
    """Keep the code where that is possible; two processes at once write equal files, each whole."""
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, hidden = tempfile.mkstemp(dir=folder, prefix=".intrex-kernels-")
            try:
                with os.fdopen(handle, "wb") as stream:
                    packed = _pack(codes)
                    stream.write(hashlib.sha256(packed).digest() + packed)
                Path(hidden).chmod(0o644)
                Path(hidden).replace(folder / f"intrex-kernels-{key}.o")
            finally:
                Path(hidden).unlink(missing_ok=True)
        except OSError:
            continue
        return


def _compile(library: Library) -> list[bytes]:
    """The object files of the kernels, compiled by numba in other processes, and tried in one more.

    With a convention of numba's that changed, a process that calls the code would crash. What is named by the first
    entry's module is compiled beside the rest. Raises `RuntimeError` where any of that fails.
    """
    first = library.entries[0][0]
    groups = [[one for one in library.entries if (one[0] == first) is here] for here in (True, False)]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        files = [str(Path(folder) / f"{i}.o") for i, group in enumerate(groups) if group]
        makers = [
            running.enter_context(_process(folder, "compile_entries", file, repr(tuple(group))))
            for file, group in zip(files, groups, strict=False)
        ]
        trial = running.enter_context(
            _process(folder, "rehearse", library.trial, repr(library.entries), *files)
        )
        made = all(maker.wait() == 0 for maker in makers)
        trial.communicate(b"go" if made else b"")
        if not made or trial.returncode:
            raise RuntimeError("the kernels could not be compiled")
        return [Path(file).read_bytes() for file in files]


@contextlib.contextmanager
def _process(folder: str, function: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that runs a function of `intrex.data.native.compile`; it does not outlive the context."""
    script = f"from intrex.data.native.compile import {function}; {function}()"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    # -P: what lies in the current folder is not code of ours
    command = [sys.executable, "-P", "-c", script, *arguments]
    null = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=null, stderr=null, cwd=folder, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()  # nothing, if it has ended


_LOADED: dict[Library, Mapping[str, Call] | None] = {}
_KEEP: list[Any] = []


def machine(llvm: Any) -> Any:
    """The machine that this process runs on, for LLVM."""
    target = llvm.Target.from_triple(llvm.get_process_triple())
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True, codemodel="jitdefault"
    )


def link(llvm: Any, codes: Sequence[bytes], library: Library) -> Mapping[str, Call]:
    """The kernels of object files, one of which was called."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine(llvm))
    for code in codes:
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
