"""Compressed files, told by their first bytes and not by their names: one reader and one writer of each kind."""

from __future__ import annotations

import bz2
import gzip
import importlib
import importlib.util
import io
import lzma
import re
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from intrex.data.errors import BadInput, IntrexError, MissingExtra
from intrex.data.io.tarfiles import is_tar_head, open_only_file

_HEAD = 264
"""Bytes that are looked at: tar's mark ends here."""
_BUFFER = 1 << 17
_FEED = 4096  # of zstd: one byte may stand for many, so little is given at once


@dataclass(frozen=True)
class Container:
    """Kind of compressed file.

    Attributes:
        name: what messages call it.
        suffix: of names; a file that is written goes by it.
        start: how its bytes begin.
        tool: the program that unpacks it to stdout.
        package: what it takes of the extra ``zstd``; empty for the standard library.
        reader: opens a plain stream for reading.
        writer: opens a plain stream for writing; equal contents give equal bytes.
    """

    name: str
    suffix: str
    start: re.Pattern[bytes]
    tool: str
    package: str
    reader: Callable[[IO[bytes]], Any]
    writer: Callable[[IO[bytes]], Any]

    def require(self, path: Path) -> None:
        """Raise `MissingExtra` if its package is not installed; the hint has a command that does without."""
        if self.package and importlib.util.find_spec(self.package) is None:
            error = MissingExtra(self.package, "zstd", f"{self.name} ({path})")
            error.hint = f"{error.hint}\nhint: or {self.tool} {path.name} | intrex ... -"
            raise error


class _Unpacker(io.RawIOBase):
    """Stream of what a container holds; whatever its library says of damage becomes a `BadInput` with the file."""

    def __init__(self, container: Container, path: Path, plain: IO[bytes]) -> None:
        self.container, self.path = container, path
        self._plain = plain
        self._stream = container.reader(plain)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes; raises `BadInput` where the file ends early or is damaged."""
        try:
            data = self._stream.read1(len(buffer))
        except EOFError as error:
            raise BadInput(
                f"the {self.container.name} file ends early ({self.path})",
                "it was not copied or downloaded whole; fetch it again",
            ) from error
        except Exception as error:
            if not _is_damage(error):
                raise
            message = f"not a sound {self.container.name} file: {error} ({self.path})"
            raise BadInput(message, "fetch or write the file again") from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close both streams."""
        if not self.closed:
            self._stream.close()
            self._plain.close()
        super().close()


def _is_damage(error: Exception) -> bool:
    """Tell whether an error is a library's word on the bytes: bz2 and lz4 have no class of their own for it."""
    if isinstance(error, (gzip.BadGzipFile, zlib.error, lzma.LZMAError)):
        return True
    if isinstance(error, OSError):
        return error.errno is None
    return type(error) is RuntimeError or type(error).__name__ == "ZstdError"


