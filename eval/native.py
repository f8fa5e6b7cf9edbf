"""The kernels as machine code on disk, called without numba.

Importing numba and restoring one function from its own cache costs 0.6 s and 85 MB, more than reading a run of seven
million lines. So numba compiles the kernels once; what LLVM made of them is kept in a file of ours, and later
processes load it by llvmlite alone (0.02 s). The file is named by what it depends on (the kernels' source, llvmlite,
the processor) and carries its own hash; any doubt means compiling again.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Call = Callable[..., int]
SOURCES = ("kernels.py", "kernels_parse.py", "kernels_rank.py", "native.py")
ENTRIES = {"index": 5, "cut": 3, "parse": 14, "rank": 30}
"""Kernels and how many arguments each takes, all of them 64 bits wide: addresses and integers."""


@functools.cache
def kernels() -> dict[str, Call] | None:
    """Every kernel by name, as a function of integers and addresses that runs without the interpreter's lock.

    Returns 0 or 1 as the kernel does. None where this machine or this version of numba cannot make them.
    """
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    try:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        key = _key(llvm)
        code = _stored(key)
        if code is None:
            code = _compile(llvm)
            if not _survives(code):
                return None
            _store(key, code)
        return _link(llvm, code)
    except (ImportError, RuntimeError, ValueError, AttributeError, TypeError):
        return None


def ready() -> bool:
    """Whether the kernels are compiled already: a few seconds the first time ever."""
    try:
        import llvmlite.binding as llvm

        return _stored(_key(llvm)) is not None
    except (ImportError, RuntimeError, AttributeError):
        return False


def _key(llvm: Any) -> str:
    import llvmlite

    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update(Path(__file__).with_name(name).read_bytes())
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


def _compile(llvm: Any) -> bytes:
    """Compile the kernels by numba: its optimised LLVM code, each kernel under a plain name, as one object file."""
    from intrex.eval.kernels import cut, index
    from intrex.eval.kernels_parse import parse
    from intrex.eval.kernels_rank import rank

    whole = None
    for name, kernel in {"cut": cut, "index": index, "parse": parse, "rank": rank}.items():
        (text,) = kernel.inspect_llvm().values()
        module = llvm.parse_assembly(text)
        (own,) = (f for f in module.functions if not f.is_declaration and f"{len(name)}{name}B" in f.name)
        own.name = f"intrex_{name}"
        if whole is None:
            whole = module
        else:
            whole.link_in(module)
    return bytes(_machine(llvm).emit_object(whole))


def _machine(llvm: Any) -> Any:
    target = llvm.Target.from_triple(llvm.get_process_triple())
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True, codemodel="jitdefault"
    )


def _survives(code: bytes) -> bool:
    """Whether another process can link the code and call it: with a convention that changed, that one would crash."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernels.o"
        path.write_bytes(code)
        # -P: what lies in the current folder is not code of ours
        trial = (sys.executable, "-P", "-c", "from intrex.eval.native import trial; trial()", str(path))
        return subprocess.run(trial, capture_output=True, check=False, cwd=folder).returncode == 0


def trial() -> None:
    """Link the object file that is named on the command line, and call one of its kernels."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    _link(llvm, Path(sys.argv[1]).read_bytes())


_KEEP: list[Any] = []


def _link(llvm: Any, code: bytes) -> dict[str, Call]:
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(llvm))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _KEEP.append(engine)  # the code lives as long as its engine
    made = {name: _callable(engine.get_function_address(f"intrex_{name}"), n) for name, n in ENTRIES.items()}
    _try(made["cut"])
    return made


def _try(cut: Call) -> None:
    """Raise unless one call does what it should: numba promises no calling convention."""
    text, kinds = ctypes.create_string_buffer(b"a\nb\n"), ctypes.create_string_buffer(256)
    kinds[10] = b"\2"
    if cut(ctypes.addressof(text), 4, ctypes.addressof(kinds)) != 2:
        raise RuntimeError("a kernel does not do what it should")


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
