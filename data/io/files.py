"""Opening, reading and writing files: plain or compressed, atomic, with errors that name the line."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from intrex.data.errors import BadInput, IntrexError, Problems, json_type
from intrex.data.io.containers import open_unpacked, packed, refuse_tabular, require_packer
from intrex.data.io.disk import disk_errors
from intrex.data.io.hidden import hidden_sibling
from intrex.data.io.jsontext import DECODER
from intrex.data.io.request import current_request

BOM = b"\xef\xbb\xbf"
PIECE = 1 << 20  # bytes
LONGEST_LINE = 64 << 20
"""Bytes of a line of a table at most: it is held in memory, several times over, before its fields are looked at."""
STDIO = Path("-")


def require_file(path: Path, noun: str, hint: str | None = None) -> Path:
    """Return ``path``, or raise `BadInput` if it is missing or a folder."""
    if not path.exists():
        raise BadInput(f"{noun} not found: {path}", hint)
    if path.is_dir():
        raise BadInput(f"the {noun} is a folder, a file is needed: {path}", hint)
    return path


@contextlib.contextmanager
def spooled(path: Path) -> Iterator[Path]:
    """Yield ``path`` itself, or a temporary copy of stdin (``-``) or of a pipe: a file is looked at more than once."""
    if path != STDIO and (not path.exists() or path.is_file() or path.is_dir()):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        copy = Path(folder) / (path.name if path != STDIO else "stdin")
        source = sys.stdin.buffer if path == STDIO else stack.enter_context(path.open("rb"))
        with copy.open("wb") as stream:
            shutil.copyfileobj(source, stream)
        yield copy


def reading(path: Path) -> IO[bytes]:
    """Open for reading, unpacked: see `intrex.data.io.containers`; raises `BadInput`, also while it is read."""
    return open_unpacked(path)


def read_pieces(path: Path, size: int = PIECE, longest: int | None = None) -> Iterator[bytes]:
    """Yield the file's bytes, without a byte order mark, in pieces of about ``size`` that end at a line's end.

    Raises `BadInput` where a line has more than ``longest`` bytes and is longer than a piece; None is no bound.
    """
    refuse_tabular(path)
    with reading(path) as stream:
        head = stream.read(len(BOM))
        parts = (
            [] if head == BOM else [head]
        )  # of a line without an end so far: joined once, however long it is
        lines, held = head.count(b"\n"), 0
        while piece := stream.read(size):
            if longest:
                first, last = piece.find(b"\n"), piece.rfind(b"\n")
                if held + (first if first >= 0 else len(piece)) > longest:
                    where = f"{path.name}:{lines + 1}"
                    raise BadInput(
                        f"a line of more than {longest >> 20} MiB ({where})", "is it a text file of lines?"
                    )
                lines += piece.count(b"\n")
                held = held + len(piece) if last < 0 else len(piece) - last - 1
            if cut := piece.rfind(b"\n") + 1:
                yield b"".join([*parts, piece[:cut]])
                parts = [piece[cut:]]
            else:
                parts.append(piece)
        if tail := b"".join(parts):
            yield tail


def raw_lines(path: Path) -> Iterator[bytes]:
    """Yield the file's lines without their line feeds, and without a byte order mark."""
    for piece in read_pieces(path):
        yield from piece.removesuffix(b"\n").split(b"\n")


