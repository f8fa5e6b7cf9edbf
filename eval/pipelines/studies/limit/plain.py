"""Optimisation of free embeddings by numpy, where there are no kernels: the same steps, other last bits."""

from __future__ import annotations

import numpy as np

from intrex.data.arrays import Float32s, Int32s

Found = tuple[float, int, float]
"""Best accuracy, steps that were made, last loss."""


def optimise(
    queries: Float32s, documents: Float32s, sets: Int32s, settings: Float32s, steps: int, every: int, patience: int
) -> Found:  # fmt: skip
    """Optimise vectors in place until every query has its documents first; see `intrex.eval.pipelines.studies.limit.free`.

    Args:
        queries: [m, d], of length 1.
        documents: [n, d], of length 1.
        sets: [m, k] rows of the relevant documents.
        settings: of `FreeSettings.numbers`.
        steps: at most.
        every: steps between two looks at the accuracy.
        patience: steps without a better loss after which it stops.
    """
    rate, inverse, beta_1, beta_2, epsilon, delta = settings
    relevant = np.zeros((len(sets), len(documents)), np.float32)
    np.put_along_axis(relevant, sets.astype(np.int64), np.float32(1), axis=1)
    parts = (queries, documents)
    moments = [(np.zeros_like(part), np.zeros_like(part)) for part in parts]
    best, stale, accuracy, loss = np.inf, 0, 0.0, np.inf
    power_1 = power_2 = 1.0
    for step in range(steps):
        loss, slopes = _slopes(queries, documents, relevant, sets.shape[1], inverse)
        power_1, power_2 = power_1 * float(beta_1), power_2 * float(beta_2)
        one, two = np.float32(1 / (1 - power_1)), np.float32(1 / (1 - power_2))
        for part, slope, (mean, square) in zip(parts, slopes, moments, strict=True):
            mean += (1 - beta_1) * (slope - mean)
            square += (1 - beta_2) * (slope * slope - square)
            part -= rate * (mean * one) / (np.sqrt(square * two) + epsilon)
            part /= np.linalg.norm(part, axis=1, keepdims=True)
        if loss < best - delta:
            best, stale = loss, 0
        else:
            stale += 1
            if stale >= patience:
                break
        if step % every == 0 or step == steps - 1:
            accuracy = max(accuracy, count_hits(queries, documents, sets) / sets.size)
            if accuracy == 1:
                break
    return accuracy, step + 1, loss


def _slopes(
    queries: Float32s, documents: Float32s, relevant: Float32s, k: int, inverse: np.float32
) -> tuple[float, tuple[Float32s, Float32s]]:
    """Return the loss, and its derivatives by the queries and by the documents."""
    m = len(queries)
    logits = (queries @ documents.T - 1) * inverse
    weights = np.exp(logits)
    totals = weights.sum(axis=1, keepdims=True)
    loss = float(
        np.log(totals, dtype=np.float64).mean() - (logits * relevant).sum(dtype=np.float64) / (m * k)
    )
    weights /= totals
    weights -= relevant / np.float32(k)
    weights *= inverse / np.float32(m)
    return loss, (weights @ documents, weights.T @ queries)


def count_hits(queries: Float32s, documents: Float32s, sets: Int32s) -> int:
    """Count relevant documents among the k best of their queries; one that ties with a document that is not is not there."""
    scores = queries @ documents.T
    rows = sets.astype(np.int64)
    good = np.take_along_axis(scores, rows, axis=1)
    wrong = scores.copy()
    np.put_along_axis(wrong, rows, -np.inf, axis=1)
    before = (wrong[:, :, None] >= good[:, None, :]).sum(axis=1) + (good[:, :, None] > good[:, None, :]).sum(
        axis=1
    )
    return int((before < sets.shape[1]).sum())
