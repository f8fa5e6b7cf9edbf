"""``intrex split``: training and test queries in regimes of interpolation and extrapolation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.help import Command, Group
from intrex.cli.common.output import Format, emit, say
from intrex.cli.common.parameters import (
    Output,
    Overwrite,
    TableFormat,
    TestArgument,
    TrainArgument,
    examples,
    one_output,
    takes,
)
from intrex.data.registry import load_target
from intrex.eval.splits.options import PROTOCOLS, Protocol, SplitOptions

if TYPE_CHECKING:
    from intrex.eval.splits.split import Split

app = typer.Typer(
    cls=Group,
    add_completion=False,
    no_args_is_help=True,
    help="Split queries into interpolation and extrapolation.",
)

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
        _finish(load_target(protocol.target)(sides, options), target, overwrite)

    split.__doc__ = protocol.help
    split.__annotations__["options"] = protocol.options
    return examples(protocol.example)(takes()(split))


for _name, _protocol in PROTOCOLS.items():
    app.command(_name, cls=Command)(_command(_protocol))


@app.command("import", cls=Command)
@examples("intrex split import resttest_files idx/released --test-set trec19")
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
        made = read_resttest(folder, test_set)
    else:
        made = read_restrain(folder, find_queries(str(test))[0].ids)
    _finish(made, target, overwrite)


@app.command("info", cls=Command)
@examples("intrex split info idx/split")
def info(split: Annotated[Path, typer.Argument(help="A split folder.")], form: TableFormat = None) -> None:
    """Describe a split: each fold's training and test queries, and how similar they are."""
    from intrex.eval.splits.split import read_split

    _show(read_split(split), form)


def _finish(made: Split, out: Path, overwrite: bool) -> None:
    from intrex.eval.splits.split import split_remarks, write_split

    write_split(made, out, overwrite)
    _show(made, None)
    for one in split_remarks(made):
        say(f"note: {one}")
    sizes = sorted({len(f.train) for f in made.folds})
    each = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    known = f"{len(made.train_ids):,} training and {len(made.test_ids):,} test queries"
    say(f"{out}: {made.name}, {known}; a fold trains on {each}")


def _show(split: Split, form: Format | None) -> None:
    from intrex.eval.splits.split import split_table

    emit(*split_table(split), form)
