"""JSON objects from a file, one a line or in one array, in constant memory."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from intrex.data.errors import Problems, json_type
from intrex.data.io.files import BOM, PIECE, read_jsonl, reading
from intrex.data.io.jsontext import DECODER

LONGEST = 256 * PIECE
_BETWEEN = re.compile(r"[\s,\[\]]*")
_NEAR = 16  # an escape or a literal that is cut in two is reported at most this far before the cut


def read_json_objects(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield ``(line number, object)`` of JSON lines, of an array of objects, or of objects over several lines.

    What is not a JSON object goes to ``problems``. After broken JSON the next line is read; inside an array there
    is no telling where the next object starts, so the rest is left.
    """
    with reading(path) as stream:
        head = stream.read(len(BOM) + 4096).removeprefix(BOM).lstrip()
    if head.startswith(b"[") or re.match(rb"\{\s*\n", head):
        return _read_stream(path, problems)
    return read_jsonl(path, problems)


class _Text:
    """Window on a text file that is being parsed, with the line that its cursor stands in."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._scan = DECODER.raw_decode
        self.text = ""
        self.at = 0
        self.line = 1
        self.ended = False

    def _move(self, to: int) -> None:
        self.line += self.text.count("\n", self.at, to)
        self.at = to

    def skip(self) -> str:
        """Step over blanks, commas and brackets, and return them."""
        start, blanks = self.at, _BETWEEN.match(self.text, self.at)
        self._move(blanks.end() if blanks else self.at)
        return self.text[start : self.at]

    def take(self) -> Any:
        """Parse the JSON value at the cursor, which moves behind it."""
        value, end = self._scan(self.text, self.at)
        self._move(end)
        return value

    def more(self) -> None:
        """Read on: as much again as is there, so that a long object is not parsed over and over."""
        self.text, self.at = self.text[self.at :], 0
        piece = self._stream.read(max(PIECE, len(self.text)))
        self.ended = not piece
        self.text += self._decode(piece, not piece)


def _read_stream(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    with reading(path) as stream:
        text = _Text(stream)
        try:
            yield from _parse(text, path.name, problems)
        except UnicodeDecodeError as error:
            line = text.line + text.text.count("\n") + error.object[: error.start].count(b"\n")
            reason = f"not UTF-8: byte 0x{error.object[error.start]:02x}"
            problems.add(f"{path.name}:{line}", reason, "convert the file to UTF-8")


def _parse(text: _Text, name: str, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    depth = 0
    while True:
        gap = text.skip()
        depth += gap.count("[") - gap.count("]")
        if text.at == len(text.text):
            if text.ended:
                break
            text.more()
            continue
        line = text.line
        try:
            value = text.take()
        except (ValueError, RecursionError) as error:
            if not text.ended and _is_cut_off(error, len(text.text)):
                text.more()
                continue
            problems.add(f"{name}:{line}", _reason(error))
            return
        if isinstance(value, dict):
            yield line, value
        else:
            problems.add(f"{name}:{line}", f"a JSON object is needed, this is {json_type(value)}")
    if depth > 0:
        problems.add(f"{name}:{text.line}", "the array does not end: the file was cut off")


def _is_cut_off(error: Exception, size: int) -> bool:
    """Tell whether the value may only be cut off by the end of what was read, and is not too long to go on."""
    if not isinstance(error, json.JSONDecodeError) or size > LONGEST:
        return False
    return error.msg.startswith("Unterminated string") or error.pos >= size - _NEAR


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "broken JSON: nested too deeply"
    return f"broken JSON: {getattr(error, 'msg', error)}"
