"""Scoring several runs at once, each under a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from intrex.data.errors import UsageError
from intrex.data.locate import Judged
from intrex.data.run import Run
from intrex.eval.measures import Measure
from intrex.eval.scorefile import SystemScores
from intrex.eval.scoring import score
from intrex.eval.signature import Conditions, qrels_fingerprint, run_fingerprint

ALWAYS = Measure("Judged", 10)
"""Scored for every system: a leaderboard without it hides pool bias."""


def score_systems(
    judged: Judged, runs: Sequence[tuple[str, Run]], measures: Sequence[Measure], complete: bool = True
) -> list[SystemScores]:
    """Score runs against the same judgements.

    Args:
        judged: the judgements and where they come from.
        runs: (file name, run). Runs that share a tag stay apart: their name is ``tag (file name)``.
        measures: what to compute; Judged@10 is always added.
        complete: count a missing query as 0.

    Raises:
        BadInput: a run has none of the judged queries.
    """
    conditions = Conditions(judged.collection, judged.query_set, qrels_fingerprint(judged.qrels), complete)
    every = [*measures, *([] if ALWAYS in measures else [ALWAYS])]
    tags = Counter(run.tag for _, run in runs)
    if twice := [file for file, n in Counter(file for file, _ in runs).items() if n > 1]:
        raise UsageError(f"the run {twice[0]} is given twice")
    return [
        SystemScores(
            run.tag if tags[run.tag] == 1 else f"{run.tag} ({file})",
            score(judged.qrels, run, every),
            conditions,
            run_fingerprint(run),
        )
        for file, run in runs
    ]
