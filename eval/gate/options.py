"""Options of ``intrex gate``; plain data."""

from pathlib import Path

from intrex.data.errors import UsageError
from intrex.data.options import Options, declare, option
from intrex.eval.compare.options import GROUPS
from intrex.eval.evaluate.options import LEVEL, MEASURES

TESTS = ("t", "bootstrap")
PANEL = "Decision"
FILES = "Files for the build system"


@declare
class GateOptions(Options):
    """Measures, the drop that is too large, and how sure a decision must be."""

    measures: tuple[str, ...] = option(
        default=(), key="measure", flags=("-m",), names=MEASURES,
        help="As for evaluate; nDCG@10 unless given. Of several each must hold.",
    )  # fmt: skip
    level: int | None = option(default=None, flags=("-l",), low=1, help=LEVEL)
    max_drop: float = option(
        default=0.01, panel=PANEL,
        help="A drop of the mean by so much is too large.",
    )  # fmt: skip
    alpha: float = option(
        default=0.05, panel=PANEL, help="Risk of a wrong decision, of passing and of failing each."
    )
    undecided: str = option(
        default="fail", choices=("pass", "fail"), panel=PANEL,
        help="What to do where the queries tell neither.",
    )  # fmt: skip
    test: str = option(
        default="t", choices=TESTS, panel=PANEL, help="Student's paired t, or the paired bootstrap."
    )
    samples: int = option(default=10_000, low=100, panel=PANEL, help="Resamples of the bootstrap.")
    seed: int = option(default=0, low=0, panel=PANEL, help="Of the resamples.")
    groups: str | None = option(default=None, metavar="FILE", panel=PANEL, help=GROUPS)
    losses: int = option(default=10, low=0, help="Name so many queries that lost most, by each measure.")
    queries: str | None = option(default=None, help="Texts of the queries, where QRELS is a file.")
    json: Path | None = option(
        default=None, metavar="FILE", panel=FILES, help="Write the decision as JSON; - is stdout."
    )
    junit: Path | None = option(
        default=None, metavar="FILE", panel=FILES, help="Write it as JUnit XML: a test case a measure."
    )
    markdown: Path | None = option(
        default=None, metavar="FILE", panel=FILES, help="Write it as Markdown, for a pull request."
    )

    def __post_init__(self) -> None:
        """Refuse margins and risks that are none, and two files of one name; see `Options`."""
        super().__post_init__()
        if not 0 < self.max_drop < float("inf"):
            raise UsageError(
                f"--max-drop is {self.max_drop:g}, it must be above 0",
                "a drop of 0 is not to be told from a tiny one",
            )
        if not 0 < self.alpha < 0.5:
            raise UsageError(f"--alpha is {self.alpha:g}, it must lie between 0 and 0.5")
        if len(set(self.files)) != len(self.files):
            raise UsageError("two of --json, --junit and --markdown name one file", "give each its own")

    @property
    def files(self) -> list[Path]:
        """Files to write."""
        return [path for path in (self.json, self.junit, self.markdown) if path is not None]
