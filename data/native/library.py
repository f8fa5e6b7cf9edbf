"""Kernels as machine code on disk, called without numba.

Importing numba and restoring one function from its own cache costs 0.6 s and 85 MB, more than reading a run of seven
million lines. So numba compiles a library of kernels once; what LLVM made of them is kept in a file of ours, and later
processes load it by llvmlite alone (0.02 s). The file is named by what it depends on (the kernels' source, llvmlite,
the processor) and carries its own hash; any doubt means compiling again.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import hashlib
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from intrex.data.native import store
from intrex.data.native.kernel import Kernel, Kernels

PREFIX = "intrex_"
_JIT = "intrex.data.native.jit"
_OURS = re.compile(rb"^from (intrex\.[\w.]+) import", re.MULTILINE)
_LOADED: dict[Library, Kernels | None] = {}
_KEEP: list[Any] = []
_REASONS: list[str] = []
_LOCK = threading.Lock()
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Library:
    """Kernels that are compiled together.

    Attributes:
        name: what they are for, said while they are compiled.
        modules: where they are declared, each ``module`` or ``module:kernel``; numba is needed to import these. The first
            is compiled beside the rest.
    """

    name: str
    modules: tuple[str, ...]

    def kernels(self, compiling: bool = True) -> Kernels | None:
        """Load every kernel; None where there are none: what they do is then for numpy to do, more slowly.

        Args:
            compiling: whether it is worth the seconds of compiling them, if that was never done on this machine. Where
                that fails, the reason is said, once in a process.
        """
        with _LOCK:
            if self not in _LOADED:
                found = _load(self, compiling)
                if found is None and not compiling:
                    return None
                _LOADED[self] = found
            return _LOADED[self]

    def kernels_for(self, size: int, loading: int, compiling: int) -> Kernels | None:
        """Load every kernel where an amount of work is worth that; None where it is not, or there are none.

        Args:
            size: the work, in units of the caller.
            loading: from which on it is worth loading kernels that are compiled.
            compiling: from which on it is worth compiling them, if that was never done on this machine.
        """
        is_large = size >= compiling
        return self.kernels(is_large) if is_large or size >= loading else None

    def compiled(self) -> bool:
        """Tell whether they are compiled already."""
        try:
            return store.read(_key(self)) is not None
        except Exception:  # llvmlite may fail in many ways
            return False


def obstacle() -> str | None:
    """Say why this machine can have no kernels; None where nothing is known to stand against them."""
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        return "this Python is not a 64-bit one"
    missing = [name for name in ("llvmlite", "numba") if find_spec(name) is None]
    return f"{missing[0]} is not installed" if missing else None


def _load(library: Library, compiling: bool) -> Kernels | None:
    try:
        import llvmlite.binding as llvm

        key = _key(library)
        data = store.read(key)
        if data is None:
            if not compiling:
                return None
            if reason := obstacle():
                raise RuntimeError(reason)
            _log.warning("compiling the %s kernels, once on this machine", library.name)
            data = _compile(library)
            store.write(key, data)
        return link(llvm, data)
    except Exception as error:  # whatever it is, numpy can do without
        if compiling and not _REASONS:
            _REASONS.append(str(error))
            _log.warning("no compiled kernels, so that numpy does their work, more slowly: %s", error)
        return None


def _key(library: Library) -> str:
    """Name a library's file by a hash of all that its code depends on."""
    import llvmlite
    import llvmlite.binding as llvm

    digest = hashlib.sha256(repr(library).encode())
    for source in _sources(library).values():
        digest.update(source)
    host = (llvmlite.__version__, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    digest.update(repr((host, llvm.get_process_triple())).encode())
    return f"{library.name}-{digest.hexdigest()[:32]}"


def _sources(library: Library) -> dict[str, bytes]:
    """Read the text of modules and of what they import of ours; importing them would import numba."""
    found: dict[str, bytes] = {}
    waiting = ["intrex.data.native.compile", _JIT, *(module.split(":")[0] for module in library.modules)]
    while waiting:
        module = waiting.pop()
        if module not in found:
            spec = find_spec(module)
            if spec is None or spec.origin is None:
                raise ImportError(module)
            found[module] = Path(spec.origin).read_bytes()
            waiting += [name.decode() for name in _OURS.findall(found[module])]
    return found


def _compile(library: Library) -> bytes:
    """Compile the kernels by numba in other processes, and try them in one more.

    With a convention of numba's that changed, a process that calls the code would crash. No process outlives the call.

    Raises:
        RuntimeError: any of that fails.
    """
    first, *rest = library.modules
    groups = [[first], [*rest, _JIT]] if rest else [[first, _JIT]]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        said = running.enter_context(tempfile.TemporaryFile(dir=folder))

        def start(function: str, *arguments: str) -> subprocess.Popen[bytes]:
            script = f"from intrex.data.native.compile import {function}; {function}()"
            process = subprocess.Popen(
                # -P: what lies in the current folder is not code of ours
                [sys.executable, "-P", "-c", script, *arguments],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, cwd=folder, env=environment,
            )  # fmt: skip
            running.enter_context(process)
            running.callback(process.kill)  # nothing, if it has ended
            return process

        files = [str(Path(folder) / f"{i}.o") for i in range(len(groups))]
        makers = [start("compile_kernels", file, *group) for file, group in zip(files, groups, strict=True)]
        trial = start("call_trial", *files)
        made = all(maker.wait() == 0 for maker in makers)
        trial.communicate(b"go" if made else b"")
        if made and not trial.returncode:
            return b"".join(Path(file).read_bytes() for file in files)
        said.seek(0)
        last = said.read().decode(errors="replace").strip().splitlines()[-1:]
        raise RuntimeError(": ".join([f"the {library.name} kernels could not be compiled", *last]))


def machine(llvm: Any) -> Any:
    """Describe the machine that this process runs on to LLVM."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True, codemodel="jitdefault"
    )


def link(llvm: Any, data: bytes) -> Kernels:
    """Make kernels callable and try one; each line has some with their arguments, and their object file."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine(llvm))
    declared = []
    for line in data.splitlines():
        kernels, code = json.loads(line)
        declared += kernels
        engine.add_object_file(llvm.ObjectFileRef.from_data(base64.b64decode(code)))
    engine.finalize_object()
    _KEEP.append(engine)  # the code lives as long as its engine
    made = {
        name: Kernel(name, engine.get_function_address(f"{PREFIX}{name}"), arguments)
        for name, arguments in declared
    }
    out = np.zeros(2)
    numbers, factors = np.array([1.5, -2], np.float32), np.array([3, 1 << 40])
    if made["trial"](numbers, factors, 2, out) != 2 or out.tolist() != [4.5, -2.0 * (1 << 40)]:
        raise RuntimeError("a kernel does not do what it should")
    return MappingProxyType(made)
