"""Where judged documents stand in a run: all that a measure needs of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.eval.signature import run_fingerprint

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Matched:
    """Where the judged documents stand in one run's rankings. Queries are those of the qrels, in their order.

    A document that was retrieved but not judged is not stored: the ranks that no hit has are such documents'.

    Attributes:
        retrieved: [q] int64, documents retrieved; 0 where the run lacks the query.
        offsets: [q + 1] int64, hits of query i are offsets[i] to offsets[i+1].
        ranks: [h] int64, from 1, ascending within a query.
        rows: [h] int64, row of the judgement in the qrels' doc_ids and grades; negative grades are judgements too.
        n_extra: queries of the run that the qrels lack.
        tag: the run's.
        run_sha256: `intrex.eval.signature.run_fingerprint` of the whole run, or None if it was not asked for.
    """

    retrieved: Ints
    offsets: Ints
    ranks: Ints
    rows: Ints
    n_extra: int
    tag: str
    run_sha256: str | None


def match(qrels: Qrels, run: Run, drop_self: bool = False, digest: bool = True) -> Matched:
    """Find the judged documents in a run.

    Args:
        qrels: the judgements.
        run: the rankings.
        drop_self: leave out of a ranking the document whose id is the query's.
        digest: compute ``run_sha256``, which is of the run as it came, whatever ``drop_self``.
    """
    retrieved = np.zeros(len(qrels), np.int64)
    empty = np.empty(0, np.int64)
    ranks, rows = [empty] * len(qrels), [empty] * len(qrels)
    row_of = {query: i for i, query in enumerate(qrels.query_ids.tolist())}
    extra = 0
    for query, docs, _ in run.rankings():
        i = row_of.get(query)
        if i is None:
            extra += 1
            continue
        if drop_self:
            docs = docs[docs != query]
        retrieved[i] = len(docs)
        known = qrels.doc_ids[qrels.offsets[i] : qrels.offsets[i + 1]]
        at = np.minimum(np.searchsorted(known, docs), len(known) - 1)
        hits = np.flatnonzero(known[at] == docs)
        ranks[i], rows[i] = hits + 1, at[hits] + qrels.offsets[i]
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in ranks], dtype=np.int64)])
    sha256 = run_fingerprint(run) if digest else None
    return Matched(
        retrieved,
        offsets,
        np.concatenate([empty, *ranks]),
        np.concatenate([empty, *rows]),
        extra,
        run.tag,
        sha256,
    )
