"""Hidden files and folders that a killed process may leave, in folders where others may write too.

A hidden file has a name that cannot be foreseen and is locked as long as its process lives; one without a lock has no
owner any more, and the next writer sweeps it. What a later process takes up again has a name that can be foreseen: a
link or a folder of somebody else that stands there is refused, never followed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from intrex.data.errors import IntrexError

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


def hidden_folder(path: Path) -> None:
    """Make a hidden folder, or take the one that a killed process of the same user left.

    Raises `IntrexError` if something else stands there: what is written into it would go to a place of another's choice.
    """
    try:
        path.mkdir(parents=True)
        return
    except FileExistsError:
        status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise _refusal(path, "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a folder")
    if status.st_uid != os.geteuid():
        raise _refusal(path, "a folder of another user")


def open_unlinked(path: Path, truncate: bool = False) -> IO[bytes]:
    """Open a file of a known name for appending, made if needed; raises `IntrexError` where a symbolic link stands."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.fdopen(os.open(path, flags | (os.O_TRUNC if truncate else 0), 0o666), "ab")
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _refusal(path, "a symbolic link") from None


def _refusal(path: Path, found: str) -> IntrexError:
    return IntrexError(
        f"{path} is {found}, nothing will be written there", "remove it, then run the same command again"
    )


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
