"""The kernels of multi-vector scoring (see `intrex.data.native`), each with numpy's way of the same where there is none."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from intrex.data.native import Call, Library, native
from intrex.retrievers.exact import Matrix, Rows, Scores, fixed_sums
from intrex.retrievers.native import address

_MAXSIM = "intrex.retrievers.kernels_maxsim"
LIBRARY = Library(
    "vectors",
    (_MAXSIM,),
    (
        (_MAXSIM, "widen", 3),
        (_MAXSIM, "add_block", 12),
        (_MAXSIM, "exact_scores", 12),
        (_MAXSIM, "exact_dots", 8),
    ),
    "intrex.retrievers.vectornative:trial",
)
Wide = npt.NDArray[np.float64]
_AT_ONCE = 1 << 21
"""Numbers that are multiplied at once without a kernel: bounds the memory to some 50 MB."""
_log = logging.getLogger(__name__)


def kernels() -> Mapping[str, Call] | None:
    """The kernels, or None where they cannot be made."""
    return native(LIBRARY, lambda: _log.warning("note: compiling the scoring kernels, once on this machine"))


def widen(halves: npt.NDArray[np.float16], out: Matrix) -> Matrix:
    """Float16 vectors [m, d] as float32, in the first rows of ``out`` [at least m, d]."""
    calls, wide = kernels(), out[: len(halves)]
    if calls is None:
        wide[...] = halves
    else:
        halves = np.ascontiguousarray(halves)
        calls["widen"](address(halves), address(wide), halves.size)
    return wide


class BlockScores:
    """Approximate MaxSim of some documents, fed with the products of their tokens block by block.

    Args:
        offsets: [n + 1] int64, the tokens of all documents.
        documents: the first of those to score, and the one after the last.
        bounds: [q + 1] int64: query i has the columns ``bounds[i]:bounds[i + 1]``, at least one.

    Attributes:
        scores: [documents, q] float32; minus infinity for a document without tokens, or not reached yet.
    """

    def __init__(self, offsets: Rows, documents: tuple[int, int], bounds: Rows) -> None:
        self._offsets, self._bounds = offsets, bounds
        self._first, self._last = documents
        self._next = self._first
        self._maxima = np.empty(bounds[-1], np.float32)
        self.scores: Scores = np.full((self._last - self._first, len(bounds) - 1), -np.inf, np.float32)
        self._calls = kernels()

    def add(self, sims: Matrix, start: int) -> None:
        """Take the products [m, columns] of the tokens from ``start`` on; blocks come in order and without gaps."""
        if self._calls is None:
            self._plain(sims, start)
            return
        self._next = self._calls["add_block"](
            address(sims), *sims.shape, address(self._offsets), start, self._next, self._last, self._first,
            address(self._maxima), address(self._bounds), len(self._bounds) - 1, address(self.scores),
        )  # fmt: skip

    def _plain(self, sims: Matrix, start: int) -> None:
        end = start + len(sims)
        while self._next < self._last and self._offsets[self._next] < end:
            begin, until = self._offsets[self._next : self._next + 2].tolist()
            if begin >= start:
                self._maxima[...] = -np.inf
            own = sims[max(begin, start) - start : min(until, end) - start]
            np.maximum(self._maxima, own.max(axis=0, initial=-np.inf), out=self._maxima)
            if until > end:
                return
            if begin < until:
                sums = np.add.reduceat(self._maxima.astype(np.float64), self._bounds[:-1])
                self.scores[self._next - self._first] = sums
            self._next += 1


def exact_scores(sims: Matrix, tokens: Matrix, query: Matrix, bounds: Rows, margins: Wide) -> Scores:
    """MaxSim of some documents with one query, the same bits however ``sims`` was computed.

    A score is the sum, in the order of the query's tokens, of the largest product with each of them; products are
    those of `intrex.retrievers.exact.exact_dot` before they are rounded, their sum is rounded once.

    Args:
        sims: [m, q] approximate products of the tokens with the query's.
        tokens: [m, d] the documents' tokens, one document after another.
        query: [q, d], q at least 1.
        bounds: [n + 1] int64: document i has the tokens ``bounds[i]:bounds[i + 1]``, at least one.
        margins: [q] twice the bound on the error of a product.

    Returns:
        [n] float32.
    """
    calls, n, (cols, dim) = kernels(), len(bounds) - 1, query.shape
    if calls is None:
        maxima = (
            np.maximum.reduceat(sims, bounds[:-1], axis=0).astype(np.float64) if n else np.empty((0, cols))
        )
        owners = np.repeat(np.arange(n), np.diff(bounds))
        rows, columns = np.nonzero(sims >= (maxima - margins)[owners])
        best = np.full((n, cols), -np.inf)
        np.maximum.at(best, (owners[rows], columns), exact_dots(tokens, rows, query, columns))
        total = np.zeros(n)
        for column in best.T:
            total += column
        return total.astype(np.float32)
    out = np.empty(n, np.float32)
    scratch = np.empty(cols, np.float32), np.empty(cols), np.empty(dim + 1)
    calls["exact_scores"](
        address(sims), cols, address(tokens), address(query), dim, address(bounds), n, address(margins),
        *[address(one) for one in (*scratch, out)],
    )  # fmt: skip
    return out


def exact_dots(one: Matrix, rows: Rows, other: Matrix, columns: Rows) -> Wide:
    """Products [n] of row ``rows[i]`` of one matrix and row ``columns[i]`` of another, added in one fixed order."""
    calls, dim = kernels(), one.shape[1]
    out = np.empty(len(rows))
    if calls is not None:
        given = [np.ascontiguousarray(a) for a in (one, rows, other, columns)]
        work = np.empty(dim + 1)
        calls["exact_dots"](*[address(a) for a in given], len(rows), dim, address(work), address(out))
        return out
    step = max(1, _AT_ONCE // dim)
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        out[some] = fixed_sums(one[rows[some]].astype(np.float64) * other[columns[some]].astype(np.float64))
    return out


def trial(calls: Mapping[str, Call]) -> None:
    """Raise unless one call does what it should."""
    halves, out = np.array([-1.5, 2.0**-24, 65504.0], np.float16), np.zeros(3, np.float32)
    calls["widen"](address(halves), address(out), 3)
    if out.tolist() != halves.tolist():
        raise RuntimeError("a kernel does not do what it should")
