"""Runs that commands write."""

from pathlib import Path
from typing import TYPE_CHECKING

from intrex.cli.common.output import say
from intrex.cli.common.parameters import OUTPUT, REPLACE
from intrex.data.options import Options, declare, option

if TYPE_CHECKING:
    from intrex.data.run import Run
    from intrex.retrievers.fusion.fuse import Fusion

FORMATS = ("trec", "msmarco", "json")


@declare
class RunTarget(Options):
    """Place and form of the run that a command writes."""

    output: Path = option(
        default=Path("-"),
        flags=("-o",),
        neutral=True,
        panel=OUTPUT,
        help="The run to write; .gz, .xz, .bz2, .zst or .lz4 compresses, - is stdout.",
    )
    form: str = option(
        default="trec", key="format", choices=FORMATS, neutral=True, panel=OUTPUT,
        help="Of the run: with scores, query and document and rank, or an object of objects.",
    )  # fmt: skip
    tag: str | None = option(
        default=None, flags=("--runtag",), neutral=True, panel=OUTPUT,
        help="The run's name; by default what was ranked by what, with each choice that is not the default.",
    )  # fmt: skip
    overwrite: bool = option(default=False, neutral=True, panel=OUTPUT, help=REPLACE)

    def check(self) -> None:
        """Raise `IntrexError` where the output exists, before the run is made."""
        from intrex.data.io.files import refuse_existing

        refuse_existing(self.output, self.overwrite)

    def write(self, run: "Run") -> None:
        """Write a run, and say what was written unless that went to stdout."""
        from intrex.data.io.files import STDIO
        from intrex.data.runformats import write_any_run

        write_any_run(run, self.output, self.form, self.overwrite)
        if self.output != STDIO:
            say(f"{self.output}: {len(run):,} queries, {len(run.doc_ids):,} lines, tag {run.tag}")

    def write_fusion(self, fusion: "Fusion", tag: str) -> None:
        """Fuse and write, and say what was written unless that went to stdout."""
        from intrex.data.io.files import STDIO

        if self.form != "trec":
            return self.write(fusion.run(tag))
        queries, lines = fusion.write(tag, self.output, self.overwrite)
        if self.output != STDIO:
            say(f"{self.output}: {queries:,} queries, {lines:,} lines, tag {tag}")
        return None
