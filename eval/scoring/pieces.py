"""What a thread makes of a piece of a run file by the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from intrex.data.arrays import Array, Bytes
from intrex.data.ids import gather_spans
from intrex.data.native.kernel import Kernels
from intrex.data.qrels import Qrels
from intrex.data.rankings.pieces import OutOfOrdinary, Parser
from intrex.eval.scoring.signature import ranking_digest


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


class Worker(Parser):
    """One thread's parser, and the space in which it ranks."""

    COLUMNS = ("row_of", "got", "hits", "ranks", "rows")

    def __init__(self, judged: KernelQrels, kernels: Kernels, drop_self: bool, digest: bool) -> None:
        super().__init__(kernels)
        self.judged, self.drop_self, self.digest = judged, drop_self, digest
        self.longest = 0

    def room(self, n_bytes: int, used: int = 0) -> None:
        """Make the buffers large enough for a piece of ``n_bytes`` bytes (and a line feed); keep the first ``used``."""
        if len(self.buffer) > n_bytes:
            return
        super().room(n_bytes, used)
        self.lines["ends"] = np.empty(len(self.lines["pos"]), np.int64)
        self.blob = np.empty(n_bytes + 1 if self.digest else 0, np.uint8)

    def part(self) -> Part:
        """Match the piece that is in the buffer."""
        queries, tag = self.parse()
        self._rank(queries)
        n_hits = int(self.lines["hits"][:queries].sum())
        starts, sizes = (self.lines[name][:queries].astype(np.int64) for name in ("qpos", "qsize"))
        ids = gather_spans(self.buffer[: self.end], starts, sizes)
        columns = [self.lines[name][:queries].copy() for name in ("row_of", "got", "hits")]
        columns += [self.lines[name][:n_hits].copy() for name in ("ranks", "rows")]
        return Part(self.number, ids, self._digests(queries), tag, *columns)

    def _rank(self, queries: int) -> None:
        longest = int(np.diff(self.lines["first"][: queries + 1]).max(initial=1))
        if longest > self.longest:
            self.longest = longest
            self.slots = np.empty(1 << (2 * longest + 4).bit_length(), np.int32)
            self.space = np.empty((3, longest), np.int32)
        if self.kernels["rank"](
            *(*self.judged.arguments(), *self.cut_lines(), *self.columns("first", "qpos", "qsize")),
            *(queries, self.drop_self, self.digest, self.slots, *self.space),
            *(*self.columns("row_of", "got", "hits", "ranks", "rows"), self.blob, *self.columns("ends")),
        ):
            raise OutOfOrdinary

    def _digests(self, queries: int) -> list[bytes]:
        if not self.digest:
            return []
        view, ends = self.blob.data, [0, *self.lines["ends"][:queries].tolist()]
        return [ranking_digest(view[a:b]) for a, b in pairwise(ends)]
