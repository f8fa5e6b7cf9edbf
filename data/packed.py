"""Runs in few bytes a line, for what takes them query by query: ids that are zero-padded to whole words, scores, ranks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bytes, Float32s, Int32s, Int64s, Uint8s
from intrex.data.errors import BadInput, Problems, UsageError
from intrex.data.growth import note_growth
from intrex.data.ids import gather_spans
from intrex.data.io.columns import parse_floats, parse_integers, read_columns
from intrex.data.io.containers import text_size
from intrex.data.io.files import reading, require_file, spooled
from intrex.data.native.kernel import Kernels
from intrex.data.numeric.spans import offsets_of
from intrex.data.rankings.options import run_source
from intrex.data.rankings.pieces import KINDS, LIBRARY, OutOfOrdinary, Parser, Pieces
from intrex.data.rankings.read import tell_form
from intrex.data.run import LAYOUT, Run
from intrex.data.runformats import read_any_run

PIECE = 1 << 20
"""Bytes read at once."""
WORTH_LOADING, WORTH_COMPILING = 1 << 20, 12 << 20
"""Bytes of a file below which the plain path is as fast, with the kernels compiled already and the first time ever."""
WORD = 8


@dataclass(frozen=True)
class Part:
    """Rankings of some queries, one after another, each best first.

    Attributes:
        queries: [q] ids.
        offsets: [q + 1] int64, the rows of each.
        width: bytes of an id, a multiple of 8.
        docs: [n * width] bytes, zero-padded ids.
        scores: [n] float32.
        ranks: [n] int32, the numbers of the rank column where they were asked for.
    """

    queries: Bytes
    offsets: Int64s
    width: int
    docs: Uint8s
    scores: Float32s
    ranks: Int32s | None = None


@dataclass(frozen=True)
class PackedRun:
    """A run as parts, with its tag; no query is in two of them."""

    parts: list[Part]
    tag: str

    @cached_property
    def places(self) -> dict[bytes, tuple[int, int]]:
        """The part and the place in it of each query."""
        return {
            query: (number, place)
            for number, part in enumerate(self.parts)
            for place, query in enumerate(part.queries.tolist())
        }

    def rows(self, query: bytes) -> tuple[Part, int, int] | None:
        """Return the part that has a query, and its first row and the one after its last; None if the run lacks it."""
        found = self.places.get(query)
        if found is None:
            return None
        part = self.parts[found[0]]
        return part, int(part.offsets[found[1]]), int(part.offsets[found[1] + 1])

    @classmethod
    def of(cls, run: Run, ranks: Int32s | None = None) -> PackedRun:
        """Pack a run, whose rows are in order."""
        width = -(-run.doc_ids.itemsize // WORD) * WORD
        docs = run.doc_ids.astype(f"S{width}").view(np.uint8)
        return cls([Part(run.query_ids, run.offsets, width, docs, run.scores, ranks)], run.tag)


def read_packed(path: Path, by_column: bool = False, unique: bool = True) -> PackedRun:
    """Read a run in any form; large TREC files piece by piece.

    Args:
        path: the file; ``-`` is stdin.
        by_column: order by the rank column instead of the scores, and keep its numbers.
        unique: look for documents that are listed twice; the caller does, where not.

    Raises:
        BadInput: the file is missing or malformed, with every malformed line counted.
        UsageError: ranks by column were asked for, and the run is not in TREC's form.
    """
    with spooled(path) as file:
        if not file.is_dir():
            require_file(file, "run")
        if not run_source().unusual and _worth_it(file) and (packed := pack_file(file, by_column, unique)):
            if not by_column:
                note_growth(file)
            return packed
        return _read_by_column(file) if by_column else PackedRun.of(read_any_run(file))


def _worth_it(file: Path) -> bool:
    return file.is_file() and LIBRARY.kernels_for(text_size(file), WORTH_LOADING, WORTH_COMPILING) is not None


def pack_file(
    path: Path, by_column: bool = False, unique: bool = True, piece: int = PIECE
) -> PackedRun | None:
    """Read a TREC run piece by piece, or return None if anything about the file is out of the ordinary.

    See `intrex.data.rankings.pieces` for what that is; for a document that is listed twice it looks if ``unique`` says so.
    """
    kernels = LIBRARY.kernels()
    if kernels is None:
        return None
    packer = Packer(kernels, by_column, unique)
    try:
        with reading(path) as stream:
            pieces = Pieces(stream, piece, kernels)
            while pieces.next(packer):
                packer.pack()
    except (OutOfOrdinary, BadInput):
        return None
    run = PackedRun(packer.parts, packer.tag.decode("utf-8", "replace"))
    whole = len(run.places) == sum(len(part.queries) for part in run.parts) > 0
    return run if whole else None


class Packer(Parser):
    """A parser, and what it kept of the pieces before."""

    COLUMNS = ("numbers",)

    def __init__(self, kernels: Kernels, by_column: bool, unique: bool) -> None:
        super().__init__(kernels)
        self.by_column, self.unique = by_column, unique
        self.parts: list[Part] = []
        self.tag = b"intrex"

    def pack(self) -> None:
        """Keep the lines of the piece that is in the buffer."""
        if not self.end:
            return
        queries, tag = self.parse()
        first = self.lines["first"]
        lines = int(first[queries])
        if not lines:
            return
        self.tag = tag
        width = -(-int(self.lines["size"][:lines].max()) // WORD) * WORD
        docs, scores = np.empty(lines * width, np.uint8), np.empty(lines, np.float32)
        ranks = np.empty(lines if self.by_column else 0, np.int32)
        longest = int(np.diff(first[: queries + 1]).max())
        slots = np.empty(1 << (2 * longest + 4).bit_length() if self.unique else 0, np.int32)
        order, spare = np.empty((2, longest), np.int32)
        if self.kernels["pack"](
            *self.cut_lines(), *self.columns("first", "qpos", "qsize"),
            *(queries, KINDS, self.by_column, self.unique, slots, width, order, spare),
            *(*self.columns("numbers"), docs, scores, ranks),
        ):  # fmt: skip
            raise OutOfOrdinary
        starts, sizes = (self.lines[name][:queries].astype(np.int64) for name in ("qpos", "qsize"))
        names = gather_spans(self.buffer[: self.end], starts, sizes)
        offsets = first[: queries + 1].astype(np.int64)
        self.parts.append(Part(names, offsets, width, docs, scores, ranks if self.by_column else None))


def _read_by_column(path: Path) -> PackedRun:
    """Read a TREC run in order of its rank column; equal ranks stand as in the file."""
    form = run_source().form or tell_form(path, run_source())
    if form != "trec":
        raise UsageError(
            f"ranks by column are for runs in TREC's six columns: {path}",
            "leave --ranks out: other forms are ranked by their scores, or by ranks that are all they have",
        )
    problems, parts, tag = Problems(path.name), [], "intrex"
    for piece in read_columns(path, 6, LAYOUT, problems, header=4, comments="indented"):
        ranks = parse_integers(piece.column(3), piece.lines, path, "rank", problems, low=0)
        scores = parse_floats(piece.column(4), piece.lines, path, "score", problems)
        parts.append((piece.column(0), piece.column(2), scores, piece.lines, ranks))
        tag = piece.column(5)[-1].decode("utf-8", "replace")
    if not parts:
        problems.raise_if_any()
        raise BadInput(f"the run has no line ({path})", f"a line is: {LAYOUT}")
    queries, docs, scores, lines, ranks = (np.concatenate(column) for column in zip(*parts, strict=True))
    Run.from_columns(queries, docs, scores, tag, problems, lines)  # reports what is twice or no float32
    problems.raise_if_any()
    order = np.lexsort((ranks, queries))
    names, counts = np.unique(queries, return_counts=True)
    run = Run(names, offsets_of(counts), docs[order], scores[order].astype(np.float32), tag)
    return PackedRun.of(run, ranks[order].astype(np.int32))


def all_queries(runs: list[PackedRun]) -> Iterator[bytes]:
    """Yield the queries that any of some runs has, in byte order."""
    yield from sorted(set().union(*(run.places for run in runs)))
