"""Tar archives: the one file in them as a stream, or all of them unpacked, with a guard of our own."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from intrex.data.errors import BadInput, IntrexError

MARK = b"ustar"
MARK_AT = 257
_AGAIN = "it was not copied or downloaded whole; fetch it again"
_SHOWN = 6
_BUFFER = 1 << 17
_ASIDE = ("._", ".DS_Store")  # what macOS puts beside files


def is_tar_head(head: bytes) -> bool:
    """Tell a tar archive by its first bytes, unpacked of what compresses it."""
    return head[MARK_AT : MARK_AT + len(MARK)] == MARK


def is_unsafe(name: str) -> bool:
    """Tell whether the name of an archive's entry points outside of it."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in name


class _Member(io.RawIOBase):
    """Stream of a file in an archive, which closes what it is read from; damage becomes a `BadInput`."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._plain, self._path = stream, path
        self._archive = _open(stream, path)
        with _damage(path):
            members = (m for m in self._archive if m.isfile() and not _is_aside(m))
            self._member: Any = self._archive.extractfile(next(members))

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes; raises `BadInput` where the archive ends early or is damaged."""
        with _damage(self._path):
            data = self._member.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the archive and what it is read from."""
        if not self.closed:
            self._archive.close()
            self._plain.close()
        super().close()


class _damage:  # noqa: N801
    """Turn what the library says of damage within the block into a `BadInput` with the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, (tarfile.TarError, EOFError, ValueError)):
            raise BadInput(f"not a sound tar archive: {error} ({self._path})", _AGAIN) from error


def _open(stream: IO[bytes], path: Path) -> tarfile.TarFile:
    with _damage(path):
        return tarfile.open(fileobj=stream, mode="r|")


def _is_aside(member: tarfile.TarInfo) -> bool:
    parts = PurePosixPath(member.name).parts
    return bool(parts) and (parts[-1].startswith(_ASIDE) or parts[0] == "__MACOSX")


def _members(stream: IO[bytes], path: Path) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """Yield what is in an archive, without folders and what macOS adds; closes the stream."""
    with stream, _open(stream, path) as archive, _damage(path):
        for member in archive:
            if not member.isdir() and not _is_aside(member):
                yield member, archive


def open_only_file(path: Path, opener: Callable[[], IO[bytes]]) -> IO[bytes]:
    """Open the file that is alone in an archive; ``opener`` opens the archive's bytes.

    Raises:
        BadInput: there are several, or none; the hint has the command that reads one.
    """
    names = [member.name if member.isfile() else "" for member, _ in _members(opener(), path)]
    if len(names) != 1 or not names[0]:
        shown = ", ".join(filter(None, names[:_SHOWN])) + (", ..." if len(names) > _SHOWN else "")
        raise BadInput(
            f"this is a tar archive of {len(names)} files, one is read ({path})",
            f"tar -xOf {path.name} FILE | intrex ... -; there are: {shown or 'none'}\n"
            f"hint: intrex collection import {path.name} OUT takes a folder of a corpus, queries and judgements",
        )
    return io.BufferedReader(_Member(opener(), path), _BUFFER)


def extract_tar(path: Path, stream: IO[bytes], folder: Path) -> None:
    """Write the files of an archive into an empty folder: regular ones alone, without the modes and owners they had.

    Raises:
        BadInput: an entry points outside, is a link or a device, or has the place of another; or the archive is damaged.
        IntrexError: a file is larger than what is free on the disk.
    """
    for member, archive in _members(stream, path):
        if is_unsafe(member.name):
            raise BadInput(
                f"the tar archive has an entry that points outside of it: {member.name!r} ({path.name})"
            )
        if not member.isfile() or member.issparse():
            raise BadInput(
                f"the tar archive has an entry that is no ordinary file: {member.name!r} ({path.name})"
            )
        free = shutil.disk_usage(folder).free
        if member.size > free:
            raise IntrexError(
                f"the disk has {free:,} bytes free, unpacking {member.name} needs {member.size:,}"
            )
        target = folder / member.name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # the loop above does not see damage of what stands in the file
            with target.open("xb") as copy, _damage(path):
                source = archive.extractfile(member)
                if source is not None:
                    shutil.copyfileobj(source, copy)
        except (FileExistsError, NotADirectoryError) as error:
            raise BadInput(
                f"the tar archive has two entries in one place: {member.name!r} ({path.name})"
            ) from error
