"""Runs straight from the file to `RunHits`: a TREC run is read in pieces, and only the hits are kept.

The fast path either gives exactly what reading the whole run and `match` give, or nothing: whatever is out of the
ordinary is left to the plain path, which knows how to report it.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from intrex.data.errors import BadInput
from intrex.data.growth import note_growth
from intrex.data.io.columns import stack
from intrex.data.io.containers import text_size
from intrex.data.io.files import reading, spooled
from intrex.data.native.library import Library
from intrex.data.qrels import Qrels
from intrex.data.rankings.options import run_source
from intrex.data.rankings.pieces import OutOfOrdinary, Pieces
from intrex.data.runformats import read_any_run
from intrex.eval.scoring.matching import RunHits, match
from intrex.eval.scoring.pieces import KernelQrels, Part, Worker
from intrex.eval.scoring.signature import queries_digest

_READING = "intrex.data.rankings.kernels"
LIBRARY = Library("evaluation", (f"{_READING}.lines", f"{_READING}.parse", "intrex.eval.scoring.kernels"))
PIECE = 2 << 20
"""Bytes read at once by each thread."""
WORTH_LOADING, WORTH_COMPILING = 2 << 20, 24 << 20
"""Bytes of a file below which the plain path is as fast, with the kernels compiled already and the first time ever."""


def match_any(qrels: Qrels, path: Path, drop_self: bool = False, digest: bool = True) -> RunHits:
    """Match a run file in any format; ``-`` is stdin. Large TREC files are streamed.

    Args:
        qrels: the judgements.
        path: the run, in any form that `read_any_run` reads.
        drop_self: see `match`.
        digest: see `match`.

    Raises:
        BadInput: the file is missing or malformed, with every malformed line counted.
    """
    with spooled(path) as file:
        if (
            not run_source().unusual
            and _worth_it(file)
            and (hits := match_file(qrels, file, drop_self, digest)) is not None
        ):
            note_growth(file)
            return hits
        return match(qrels, read_any_run(file), drop_self, digest)


def _worth_it(file: Path) -> bool:
    return file.is_file() and LIBRARY.kernels_for(text_size(file), WORTH_LOADING, WORTH_COMPILING) is not None


def match_file(
    qrels: Qrels,
    path: Path,
    drop_self: bool = False,
    digest: bool = False,
    threads: int | None = None,
    piece: int = PIECE,
) -> RunHits | None:
    """Match a TREC run by streaming, or return None if anything about the file is out of the ordinary.

    Out of the ordinary are: a line that is not six columns with a finite float32 score, comments, control characters,
    bytes that are not UTF-8, a document listed twice, a padded row, a query whose lines are not together, no line at all.

    Args:
        qrels: the judgements.
        path: the file, plain or compressed.
        drop_self: see `match`.
        digest: see `match`.
        threads: how many pieces are worked on at once; two, unless given.
        piece: bytes of a piece; one query at least is in it.
    """
    kernels = LIBRARY.kernels()
    if kernels is None:
        return None
    judged = KernelQrels.of(qrels, kernels)
    try:
        with reading(path) as stream:
            pieces = Pieces(stream, piece, kernels)
            workers = [Worker(judged, kernels, drop_self, digest) for _ in range(threads or 2)]
            parts = _work(pieces, workers)
        return _merge(qrels, parts, digest)
    except (OutOfOrdinary, BadInput):
        return None


def _work(pieces: Pieces, workers: list[Worker]) -> list[Part]:
    """Let every worker take pieces until there are none, each in its own thread."""
    parts: list[Part] = []
    errors: list[BaseException] = []

    def work(worker: Worker) -> None:
        try:
            while not errors and pieces.next(worker):
                parts.append(worker.part())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers[1:]]
    for thread in threads:
        thread.start()
    work(workers[0])
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return parts


def _merge(qrels: Qrels, parts: list[Part], digest: bool) -> RunHits:
    """Merge the pieces into one result, whatever the order they were done in."""
    parts.sort(key=lambda part: part.number)
    queries = stack([part.queries for part in parts])
    order = np.argsort(queries, kind="stable")
    ordered = queries[order]
    if not len(queries) or (ordered[1:] == ordered[:-1]).any():
        raise OutOfOrdinary
    row_of, got, hits, ranks, rows = (
        np.concatenate([getattr(part, name) for part in parts]).astype(np.int64)
        for name in ("row_of", "retrieved", "hits", "ranks", "rows")
    )
    judged = row_of >= 0
    retrieved, count = np.zeros((2, len(qrels)), np.int64)
    retrieved[row_of[judged]], count[row_of[judged]] = got[judged], hits[judged]
    offsets = np.concatenate([[0], np.cumsum(count)])
    # Hits are together by query, in file order: they move to where the qrels have that query.
    by_row = np.argsort(np.repeat(row_of, hits), kind="stable")
    sha256 = None
    if digest:
        digests = [digest_ for part in parts for digest_ in part.digests]
        sha256 = queries_digest((queries[i], digests[i]) for i in order.tolist())
    last = next(part.tag for part in reversed(parts) if len(part.queries))
    tag = last.decode("utf-8", "replace")
    answered = np.zeros(len(qrels), np.bool_)
    answered[row_of[judged]] = True
    hits_of = ranks[by_row], rows[by_row]
    return RunHits(retrieved, offsets, *hits_of, answered, int((~judged).sum()), tag, sha256)
