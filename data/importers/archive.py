"""Zip and tar archives of folders: checked, unpacked beside, and swept away after the import."""

from __future__ import annotations

import contextlib
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from intrex.data.errors import BadInput, IntrexError
from intrex.data.io.containers import is_tar, open_tar
from intrex.data.io.hidden import hidden_folder
from intrex.data.io.tarfiles import extract_tar, is_unsafe
from intrex.data.store.siblings import clear, locked, remove

_AGAIN = "it was not copied or downloaded whole, or it is something else; fetch it again"


def extract_all(zip_file: str, folder: str) -> None:
    """Unpack everything."""
    with zipfile.ZipFile(zip_file) as archive:
        archive.extractall(folder)


@contextlib.contextmanager
def unpack(path: Path, beside: Path, extract: Callable[[str, str], None] = extract_all) -> Iterator[Path]:
    """Unpack a zip file, or a tar archive, plain or compressed, into a hidden folder below ``beside`` for as long as the block runs.

    The folder is locked and named after the archive, so that what a killed import left there is swept by the next.

    Args:
        path: the archive.
        beside: where there is room for what is in it.
        extract: unpacks a zip file into a folder; runs after the entries' names were checked.

    Yields:
        The folder that holds the files: the only one in the archive, or the top of it.

    Raises:
        BadInput: not a sound archive, or one with links or with entries that point outside of it.
    """
    hidden = beside / f".{path.name}.unpacked"
    hidden_folder(hidden)
    with locked(hidden, f"unpacking {path.name}"):
        try:
            clear(hidden)
            files = hidden / "files"
            files.mkdir()
            if path.suffix != ".zip" and is_tar(path):
                extract_tar(path, open_tar(path), files)
            else:
                _extract(path, files, extract)
            yield _top(files)
        finally:
            with contextlib.suppress(OSError):
                remove(hidden)


def _extract(path: Path, files: Path, extract: Callable[[str, str], None]) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unsafe = [entry.filename for entry in archive.infolist() if _unsafe(entry)]
            needed = sum(entry.file_size for entry in archive.infolist())
        if unsafe:
            raise BadInput(
                f"the zip file has an entry that points outside of it: {unsafe[0]!r} ({path.name})"
            )
        free = shutil.disk_usage(files).free
        if needed > free:
            raise IntrexError(f"the disk has {free:,} bytes free, unpacking {path.name} needs {needed:,}")
        extract(str(path), str(files))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadInput(f"not a sound zip file: {error} ({path.name})", _AGAIN) from error


def is_archive(path: Path) -> bool:
    """Tell whether a file is a folder in an archive: named ``.zip``, or a tar archive by its first bytes."""
    return path.suffix == ".zip" or is_tar(path)


def _unsafe(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16) or is_unsafe(entry.filename)


def _top(folder: Path) -> Path:
    """Step into a folder that holds nothing but one other folder."""
    while True:
        inside = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        folder = inside[0]
