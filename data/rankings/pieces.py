"""Pieces of a TREC run file: who reads them, and how the kernels cut one into lines.

The fast path gives exactly what reading the whole run gives, or nothing: whatever is out of the ordinary is left to the
plain path, which knows how to report it.
"""

from __future__ import annotations

import codecs
import re
import threading
from typing import IO

import numpy as np

from intrex.data.arrays import Array
from intrex.data.growth import FLOAT32_END, PADDING
from intrex.data.ids import BLANKS, CONTROLS
from intrex.data.io.files import BOM
from intrex.data.native.kernel import Kernels
from intrex.data.native.library import Library

_KERNELS = "intrex.data.rankings.kernels"
LIBRARY = Library("run", (f"{_KERNELS}.text", f"{_KERNELS}.lines", f"{_KERNELS}.parse", f"{_KERNELS}.pack"))
LONGEST = 128 << 20
"""A query whose lines have more bytes is left to the plain path."""
SHORTEST_LINE = 12  # q Q d r s t and a line feed

KINDS = np.zeros(256, np.uint8)
KINDS[[*range(32), 127]] = 3
KINDS[[9, 11, 12, 13, 32]] = 1
KINDS[10] = 2
_POWERS = np.array([float(f"1e{i}") for i in range(81)])
_UNFIT = re.compile("[" + "".join(re.escape(c) for c in BLANKS + CONTROLS if not c.isascii()) + "]")


class OutOfOrdinary(Exception):
    """Something that the plain path has to look at."""


class Pieces:
    """Source of pieces of whole queries, one after another, for any number of threads."""

    def __init__(self, stream: IO[bytes], size: int, kernels: Kernels) -> None:
        self.stream, self.size, self.kernels = stream, size, kernels
        self.lock = threading.Lock()
        head = stream.read(len(BOM))
        self.tail = b"" if head == BOM else head
        self.number, self.ended = 0, False

    def next(self, parser: Parser) -> bool:
        """Fill the parser's buffer; return False at the end of the file."""
        with self.lock:
            if self.ended:
                return False
            size, end = max(self.size, 2 * len(self.tail)), len(self.tail)
            parser.room(size)
            parser.buffer[:end] = np.frombuffer(self.tail, np.uint8)
            while True:
                end = self._read(parser.buffer, end, size)
                if self.ended:
                    cut = end
                    break
                cut = self.kernels["cut"](parser.buffer, end, KINDS)
                if cut:
                    break
                size *= 2
                if size > LONGEST:
                    raise OutOfOrdinary
                parser.room(size, used=end)
            self.tail = parser.buffer[cut:end].tobytes()
            parser.end, parser.number = cut, self.number
            self.number += 1
            return cut > 0 or not self.ended

    def _read(self, buffer: Array, end: int, size: int) -> int:
        view = buffer.data
        while end < size:
            got = self.stream.readinto(view[end:size])  # type: ignore[attr-defined]
            if not got:
                self.ended = True
                if end and buffer[end - 1] != 10:
                    buffer[end] = 10
                    end += 1
                break
            end += got
        return end


class Parser:
    """Buffers of one thread, used again for each piece, and the lines that the kernels cut it into."""

    COLUMNS: tuple[str, ...] = ()
    """Further int32 columns, one number a line."""

    def __init__(self, kernels: Kernels) -> None:
        self.kernels = kernels
        self.buffer = np.empty(0, np.uint8)
        self.end = self.number = 0

    def room(self, n_bytes: int, used: int = 0) -> None:
        """Make the buffers large enough for a piece of ``n_bytes`` bytes (and a line feed); keep the first ``used``."""
        if len(self.buffer) > n_bytes:
            return
        buffer = np.empty(n_bytes + 1, np.uint8)
        buffer[:used] = self.buffer[:used]
        self.buffer = buffer
        lines = n_bytes // SHORTEST_LINE + 2
        self.lines = {name: np.empty(lines, np.int32) for name in ("pos", "size", "first", "qpos", "qsize")}
        self.lines |= {name: np.empty(lines, np.int32) for name in ("slow", "slow_pos", *self.COLUMNS)}
        self.lines |= {"hashes": np.empty(lines, np.uint32), "score": np.empty(lines, np.float32)}

    def columns(self, *names: str) -> list[Array]:
        """Return some of the columns."""
        return [self.lines[name] for name in names]

    def parse(self) -> tuple[int, bytes]:
        """Cut the piece that is in the buffer into lines; the number of its queries, and its last tag.

        Raises:
            OutOfOrdinary: something about it is for the plain path.
        """
        out = np.zeros(5, np.int64)
        results = self.columns("first", "qpos", "qsize", "slow", "slow_pos")
        if self.kernels["parse"](*self.cut_lines(), self.end, KINDS, _POWERS, *results, out):
            raise OutOfOrdinary
        _, queries, slow, tag, size = out.tolist()
        self._check_text()
        self._round(slow)
        self._check_padding(int(self.lines["first"][queries]))
        return queries, self.buffer[tag : tag + size].tobytes()

    def cut_lines(self) -> list[Array]:
        """Return what the kernels take as ``lines``."""
        return [self.buffer, *self.columns("pos", "size", "hashes", "score")]

    def _check_text(self) -> None:
        """Raise `OutOfOrdinary` unless bytes above 127 are UTF-8, without blanks and control characters beyond ASCII."""
        text = self.buffer[: self.end]
        if not self.end or text.max() < 128:
            return
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            for i in range(0, self.end, 1 << 16):
                chunk = decoder.decode(text[i : i + (1 << 16)].tobytes(), i + (1 << 16) >= self.end)
                if _UNFIT.search(chunk):
                    raise OutOfOrdinary
        except UnicodeDecodeError:
            raise OutOfOrdinary from None

    def _round(self, slow: int) -> None:
        """Round the few scores that need Python's correct rounding."""
        for line, at in zip(
            self.lines["slow"][:slow].tolist(), self.lines["slow_pos"][:slow].tolist(), strict=True
        ):
            value = float(self.buffer[at : at + 513].tobytes().split(None, 1)[0])
            with np.errstate(over="ignore"):
                single = np.float32(value) + np.float32(0)
            if not np.isfinite(single):
                raise OutOfOrdinary
            self.lines["score"][line] = single

    def _check_padding(self, lines: int) -> None:
        """Raise `OutOfOrdinary` if a row is one that libraries of vectors pad with: the user is told of it elsewhere."""
        score, size, pos = (self.lines[name][:lines] for name in ("score", "size", "pos"))
        short = pos[size == len(PADDING)]
        if (np.abs(score) >= FLOAT32_END).any() or any(
            self.buffer[at : at + len(PADDING)].tobytes() == PADDING
            for at in short[self.buffer[short] == PADDING[0]].tolist()
        ):
            raise OutOfOrdinary