def read_lines(path: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    """Yield ``(line number from 1, text)`` of each line that is not blank, without its line end.

    A byte order mark and CRLF line ends are accepted. A line that is not UTF-8 goes to ``problems``.
    """
    for number, raw in enumerate(raw_lines(path), 1):
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            reason = f"not UTF-8: byte 0x{raw[error.start]:02x} at column {error.start + 1}"
            hint = "convert the file to UTF-8, for example: iconv -f latin1 -t utf-8 IN > OUT"
            problems.add(f"{path.name}:{number}", reason, hint)
            continue
        text = text.removesuffix("\r")
        if text and not text.isspace():
            yield number, text


def read_jsonl(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield ``(line number, object)`` of a JSON-lines file; what is not a JSON object goes to ``problems``."""
    for number, line in read_lines(path, problems):
        try:
            value = DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            problems.add(f"{path.name}:{number}", f"broken JSON: {json_reason(error)}")
            continue
        if isinstance(value, dict):
            yield number, value
        else:
            problems.add(f"{path.name}:{number}", f"a JSON object is needed, this is {json_type(value)}")


def json_reason(error: Exception) -> str:
    """Explain in words why a text could not be read as JSON."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}" + (
            f" of line {error.lineno}" if error.lineno > 1 else ""
        )
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: byte 0x{error.object[error.start]:02x} at byte {error.start + 1:,}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds one object."""
    try:
        value = DECODER.decode(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"broken JSON: {json_reason(error)} ({path})", "the file was damaged; rebuild what it belongs to"
        ) from error
    if not isinstance(value, dict):
        raise BadInput(f"a JSON object is needed ({path})")
    return value


def fsync_file(path: Path) -> None:
    """Write a file through to the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def fsync_dir(path: Path) -> None:
    """Make a rename inside ``path`` durable, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def exchange(first: Path, second: Path) -> bool:
    """Swap two folders in one step (Linux ``renameat2``); return False where the system cannot."""
    return _rename(first, second, _EXCHANGE)


_NO_REPLACE, _EXCHANGE = 1, 2


def _rename(first: Path, second: Path, flag: int) -> bool:
    """Rename by ``renameat2`` with a flag; return False where it fails, or where there is none."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    at_cwd = -100
    return bool(renameat2 and renameat2(at_cwd, os.fsencode(first), at_cwd, os.fsencode(second), flag) == 0)


def _move_new(hidden: Path, path: Path) -> None:
    """Rename a file to where nothing stands; raises `IntrexError` where another process has put something meanwhile."""
    if _rename(hidden, path, _NO_REPLACE):
        return
    if path.exists():
        raise IntrexError(f"another process has written {path} meanwhile", "choose another name, or add --overwrite")  # fmt: skip
    hidden.replace(path)  # where the system cannot do both in one step


def is_stream(path: Path) -> bool:
    """Tell whether writing to ``path`` replaces nothing: ``-``, a device, a pipe, or one of the process's open files."""
    if path == STDIO or not path.exists() or path.is_dir():
        return path == STDIO
    if not path.is_file():
        return True
    # /dev/stdout and /dev/fd/63 may lead to a regular file, which the shell has opened to be written
    folder = Path(os.path.realpath(path.parent))
    return folder == Path("/dev") or folder.parts[:2] == ("/", "proc")


def refuse_file_above(path: Path) -> None:
    """Raise `IntrexError` where an output cannot stand because a part of its path is a file."""
    if file := next((parent for parent in path.parents if parent.exists() and not parent.is_dir()), None):
        raise IntrexError(f"{file} is a file, no output can stand in it: {path}", "choose another name")


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise if ``path`` exists and may not be replaced; a device or a pipe is not replaced but written to.

    Raises:
        IntrexError: it exists and ``overwrite`` is off, would stand below a file, or what compresses it is not installed.
        UsageError: it is an input of the command that is being run.
        DoneAlready: that command has written it before, and nothing has changed since.
    """
    request = current_request()
    if is_stream(path):
        return
    refuse_file_above(path)
    require_packer(path)
    if request:
        request.refuse_input(path)
    if not (path.exists() or path.is_symlink()):
        return
    if not (request.may_replace(path, overwrite) if request else overwrite):
        raise IntrexError(f"the output exists: {path}", "choose another name, or add --overwrite")


@contextlib.contextmanager
def writing(path: Path, overwrite: bool = False) -> Iterator[IO[bytes]]:
    """Write a whole file or none: a hidden sibling, fsynced, then renamed.

    Names in ``.gz``, ``.xz``, ``.bz2``, ``.zst`` and ``.lz4`` compress. Raises `IntrexError` if the file exists and ``overwrite`` is off. ``-`` is stdout; devices
    and pipes (`is_stream`) are written directly.
    """
    if path == STDIO:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if is_stream(path):
        with path.open("wb") as stream:
            yield stream
        return
    refuse_existing(path, overwrite)
    replaced = overwrite or path.exists()
    if path.is_dir():
        raise IntrexError(f"the output is a folder, a file is needed: {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(path.parent), hidden_sibling(path) as (hidden, plain):
        with packed(path, plain) as stream:
            yield stream
        plain.flush()
        os.fsync(plain.fileno())
        if request := current_request():
            request.record(hidden, path)
        if replaced:
            hidden.replace(path)
        else:
            _move_new(hidden, path)
        fsync_dir(path.parent)


def write_text(path: Path, text: str, overwrite: bool = False) -> None:
    """Write a whole text file, atomically, as UTF-8."""
    with writing(path, overwrite) as stream:
        stream.write(text.encode("utf-8"))


def canonical_json(value: Any) -> str:
    """Spell a value in the one JSON form that fingerprints are computed of: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(value: Any) -> str:
    """Return the sha256 (hex) of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the sha256 (hex) of a file's bytes, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
