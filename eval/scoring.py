"""Scoring runs against judgements: every query once, then means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from intrex.data.errors import BadInput
from intrex.data.ids import as_strings
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.eval.measures import Measure, Ranking, parse_measures


@dataclass(frozen=True)
class Scores:
    """Per-query values of one run.

    Attributes:
        measures: the measures, canonical.
        query_ids: [q] the queries of the qrels, in byte order.
        values: [q, m] float64; a query that the run does not answer has 0 everywhere.
        answered: [q] bool, whether the run has the query.
        n_extra: queries of the run that the qrels do not have; they play no part.
    """

    measures: tuple[Measure, ...]
    query_ids: list[str]
    values: npt.NDArray[np.float64]
    answered: npt.NDArray[np.bool_]
    n_extra: int = 0

    @property
    def n_missing(self) -> int:
        """Queries of the qrels that the run does not answer."""
        return int((~self.answered).sum())

    def means(self, complete: bool = True) -> dict[str, float]:
        """Mean of each measure, over all queries of the qrels or only over those answered.

        Args:
            complete: count a missing query as 0 (trec_eval's ``-c``); otherwise leave it out.
        """
        values = self.values if complete else self.values[self.answered]
        return {str(m): float(np.mean(values[:, i])) for i, m in enumerate(self.measures)}


def score(qrels: Qrels, run: Run, measures: Sequence[Measure]) -> Scores:
    """Score every query of the qrels.

    Raises:
        BadInput: the run has none of the queries that were judged.
    """
    values = np.zeros((len(qrels), len(measures)), np.float64)
    answered = np.zeros(len(qrels), np.bool_)
    functions = [m.function for m in measures]
    for i, ranking in _rankings(qrels, run):
        answered[i] = True
        for j, (measure, function) in enumerate(zip(measures, functions, strict=True)):
            values[i, j] = function(ranking, measure.cutoff, measure.rel)
    if not answered.any():
        some = ", ".join(as_strings(run.query_ids[:3])) or "none"
        ours = ", ".join(as_strings(qrels.query_ids[:3]))
        raise BadInput(
            f"the run {run.tag} has none of the {len(qrels):,} judged queries",
            f"its queries are {some} ..., the judged ones {ours} ...; are these the right qrels?",
        )
    extra = len(run) - int(answered.sum())
    return Scores(tuple(measures), as_strings(qrels.query_ids), values, answered, extra)


def _rankings(qrels: Qrels, run: Run) -> Iterator[tuple[int, Ranking]]:
    """Yield (row of the query in the qrels, its ranking) of each query that both have."""
    rows = {query: i for i, query in enumerate(qrels.query_ids.tolist())}
    for query, docs, _ in run.rankings():
        if query not in rows:
            continue
        i = rows[query]
        own = slice(qrels.offsets[i], qrels.offsets[i + 1])
        known, grades = qrels.doc_ids[own], qrels.grades[own]
        at = np.minimum(np.searchsorted(known, docs), len(known) - 1)
        judged = known[at] == docs
        yield i, Ranking(np.where(judged, grades[at], 0), judged, np.sort(grades)[::-1])


def evaluate(
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Mapping[str, float]],
    measures: Sequence[str],
    complete: bool = True,
) -> dict[str, float]:
    """Score plain dicts, by the same rules as ``intrex evaluate``.

    Args:
        qrels: ``{query: {document: grade}}``.
        run: ``{query: {document: score}}``.
        measures: for example ``["nDCG@10", "R@100"]``.
        complete: count a query that the run lacks as 0; otherwise leave it out.

    Returns:
        ``{measure: mean}``, with canonical names.

    Raises:
        BadInput: ids, grades or scores that cannot be, or a run without any judged query.
        UsageError: an unknown measure.

    >>> evaluate({"q1": {"d1": 1, "d2": 0}}, {"q1": {"d2": 2.0, "d1": 1.0}}, ["RR@10", "P@1"])
    {'RR@10': 0.5, 'P@1': 0.0}
    """
    scores = score(Qrels.from_dict(qrels), Run.from_dict(run), parse_measures(measures))
    return scores.means(complete)
