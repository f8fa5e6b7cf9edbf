"""``intrex compare``: runs against one another, with tests, intervals and effect sizes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import Format, say
from intrex.cli.common.parameters import examples

DEFAULT_MEASURES = ("nDCG@10",)


class Test(StrEnum):
    """Test behind p."""

    randomization = "randomization"
    t = "t"
    wilcoxon = "wilcoxon"
    bootstrap = "bootstrap"
    tukey = "tukey"


class Correction(StrEnum):
    """Correction of p-values."""

    holm = "holm"
    bonferroni = "bonferroni"
    bh = "bh"
    none = "none"


class Family(StrEnum):
    """P-values that are corrected together."""

    measure = "measure"
    all = "all"


@examples("intrex compare scifact:test bm25.txt.gz dense.txt.gz --baseline bm25")
def compare(
    qrels: Annotated[str, typer.Argument(help="A qrels file (TREC or BEIR), or COLLECTION:SET.")],
    runs: Annotated[list[Path], typer.Argument(help="Runs, or files that `evaluate --scores` wrote.")],
    measures: Annotated[
        list[str] | None,
        typer.Option(
            "-m", "--measure", help="As for evaluate; nDCG@10 unless given. More of them, more tests."
        ),
    ] = None,
    level: Annotated[
        int | None,
        typer.Option("-l", "--level", min=1, help="Grade from which a document is relevant; nDCG has none."),
    ] = None,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete/--no-complete",
            "-c",
            show_default=False,
            help="Count judged queries that a run lacks as empty rankings (the default), or compare on those that both answer.",
        ),
    ] = True,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", help="A run or its tag: compare the others with it, not all pairs."),
    ] = None,
    test: Annotated[Test, typer.Option("--test", help="The test behind p.")] = Test.randomization,
    correction: Annotated[
        Correction, typer.Option("--correction", help="For many pairs; Tukey's p-values need none.")
    ] = Correction.holm,
    family: Annotated[
        Family,
        typer.Option("--family", help="Correct the pairs within each measure, or all of them together."),
    ] = Family.measure,
    samples: Annotated[
        int,
        typer.Option("--samples", min=1, help="Random permutations and resamples; exact tests need none."),
    ] = 10_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the samples.")] = 0,
    alpha: Annotated[float, typer.Option("--alpha", help="Level of marks and intervals.")] = 0.05,
    movers: Annotated[
        int | None,
        typer.Option("--movers", min=1, help="Show so many queries that moved most, by the first measure."),
    ] = None,
    queries: Annotated[
        str | None, typer.Option("--queries", help="Texts for --movers, where QRELS is a file.")
    ] = None,
    ranking: Annotated[
        bool, typer.Option("--ranking", help="How alike the rankings are: RBO, Kendall's tau, overlap.")
    ] = False,
    depth: Annotated[
        int | None,
        typer.Option("--depth", min=1, help="For --ranking: how far down to look; 100 unless given."),
    ] = None,
    reproduction: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--reproduction", help="Reproductions of the two runs: RMSE, effect ratio, delta RI."),
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Table on a terminal, CSV elsewhere, unless given.")
    ] = None,
) -> None:
    """Compare runs: p-values, intervals, effect sizes. A difference is b - a; a win is a query where b is better."""
    from intrex.cli.common.compare_output import check_one_table, show
    from intrex.eval.compare.comparison import Settings
    from intrex.eval.compare.report import CompareRequest, make_report
    from intrex.eval.measures import parse_measures

    check_one_table(form, (movers is not None) + ranking + (reproduction is not None))
    parsed = parse_measures([m for text in measures or DEFAULT_MEASURES for m in text.split()], level)
    settings = Settings(test.value, correction.value, family.value, samples, seed, alpha)
    request = CompareRequest(
        qrels, runs, parsed, complete, baseline, settings, movers, queries, ranking, depth, reproduction
    )
    report = make_report(request)
    for note in report.notes:
        say(f"note: {note}")
    show(report, form)
