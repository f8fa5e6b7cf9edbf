"""Scoring runs against judgements: every query once, then one figure for each measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from intrex.data.arrays import Bools, Float64s
from intrex.data.errors import BadInput
from intrex.data.ids import as_strings
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.eval.measures import Measure, Rankings, parse_measures
from intrex.eval.measures.ties import TiedRankings
from intrex.eval.scoring.matching import RunHits, match
from intrex.eval.scoring.rules import Rules, SelfMatch, Ties


@dataclass(frozen=True)
class Scores:
    """Per-query values of one run.

    Attributes:
        measures: the measures, canonical.
        query_ids: [q] the queries of the qrels, in byte order.
        values: [q, m] float64; a query that the run does not answer is scored as an empty ranking.
        answered: [q] bool, whether the run has the query.
        n_extra: queries of the run that the qrels do not have; they play no part.
        left_out: [q, m] bool, the queries that each measure is not averaged over, where another tool's rules say so
            (``--as``); otherwise None, and ``complete`` decides for all measures.
        figures: another tool's, where it may compute them in its own way.
    """

    measures: tuple[Measure, ...]
    query_ids: list[str]
    values: Float64s
    answered: Bools
    n_extra: int = 0
    left_out: Bools | None = None
    figures: Mapping[Measure, float] = field(default_factory=dict)

    @property
    def n_missing(self) -> int:
        """Queries of the qrels that the run does not answer."""
        return int((~self.answered).sum())

    def means(self, complete: bool = True) -> dict[str, float]:
        """Return one figure of each measure, over all queries of the qrels or only over those answered.

        A mean, for counts the sum, for gm_map and gm_bpref the geometric mean.

        Args:
            complete: count a missing query as an empty ranking (trec_eval's ``-c``); otherwise leave it out.
        """
        counted = self.counted(complete)
        return {
            str(m): self.figures[m] if m in self.figures else m.aggregate(self.values[counted[:, i], i])
            for i, m in enumerate(self.measures)
        }

    def counted(self, complete: bool = True) -> Bools:
        """Tell which queries [q, m] each measure's figure is of."""
        if self.left_out is not None:
            return ~self.left_out
        return np.repeat((self.answered | complete)[:, None], len(self.measures), axis=1)


def score(qrels: Qrels, run: Run, measures: Sequence[Measure], rules: Rules | None = None) -> Scores:
    """Score every query of the qrels.

    Raises:
        BadInput: the run has none of the queries that were judged.
    """
    rules = rules or Rules()
    hits = match(
        qrels, run, rules.self_match is SelfMatch.drop, digest=False, tied=rules.ties is Ties.expected
    )
    require_judged(qrels, hits, as_strings(run.query_ids[:3]))
    return score_hits(qrels, hits, measures, rules)


def score_hits(qrels: Qrels, hits: RunHits, measures: Sequence[Measure], rules: Rules) -> Scores:
    """Score the hits that `match` found."""
    rankings = rankings_of(qrels, hits, rules)
    values = np.empty((len(qrels), len(measures)), np.float64)
    for i, measure in enumerate(measures):
        values[:, i] = measure.values(rankings)
    answered = hits.answered
    return Scores(tuple(measures), as_strings(qrels.query_ids), values, answered, hits.n_extra)


def rankings_of(qrels: Qrels, hits: RunHits, rules: Rules) -> Rankings:
    """Return the rankings as measures see them, cut and thinned by the rules."""
    places = hits.retrieved, hits.offsets, hits.ranks, qrels.grades[hits.rows]
    rows = hits.rows if qrels.subtopics else None
    columns = (*places, qrels.offsets, qrels.pool, hits.strays, rows, qrels.subtopics)
    if hits.tied is None:
        rankings = Rankings(*columns)
    else:
        rankings = TiedRankings(*columns, first=hits.tied[0], size=hits.tied[1])
    if rules.depth is not None:
        rankings = rankings.cut(rules.depth)
    return rankings.judged_only() if rules.judged_only else rankings


def queries_without_relevant(qrels: Qrels) -> list[str]:
    """List the judged queries without a document of positive grade."""
    best = np.maximum.reduceat(qrels.grades, qrels.offsets[:-1]) if len(qrels) else qrels.grades
    return as_strings(qrels.query_ids[best <= 0])


def require_judged(qrels: Qrels, hits: RunHits, examples: Sequence[str]) -> None:
    """Raise `BadInput` when the run has none of the judged queries; ``examples`` of its queries are named."""
    if hits.answered.any():
        return
    judged = ", ".join(as_strings(qrels.query_ids[:3]))
    raise BadInput(
        f"the run {hits.tag} has none of the {len(qrels):,} judged queries",
        f"its queries are {', '.join(examples) or 'none'} ..., the judged ones {judged} ...; are these the right qrels?",
    )


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
        complete: count a query that the run lacks as an empty ranking; otherwise leave it out.

    Returns:
        ``{measure: figure}``, with canonical names.

    Raises:
        BadInput: ids, grades or scores that cannot be, or a run without any judged query.
        UsageError: an unknown measure.

    >>> evaluate({"q1": {"d1": 1, "d2": 0}}, {"q1": {"d2": 2.0, "d1": 1.0}}, ["RR@10", "P@1"])
    {'RR@10': 0.5, 'P@1': 0.0}
    """
    scores = score(Qrels.from_dict(qrels), Run.from_dict(run), parse_measures(measures))
    return scores.means(complete)
