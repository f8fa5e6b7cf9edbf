"""Options of ``intrex compare``; plain data."""

from pathlib import Path

from intrex.data.errors import UsageError
from intrex.data.importers.options import parse_names
from intrex.data.options import Options, When, declare, option
from intrex.eval.evaluate.options import LEVEL, MEASURES, SETS

TESTS = ("randomization", "t", "wilcoxon", "bootstrap", "tukey")
CORRECTIONS = ("holm", "bonferroni", "bh", "none")
FAMILIES = ("measure", "all")
MAX_DEPTH = 10_000
"""Largest depth of --ranking: time grows with the square."""
PANEL = "Tests"
GROUPS = "Queries that are one observation: lines of QUERY<TAB>GROUP, or documents: those with the same relevant ones."


@declare
class CompareOptions(Options):
    """Measures, baseline, and what is shown beside the pairs."""

    measures: tuple[str, ...] = option(
        default=(), key="measure", flags=("-m",), names=MEASURES,
        help="As for evaluate; nDCG@10 unless given. More of them, more tests.",
    )  # fmt: skip
    level: int | None = option(default=None, flags=("-l",), low=1, help=LEVEL)
    complete: bool = option(
        default=True, flags=("=--complete/--no-complete", "=-c"),
        help="Count judged queries that a run lacks as empty rankings (the default), or compare on those that both answer.",
    )  # fmt: skip
    sets: tuple[str, ...] = option(default=(), metavar="NAME,NAME", parse=parse_names, help=SETS)
    groups: str | None = option(default=None, metavar="FILE", help=GROUPS)
    baseline: str | None = option(
        default=None, help="A run or its tag: compare the others with it, not all pairs."
    )
    movers: int | None = option(
        default=None, low=1, help="Show so many queries that moved most, by the first measure."
    )
    gains: int | None = option(
        default=None, low=1, help="Show so many queries that gained most, by the first measure."
    )
    losses: int | None = option(
        default=None, low=1, help="Show so many queries that lost most, by the first measure."
    )
    by: str | None = option(
        default=None, metavar="SLICES",
        help="Differences by slice: length, type (question words), flags of overlap, or lines of QUERY<TAB>SLICE.",
    )  # fmt: skip
    queries: str | None = option(
        default=None, help="Texts for --movers, --gains, --losses and --by, where QRELS is a file."
    )
    texts: bool = option(
        default=False,
        help="With --movers, --gains, --losses: the relevant documents of each query, their ranks beside one another, and texts.",
    )  # fmt: skip
    collection: str | None = option(
        default=None, metavar="PATH", when=When("texts", (True,)),
        help="For --texts: the documents, where QRELS is a file.",
    )  # fmt: skip
    ranking: bool = option(default=False, help="How alike the rankings are: RBO, Kendall's tau, overlap.")
    depth: int = option(
        default=100, low=1, high=MAX_DEPTH, when=When("ranking", (True,)),
        help="For --ranking: how far down to look.",
    )  # fmt: skip
    rbo_p: float = option(
        default=0.9, when=When("ranking", (True,)),
        help="For --ranking: RBO's persistence; a larger one looks further down.",
    )  # fmt: skip
    reproduction: tuple[Path, Path] | None = option(
        default=None, metavar="PATH PATH", help="Reproductions of the two runs: RMSE, effect ratio, delta RI."
    )

    def __post_init__(self) -> None:
        """Refuse a persistence that is none; see `Options`."""
        super().__post_init__()
        if self.queries is not None and not self.shows_queries and self.by is None:
            raise UsageError("--queries is for --movers, --gains, --losses and --by", "leave it out")
        if self.texts and not self.shows_queries:
            raise UsageError("--texts is for --movers, --gains and --losses", "add one of them")
        if not 0 < self.rbo_p < 1:
            raise UsageError(f"--rbo-p is {self.rbo_p}, it must lie between 0 and 1")

    @property
    def shows_queries(self) -> bool:
        """True where single queries are asked for."""
        return any(count is not None for count in (self.movers, self.gains, self.losses))


@declare
class Settings(Options):
    """Settings of tests and intervals; Tukey's p-values hold within a measure as they are, no correction comes on top."""

    test: str = option(default="randomization", choices=TESTS, panel=PANEL, help="The test behind p.")
    correction: str = option(
        default="holm", choices=CORRECTIONS, panel=PANEL, help="For many pairs; Tukey's p-values need none."
    )
    family: str = option(
        default="measure", choices=FAMILIES, panel=PANEL,
        help="Correct the pairs within each measure, or all of them together.",
    )  # fmt: skip
    samples: int = option(
        default=10_000, low=1, panel=PANEL, help="Random permutations and resamples; exact tests need none."
    )
    seed: int = option(default=0, low=0, panel=PANEL, help="Of the samples.")
    alpha: float = option(default=0.05, panel=PANEL, help="Level of marks, and of intervals by Student's t.")

    def __post_init__(self) -> None:
        """Refuse a level that is none, and Tukey's test for a family of all measures; see `Options`."""
        super().__post_init__()
        if self.test == "tukey" and self.family == "all":
            raise UsageError(
                "Tukey's p-values hold within a measure, so no family of all measures can be had with them",
                "leave --family out, or take --test randomization",
            )
        if not 0 < self.alpha < 1:
            raise UsageError(f"alpha is {self.alpha}, it must lie between 0 and 1")

    @property
    def corrected_by(self) -> str:
        """Correction in force."""
        return "none" if self.test == "tukey" else self.correction

    def signature(self) -> str:
        """Return what a reader needs to repeat the p-values and intervals."""
        return (
            f"test={self.test}|samples={self.samples}|seed={self.seed}|correction={self.corrected_by}"
            f"|family={self.family}|alpha={self.alpha}|interval=t"
        )
