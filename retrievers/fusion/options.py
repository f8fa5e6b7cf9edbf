"""Options of fusing runs; plain data."""

from pathlib import Path

from intrex.data.errors import UsageError, nearest_name
from intrex.data.options import Options, When, declare, option
from intrex.retrievers.fusion.methods import METHODS, NORMS, Method, find_method, names, taking

MAX_WEIGHT = 1e6
RRF_K, ALPHA, GAMMA, PHI, SIGMA, SEGMENTS, WINDOW = 60.0, 0.5, 1.0, 0.8, 0.01, 10, 5
PANEL = "Fusion"
BY_SCORE, BY_COLUMN = "score", "column"


def parse_numbers(words: list[str], example: str) -> tuple[float, ...]:
    """Read numbers with commas between them; raises `UsageError` where one is none."""
    text = ",".join(words)
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"not a list of numbers: {text!r}", f"give one number a run, as {example}"
        ) from error


def parse_weights(words: list[str]) -> tuple[float, ...]:
    """Read weights with commas between them; raises `UsageError` where one is none."""
    return parse_numbers(words, "--weights 0.7,0.3")


def parse_infima(words: list[str]) -> tuple[float, ...]:
    """Read lowest scores with commas between them; raises `UsageError` where one is none."""
    return parse_numbers(words, "--infima 0,-1")


def check_weights(weights: tuple[float, ...]) -> None:
    """Raise `UsageError` unless weights are finite, not negative and not all zero."""
    if not all(0 <= weight <= MAX_WEIGHT for weight in weights) or not any(weights):
        raise UsageError(f"weights must be from 0 to {MAX_WEIGHT:g} and not all zero: {list(weights)}")


def norm_option(when: When | None = None, default: str | None = None) -> str | None:
    """Declare the option of a normalisation."""
    declared: str | None = option(
        default=default, choices=NORMS, when=when, common=True,
        help="Normalisation of the scores of each query and run, min-max by default; none of interpolation and average.",
    )  # fmt: skip
    return declared


@declare
class FuseOptions(Options, panel=PANEL):
    """Options of fusing runs; see `intrex.retrievers.fusion.fuse.fuse_runs`."""

    method: str = option(
        default="rrf", common=True, metavar="METHOD", names="intrex.retrievers.fusion.methods:METHODS",
        help=f"One of {', '.join(METHODS)}; docs/methods.md defines them.",
    )  # fmt: skip
    norm: str | None = norm_option(When("method", names(lambda method: method.norm)))
    infima: tuple[float, ...] | None = option(
        default=None, when=When("norm", ("tmm",)), metavar="X,X", parse=parse_infima,
        help="The lowest score that each run could have, which tmm needs: 0 of BM25, -1 of cosines.",
    )  # fmt: skip
    weights: tuple[float, ...] | None = option(
        default=None, when=When("method", taking("weights")), metavar="W,W", parse=parse_weights,
        help="One number a run, as 0.7,0.3; equal by default.",
    )  # fmt: skip
    alpha: float | None = option(
        default=None, low=0, high=1, when=When("method", taking("alpha")),
        help=f"Weight of the first of two runs, {ALPHA:g} by default; the second has the rest.",
    )  # fmt: skip
    rrf_k: float | None = option(
        default=None, low=0, flags=("--rrf.k",), when=When("method", taking("rrf_k")),
        help=f"Added to each rank; {RRF_K:g} by default.",
    )  # fmt: skip
    gamma: float | None = option(
        default=None, low=0, high=100, when=When("method", taking("gamma")),
        help=f"Exponent of the number of runs that have a document; {GAMMA:g} by default, then it is mnz.",
    )  # fmt: skip
    phi: float | None = option(
        default=None, low=0, high=1, when=When("method", taking("phi")),
        help=f"Persistence, {PHI:g} by default: the higher, the more a deep rank counts.",
    )  # fmt: skip
    sigma: float | None = option(
        default=None, low=0, high=1, when=When("method", taking("sigma")),
        help=f"Added to the number of runs that have a document; {SIGMA:g} by default.",
    )  # fmt: skip
    segments: int | None = option(
        default=None, low=1, when=When("method", taking("segments")),
        help=f"Segments of a ranking whose probabilities are learned; {SEGMENTS} by default.",
    )  # fmt: skip
    window: int | None = option(
        default=None, low=0, when=When("method", taking("window")),
        help=f"Ranks on each side of a document that count too; {WINDOW} by default.",
    )  # fmt: skip
    train_on: str | None = option(
        default=None, flags=("--train-qrels",), when=When("method", names(lambda method: method.trained)),
        metavar="QRELS",
        help="Judgements of the training queries, which methods that learn need: a file, or COLLECTION:SET.",
    )  # fmt: skip
    train_runs: tuple[Path, ...] = option(
        default=(),
        help="Runs of the queries that are trained or tuned on, in the order of the runs and once for each; those themselves "
        "by default.",
    )  # fmt: skip
    ranks: str = option(
        default=BY_SCORE, choices=(BY_SCORE, BY_COLUMN),
        help="What orders a run: its scores, as in evaluate, or its rank column, as in pyserini.fusion.",
    )  # fmt: skip
    depth: int | None = option(
        default=None, low=1, help="How far down each run to look; all of it by default."
    )
    k: int = option(default=1000, low=1, help="Documents for each query in the result.")
    engine: str = option(
        default="native", choices=("native", "ranx"),
        help="ranx computes by ranx what it has without training; all runs must then answer the same queries.",
    )  # fmt: skip

    @property
    def how(self) -> Method:
        """The method's declaration."""
        return METHODS[self.method]

    def __post_init__(self) -> None:
        """Refuse methods that the engine does not have, and those that lack what they need; see `Options`."""
        method = find_method(self.method)
        super().__post_init__()
        if self.weights is not None:
            check_weights(self.weights)
        if self.norm == "tmm" and self.infima is None:
            raise UsageError(
                "--norm tmm needs the lowest score that each run could have", "as --infima 0,-1: 0 of BM25, -1 of cosines"
            )  # fmt: skip
        if method.trained and self.train_on is None:
            raise UsageError(
                f"--method {method.name} learns from judgements", "name those of training queries: --train-on COLLECTION:dev"
            )  # fmt: skip
        if self.engine == "ranx":
            self._check_ranx(method)

    def _check_ranx(self, method: Method) -> None:
        untrained = names(lambda one: one.ranx and not one.trained)
        if method.name not in untrained:
            raise UsageError(
                f"--engine ranx does not serve {method.name}", nearest_name(method.name, untrained)
            )
        if self.norm in ("tmm", "dbsf") or self.ranks == BY_COLUMN:
            raise UsageError(
                "ranx has neither --norm tmm and dbsf nor ranks by column", "leave --engine ranx out"
            )


@declare
class NormalizeOptions(Options, panel=PANEL):
    """Options of normalising one run."""

    norm: str | None = norm_option(default="min-max")
    infimum: float | None = option(
        default=None,
        when=When("norm", ("tmm",)),
        help="The lowest score that there could be, which tmm needs.",
    )
    depth: int | None = option(default=None, low=1, help="How many of each query to keep; all by default.")

    def __post_init__(self) -> None:
        """Refuse tmm without what it needs; see `Options`."""
        super().__post_init__()
        if self.norm == "tmm" and self.infimum is None:
            raise UsageError(
                "--norm tmm needs the lowest score that there could be", "as --infimum 0 of BM25, --infimum -1 of cosines"
            )  # fmt: skip
