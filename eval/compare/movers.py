"""Queries that moved most between two systems, with the ranks of their relevant documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Float64s
from intrex.data.ids import as_bytes
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.eval.compare.comparison import Comparison
from intrex.eval.compare.resampling import TOLERANCE
from intrex.eval.measures import Measure

SHOWN_RANKS = 10


@dataclass(frozen=True)
class Mover:
    """Query of one pair, with the pair's p; ranks are of its relevant documents, best first, ``-`` for those not retrieved."""

    measure: str
    a: str
    b: str
    query: str
    value_a: float
    value_b: float
    difference: float
    ranks_a: str
    ranks_b: str
    text: str
    p: float
    p_corrected: float
    signature: str


SIDES: dict[str, Callable[[Float64s], Float64s]] = {"moved": np.abs, "gained": np.copy, "lost": np.negative}
"""How far a query goes in a direction, by the word for it."""


def movers(
    comparison: Comparison,
    runs: Sequence[Run],
    qrels: Qrels,
    measure: Measure,
    side: str,
    count: int,
    texts: Mapping[str, str],
) -> list[Mover]:
    """Return the queries of each pair that went farthest in a direction by the first measure; none that stayed.

    Args:
        comparison: its pairs and per-query values.
        runs: the systems' runs, in their order.
        qrels: the judgements; a document is relevant from the measure's level on.
        measure: the first measure of the comparison.
        side: of `SIDES`: moved either way, gained, or lost.
        count: queries for each pair.
        texts: query texts by id; a missing one stays empty.
    """
    data, rows = comparison.data, []
    level = relevant_from(measure)
    for (a, b), pair in zip(
        comparison.pairs, comparison.rows, strict=False
    ):  # rows of the first measure come first
        differences = np.where(data.shared((a, b)), data.values[:, b, 0] - data.values[:, a, 0], 0.0)
        distances = SIDES[side](differences)
        order = np.argsort(-distances.round(12), kind="stable")[:count]
        for i in order[distances[order] > TOLERANCE].tolist():
            query = data.query_ids[i]
            relevant = _relevant(qrels, query, level)
            rows.append(
                Mover(
                    data.measures[0], data.systems[a], data.systems[b], query,
                    float(data.values[i, a, 0]), float(data.values[i, b, 0]), float(differences[i]),
                    ranks_text(runs[a], query, relevant), ranks_text(runs[b], query, relevant), texts.get(query, ""),
                    pair.p, pair.p_corrected, comparison.signature,
                )
            )  # fmt: skip
    return rows


def relevant_from(measure: Measure) -> int:
    """Return the grade from which on a document is relevant to a measure."""
    return int(getattr(measure, "rel", None) or 1)


def _relevant(qrels: Qrels, query: str, level: int) -> set[bytes]:
    at = int(np.searchsorted(qrels.query_ids, as_bytes([query])[0]))
    rows = slice(qrels.offsets[at], qrels.offsets[at + 1])
    docs: list[bytes] = qrels.doc_ids[rows][qrels.grades[rows] >= level].tolist()
    return set(docs)


def ranks_text(run: Run, query: str, relevant: set[bytes]) -> str:
    """Spell the ranks of relevant documents in a run, for example ``1 4 -``; the first ten, then how many more there are."""
    key = as_bytes([query])[0]
    at = int(np.searchsorted(run.query_ids, key))
    hits: list[str] = []
    if at < len(run) and run.query_ids[at] == key:
        docs = run.doc_ids[run.offsets[at] : run.offsets[at + 1]].tolist()
        hits = [str(rank) for rank, doc in enumerate(docs, 1) if doc in relevant]
    texts = hits + ["-"] * (len(relevant) - len(hits))
    more = [f"+{len(texts) - SHOWN_RANKS}"] if len(texts) > SHOWN_RANKS else []
    return " ".join(texts[:SHOWN_RANKS] + more)
