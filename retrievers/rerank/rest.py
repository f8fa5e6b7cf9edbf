"""What a reranking leaves: the documents below its depth, put back below those that it scored."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Float32s, Float64s
from intrex.data.run import Run


def with_rest(run: Run, first: Run) -> Run:
    """Return a reranked run with every other document of the first run below, query by query, in the first run's order.

    Scores below the reranked ones only say the order: they go down from the lowest of the query in equal steps.

    Args:
        run: the reranked run.
        first: the run that was reranked; its queries and documents include those of ``run``.
    """
    place = {query: i for i, query in enumerate(run.query_ids.tolist())}
    documents, scores = [], []
    for i, query in enumerate(first.query_ids.tolist()):
        before = slice(*first.offsets[i : i + 2].tolist())
        at = place.get(query)
        ranked = slice(0, 0) if at is None else slice(*run.offsets[at : at + 2].tolist())
        rest = first.doc_ids[before]
        rest = rest[~np.isin(rest, run.doc_ids[ranked])]
        documents += [run.doc_ids[ranked], rest]
        scores += [run.scores[ranked].astype(np.float64), _below(run.scores[ranked], len(rest))]
    joined = np.concatenate(scores).astype(np.float32)
    return Run(first.query_ids, first.offsets, np.concatenate(documents), joined, run.tag)


def _below(scores: Float32s, count: int) -> Float64s:
    """Return ``count`` falling scores below the lowest of ``scores``, different as float32 too."""
    lowest = float(scores.min()) if len(scores) else 0.0
    largest = np.float32(abs(lowest) + 2 * count)
    step = max(1.0, 4 * float(np.spacing(largest)))
    return lowest - step * np.arange(1, count + 1, dtype=np.float64)
