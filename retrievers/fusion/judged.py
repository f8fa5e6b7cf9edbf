"""Ranks of judged documents under many settings of a method: what tuning needs of a fusion, without writing any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Int32s, Int64s
from intrex.data.native.kernel import Kernels
from intrex.data.numeric.spans import cuts, offsets_of
from intrex.data.packed import PackedRun
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.retrievers.fusion.batches import Batch, Space, batch_of
from intrex.retrievers.fusion.fuse import LIBRARY, ROWS, WORTH_COMPILING, WORTH_LOADING
from intrex.retrievers.fusion.methods import Source
from intrex.retrievers.fusion.plain import fuse_plainly
from intrex.retrievers.fusion.plan import Plan

VARIED = (Source.RECIPROCAL, Source.BIASED, Source.WINDOW)
"""What a document counts there depends on a number of the plan."""


@dataclass(frozen=True)
class JudgedRanks:
    """Places of judged documents in fused rankings.

    Attributes:
        retrieved: [q] int64, documents retrieved for each query of the judgements; 0 where no run answers it.
        ranks: [settings, n] int32, from 1, of each judged document; 0 where it is not retrieved.
    """

    retrieved: Int64s
    ranks: Int32s


def rank_judged(runs: Sequence[PackedRun], qrels: Qrels, plans: Sequence[Plan]) -> JudgedRanks:
    """Rank the judged documents by each of some plans, which differ in weights, factors and numbers alone.

    Raises:
        BadInput: scores that cannot be normalised.
    """
    judged = PackedRun.of(
        Run(qrels.query_ids, qrels.offsets, qrels.doc_ids, np.zeros(len(qrels.doc_ids), np.float32))
    )
    queries = qrels.query_ids.tolist()
    sizes = [sum(place[2] - place[1] for run in runs if (place := run.rows(query))) for query in queries]
    work = sum(sizes) * len(plans)
    kernels = LIBRARY.kernels_for(work, WORTH_LOADING, WORTH_COMPILING)
    retrieved = np.zeros(len(qrels), np.int64)
    ranks = np.zeros((len(plans), len(qrels.doc_ids)), np.int32)
    space = Space()
    for first, last in cuts(offsets_of(np.array(sizes) + np.diff(qrels.offsets)), ROWS):
        low, high = int(qrels.offsets[first]), int(qrels.offsets[last])
        batch = batch_of([*runs, judged], queries[first:last], space)
        done = _rank_plainly(batch, plans) if kernels is None else _rank(kernels, batch, plans, space)
        retrieved[first:last], ranks[:, low:high] = done.retrieved, done.ranks
    return JudgedRanks(retrieved, ranks)


def _rank(kernels: Kernels, batch: Batch, plans: Sequence[Plan], space: Space) -> JudgedRanks:
    """Rank by the kernel."""
    plan, queries = plans[0], len(batch.queries)
    sizes = np.diff(batch.starts).reshape(queries, plan.runs + 1)
    judgements, longest = int(sizes[:, -1].sum()), int(sizes[:, :-1].sum(axis=1).max(initial=0))
    room = space.room(longest, plan.runs)
    dense = space.take("dense", (longest + 1) * plan.runs, np.float64)
    single = space.take("single", longest + 1, np.float32)
    found = space.take("found", int(sizes[:, -1].max(initial=0)) + 1, np.int32)
    retrieved, fault = np.zeros(queries, np.int64), np.zeros(2, np.int64)
    ranks = np.zeros((len(plans), judgements), np.int32)
    settings = (
        np.concatenate([getattr(one, name) for one in plans]) for name in ("weights", "factors", "numbers")
    )
    rule = [value.copy() if isinstance(value, np.ndarray) else value for value in plan.arguments()]
    done = kernels["tune"](
        *(batch.docs, batch.width, batch.scores, batch.ranks, batch.starts, queries, plan.runs),
        *(*rule, len(plans), plan.source in VARIED, *settings, *room, dense, single, found),
        *(judgements, retrieved, ranks, fault),
    )
    if done < queries:
        batch.refuse(plan, int(fault[0]), done, int(fault[1]))
    return JudgedRanks(retrieved, ranks)


def _rank_plainly(batch: Batch, plans: Sequence[Plan]) -> JudgedRanks:
    """Rank by fusing once for each plan."""
    runs, queries = plans[0].runs, len(batch.queries)
    columns = np.arange(queries)[:, None] * (runs + 1) + np.arange(runs)
    docs = batch.docs.view(f"S{batch.width}")
    bounds = batch.starts[columns], batch.starts[columns + 1]
    rows = np.concatenate(
        [np.arange(a, b) for a, b in zip(bounds[0].ravel(), bounds[1].ravel(), strict=True)]
    )
    starts = offsets_of((bounds[1] - bounds[0]).ravel())
    alone = Batch(
        batch.queries, batch.tags[:-1], starts, batch.width, docs[rows].view(np.uint8), batch.scores[rows], batch.ranks[rows]
    )  # fmt: skip
    retrieved, ranks = np.zeros(queries, np.int64), []
    for plan in plans:
        fused, found = fuse_plainly(alone, plan), []
        for q in range(queries):
            ranked = fused.docs.view(f"S{fused.width}")[
                fused.rows[fused.starts[q] : fused.starts[q + 1]]
            ].tolist()
            place = {doc: i for i, doc in enumerate(ranked, 1)}
            at = q * (runs + 1) + runs
            found += [place.get(doc, 0) for doc in docs[batch.starts[at] : batch.starts[at + 1]].tolist()]
            retrieved[q] = len(ranked)
        ranks.append(found)
    return JudgedRanks(retrieved, np.array(ranks, np.int32).reshape(len(plans), -1))
