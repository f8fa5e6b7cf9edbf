"""Hidden files that a killed process may leave: their names cannot be foreseen, and the next writer sweeps them.

A hidden file is locked as long as its process lives; one without a lock has no owner any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_LEFT = re.compile(r"\..+\.(?:[0-9a-f]{16}|\d+)\.part")
"""Names of hidden files; the number of a process stood where the random part stands now."""


@contextlib.contextmanager
def hidden_sibling(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Make and open a hidden file beside ``path``, and remove it at the end unless it was renamed.

    It is made anew, never through a link, with the mode that the umask leaves; what other processes left in the folder
    and do not own any more is removed first.
    """
    _sweep(path.parent)
    hidden, stream = _make(path)
    try:
        with stream:
            yield hidden, stream
    finally:
        hidden.unlink(missing_ok=True)


def _make(path: Path) -> tuple[Path, IO[bytes]]:
    while True:
        hidden = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        stream = os.fdopen(handle, "wb")
        fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), hidden.lstat()):
                return hidden, stream
        stream.close()  # swept by another process before it was locked


def _sweep(folder: Path) -> None:
    """Remove the hidden files of a folder that no living process owns."""
    names = [entry.name for entry in os.scandir(folder) if _LEFT.fullmatch(entry.name)]
    for name in names:
        with contextlib.suppress(OSError):
            handle = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                (folder / name).unlink()
            finally:
                os.close(handle)
