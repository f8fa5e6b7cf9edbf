"""``intrex fuse``: several runs to one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from intrex.cli.common.help import Command
from intrex.cli.common.output import say
from intrex.cli.common.parameters import command
from intrex.cli.common.runs import RunTarget
from intrex.data.rankings.options import RunSource
from intrex.eval.pipelines.tuning.options import TuneOptions
from intrex.retrievers.fusion.options import FuseOptions

RUNS, RESORT = "--runs", "--resort"
PYSERINI_DEPTH = "1000"


class FuseCommand(Command):
    """A command that takes the words of pyserini.fusion as they are."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Turn pyserini's words into ours."""
        return super().parse_args(ctx, as_ours(args))


def as_ours(args: list[str]) -> list[str]:
    """Spell ``--runs A B`` as arguments; with it the ranks are those of the rank column, unless ``--resort`` is said, to depth 1000.

    >>> as_ours(["--runs", "a", "b", "--method", "rrf", "--resort"])
    ['a', 'b', '--method', 'rrf', '--depth', '1000']
    >>> as_ours(["a", "b", "--method", "wsum"])
    ['a', 'b', '--method', 'wsum']
    """
    rest = [word for word in args if word != RESORT]
    if RUNS not in rest:
        return rest
    at = rest.index(RUNS)
    end = next((i for i in range(at + 1, len(rest)) if rest[i].startswith("-") and rest[i] != "-"), len(rest))
    words = [*rest[at + 1 : end], *rest[:at], *rest[end:]]
    if RESORT not in args and "--ranks" not in words:
        words += ["--ranks", "column"]
    return words if "--depth" in words else [*words, "--depth", PYSERINI_DEPTH]


@command(
    "intrex fuse bm25.txt.gz dense.txt.gz -o rrf.txt.gz",
    "intrex fuse bm25.txt.gz dense.txt.gz --method wsum --tune nDCG@10 --cv 5 --qrels scifact:test -o wsum.txt.gz",
    shown_by=FuseCommand,
)
def fuse(
    runs: Annotated[list[Path], typer.Argument(help="Two or more runs; their queries may differ.")],
    target: RunTarget,
    options: FuseOptions,
    tuning: TuneOptions,
    source: RunSource,
) -> None:
    """Fuse runs, by ranks (rrf) or by normalised scores (wsum and others); a query is fused of the runs that answer it.

    The command line of pyserini.fusion is taken as it is: with --runs ranks are those of the rank column, unless
    --resort is said, to depth 1000.
    """
    from intrex.eval.pipelines.tuning.fuse import fuse_tuned
    from intrex.retrievers.fusion.fuse import Fusion

    target.check()
    with source.declared():
        fused = fuse_tuned(runs, options, tuning, target.tag, target.output, target.overwrite)
    for line in fused.lines:
        say(line)
    if isinstance(fused.result, Fusion):
        target.write_fusion(fused.result, fused.tag)
    else:
        target.write(fused.result)
    if kept := fused.save(target.output, target.overwrite):
        say(f"{kept}: for --weights-from")
