"""Pieces of a run file: who reads them, and what a thread makes of one by the kernels."""

from __future__ import annotations

import codecs
import re
import threading
from dataclasses import dataclass
from itertools import pairwise
from typing import IO

import numpy as np

from intrex.data.arrays import Array, Bytes
from intrex.data.growth import FLOAT32_END, PADDING
from intrex.data.ids import BLANKS, CONTROLS, gather_spans
from intrex.data.io.files import BOM
from intrex.data.native.kernel import Kernels
from intrex.data.qrels import Qrels
from intrex.eval.scoring.signature import ranking_digest

LONGEST = 128 << 20
"""A query whose lines have more bytes is left to the plain path."""
SHORTEST_LINE = 12  # q Q d r s t and a line feed

_KINDS = np.zeros(256, np.uint8)
_KINDS[[*range(32), 127]] = 3
_KINDS[[9, 11, 12, 13, 32]] = 1
_KINDS[10] = 2
_POWERS = np.array([float(f"1e{i}") for i in range(81)])
_UNFIT = re.compile("[" + "".join(re.escape(c) for c in BLANKS + CONTROLS if not c.isascii()) + "]")


class OutOfOrdinary(Exception):
    """Something that the plain path has to look at."""


@dataclass(frozen=True)
class KernelQrels:
    """Qrels as the kernels take them: zero-padded ids and a hash table of the queries."""

    queries: Bytes
    offsets: Array
    docs: Bytes
    table: Array

    @classmethod
    def of(cls, qrels: Qrels, kernels: Kernels) -> KernelQrels:
        """Index the queries."""
        queries, docs = np.ascontiguousarray(qrels.query_ids), np.ascontiguousarray(qrels.doc_ids)
        size = 1 << (2 * len(queries) + 2).bit_length()
        table = np.full(size, -1, np.int32)
        kernels["index"](queries.view(np.uint8), len(queries), queries.itemsize, table, size - 1)
        return cls(queries, np.ascontiguousarray(qrels.offsets, np.int64), docs, table)

    def arguments(self) -> list[Array | int]:
        """Return the first arguments of the kernel ``rank``."""
        ids = (self.queries.view(np.uint8), self.queries.itemsize, self.table, len(self.table) - 1)
        return [*ids, self.offsets, self.docs.view(np.uint8), self.docs.itemsize]


@dataclass
class Part:
    """Result of one piece: what it says of its queries, in file order."""

    number: int
    queries: Bytes
    digests: list[bytes]
    tag: bytes
    row_of: Array
    retrieved: Array
    hits: Array
    ranks: Array
    rows: Array


class Pieces:
    """Source of pieces of whole queries, one after another, for any number of threads."""

    def __init__(self, stream: IO[bytes], size: int, kernels: Kernels) -> None:
        self.stream, self.size, self.kernels = stream, size, kernels
        self.lock = threading.Lock()
        head = stream.read(len(BOM))
        self.tail = b"" if head == BOM else head
        self.number, self.ended = 0, False

    def next(self, worker: Worker) -> bool:
        """Fill the worker's buffer; return False at the end of the file."""
        with self.lock:
            if self.ended:
                return False
            size, end = max(self.size, 2 * len(self.tail)), len(self.tail)
            worker.room(size)
            worker.buffer[:end] = np.frombuffer(self.tail, np.uint8)
            while True:
                end = self._read(worker.buffer, end, size)
                if self.ended:
                    cut = end
                    break
                cut = self.kernels["cut"](worker.buffer, end, _KINDS)
                if cut:
                    break
                size *= 2
                if size > LONGEST:
                    raise OutOfOrdinary
                worker.room(size, used=end)
            self.tail = worker.buffer[cut:end].tobytes()
            worker.end, worker.number = cut, self.number
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


class Worker:
    """Buffers of one thread, used again for each piece."""

    def __init__(self, judged: KernelQrels, kernels: Kernels, drop_self: bool, digest: bool) -> None:
        self.judged, self.kernels, self.drop_self, self.digest = judged, kernels, drop_self, digest
        self.buffer = np.empty(0, np.uint8)
        self.end = self.number = 0
        self.longest = 0

    def room(self, n_bytes: int, used: int = 0) -> None:
        """Make the buffers large enough for a piece of ``n_bytes`` bytes (and a line feed); keep the first ``used``."""
        if len(self.buffer) > n_bytes:
            return
        buffer = np.empty(n_bytes + 1, np.uint8)
        buffer[:used] = self.buffer[:used]
        self.buffer = buffer
        lines = n_bytes // SHORTEST_LINE + 2
        self.lines = {name: np.empty(lines, np.int32) for name in ("pos", "size", "first", "qpos", "qsize")}
        names = ("slow", "slow_pos", "row_of", "got", "hits", "ranks", "rows")
        self.lines |= {name: np.empty(lines, np.int32) for name in names}
        self.lines |= {"hashes": np.empty(lines, np.uint32), "score": np.empty(lines, np.float32)}
        self.lines["ends"] = np.empty(lines, np.int64)
        self.blob = np.empty(n_bytes + 1 if self.digest else 0, np.uint8)

    def columns(self, *names: str) -> list[Array]:
        """Return some of the columns."""
        return [self.lines[name] for name in names]

    def part(self) -> Part:
        """Match the piece that is in the buffer."""
        out = np.zeros(5, np.int64)
        a, results = self.lines, self.columns("first", "qpos", "qsize", "slow", "slow_pos")
        if self.kernels["parse"](*self._lines(), self.end, _KINDS, _POWERS, *results, out):
            raise OutOfOrdinary
        _, queries, slow, tag, tag_size = out.tolist()
        self._check_text()
        self._round(slow)
        self._check_padding(int(a["first"][queries]))
        self._rank(queries)
        n_hits = int(a["hits"][:queries].sum())
        starts, sizes = (a[name][:queries].astype(np.int64) for name in ("qpos", "qsize"))
        ids = gather_spans(self.buffer[: self.end], starts, sizes)
        columns = [a[name][:queries].copy() for name in ("row_of", "got", "hits")]
        columns += [a[name][:n_hits].copy() for name in ("ranks", "rows")]
        tag_bytes = self.buffer[tag : tag + tag_size].tobytes()
        return Part(self.number, ids, self._digests(queries), tag_bytes, *columns)

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

    def _lines(self) -> list[Array]:
        return [self.buffer, *self.columns("pos", "size", "hashes", "score")]

    def _rank(self, queries: int) -> None:
        longest = int(np.diff(self.lines["first"][: queries + 1]).max(initial=1))
        if longest > self.longest:
            self.longest = longest
            self.slots = np.empty(1 << (2 * longest + 4).bit_length(), np.int32)
            self.space = np.empty((3, longest), np.int32)
        if self.kernels["rank"](
            *(*self.judged.arguments(), *self._lines(), *self.columns("first", "qpos", "qsize")),
            *(queries, self.drop_self, self.digest, self.slots, *self.space),
            *(*self.columns("row_of", "got", "hits", "ranks", "rows"), self.blob, *self.columns("ends")),
        ):
            raise OutOfOrdinary

    def _digests(self, queries: int) -> list[bytes]:
        if not self.digest:
            return []
        view, ends = self.blob.data, [0, *self.lines["ends"][:queries].tolist()]
        return [ranking_digest(view[a:b]) for a, b in pairwise(ends)]
