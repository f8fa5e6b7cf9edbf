"""``intrex split``: training and test queries in regimes of interpolation and extrapolation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.help import Command
from intrex.cli.common.output import emit, say
from intrex.cli.common.parameters import (
    Output,
    Overwrite,
    TableFormat,
    TestArgument,
    TrainArgument,
    command,
    command_group,
    one_output,
)
from intrex.cli.common.progress import progress
from intrex.data.registry import load_target
from intrex.eval.splits.options import PROTOCOLS, Protocol, SplitOptions

if TYPE_CHECKING:
    from intrex.eval.splits.split import Split

app = command_group("Split queries into interpolation and extrapolation.")

OutArgument = Annotated[Path | None, typer.Argument(help="The split folder to make.")]


def _command(protocol: Protocol) -> Callable[..., None]:
    """Make the command of a protocol."""

    def split(
        train: TrainArgument,
        test: TestArgument,
        out: OutArgument = None,
        output: Output = None,
        overwrite: Overwrite = False,
        *,
        options: SplitOptions,
    ) -> None:
        target = one_output(out, output)
        from intrex.data.io.files import refuse_existing
        from intrex.eval.pipelines.splitting import Sides

        refuse_existing(target, overwrite)
        sides = Sides.find(train, test, options.encoder, options.device)
        if sides.unusable:
            say(
                f"note: {sides.unusable:,} queries of {train} have no relevant document to train on, they are left out"
            )
        with progress("comparing queries"):
            made = load_target(protocol.target)(sides, options)
        _finish(made, target, overwrite, unused=len(sides.train) - len(made.train_ids))

    split.__doc__ = protocol.help
    split.__annotations__["options"] = protocol.options
    return command(protocol.example)(split)


for _name, _protocol in PROTOCOLS.items():
    app.command(_name, cls=Command)(_command(_protocol))


@command("intrex split import resttest_files idx/released --test-set trec19", to=app)
def import_(
    folder: Annotated[Path, typer.Argument(help="resttest_files, or one size of restrain_files.")],
    out: OutArgument = None,
    test_set: Annotated[
        str | None, typer.Option("--test-set", help="Of resttest_files: dev, trec19 or trec20.")
    ] = None,
    test: Annotated[
        str | None,
        typer.Option("--test", help="Of restrain_files: the test queries, a file or COLLECTION:SET."),
    ] = None,
    output: Output = None,
    overwrite: Overwrite = False,
) -> None:
    """Import the judgement files that Zhan et al. released for MS MARCO."""
    from intrex.data.errors import UsageError
    from intrex.data.io.files import refuse_existing
    from intrex.data.locate import find_queries
    from intrex.eval.splits.released import read_restrain, read_resttest

    if (test_set is None) == (test is None):
        raise UsageError("either --test-set or --test is needed", "--test-set dev, for resttest_files")
    target = one_output(out, output)
    refuse_existing(target, overwrite)
    if test_set is not None:
        split = read_resttest(folder, test_set)
    else:
        split = read_restrain(folder, find_queries(str(test))[0].ids)
    _finish(split, target, overwrite)


@command("intrex split info idx/split", to=app)
def info(split: Annotated[Path, typer.Argument(help="A split folder.")], form: TableFormat = None) -> None:
    """Describe a split: each fold's training and test queries, and how similar they are."""
    from intrex.eval.splits.split import read_split, split_table

    emit(*split_table(read_split(split)), form)


def _finish(split: Split, out: Path, overwrite: bool, unused: int = 0) -> None:
    """Write a split, show it, and say what a reader should know of it."""
    from intrex.eval.splits.split import split_remarks, split_table, write_split

    write_split(split, out, overwrite)
    emit(*split_table(split), None)
    for remark in split_remarks(split):
        say(f"note: {remark}")
    if unused:
        say(f"note: {unused:,} of {unused + len(split.train_ids):,} training queries were drawn into no fold")
    sizes = sorted({len(fold.train) for fold in split.folds})
    size = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    queries = f"{len(split.train_ids):,} training and {len(split.test_ids):,} test queries"
    say(f"{out}: {split.name}, {queries}; a fold trains on {size}")
