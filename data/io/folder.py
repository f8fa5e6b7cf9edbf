"""A folder that is read while another process may put a new one in its place: every file is of one of the two."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from intrex.data.errors import IntrexError

T = TypeVar("T")
MANIFEST, COLLECTION_MANIFEST = MANIFESTS = ("manifest.json", "collection.json")
"""Names of the file that makes a folder an artifact, of a collection and of any other."""
TRIES = 20
"""Openings of a folder that is replaced again and again."""
WAIT = 0.02
"""Seconds before another try."""
_HANDLES = Path("/proc/self/fd")


def open_whole(path: Path, open_files: Callable[[Path], T]) -> T:
    """Open files below one handle of a folder, so that none is of another that takes its place meanwhile.

    Args:
        path: the folder.
        open_files: opens them below the path that it gets: of the handle where the system names handles (Linux), else
            ``path`` itself, which is then compared with what stood there before.

    Returns:
        What ``open_files`` returns; the handle is open as long as it lives.

    Raises:
        IntrexError: as ``open_files``, its messages naming ``path``; or the folder is replaced all the time.
    """
    opened, handle = _read(path, open_files)
    weakref.finalize(opened, os.close, handle)
    return opened


def read_whole(path: Path, read: Callable[[Path], T]) -> T:
    """Read files of a folder as `open_whole` opens them; the handle is closed then."""
    value, handle = _read(path, read)
    os.close(handle)
    return value


def _read(path: Path, read: Callable[[Path], T]) -> tuple[T, int]:
    for last in [False] * (TRIES - 1) + [True]:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        held = _HANDLES / str(handle) if _HANDLES.is_dir() else path
        try:
            value = read(held)
            if held != path or _is_still(path, handle):
                return value, handle
        except (IntrexError, OSError) as error:
            if last or _is_still(path, handle):
                os.close(handle)
                raise _named(error, held, path) from error
        os.close(handle)
        time.sleep(WAIT)
    raise IntrexError(f"{path} is replaced all the time", "run the same command again")


def _is_still(path: Path, handle: int) -> bool:
    """Tell whether a folder is the one that a handle holds."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except OSError:
        return False


def _named(error: IntrexError | OSError, held: Path, path: Path) -> IntrexError | OSError:
    """Return the error with the folder's own name in place of the handle's."""
    if isinstance(error, IntrexError):
        error.message = error.message.replace(str(held), str(path))
        error.hint = error.hint.replace(str(held), str(path)) if error.hint else error.hint
    elif error.filename is not None:
        error.filename = str(error.filename).replace(str(held), str(path))
    return error
