"""Probability of relevance at a score: isotonic regression on judged training queries.

Source: Zadrozny and Elkan, KDD 2002 (calibration by pool-adjacent-violators). It never falls with the score, so that a
least probability is a least score.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from intrex.data.arrays import Bools, Float32s, Float64s
from intrex.data.errors import BadInput
from intrex.data.ids import as_strings
from intrex.data.qrels import Qrels
from intrex.data.run import Run


class Fitted(NamedTuple):
    """A fitted relation of score and probability, and what it was fitted on.

    Attributes:
        scores: [m] different scores, rising.
        probabilities: [m] of relevance, never falling.
        queries: number of queries.
        documents: number of documents.
        relevant: those of them that are relevant.
    """

    scores: Float32s
    probabilities: Float64s
    queries: int
    documents: int
    relevant: int

    def least_score(self, probability: float) -> float:
        """Return the least fitted score of a probability or more, infinity where none has it."""
        at = int(np.searchsorted(self.probabilities, probability))
        return float(self.scores[at]) if at < len(self.scores) else float("inf")


def fit_probability(run: Run, qrels: Qrels, depth: int) -> Fitted:
    """Fit the probability that a document of the first ``depth`` is relevant, by its score.

    Documents without a judgement count as not relevant.

    Args:
        run: rankings of the system whose scores they are.
        qrels: judgements; queries that only one of the two has are left out.
        depth: documents of each query.

    Raises:
        BadInput: the run has none of the judged queries, or no relevant document among those.
    """
    judged = relevant_documents(qrels)
    queries, scores, hits = 0, list[np.float32](), list[bool]()
    for query, documents, values in run.rankings():
        grades = judged.get(query.decode())
        if grades is None:
            continue
        queries += 1
        scores += values[:depth].tolist()
        hits += [document in grades for document in as_strings(documents[:depth])]
    if not any(hits):
        raise BadInput(
            f"no relevant document is among the {len(hits):,} of {queries:,} training queries in the run {run.tag}",
            "--fit names judged queries, --fit-run a run of the same system that answers them",
        )
    levels, probabilities = _isotonic(np.array(scores, np.float32), np.array(hits))
    return Fitted(levels, probabilities, queries, len(hits), sum(hits))


def relevant_documents(qrels: Qrels) -> dict[str, set[str]]:
    """Return the documents of grade 1 or more of each judged query."""
    documents, grades = as_strings(qrels.doc_ids), qrels.grades.tolist()
    spans = zip(
        as_strings(qrels.query_ids), qrels.offsets[:-1].tolist(), qrels.offsets[1:].tolist(), strict=True
    )
    return {query: {documents[i] for i in range(low, high) if grades[i] >= 1} for query, low, high in spans}


def _isotonic(scores: Float32s, hits: Bools) -> tuple[Float32s, Float64s]:
    from scipy.optimize import isotonic_regression

    levels, number = np.unique(scores, return_inverse=True)
    sizes = np.bincount(number)
    shares = np.bincount(number, weights=hits) / sizes
    return levels, np.asarray(isotonic_regression(shares, weights=sizes).x, np.float64)
