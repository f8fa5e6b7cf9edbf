"""Options of fusing runs; plain data."""

from intrex.data.errors import UsageError, nearest_name
from intrex.data.options import Options, When, declare, option

METHODS = ("rrf", "wsum")
RANX = ("anz", "bordafuse", "condorcet", "isr", "log_isr", "logn_isr", "max", "med", "min", "mnz", "sum")
"""Methods of ranx that need neither training nor parameters."""
MAX_WEIGHT = 1e6
RRF_K = 60.0
PANEL = "Fusion"


def parse_weights(words: list[str]) -> tuple[float, ...]:
    """Read numbers with commas between them; raises `UsageError` where one is none."""
    text = ",".join(words)
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"not a list of weights: {text!r}", "give one number a run, as --weights 0.7,0.3"
        ) from error


@declare
class FuseOptions(Options, panel=PANEL):
    """Options of fusing runs; see `intrex.retrievers.fusion.fuse.fuse_runs`."""

    method: str = option(
        default="rrf", common=True, metavar="METHOD",
        help="rrf, wsum, or with --engine ranx any of its untrained methods.",
    )  # fmt: skip
    weights: tuple[float, ...] | None = option(
        default=None, when=When("method", ("wsum",)), metavar="W,W", parse=parse_weights,
        help="One number a run, as 0.7,0.3; equal by default.",
    )  # fmt: skip
    rrf_k: float | None = option(
        default=None, low=0, flags=("--rrf.k",), when=When("method", ("rrf",)),
        help="Added to each rank; 60 by default.",
    )  # fmt: skip
    depth: int | None = option(
        default=None, low=1, help="How far down each run to look; all of it by default."
    )
    k: int = option(default=1000, low=1, help="Documents for each query in the result.")
    engine: str = option(
        default="native", choices=("native", "ranx"), help="ranx for the methods that are not ours."
    )

    def __post_init__(self) -> None:
        """Refuse methods that the engine does not have; see `Options`."""
        if self.engine == "native" and self.method not in METHODS:
            ranx = f"add --engine ranx for {self.method}" if self.method in RANX else None
            raise UsageError(
                f"unknown fusion method {self.method!r}", ranx or nearest_name(self.method, METHODS)
            )
        if self.engine == "ranx" and self.method in METHODS:
            raise UsageError(f"{self.method} is intrex's own", "leave --engine ranx out")
        if self.engine == "ranx" and self.method not in RANX:
            raise UsageError(f"unknown ranx method {self.method!r}", nearest_name(self.method, RANX))
        super().__post_init__()
