"""TREC's six columns, written: by kernels where a run is long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intrex.data.arrays import Array, Bytes, Float32s, Int32s, Int64s, Uint8s, Uint64s
from intrex.data.ids import as_strings
from intrex.data.io.files import writing
from intrex.data.native.kernel import Kernels
from intrex.data.numeric.spans import cuts
from intrex.data.rankings.pieces import LIBRARY
from intrex.data.run import Run, check_query_ids, check_tag

WORTH_LOADING, WORTH_COMPILING = 30_000, 400_000
"""Lines below which numpy is as fast, with the kernels compiled already and the first time ever."""
ROWS = 1 << 15
"""Lines that are written at once."""
_LEAST_POWER, _MOST_POWER = -31, 45
_BESIDE = 32 + 18 + 8  # bytes of a line beside ids and tag: the score, blanks, Q0, the rank


def _powers() -> Uint64s:
    """Return the powers of ten from -31 to 45 in 64 bits, the first of which is set, rounded up."""
    found = []
    for power in range(_LEAST_POWER, _MOST_POWER + 1):
        above, below = 10 ** max(power, 0), 10 ** max(-power, 0)
        floor = (
            above.bit_length() - 1 if power >= 0 else -(below - 1).bit_length()
        )  # of the logarithm to base 2
        shift = 63 - floor
        found.append(-(-(above << max(shift, 0)) // (below << max(-shift, 0))))
    return np.array(found, np.uint64)


@dataclass(frozen=True)
class Rankings:
    """Rankings of some queries.

    Attributes:
        queries: [q] ids.
        starts: [q + 1] int64, the places of each in ``rows`` and ``scores``.
        docs: zero-padded ids.
        width: bytes of each.
        rows: [n] int32, which of ``docs`` stand in the rankings.
        scores: [n] float32.
    """

    queries: Bytes
    starts: Int64s
    docs: Uint8s
    width: int
    rows: Int32s
    scores: Float32s


class LineWriter:
    """Writer of rankings as lines with one tag, by kernels."""

    def __init__(self, kernels: Kernels, tag: str) -> None:
        self._write = kernels["write_lines"]
        self._tail = np.frombuffer(f" {tag}\n".encode(), np.uint8)
        self._powers = _powers()
        self._out: Array = np.empty(0, np.uint8)

    def text(self, rankings: Rankings) -> memoryview:
        """Return the lines of some rankings; they stand until the next call."""
        queries = np.ascontiguousarray(rankings.queries)
        line = queries.itemsize + rankings.width + len(self._tail) + _BESIDE
        if len(self._out) < (need := line * (len(rankings.rows) + len(queries))):
            self._out = np.empty(need, np.uint8)
        size = self._write(
            *(rankings.docs, rankings.width, rankings.rows, rankings.scores, rankings.starts, queries.view(np.uint8)),
            *(queries.itemsize, len(queries), self._tail, len(self._tail), self._powers, self._out),
        )  # fmt: skip
        return self._out.data[:size]


def line_kernels(lines: int) -> Kernels | None:
    """Return the kernels where they are worth it for so many lines; None where numpy is as fast or they are not to be had."""
    return LIBRARY.kernels_for(lines, WORTH_LOADING, WORTH_COMPILING)


def write_run(run: Run, path: Path, overwrite: bool = False) -> None:
    """Write a run as TREC's six columns, each score in the shortest form that reads back as the same float32."""
    check_tag(run.tag)
    check_query_ids(as_strings(run.query_ids))
    kernels = line_kernels(len(run.doc_ids))
    with writing(path, overwrite) as stream:
        for text in _plain_lines(run) if kernels is None else _lines(run, kernels):
            stream.write(text)


def _lines(run: Run, kernels: Kernels) -> Iterator[memoryview]:
    writer = LineWriter(kernels, run.tag)
    docs, width = np.ascontiguousarray(run.doc_ids), run.doc_ids.itemsize
    for first, last in cuts(run.offsets, ROWS):
        low, high = int(run.offsets[first]), int(run.offsets[last])
        rows = np.arange(high - low, dtype=np.int32)
        starts = run.offsets[first : last + 1] - low
        yield writer.text(
            Rankings(run.query_ids[first:last], starts, docs[low:high].view(np.uint8), width, rows, run.scores[low:high])
        )  # fmt: skip


def _plain_lines(run: Run) -> Iterator[bytes]:
    for query, docs, scores in run.rankings():
        head, tail = query.decode("utf-8") + " Q0 ", f" {run.tag}\n"
        texts = [s.decode("ascii") for s in scores.astype("S32").tolist()]
        rows = zip(as_strings(docs), texts, strict=True)
        yield "".join(f"{head}{d} {r} {s}{tail}" for r, (d, s) in enumerate(rows, 1)).encode("utf-8")
