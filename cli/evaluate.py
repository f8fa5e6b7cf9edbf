"""``intrex evaluate``: qrels and runs to scores."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.evaluate_output import (
    ScoreFormat,
    notes,
    print_explained,
    print_pool_bias,
    print_scores,
    print_trec,
)
from intrex.cli.common.parameters import examples
from intrex.data.errors import UsageError

if TYPE_CHECKING:
    from intrex.data.locate import Judged
    from intrex.eval.measures import Measure
    from intrex.eval.scoring.rules import Rules
    from intrex.eval.scoring.scorefile import SystemScores

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "R@100", "AP")


class TieRule(StrEnum):
    """How equal scores are ordered, and as floats of how many bits they are compared."""

    f32_docid_desc = "f32-docid-desc"
    f32_docid_asc = "f32-docid-asc"
    f32_file = "f32-file"
    f64_docid_desc = "f64-docid-desc"
    f64_docid_asc = "f64-docid-asc"
    f64_file = "f64-file"


@examples(
    "intrex evaluate scifact:test bm25.txt.gz -m nDCG@10 -m R@100 --scores scores.jsonl",
    "intrex evaluate qrels.tsv bm25.txt.gz dense.txt.gz -m nDCG@10 -q",
)
def evaluate(
    qrels: Annotated[str, typer.Argument(help="A qrels file (TREC or BEIR), or COLLECTION:SET.")],
    runs: Annotated[list[Path], typer.Argument(help="Runs: TREC, MS MARCO or JSON.")],
    measures: Annotated[
        list[str] | None,
        typer.Option(
            "-m",
            "--measure",
            help="For example nDCG@10, P(rel=2)@5, or trec_eval's, ranx's, BEIR's or MTEB's names; may be repeated, "
            "or several with blanks between them. Unless given: nDCG@10 RR@10 R@100 AP (trec_eval's official ones with "
            "--format trec, what the tool has of them with --as).",
        ),
    ] = None,
    per_query: Annotated[bool, typer.Option("-q", "--by-query", help="Every query's values too.")] = False,
    no_summary: Annotated[
        bool, typer.Option("-n", "--no-summary", help="With -q: without the line of all queries.")
    ] = False,
    complete: Annotated[
        bool | None,
        typer.Option(
            "--complete/--no-complete",
            "-c",
            show_default=False,
            help="Count judged queries that a run lacks as empty rankings (the default, except with --as), or leave "
            "them out.",
        ),
    ] = None,
    level: Annotated[
        int | None,
        typer.Option("-l", "--level", min=1, help="Grade from which a document is relevant; nDCG has none."),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            "-M", "--depth", min=1, max=2**31 - 1, help="Score only this many documents of each ranking."
        ),
    ] = None,
    judged_only: Annotated[
        bool, typer.Option("-J", "--judged-only", help="Take unjudged documents out of the rankings first.")
    ] = False,
    ties: Annotated[
        TieRule | None,
        typer.Option(
            "--ties",
            help="How equal scores are ordered, compared as 32- or 64-bit floats; f32-docid-desc unless given.",
        ),
    ] = None,
    drop_self: Annotated[
        bool,
        typer.Option("--drop-self", help="Take documents with the query's own id out first, as BEIR does."),
    ] = False,
    as_tool: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="TOOL",
            help="Score by the rules of trec_eval9, trec_eval10, pytrec_eval, ir_measures, ranx, beir or mteb.",
        ),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain-diff",
            metavar="TOOL",
            help="Which queries that tool scores differently, and why; csv and jsonl hold the queries only.",
        ),
    ] = None,
    theirs: Annotated[
        Path | None,
        typer.Option(
            "--theirs", help="With --explain-diff: what the tool printed (trec_eval -q, or a JSON object)."
        ),
    ] = None,
    pool_bias: Annotated[
        bool,
        typer.Option(
            "--pool-bias", help="For nDCG: bounds, the condensed-list value, and how much was judged."
        ),
    ] = False,
    scores: Annotated[
        Path | None,
        typer.Option("--scores", help="Write every query's values as JSON lines, for the leaderboard."),
    ] = None,
    trained_on: Annotated[
        str | None,
        typer.Option(
            "--trained-on",
            metavar="SPLIT:FOLD",
            help="With --scores: the fold that the systems were trained on, for leaderboard build --split.",
        ),
    ] = None,
    exclude: Annotated[
        str | None,
        typer.Option(
            "--exclude-flagged",
            metavar="FLAGS[:KIND+KIND]",
            help="Also score without the queries that `intrex overlap` flagged, all kinds or those named.",
        ),
    ] = None,
    form: Annotated[
        ScoreFormat | None, typer.Option("--format", help="Table on a terminal, CSV elsewhere, unless given.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --scores.")] = False,
    rel_format: Annotated[str, typer.Option("-R", hidden=True, help="trec_eval's: only qrels.")] = "qrels",
    zscores: Annotated[str | None, typer.Option("-Z", hidden=True, help="trec_eval's: refused.")] = None,
) -> None:
    """Score runs against judgements. The rules (ties, missing, unjudged) are in docs/measures.md."""
    from contextlib import ExitStack

    from intrex.data.io.files import refuse_existing, spooled
    from intrex.data.locate import find_qrels
    from intrex.eval.dialects.dialect import find_tool
    from intrex.eval.leaderboard.by_split import find_fold, of_fold
    from intrex.eval.measures import parse_measures
    from intrex.eval.measures.aliases import TEXTS
    from intrex.eval.measures.measure import DIVERSE
    from intrex.eval.overlap.unflagged import find_flags, with_unflagged
    from intrex.eval.scoring.rules import Rules, SelfMatch, Ties
    from intrex.eval.scoring.scorefile import write_scores

    _refuse_trec_eval(rel_format, zscores)
    trec = form is ScoreFormat.trec
    default = ("official",) if trec else DEFAULT_MEASURES
    texts = [m for text in measures or default for m in text.split()]
    if tool := as_tool or explain:
        texts = find_tool(tool).named(texts) if measures or trec else find_tool(tool).usual(texts)
    asked = parse_measures(texts, level, keep_texts=trec)
    asked = [
        m for i, m in enumerate(asked) if m.name != "relstring" or not _named(asked[i + 1 :], "relstring")
    ]
    numeric = [m for m in asked if m.name not in TEXTS]
    _refuse_clashes(
        numeric,
        trec,
        len(runs),
        no_summary and not per_query,
        as_tool,
        explain,
        theirs,
        scores,
        pool_bias,
        ties is not None or drop_self,
        per_query,
    )
    if trained_on is not None and (scores is None or exclude is not None):
        raise UsageError(
            "--trained-on is written with all scores", "add --scores FILE, leave --exclude-flagged out"
        )
    if exclude is not None and (trec or as_tool or explain or pool_bias):
        raise UsageError("--exclude-flagged is of intrex's own scores", "leave the other option out")
    if scores is not None:
        refuse_existing(scores, overwrite)
    place = find_fold(trained_on) if trained_on is not None else None
    flags = find_flags(exclude) if exclude is not None else None
    bits, _, rule = (ties or TieRule.f32_docid_desc).value.partition("-")
    rules = Rules(
        int(bits[1:]),
        Ties(rule),
        SelfMatch.drop if drop_self else SelfMatch.keep,
        complete is not False,
        judged_only,
        depth,
    )
    judged = find_qrels(qrels, subtopics=any(m.name in DIVERSE for m in numeric))
    given = complete is not None
    with ExitStack() as opened:  # a pipe can be read once, a run may be looked at several times
        runs = [opened.enter_context(spooled(path)) for path in runs]
        if explain is not None:
            print_explained(explain, judged, runs, numeric, rules, given, level or 1, theirs, per_query, form)
            return
        if pool_bias:
            print_pool_bias(judged, runs, numeric, rules, form)
            return
        systems = _score(as_tool, judged, runs, numeric, rules, given, level or 1, scores is not None)
        systems = with_unflagged(systems, *flags) if flags else systems
        if scores is not None:
            write_scores(of_fold(systems, *place) if place else systems, scores, overwrite)
        if trec:
            print_trec(judged, runs[0], asked, systems[0], per_query, not no_summary)
        else:
            print_scores(systems, len(numeric), per_query, not no_summary, form)
    notes(systems, judged)


def _named(measures: list[Measure], name: str) -> bool:
    return any(m.name == name for m in measures)


def _refuse_trec_eval(rel_format: str, zscores: str | None) -> None:
    """What trec_eval has and intrex does not, by its name."""
    if zscores is not None:
        raise UsageError("Z scores (trec_eval's -Z) are not supported")
    kinds = {
        "prefs": "preference judgements",
        "qrels_prefs": "preference judgements",
        "qrels_jg": "judgement groups",
    }
    if rel_format != "qrels":
        what = kinds.get(rel_format, "judgements of this format")
        raise UsageError(f"{what} (trec_eval's -R {rel_format}) are not supported")


def _refuse_clashes(
    numeric: list[Measure],
    trec: bool,
    n_runs: int,
    silent: bool,
    as_tool: str | None,
    explain: str | None,
    theirs: Path | None,
    scores: Path | None,
    pool_bias: bool,
    ordered: bool,
    per_query: bool,
) -> None:
    """Refuse what must not be asked for at once, before anything is read."""
    other = bool(as_tool or explain)
    clashes: list[tuple[bool, str, str | None]] = [
        (not numeric, "no measure is named", "for example -m nDCG@10"),
        (silent, "-n leaves nothing to print without -q", None),
        (
            trec and n_runs > 1,
            "--format trec prints one run, as trec_eval does",
            "give one run, or another format",
        ),
        (trec and (pool_bias or explain is not None), "--format trec prints scores only", None),
        (bool(as_tool and explain), "--as and --explain-diff are two questions", "ask one at a time"),
        (
            bool(theirs and not explain),
            "--theirs is what --explain-diff compares with",
            "add --explain-diff TOOL",
        ),
        (
            bool(scores) and (other or pool_bias),
            "--scores feeds the leaderboard, which holds intrex's own scores",
            "leave --as, --explain-diff and --pool-bias out",
        ),
        (pool_bias and other, "--pool-bias is of intrex's own scores", "leave --as and --explain-diff out"),
        (pool_bias and per_query, "--pool-bias prints means only", "leave -q out"),
        (
            bool(as_tool) and ordered,
            "the tool orders the run by its own rule",
            "leave --ties and --drop-self out",
        ),
    ]
    for holds, what, hint in clashes:
        if holds:
            raise UsageError(what, hint)


def _score(
    as_tool: str | None,
    judged: Judged,
    runs: list[Path],
    measures: list[Measure],
    rules: Rules,
    complete_given: bool,
    level: int,
    digest: bool,
) -> list[SystemScores]:
    from intrex.eval.dialects.dialect import find_tool
    from intrex.eval.evaluate.systems import score_as, score_files

    if as_tool is None:
        return score_files(judged, runs, measures, rules, digest)
    return score_as(find_tool(as_tool), judged, runs, measures, rules, complete_given, level)
