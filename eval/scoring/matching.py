"""Ranks of judged documents in a run: all that a measure needs of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Array, Bools, Int64s
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.eval.scoring.rules import OrderedRun
from intrex.eval.scoring.signature import run_fingerprint


@dataclass(frozen=True)
class RunHits:
    """Places of the judged documents in one run's rankings. Queries are those of the qrels, in their order.

    A document that was retrieved but not judged is not stored: the ranks that no hit has are such documents'.

    Attributes:
        retrieved: [q] int64, documents retrieved; 0 where the run lacks the query.
        offsets: [q + 1] int64, hits of query i are offsets[i] to offsets[i+1].
        ranks: [h] int64, from 1, ascending within a query.
        rows: [h] int64, row of the judgement in the qrels' doc_ids and grades; negative grades are judgements too.
        answered: [q] bool, whether the run has the query.
        n_extra: queries of the run that the qrels lack.
        tag: the run's.
        run_sha256: `intrex.eval.scoring.signature.run_fingerprint` of the whole run, or None if it was not asked for.
        strays: query rows and ranks of documents judged for other queries only, or None if they were not asked for.
        tied: [h] int64 and [h] int64, the first rank that the documents tied with a hit take, and how many they are
            with it; None if they were not asked for.
        positive: [q] int64, documents retrieved with a score above 0; None if ties were not asked for.
    """

    retrieved: Int64s
    offsets: Int64s
    ranks: Int64s
    rows: Int64s
    answered: Bools
    n_extra: int
    tag: str
    run_sha256: str | None = None
    strays: tuple[Int64s, Int64s] | None = None
    tied: tuple[Int64s, Int64s] | None = None
    positive: Int64s | None = None


def match(
    qrels: Qrels,
    run: Run | OrderedRun,
    drop_self: bool = False,
    digest: bool = True,
    strays: bool = False,
    tied: bool = False,
) -> RunHits:
    """Find the judged documents of each query in its ranking.

    Args:
        qrels: the judgements.
        run: rankings, best first.
        drop_self: take the document whose id is the query's out of its ranking first.
        digest: compute ``run_sha256``, which is of the run as it came, whatever ``drop_self``; only of a `Run`.
        strays: look for documents that were judged for other queries only.
        tied: look for documents of the same score.
    """
    rows = {query: i for i, query in enumerate(qrels.query_ids.tolist())}
    retrieved, positive = np.zeros((2, len(qrels)), np.int64)
    ranks: list[Int64s] = [np.empty(0, np.int64)] * len(qrels)
    hit_rows: list[Int64s] = [np.empty(0, np.int64)] * len(qrels)
    groups: list[Int64s] = [np.empty((2, 0), np.int64)] * len(qrels)
    answered = np.zeros(len(qrels), np.bool_)
    known_anywhere = np.unique(qrels.doc_ids) if strays else None
    strays_of: list[tuple[int, Int64s]] = []
    n_extra = 0
    for at, query in enumerate(run.query_ids.tolist()):
        i = rows.get(query)
        if i is None:
            n_extra += 1
            continue
        ranking = slice(run.offsets[at], run.offsets[at + 1])
        docs = run.doc_ids[ranking]
        if drop_self:
            docs = docs[docs != query]
        begin, end = qrels.offsets[i], qrels.offsets[i + 1]
        judged = qrels.doc_ids[begin:end]
        place = np.minimum(np.searchsorted(judged, docs), len(judged) - 1)
        hits = np.flatnonzero(judged[place] == docs)
        answered[i] = True
        retrieved[i], ranks[i], hit_rows[i] = len(docs), hits + 1, begin + place[hits]
        if tied:
            scores = -run.scores[ranking][run.doc_ids[ranking] != query if drop_self else slice(None)]
            groups[i], positive[i] = _tie_places(scores, hits), np.count_nonzero(scores < 0)
        if known_anywhere is not None:
            elsewhere = np.isin(docs, known_anywhere)
            elsewhere[hits] = False
            strays_of.append((i, np.flatnonzero(elsewhere) + 1))
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in ranks])]).astype(np.int64)
    sha = run_fingerprint(run) if digest and isinstance(run, Run) else None
    places = [np.concatenate([np.empty(0, np.int64), *parts]) for parts in (ranks, hit_rows)]
    joined = _join_strays(strays_of) if strays else None
    first, size = np.concatenate([np.empty((2, 0), np.int64), *groups], axis=1)
    ties = ((first, size), positive) if tied else ()
    return RunHits(retrieved, offsets, places[0], places[1], answered, n_extra, run.tag, sha, joined, *ties)


def _tie_places(keys: Array, hits: Int64s) -> Int64s:
    """Return [2, hits] the first rank of the documents tied with each hit, and their number; keys [n] ascend."""
    first, end = (np.searchsorted(keys, keys[hits], side) for side in ("left", "right"))
    return np.stack([first + 1, end - first])


def _join_strays(parts: list[tuple[int, Int64s]]) -> tuple[Int64s, Int64s]:
    rows = np.repeat(np.array([i for i, _ in parts], np.int64), [len(r) for _, r in parts])
    return rows, np.concatenate([np.empty(0, np.int64), *(r for _, r in parts)])
