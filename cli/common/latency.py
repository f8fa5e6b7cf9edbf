"""``--latency`` of `search`: times of single queries, printed beside the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intrex.cli.common.output import Format, show
from intrex.cli.common.parameters import OUTPUT
from intrex.cli.common.progress import progress
from intrex.data.errors import UsageError
from intrex.data.options import Options, declare, option

if TYPE_CHECKING:
    from intrex.cli.common.runs import RunTarget
    from intrex.data.collection import Queries
    from intrex.retrievers.base import Index
    from intrex.retrievers.options import SearchOptions


@declare
class LatencyOptions(Options):
    """Measurement before a search."""

    latency: bool = option(
        default=False, panel=OUTPUT, neutral=True,
        help="First answer up to 200 queries one at a time, and print cold and warm times, memory and bytes.",
    )  # fmt: skip
    latency_format: str | None = option(
        default=None, choices=tuple(Format), panel=OUTPUT, neutral=True,
        help="Of what --latency prints; lines on a terminal, CSV elsewhere, unless given.",
    )  # fmt: skip

    def check(self, target: RunTarget) -> None:
        """Raise `UsageError` where the run would go to stdout too."""
        from intrex.data.io.files import STDIO

        if self.latency and target.output == STDIO:
            raise UsageError("--latency prints to stdout, and so would the run", "add --output RUN")

    def measure(self, index: Index, queries: Queries, options: SearchOptions) -> None:
        """Measure and print, if that is asked for; the run does not change."""
        if not self.latency:
            return
        from intrex.retrievers.latency import measure_latency

        with progress("measuring single queries") as step:
            measured = measure_latency(index, queries, options, step)
        show(measured.to_dict(), self.latency_format)
