"""``intrex evaluate``: qrels and runs to scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from intrex.cli.common.evaluate_output import (
    notes,
    print_explained,
    print_pool_bias,
    print_scores,
    print_trec,
)
from intrex.cli.common.evaluate_request import EvaluateRequest
from intrex.cli.common.parameters import examples
from intrex.cli.common.request import takes

if TYPE_CHECKING:
    from intrex.data.locate import Judged
    from intrex.eval.measures import Measure
    from intrex.eval.scoring.scorefile import SystemScores


@examples(
    "intrex evaluate scifact:test bm25.txt.gz -m nDCG@10 -m R@100 --scores scores.jsonl",
    "intrex evaluate qrels.tsv bm25.txt.gz dense.txt.gz -m nDCG@10 -q",
)
@takes(EvaluateRequest)
def evaluate(request: EvaluateRequest) -> None:
    """Score runs against judgements. The rules (ties, missing, unjudged) are in docs/measures.md."""
    from contextlib import ExitStack

    from intrex.data.io.files import refuse_existing, spooled
    from intrex.data.locate import find_qrels
    from intrex.eval.leaderboard.by_split import find_fold, mark_fold
    from intrex.eval.measures.aliases import TEXTS
    from intrex.eval.measures.measure import DIVERSE
    from intrex.eval.overlap.unflagged import find_flags, with_unflagged
    from intrex.eval.scoring.scorefile import write_scores

    request.refuse_unsupported()
    measures = request.asked_measures()
    numeric = [m for m in measures if m.name not in TEXTS]
    request.refuse_clashes(numeric)
    if request.scores is not None:
        refuse_existing(request.scores, request.overwrite)
    fold = find_fold(request.trained_on) if request.trained_on is not None else None
    flags = find_flags(request.exclude) if request.exclude is not None else None
    judged = find_qrels(request.qrels, subtopics=any(m.name in DIVERSE for m in numeric))
    with ExitStack() as stack:  # a pipe can be read once, a run may be looked at several times
        runs = [stack.enter_context(spooled(path)) for path in request.runs]
        if request.explain is not None:
            print_explained(request, request.explain, judged, runs, numeric)
            return
        if request.pool_bias:
            print_pool_bias(request, judged, runs, numeric)
            return
        systems = _score(request, judged, runs, numeric)
        systems = with_unflagged(systems, *flags) if flags else systems
        if request.scores is not None:
            write_scores(mark_fold(systems, *fold) if fold else systems, request.scores, request.overwrite)
        if request.trec:
            print_trec(request, judged, runs[0], measures, systems[0])
        else:
            print_scores(request, systems, len(numeric))
    notes(systems, judged)


def _score(
    request: EvaluateRequest, judged: Judged, runs: list[Path], measures: list[Measure]
) -> list[SystemScores]:
    from intrex.eval.dialects.dialect import find_tool
    from intrex.eval.evaluate.systems import score_as, score_files

    rules = request.rules()
    if request.as_tool is None:
        return score_files(judged, runs, measures, rules, request.scores is not None)
    tool, level = find_tool(request.as_tool), request.level or 1
    return score_as(tool, judged, runs, measures, rules, request.complete is not None, level)
