"""Requests to ``intrex evaluate``: the measures and rules that its options ask for, and what does not go together."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from intrex.data.errors import UsageError
from intrex.eval.dialects.arguments import JOINING, TREC_EVALS, first_parameters, joined_parameters
from intrex.eval.dialects.tools import find_tool
from intrex.eval.evaluate.options import TIES, EvaluateOptions
from intrex.eval.measures import Measure, parse_measures
from intrex.eval.measures.aliases import TEXTS
from intrex.eval.measures.measure import require_tie_aware
from intrex.eval.scoring.rules import Rules, SelfMatch, Ties

_log = logging.getLogger("intrex")
DEFAULT_MEASURES = ("nDCG@10", "RR@10", "R@100", "AP")
DEFAULT_BY_ANSWERS = ("Success@1", "Success@5", "Success@20", "Success@100")
_PREFERENCES = "preference judgements"
_TREC_KINDS = {"prefs": _PREFERENCES, "qrels_prefs": _PREFERENCES, "qrels_jg": "judgement groups"}


def requested_measures(options: EvaluateOptions) -> list[Measure]:
    """Parse the measures asked for, or those that the tool or the format has unless told otherwise.

    Raises:
        BadInput: an unknown measure.
        UsageError: the tool has another measure of that name, or one has no known expected value over tied documents.
    """
    measures = parse_measures(_texts(options), options.level, keep_texts=options.trec)
    if _without_order(options):
        require_tie_aware(m for m in measures if m.name not in TEXTS)
    last = max((i for i, m in enumerate(measures) if m.name == "relstring"), default=None)
    measures = [m for i, m in enumerate(measures) if m.name != "relstring" or i == last]
    return [_with_size(m, options.collection_size) for m in measures]


def _texts(options: EvaluateOptions) -> list[str]:
    """Return the measures asked for as they are spelt, one each; a note names those that trec_eval would leave out."""
    default = (
        ("official",) if options.trec else DEFAULT_MEASURES if options.answers is None else DEFAULT_BY_ANSWERS
    )
    texts = [name for text in options.measures or default for name in text.split()]
    if options.tool is None:
        return texts
    tool = find_tool(options.tool)
    if not options.measures and not options.trec:
        return tool.default_names(texts)
    texts = tool.tool_names(texts)
    if options.as_tool == JOINING:
        texts, lost = joined_parameters(texts)
        for text in dict.fromkeys(lost):
            _log.info(
                "%s is left out: %s computes a measure with the parameters given, not with its own",
                text,
                tool.name,
            )
        return texts
    if options.as_tool not in TREC_EVALS:
        return texts
    texts, lost = first_parameters(texts)
    for text in dict.fromkeys(lost):
        _log.info("%s is left out: %s keeps the parameters that a measure is given first", text, tool.name)
    return texts


def _with_size(measure: Measure, docs: int | None) -> Measure:
    """Tell the one measure that needs it how many documents the collection has (trec_eval's ``-N``)."""
    known = dict(measure.params)
    if docs is None or "docs" in known or not known.get("rest"):
        return measure
    return measure.with_params(docs=docs)


def _without_order(options: EvaluateOptions) -> bool:
    """Tell whether equal scores are left without an order."""
    return options.ties is not None and options.ties.endswith("expected")


def requested_rules(options: EvaluateOptions) -> Rules:
    """Return the rules of scoring that the options set."""
    ties = "f32-expected" if options.ties == "expected" else options.ties or TIES[0]
    bits, _, order = ties.partition("-")
    self_match = SelfMatch.drop if options.drop_self else SelfMatch.keep
    complete = options.complete is not False
    return Rules(int(bits[1:]), Ties(order), self_match, complete, options.judged_only, options.depth)


def refuse_unsupported(options: EvaluateOptions) -> None:
    """Raise `UsageError` on what trec_eval has and intrex does not, by its name."""
    if options.debug_level is not None:
        raise UsageError("debugging output (trec_eval's -D) is not supported")
    if options.results_format != "trec_results":
        raise UsageError(f"runs of this format (trec_eval's -T {options.results_format}) are not supported")
    if options.zscores is not None:
        raise UsageError("Z scores (trec_eval's -Z) are not supported")
    if options.rel_format != "qrels":
        judgements = _TREC_KINDS.get(options.rel_format, "judgements of this format")
        raise UsageError(f"{judgements} (trec_eval's -R {options.rel_format}) are not supported")


def _beside_answers(options: EvaluateOptions) -> list[str]:
    """Return the options given that scoring by answers has no use for."""
    given = {
        "--as": options.as_tool, "--explain-diff": options.explain, "--pool-bias": options.pool_bias,
        "--exclude": options.excluded, "--exclude-flagged": options.exclude, "--ties": options.ties, "-M": options.depth,
        "-J": options.judged_only, "--drop-self": options.drop_self, "--format trec": options.trec, "-l": options.level,
    }  # fmt: skip
    return [name for name, value in given.items() if value]


def refuse_clashes(options: EvaluateOptions, runs: int, measures: Sequence[Measure]) -> None:
    """Raise `UsageError` on options that do not go together, before anything is read.

    Args:
        options: of the command line.
        runs: how many there are.
        measures: what is asked for.
    """
    tool, expected = options.tool is not None, _without_order(options)
    texts_suffice = options.trec and options.scores is None
    needed = [m for m in measures if texts_suffice or m.name not in TEXTS]
    others = _beside_answers(options)
    clashes: list[tuple[bool, str, str | None]] = [
        (not needed, "no measure is named", "for example -m nDCG@10"),
        (options.trec and runs > 1, "--format trec prints one run, as trec_eval does", "give one run, or another format"),
        (options.trec and (options.pool_bias or options.explain is not None), "--format trec prints scores only", None),
        (bool(options.as_tool and options.explain), "--as and --explain-diff are two questions", "ask one at a time"),
        (bool(options.scores) and (tool or options.pool_bias), "--scores feeds the leaderboard, which holds intrex's own scores", "leave --as, --explain-diff and --pool-bias out"),
        (options.pool_bias and tool, "--pool-bias is of intrex's own scores", "leave --as and --explain-diff out"),
        (options.pool_bias and options.per_query, "--pool-bias prints means only", "leave -q out"),
        (bool(options.as_tool) and (options.ties is not None or options.drop_self), "the tool orders the run by its own rule", "leave --ties and --drop-self out"),
        (expected and options.depth is not None, "a cut by depth needs an order of equal scores", "leave -M out, and give the cutoff to the measures, as in AP@100"),
        (expected and options.pool_bias, "--pool-bias needs an order of equal scores", "leave --ties expected out"),
        (expected and "relstring" in " ".join(options.measures), "relstring needs an order of equal scores", "leave it or --ties expected out"),
        (bool(options.trained_on and options.exclude), "--trained-on is written with all scores", "leave --exclude-flagged out"),
        (options.answers is not None and bool(others), f"--answers and {others[0] if others else ''} do not go together", "answers tell only whether a retrieved text has one"),
        (options.excluded is not None and tool, "--exclude is of intrex's own scores", "leave --as and --explain-diff out"),
        (bool(options.exclude) and (options.trec or tool or options.pool_bias), "--exclude-flagged is of intrex's own scores", "leave the other option out"),
    ]  # fmt: skip
    for holds, message, hint in clashes:
        if holds:
            raise UsageError(message, hint)
