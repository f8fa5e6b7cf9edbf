"""The hidden folder beside a target in which an artifact is built, and how it takes the target's place.

``.NAME.HASH.building`` is locked while a process builds in it. Where two names cannot be exchanged in one step (NFS, some
FUSE, macOS) the old artifact stands for a moment at ``.NAME.HASH.old``. Whatever a kill leaves, the next command that reads
or writes the target mends.
"""

from __future__ import annotations

import contextlib
import glob
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from intrex.data.errors import IntrexError
from intrex.data.io.files import exchange, fsync_dir
from intrex.data.io.locks import lock_or_refuse

LOCK, STATE, PART, WHOLE, SCRATCH = ".lock", ".state.json", ".part", ".whole", ".scratch"
INTERNAL = (LOCK, STATE, PART, WHOLE)
"""Files of a build that are none of the artifact's; ``SCRATCH`` is a folder of them."""
_BUILDING, _OLD = ".building", ".old"


def sibling(target: Path, inputs: str) -> Path:
    """Return the hidden folder in which a target is built of these inputs."""
    return target.with_name(f".{target.name}.{inputs[:16]}{_BUILDING}")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a hidden folder, which is made where there is none; raises `IntrexError` if another process does."""
    folder.mkdir(exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        lock_or_refuse(lock, folder / LOCK, f"building {folder.name}")
        yield


def clear(folder: Path, keep: Collection[str] = ()) -> None:
    """Empty a hidden folder but for what is named, and its lock in any case."""
    for entry in folder.iterdir():
        if entry.name not in (LOCK, *keep):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def sweep(target: Path, keep: str = "") -> None:
    """Remove what killed builds left: of inputs but ``keep``, and marks in the target; leave alone what is locked."""
    mend(target)
    for folder in _siblings(target, _BUILDING):
        if keep and folder == sibling(target, keep):
            continue
        with contextlib.suppress(IntrexError, OSError), locked(folder):
            shutil.rmtree(folder)
    if (target / LOCK).is_file() and not target.is_symlink():
        with contextlib.suppress(IntrexError, OSError), locked(target):
            _unmark(target)


def mend(target: Path) -> None:
    """Put back what a kill between two renames left aside, or drop it where the new artifact is in its place.

    A process that is between the two holds the lock of its build, or of the target.
    """
    for aside in _siblings(target, _OLD):
        hidden = target if target.exists() else aside.with_suffix(_BUILDING)
        with (
            contextlib.suppress(IntrexError, OSError),
            locked(hidden) if hidden.exists() else contextlib.nullcontext(),
        ):
            if target.exists():
                shutil.rmtree(aside)
            else:
                aside.rename(target)


def put_in_place(hidden: Path, target: Path) -> None:
    """Exchange a finished build, which is locked, with what stands at the target; that goes."""
    aside = hidden
    if not exchange(hidden, target):  # between these two steps `mend` finds the old one
        aside = hidden.with_suffix(_OLD)
        target.rename(aside)
        hidden.rename(target)
    for mark in (WHOLE, STATE):  # first, or a kill would leave half of the old one marked as whole
        (aside / mark).unlink(missing_ok=True)
    shutil.rmtree(aside)


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
