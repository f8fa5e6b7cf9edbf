"""The hidden folder beside a target in which an artifact is built, and how it takes the target's place.

``.NAME.HASH.building`` is locked while a process builds in it, and so is the old artifact from before it leaves the target
until it is gone: at the name that it gets another process would build. Where two names cannot be exchanged in one step (NFS, some
FUSE, macOS) the old artifact stands for a moment at ``.NAME.HASH.old``. Whatever a kill leaves, the next command that reads
or writes the target mends.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from intrex.data.errors import IntrexError
from intrex.data.io.files import exchange, fsync_dir
from intrex.data.io.folder import TRIES, WAIT
from intrex.data.io.hidden import open_unlinked
from intrex.data.io.locks import is_at, lock_or_refuse, lock_or_wait, refusal

LOCK, STATE, PART, WHOLE, SCRATCH = ".lock", ".state.json", ".part", ".whole", ".scratch"
INTERNAL = (LOCK, STATE, PART, WHOLE)
"""Files of a build that are none of the artifact's; ``SCRATCH`` is a folder of them."""
_BUILDING, _OLD = ".building", ".old"


def sibling(target: Path, inputs: str) -> Path:
    """Return the hidden folder in which a target is built of these inputs."""
    return target.with_name(f".{target.name}.{inputs[:16]}{_BUILDING}")


@contextlib.contextmanager
def locked(folder: Path, doing: str = "") -> Iterator[None]:
    """Hold the lock of a folder, wherever it is moved; raises `IntrexError` if another process does, or has removed it."""
    doing = doing or f"building {folder.name}"
    try:
        lock = open_unlinked(folder / LOCK)
    except FileNotFoundError:
        raise refusal(doing) from None
    with lock:
        lock_or_refuse(lock, folder / LOCK, doing)
        yield


@contextlib.contextmanager
def held(target: Path) -> Iterator[None]:
    """Hold the lock of what stands at the target, wherever it is moved, once no other process does.

    What is put in place later has a lock of its own. After an error the target is left as it was. Raises `IntrexError`
    if there is nothing at the target, or something else again and again.
    """
    for _ in range(TRIES):
        try:
            lock = open_unlinked(target / LOCK)
        except FileNotFoundError:  # for a moment nothing stands there where two names cannot be exchanged
            time.sleep(WAIT)
            continue
        with lock:
            if not lock_or_wait(lock, target / LOCK):
                continue  # replaced meanwhile
            try:
                yield
            except BaseException:
                with contextlib.suppress(OSError):
                    if is_at(lock, target / LOCK):
                        (target / LOCK).unlink()
                raise
            return
    raise refusal(f"replacing {target}")


def clear(folder: Path, keep: Collection[str] = ()) -> None:
    """Empty a hidden folder but for what is named, and its lock in any case."""
    for entry in folder.iterdir():
        if entry.name not in (LOCK, *keep):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def remove(folder: Path) -> None:
    """Remove a hidden folder whose lock is held; that goes last, for whoever takes the next one builds there at once."""
    clear(folder)
    (folder / LOCK).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
            raise


def sweep(target: Path, keep: str = "") -> None:
    """Remove what killed builds left: of inputs but ``keep``, and marks in the target; leave alone what is locked."""
    mend(target)
    for folder in _siblings(target, _BUILDING):
        if keep and folder == sibling(target, keep):
            continue
        with contextlib.suppress(IntrexError, OSError), locked(folder):
            remove(folder)
    if (target / LOCK).is_file() and not target.is_symlink():
        with contextlib.suppress(IntrexError, OSError), locked(target):
            _unmark(target)


def mend(target: Path) -> None:
    """Put back what a kill between two renames left aside, or drop it where the new artifact is in its place.

    A process that is between the two holds the lock of what is aside; that takes a moment, which is waited for.
    """
    for aside in _siblings(target, _OLD):
        for _ in range(TRIES):
            with contextlib.suppress(IntrexError, OSError), locked(aside):
                if target.exists():
                    remove(aside)
                else:
                    aside.rename(target)
                    _unmark(target)
            if target.exists():
                break
            time.sleep(WAIT)


def put_in_place(hidden: Path, target: Path) -> None:
    """Exchange a finished build with what stands at the target, which goes; the locks of the two are held."""
    for mark in (WHOLE, STATE):  # first, or a kill would leave half of the old one marked as whole
        (target / mark).unlink(missing_ok=True)
    aside = hidden
    if not exchange(hidden, target):  # between these two steps `mend` finds the old one
        aside = hidden.with_suffix(_OLD)
        target.rename(aside)
        hidden.rename(target)
    remove(aside)


def finish(target: Path) -> None:
    """Remove the marks of a build that is in its place, and make its name durable."""
    _unmark(target)
    fsync_dir(target.parent)


def _unmark(target: Path) -> None:
    for mark in reversed(INTERNAL):  # the lock last: until then nobody mends
        (target / mark).unlink(missing_ok=True)


def _siblings(target: Path, ending: str) -> list[Path]:
    pattern = f".{glob.escape(target.name)}.{'[0-9a-f]' * 16}{ending}"
    return [folder for folder in target.parent.glob(pattern) if folder.is_dir() and not folder.is_symlink()]
