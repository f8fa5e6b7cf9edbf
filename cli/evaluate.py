"""``intrex evaluate``: qrels and runs to scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.evaluate_output import (
    notes,
    print_explained,
    print_pool_bias,
    print_scores,
    print_sets,
    print_trec,
)
from intrex.cli.common.output import say
from intrex.cli.common.parameters import QrelsArgument, command
from intrex.data.errors import UsageError
from intrex.data.rankings.options import EvaluationSource
from intrex.eval.evaluate.options import EvaluateOptions

if TYPE_CHECKING:
    from intrex.data.locate import Judged
    from intrex.data.querysets import QuerySets
    from intrex.eval.measures import Measure
    from intrex.eval.scoring.scorefile import SystemScores
    from intrex.eval.splits.split import Split


@command(
    "intrex evaluate scifact:test bm25.txt.gz -m nDCG@10 -m R@100 --scores scores.jsonl",
    "intrex evaluate qrels.tsv bm25.txt.gz dense.txt.gz -m nDCG@10 -q",
    prints=True,
)
def evaluate(
    qrels: QrelsArgument,
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Runs, in any form of docs/formats.md; of several sets each 'runs/{set}.txt.gz' or a folder."
        ),
    ],
    *,
    options: EvaluateOptions,
    source: EvaluationSource,
) -> None:
    """Score runs against judgements. The rules (ties, missing, unjudged) are in docs/measures.md."""
    from contextlib import ExitStack

    from intrex.data.io.files import refuse_existing, spooled
    from intrex.data.locate import find_qrels
    from intrex.data.querysets import find_query_sets
    from intrex.eval.evaluate.request import refuse_clashes, refuse_unsupported, requested_measures
    from intrex.eval.leaderboard.by_split import find_fold, mark_fold
    from intrex.eval.measures.aliases import TEXTS
    from intrex.eval.measures.measure import DIVERSE
    from intrex.eval.overlap.unflagged import find_flags, with_unflagged
    from intrex.eval.scoring.scorefile import write_scores

    refuse_unsupported(options)
    measures = requested_measures(options)
    numeric = [m for m in measures if m.name not in TEXTS]
    refuse_clashes(options, len(runs), measures)
    if options.scores is not None:
        refuse_existing(options.scores, options.overwrite)
    if (sets := find_query_sets(qrels, options.sets)) is not None:
        with source.declared():
            _over_sets(options, sets, runs, numeric)
        return
    fold = find_fold(options.trained_on) if options.trained_on is not None else None
    flags = find_flags(options.exclude) if options.exclude is not None else None
    with source.declared(), ExitStack() as stack:
        if options.answers is not None:
            if source.qrels_columns:
                hint = "answers are JSON objects, or lines of id and a list between TABs; leave it out"
                raise UsageError("--qrels-columns is for judgements, and with --answers there are none", hint)
            _by_answers(options, qrels, runs, numeric, fold)
            return
        judged = find_qrels(qrels, subtopics=any(m.name in DIVERSE for m in numeric))
        if options.excluded is not None:
            judged = _exclude(judged, options.excluded)
        # a pipe can be read once, a run may be looked at several times
        runs = [stack.enter_context(spooled(path)) for path in runs]
        if options.explain is not None:
            print_explained(options, options.explain, judged, runs, numeric)
            return
        if options.pool_bias:
            print_pool_bias(options, judged, runs, numeric)
            return
        systems = _score(options, judged, runs, measures)
        systems = with_unflagged(systems, *flags) if flags else systems
        if options.scores is not None:
            write_scores(mark_fold(systems, *fold) if fold else systems, options.scores, options.overwrite)
        if options.trec:
            print_trec(options, judged, runs[0], measures, systems[0])
        else:
            print_scores(options, systems, len(numeric))
    notes(systems, judged, len(numeric) + (options.scores is not None))


def _over_sets(options: EvaluateOptions, sets: QuerySets, runs: list[Path], measures: list[Measure]) -> None:
    from intrex.eval.evaluate.request import requested_rules
    from intrex.eval.evaluate.sets import refuse_inputs, refuse_over_sets, run_scorer, score_sets
    from intrex.eval.scoring.scorefile import write_scores

    refuse_over_sets(options)
    if options.scores is not None:
        refuse_inputs(options.scores, sets, runs)
    score = run_scorer(measures, requested_rules(options), options.scores is not None)
    scored = score_sets(sets, runs, measures, score)
    if options.scores is not None:
        write_scores(scored.scores, options.scores, options.overwrite)
    print_sets(options, scored, len(measures))


def _by_answers(
    options: EvaluateOptions,
    answers: str,
    runs: list[Path],
    measures: list[Measure],
    fold: tuple[Split, str] | None,
) -> None:
    from intrex.data.collection import Collection
    from intrex.data.importers.answers import read_answers
    from intrex.eval.evaluate.answers import score_answers
    from intrex.eval.leaderboard.by_split import mark_fold
    from intrex.eval.scoring.scorefile import write_scores

    path = Path(answers)
    collection = Collection.open(options.answers or Path())
    complete = options.complete is not False
    systems = score_answers(path.name, read_answers(path), runs, measures, collection, complete)
    if options.scores is not None:
        write_scores(mark_fold(systems, *fold) if fold else systems, options.scores, options.overwrite)
    print_scores(options, systems, len(measures))


def _exclude(judged: Judged, path: Path) -> Judged:
    from intrex.data.exclusions import read_exclusions

    thinned = judged.without(read_exclusions(path))
    if lost := len(judged.qrels.doc_ids) - len(thinned.qrels.doc_ids):
        queries = len(judged.qrels) - len(thinned.qrels)
        gone = f", and {queries:,} queries of which none is left" if queries else ""
        say(f"note: {lost:,} judgements of excluded documents are left out{gone}")
    return thinned


def _score(
    options: EvaluateOptions, judged: Judged, runs: list[Path], measures: list[Measure]
) -> list[SystemScores]:
    from intrex.eval.dialects.tools import find_tool
    from intrex.eval.evaluate.request import requested_rules
    from intrex.eval.evaluate.systems import score_as, score_files
    from intrex.eval.measures.aliases import TEXTS

    rules = requested_rules(options)
    if options.as_tool is None:
        numeric = [m for m in measures if m.name not in TEXTS]
        return score_files(judged, runs, numeric, rules, options.scores is not None)
    tool, level = find_tool(options.as_tool), options.level or 1
    return score_as(tool, judged, runs, measures, rules, options.complete is not None, level)
