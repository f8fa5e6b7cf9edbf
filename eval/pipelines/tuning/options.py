"""Options of tuning a fusion; plain data."""

from pathlib import Path

from intrex.data.errors import UsageError
from intrex.data.options import Options, When, declare, option

PANEL = "Tuning"
FOLDS = 5
WITH_TUNE = When("tune")


@declare
class TuneOptions(Options, panel=PANEL):
    """Options of choosing weights or a parameter; see `intrex.eval.pipelines.tuning.tune`."""

    tune: str | None = option(
        default=None, common=True, metavar="MEASURE",
        help="Choose weights, or the method's parameter, by this measure, such as nDCG@10.",
    )  # fmt: skip
    on: str | None = option(
        default=None, when=WITH_TUNE, metavar="QRELS",
        help="Judgements of the queries that are tuned on: a file, or COLLECTION:dev.",
    )  # fmt: skip
    qrels: str | None = option(
        default=None, when=WITH_TUNE, metavar="QRELS",
        help="Judgements of held-out queries, for the figure beside; with --cv those that are tuned on by folds.",
    )  # fmt: skip
    cv: int | None = option(
        default=None, low=2, high=1000, when=WITH_TUNE,
        help=f"Folds of the cross-validation that gives the held-out figure, {FOLDS} where there are no held-out queries.",
    )  # fmt: skip
    steps: int | None = option(
        default=None, low=1, high=1000, when=WITH_TUNE,
        help="Weights are whole numbers of steps that sum to this, over it; 100 with two runs, 10 with more.",
    )  # fmt: skip
    seed: int = option(default=0, low=0, when=WITH_TUNE, help="Of the folds and of the bootstrap.")
    router: bool = option(
        default=False, when=WITH_TUNE,
        help="Choose for each query, by a ridge regression on what its lists (and text) look like.",
    )  # fmt: skip
    queries: tuple[str, ...] = option(
        default=(), metavar="QUERIES",
        help="Texts for the router, which then knows their lengths: files, or COLLECTION:SET, that have the queries of all runs.",
    )  # fmt: skip
    idf_index: Path | None = option(
        default=None, metavar="INDEX",
        help="A BM25 index: the router then knows how rare the terms of --queries are.",
    )  # fmt: skip
    weights_from: Path | None = option(
        default=None, metavar="FILE", help="Weights or a parameter that --tune kept beside a run."
    )

    def __post_init__(self) -> None:
        """Refuse a tuning without judgements, and one that is given twice; see `Options`."""
        super().__post_init__()
        if self.tune is not None and self.on is None and self.qrels is None:
            raise UsageError(
                "--tune needs judgements", "those of queries that are not scored later: --on COLLECTION:dev; or --cv 5 --qrels QRELS"
            )  # fmt: skip
        if self.tune is not None and self.on is None and self.cv is None:
            raise UsageError(
                "--tune would be on the queries of --qrels", "name others: --on COLLECTION:dev; or tune on them by folds: --cv 5"
            )  # fmt: skip
        if self.on is not None and self.qrels is not None and self.cv is not None:
            raise UsageError("--cv is for tuning without held-out queries", "leave --cv or --qrels out")
        if self.queries and not self.router and self.weights_from is None:
            raise UsageError("--queries is for --router and --weights-from", "leave it out")
        if self.idf_index is not None and not self.queries:
            raise UsageError("--idf-index is of the texts of --queries", "add --queries, or leave it out")
        if self.tune is not None and self.weights_from is not None:
            raise UsageError("--tune and --weights-from both say the weights", "leave one of them out")
