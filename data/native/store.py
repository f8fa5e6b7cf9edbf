"""The files of machine code: named by what it depends on, checked by their own hash, never read unless they are ours."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from intrex.data.cache import cache_dir

BESIDE = Path(__file__).with_name("__pycache__")


def folders() -> list[Path]:
    """Say where code may be kept: where numba is told, or else where intrex is told, with the bytecode, in the user's cache."""
    if told := os.environ.get("NUMBA_CACHE_DIR"):
        return [Path(told)]
    try:
        ours = [cache_dir()]
    except RuntimeError:  # a user without a home
        ours = []
    return [*ours, BESIDE] if os.environ.get("INTREX_CACHE") else [BESIDE, *ours]


def read(key: str) -> bytes | None:
    """Read the code of this name, or nothing where no folder has it whole."""
    for folder in folders():
        try:
            data = _read_own(folder / f"intrex-kernels-{key}.o")
        except OSError:
            continue
        if hashlib.sha256(data[32:]).digest() == data[:32]:
            return data[32:]
    return None


def _read_own(path: Path) -> bytes:
    """Read a file that nobody but this user (or root) can have written: what it holds is run."""
    flags = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))  # no system has all
    with os.fdopen(os.open(path, os.O_RDONLY | sum(flags)), "rb") as stream:
        found = os.fstat(stream.fileno())
        ours = not hasattr(os, "geteuid") or found.st_uid in (os.geteuid(), 0)
        if not ours or not stat.S_ISREG(found.st_mode) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(path)
        return stream.read()


def write(key: str, data: bytes) -> None:
    """Keep code in the first folder where that is possible; two processes at once write equal files, each whole."""
    for folder in folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, hidden = tempfile.mkstemp(dir=folder, prefix=".intrex-kernels-")
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(hashlib.sha256(data).digest() + data)
                Path(hidden).chmod(0o644)
                Path(hidden).replace(folder / f"intrex-kernels-{key}.o")
            finally:
                Path(hidden).unlink(missing_ok=True)
        except OSError:
            continue
        return