class _ZstdReader:
    """Reader of zstd that knows whether the last frame ended; the library's own stream takes the end of a file for it."""

    def __init__(self, plain: IO[bytes]) -> None:
        zstandard = importlib.import_module("zstandard")
        self._start = zstandard.ZstdDecompressor().decompressobj
        self._plain = plain
        self._frame: Any = None
        self._out = memoryview(b"")

    def read1(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none at the end; raises EOFError where the file ends within a frame."""
        while not self._out:
            fed = self._frame.unused_data if self._frame is not None and self._frame.eof else b""
            fed = fed or self._plain.read(_FEED)
            if self._frame is None or self._frame.eof:
                if not fed:
                    return b""
                self._frame = self._start()
            elif not fed:
                raise EOFError
            self._out = memoryview(self._frame.decompress(fed))
        data, self._out = self._out[:size], self._out[size:]
        return bytes(data)

    def close(self) -> None:
        """Forget what is left."""
        self._out = memoryview(b"")


def _lz4(plain: IO[bytes], mode: str) -> Any:
    return importlib.import_module("lz4.frame").LZ4FrameFile(plain, mode, content_checksum=True)


def _zstd_writer(plain: IO[bytes]) -> Any:
    compressor = importlib.import_module("zstandard").ZstdCompressor(write_checksum=True)
    return compressor.stream_writer(plain, closefd=False)


CONTAINERS = (
    Container(
        "gzip", ".gz", re.compile(rb"\x1f\x8b"), "gzip -dc", "",
        lambda plain: gzip.GzipFile(fileobj=plain, mode="rb"),
        lambda plain: gzip.GzipFile("", "wb", 6, plain, 0),
    ),
    Container(
        "xz", ".xz", re.compile(rb"\xfd7zXZ\0"), "xz -dc", "",
        lzma.LZMAFile, partial(lzma.LZMAFile, mode="wb"),
    ),
    Container(
        "bzip2", ".bz2", re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), "bzip2 -dc", "",
        bz2.BZ2File, partial(bz2.BZ2File, mode="wb"),
    ),
    # a frame, or a skippable one, which parallel writers put in front
    Container(
        "zstd", ".zst", re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"), "zstd -dc", "zstandard",
        _ZstdReader, _zstd_writer,
    ),
    Container(
        "lz4", ".lz4", re.compile(rb"\x04\x22\x4d\x18"), "lz4 -dc", "lz4",
        partial(_lz4, mode="rb"), partial(_lz4, mode="wb"),
    ),
)  # fmt: skip
_TAR_SUFFIXES = (".tar", ".tgz", ".tbz2", ".txz", ".tzst")
SUFFIXES = tuple(container.suffix for container in CONTAINERS)

_FOREIGN = {
    "a zip archive": (b"PK\x03\x04", "unzip -p {} | intrex ... -, or unpack it first"),
    "a 7z archive": (b"7z\xbc\xaf\x27\x1c", "7z x -so {} | intrex ... -, or unpack it first"),
    "a file of compress": (b"\x1f\x9d", "gzip -dc {} | intrex ... -"),
}
TABULAR = {b"PAR1": "Parquet", b"ARROW1": "Arrow", b"\xff\xff\xff\xff": "Arrow"}
"""Beginnings of files of columns, which `intrex.data.io.parquet` reads."""


def container_of(path: Path) -> Container | None:
    """Tell what a file is compressed with; None where it is plain."""
    with path.open("rb") as stream:
        return _told(stream.read(_HEAD))


def text_size(path: Path) -> int:
    """Return the bytes of a file's text, of a compressed one a guess: three times what it has."""
    return path.stat().st_size * (1 if container_of(path) is None else 3)


def _told(head: bytes) -> Container | None:
    return next((container for container in CONTAINERS if container.start.match(head)), None)


def open_unpacked(path: Path) -> IO[bytes]:
    """Open for reading what a file holds, plain or compressed, or the one file of a tar archive.

    Raises:
        BadInput: an archive of several files; damage is found while reading.
        MissingExtra: the package that unpacks it is not installed.
    """
    stream = _unpacked(path.open("rb"), path)
    try:
        if is_tar_head(_peek(stream)):
            stream.close()
            stream = _unpacked(open_only_file(path, lambda: _unpacked(path.open("rb"), path)), path)
        _refuse_foreign(_peek(stream), path)
    except BaseException:
        stream.close()
        raise
    return stream


def is_tar(path: Path) -> bool:
    """Tell whether a file is a tar archive, plain or compressed."""
    with _unpacked(path.open("rb"), path) as stream:
        return is_tar_head(_peek(stream))


def open_tar(path: Path) -> IO[bytes]:
    """Open the bytes of a tar archive, plain or compressed."""
    return _unpacked(path.open("rb"), path)


def _peek(stream: IO[bytes]) -> bytes:
    return cast("io.BufferedReader", stream).peek(_HEAD)[:_HEAD]


def _unpacked(plain: IO[bytes], path: Path) -> IO[bytes]:
    """Return a stream of what the container at the cursor of ``plain`` holds; ``plain`` itself where there is none."""
    try:
        container = _told(_peek(plain))
        if container is None:
            return plain
        container.require(path)
        return cast("IO[bytes]", io.BufferedReader(_Unpacker(container, path, plain), _BUFFER))
    except BaseException:
        plain.close()
        raise


def _refuse_foreign(head: bytes, path: Path) -> None:
    """Name what is no text, and no file that stands for one."""
    for name, (start, command) in _FOREIGN.items():
        if head.startswith(start):
            raise BadInput(f"this is {name}, not text ({path})", command.format(path.name))
    if is_tar_head(head):
        raise BadInput(f"this is a tar archive in a tar archive, not text ({path})", "unpack it first")


def is_tabular(path: Path) -> bool:
    """Tell whether a file is Parquet or Arrow, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(6).startswith(tuple(TABULAR))


def refuse_tabular(path: Path) -> None:
    """Raise `BadInput` for a file of columns, where text is read."""
    if not is_tabular(path):
        return
    with path.open("rb") as stream:
        head = stream.read(6)
    name = next(name for start, name in TABULAR.items() if head.startswith(start))
    raise BadInput(
        f"this is {name}, where text is needed ({path})",
        "corpora, queries, judgements and runs are read from it (extra parquet); this file is none of them",
    )


def packed(path: Path, plain: IO[bytes]) -> AbstractContextManager[IO[bytes]]:
    """Wrap a stream that is written so that it holds what the name of ``path`` asks for; plain by default."""
    container = _asked(path)
    return nullcontext(plain) if container is None else container.writer(plain)


def require_packer(path: Path) -> None:
    """Raise `IntrexError` if a file of this name cannot be written for want of a package."""
    container = _asked(path)
    if container and container.package and importlib.util.find_spec(container.package) is None:
        raise IntrexError(
            f"writing {container.name} needs the package {container.package}, which is not installed ({path})",
            f"pip install 'intrex[zstd]'; or write {plain_name(path)}, then compress it",
        )


def _asked(path: Path) -> Container | None:
    return next((container for container in CONTAINERS if container.suffix == path.suffix), None)


def plain_name(path: Path) -> str:
    """Return the file's name without the suffixes of a container and of a tar archive."""
    name = path.name.removesuffix(path.suffix) if path.suffix in SUFFIXES else path.name
    return name.removesuffix(next((ending for ending in _TAR_SUFFIXES if name.endswith(ending)), ""))


def with_suffixes(*names: str) -> tuple[str, ...]:
    """List names, each plain and with the suffix of every container."""
    return tuple(name + suffix for name in names for suffix in ("", *SUFFIXES))
