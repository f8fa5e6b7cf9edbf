"""Options of ``intrex evaluate``: declared once, read by the command and by the writer of its results."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.data.errors import UsageError

if TYPE_CHECKING:
    from intrex.eval.measures import Measure
    from intrex.eval.scoring.rules import Rules

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "R@100", "AP")


class ScoreFormat(StrEnum):
    """Format of printed scores: that of any table, or trec_eval's."""

    table = "table"
    csv = "csv"
    jsonl = "jsonl"
    md = "md"
    latex = "latex"
    trec = "trec"


class TieRule(StrEnum):
    """Order of equal scores, and the bits of the floats that are compared."""

    f32_docid_desc = "f32-docid-desc"
    f32_docid_asc = "f32-docid-asc"
    f32_file = "f32-file"
    f64_docid_desc = "f64-docid-desc"
    f64_docid_asc = "f64-docid-asc"
    f64_file = "f64-file"


@dataclass(frozen=True)
class EvaluateRequest:
    """Request to ``intrex evaluate``, with the help that it prints."""

    qrels: Annotated[str, typer.Argument(help="A qrels file (TREC or BEIR), or COLLECTION:SET.")]
    runs: Annotated[list[Path], typer.Argument(help="Runs: TREC, MS MARCO or JSON.")]
    measures: Annotated[
        list[str] | None,
        typer.Option(
            "-m",
            "--measure",
            help="For example nDCG@10, P(rel=2)@5, or trec_eval's, ranx's, BEIR's or MTEB's names; may be repeated, "
            "or several with blanks between them. Unless given: nDCG@10 RR@10 R@100 AP (trec_eval's official ones with "
            "--format trec, what the tool has of them with --as).",
        ),
    ] = None
    per_query: Annotated[bool, typer.Option("-q", "--by-query", help="Every query's values too.")] = False
    no_summary: Annotated[
        bool, typer.Option("-n", "--no-summary", help="With -q: without the line of all queries.")
    ] = False
    complete: Annotated[
        bool | None,
        typer.Option(
            "--complete/--no-complete",
            "-c",
            show_default=False,
            help="Count judged queries that a run lacks as empty rankings (the default, except with --as), or leave "
            "them out.",
        ),
    ] = None
    level: Annotated[
        int | None,
        typer.Option("-l", "--level", min=1, help="Grade from which a document is relevant; nDCG has none."),
    ] = None
    depth: Annotated[
        int | None,
        typer.Option(
            "-M", "--depth", min=1, max=2**31 - 1, help="Score only this many documents of each ranking."
        ),
    ] = None
    judged_only: Annotated[
        bool, typer.Option("-J", "--judged-only", help="Take unjudged documents out of the rankings first.")
    ] = False
    ties: Annotated[
        TieRule | None,
        typer.Option(
            "--ties",
            help="How equal scores are ordered, compared as 32- or 64-bit floats; f32-docid-desc unless given.",
        ),
    ] = None
    drop_self: Annotated[
        bool,
        typer.Option("--drop-self", help="Take documents with the query's own id out first, as BEIR does."),
    ] = False
    as_tool: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="TOOL",
            help="Score by the rules of trec_eval9, trec_eval10, pytrec_eval, ir_measures, ranx, beir or mteb.",
        ),
    ] = None
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain-diff",
            metavar="TOOL",
            help="Which queries that tool scores differently, and why; csv and jsonl hold the queries only.",
        ),
    ] = None
    tool_file: Annotated[
        Path | None,
        typer.Option(
            "--theirs", help="With --explain-diff: what the tool printed (trec_eval -q, or a JSON object)."
        ),
    ] = None
    pool_bias: Annotated[
        bool,
        typer.Option(
            "--pool-bias", help="For nDCG: bounds, the condensed-list value, and how much was judged."
        ),
    ] = False
    scores: Annotated[
        Path | None,
        typer.Option("--scores", help="Write every query's values as JSON lines, for the leaderboard."),
    ] = None
    trained_on: Annotated[
        str | None,
        typer.Option(
            "--trained-on",
            metavar="SPLIT:FOLD",
            help="With --scores: the fold that the systems were trained on, for leaderboard build --split.",
        ),
    ] = None
    exclude: Annotated[
        str | None,
        typer.Option(
            "--exclude-flagged",
            metavar="FLAGS[:KIND+KIND]",
            help="Also score without the queries that `intrex overlap` flagged, all kinds or those named.",
        ),
    ] = None
    form: Annotated[
        ScoreFormat | None, typer.Option("--format", help="Table on a terminal, CSV elsewhere, unless given.")
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --scores.")] = False
    rel_format: Annotated[str, typer.Option("-R", hidden=True, help="trec_eval's: only qrels.")] = "qrels"
    zscores: Annotated[str | None, typer.Option("-Z", hidden=True, help="trec_eval's: refused.")] = None

    @property
    def trec(self) -> bool:
        """True where scores are printed as trec_eval prints them."""
        return self.form is ScoreFormat.trec

    def asked_measures(self) -> list[Measure]:
        """Parse the measures asked for, or those that the tool or the format has unless told otherwise.

        Raises:
            UsageError: an unknown tool.
            BadInput: an unknown measure.
        """
        from intrex.eval.dialects.dialect import find_tool
        from intrex.eval.measures import parse_measures

        default = ("official",) if self.trec else DEFAULT_MEASURES
        texts = [name for text in self.measures or default for name in text.split()]
        if tool := self.as_tool or self.explain:
            named = self.measures or self.trec
            texts = find_tool(tool).tool_names(texts) if named else find_tool(tool).default_names(texts)
        measures = parse_measures(texts, self.level, keep_texts=self.trec)
        last = max((i for i, m in enumerate(measures) if m.name == "relstring"), default=None)
        return [m for i, m in enumerate(measures) if m.name != "relstring" or i == last]

    def rules(self) -> Rules:
        """Return the rules of scoring that the options set."""
        from intrex.eval.scoring.rules import Rules, SelfMatch, Ties

        bits, _, order = (self.ties or TieRule.f32_docid_desc).value.partition("-")
        self_match = SelfMatch.drop if self.drop_self else SelfMatch.keep
        return Rules(
            int(bits[1:]), Ties(order), self_match, self.complete is not False, self.judged_only, self.depth
        )

    def refuse_unsupported(self) -> None:
        """Raise `UsageError` on what trec_eval has and intrex does not, by its name."""
        if self.zscores is not None:
            raise UsageError("Z scores (trec_eval's -Z) are not supported")
        preferences = "preference judgements"
        kinds = {"prefs": preferences, "qrels_prefs": preferences, "qrels_jg": "judgement groups"}
        if self.rel_format != "qrels":
            judgements = kinds.get(self.rel_format, "judgements of this format")
            raise UsageError(f"{judgements} (trec_eval's -R {self.rel_format}) are not supported")

    def refuse_clashes(self, numeric: list[Measure]) -> None:
        """Raise `UsageError` on options that do not go together, before anything is read.

        Args:
            numeric: the measures asked for that are numbers.
        """
        tool = bool(self.as_tool or self.explain)
        clashes: list[tuple[bool, str, str | None]] = [
            (not numeric, "no measure is named", "for example -m nDCG@10"),
            (self.no_summary and not self.per_query, "-n leaves nothing to print without -q", None),
            (self.trec and len(self.runs) > 1, "--format trec prints one run, as trec_eval does", "give one run, or another format"),
            (self.trec and (self.pool_bias or self.explain is not None), "--format trec prints scores only", None),
            (bool(self.as_tool and self.explain), "--as and --explain-diff are two questions", "ask one at a time"),
            (bool(self.tool_file and not self.explain), "--theirs is what --explain-diff compares with", "add --explain-diff TOOL"),
            (bool(self.scores) and (tool or self.pool_bias), "--scores feeds the leaderboard, which holds intrex's own scores", "leave --as, --explain-diff and --pool-bias out"),
            (self.pool_bias and tool, "--pool-bias is of intrex's own scores", "leave --as and --explain-diff out"),
            (self.pool_bias and self.per_query, "--pool-bias prints means only", "leave -q out"),
            (bool(self.as_tool) and (self.ties is not None or self.drop_self), "the tool orders the run by its own rule", "leave --ties and --drop-self out"),
            (self.trained_on is not None and (self.scores is None or self.exclude is not None), "--trained-on is written with all scores", "add --scores FILE, leave --exclude-flagged out"),
            (self.exclude is not None and (self.trec or tool or self.pool_bias), "--exclude-flagged is of intrex's own scores", "leave the other option out"),
        ]  # fmt: skip
        for holds, message, hint in clashes:
            if holds:
                raise UsageError(message, hint)
