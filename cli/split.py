"""``intrex split``: training and test queries in regimes of interpolation and extrapolation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.output import Format, emit, say

if TYPE_CHECKING:
    from intrex.eval.pipelines.splitting import Sides
    from intrex.eval.splits.split import Split

app = typer.Typer(no_args_is_help=True, help="Split queries into interpolation and extrapolation.")

Train = Annotated[str, typer.Argument(help="Training queries: a file, or COLLECTION:SET.")]
Test = Annotated[str, typer.Argument(help="Test queries: a file, or COLLECTION:SET.")]
Out = Annotated[Path, typer.Argument(help="The split folder to make.")]
Encoder = Annotated[
    str,
    typer.Option(
        "--encoder", help="What compares queries: an encoder as for index dense, or bm25. Not one under test."
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of everything that is drawn.")]
MinQueries = Annotated[
    int, typer.Option("--min-queries", min=0, help="Fewest test queries of a regime in a fold.")
]
Equal = Annotated[
    bool, typer.Option("--equal/--no-equal", help="Give all folds equally many training queries.")
]
Device = Annotated[str | None, typer.Option(help="For the encoder: cpu, cuda, mps.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what stands at the output.")]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="Table on a terminal, CSV elsewhere, unless given.")
]


@app.command("resttest")
def resttest(
    train: Train,
    test: Test,
    out: Out,
    encoder: Encoder = "all-MiniLM-L6-v2",
    k: Annotated[int, typer.Option("--k", min=2, help="Buckets.")] = 5,
    seed: Seed = 0,
    restarts: Annotated[int, typer.Option("--restarts", min=1, help="Of k-means; the best one counts.")] = 10,
    balance: Annotated[bool, typer.Option("--balance", help="Buckets of equal size.")] = False,
    equal: Equal = True,
    min_queries: MinQueries = 30,
    device: Device = None,
    overwrite: Overwrite = False,
) -> None:
    """ReSTTest: cluster all queries; each fold trains without one bucket, whose test queries are extrapolation."""
    from intrex.data.io.files import refuse_existing
    from intrex.eval.pipelines.splitting import Sides, make_resttest

    refuse_existing(out, overwrite)
    sides = Sides.find(train, test, encoder, device)
    _say_unusable(sides)
    made = make_resttest(
        sides, k=k, seed=seed, restarts=restarts, balance=balance, equal=equal, min_queries=min_queries
    )
    _finish(made, out, overwrite)


@app.command("restrain")
def restrain(
    train: Train,
    test: Test,
    out: Out,
    per_query: Annotated[
        int, typer.Option("--per-query", min=1, help="Most similar training queries of each test query.")
    ],
    encoder: Encoder = "all-MiniLM-L6-v2",
    unit: Annotated[
        str,
        typer.Option("--unit", help="What both training sets have equally many of: queries or judgements."),
    ] = "queries",
    seed: Seed = 0,
    min_queries: MinQueries = 30,
    device: Device = None,
    overwrite: Overwrite = False,
) -> None:
    """ReSTrain: train on queries like the test queries, and on queries unlike them; for small test sets."""
    from intrex.data.io.files import refuse_existing
    from intrex.eval.pipelines.splitting import Sides, make_restrain

    refuse_existing(out, overwrite)
    sides = Sides.find(train, test, encoder, device)
    _say_unusable(sides)
    made = make_restrain(sides, per_query=per_query, unit=unit, seed=seed, min_queries=min_queries)
    _finish(made, out, overwrite)


@app.command("shift")
def shift(
    train: Train,
    test: Test,
    out: Out,
    by: Annotated[str, typer.Option("--by", help="length, question-word or topic.")],
    encoder: Annotated[
        str, typer.Option("--encoder", help="For topics: as for resttest.")
    ] = "all-MiniLM-L6-v2",
    seed: Seed = 0,
    equal: Equal = True,
    min_queries: MinQueries = 30,
    device: Device = None,
    overwrite: Overwrite = False,
) -> None:
    """Train on one group of queries, test on it and on the others: by length, question word or topic."""
    from intrex.data.io.files import refuse_existing
    from intrex.eval.pipelines.splitting import Sides, make_shift

    refuse_existing(out, overwrite)
    sides = Sides.find(train, test, encoder, device)
    _say_unusable(sides)
    made = make_shift(sides, by, equal=equal, seed=seed, min_queries=min_queries)
    _finish(made, out, overwrite)


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="resttest_files, or one size of restrain_files.")],
    out: Out,
    test_set: Annotated[
        str | None, typer.Option("--test-set", help="Of resttest_files: dev, trec19 or trec20.")
    ] = None,
    test: Annotated[
        str | None,
        typer.Option("--test", help="Of restrain_files: the test queries, a file or COLLECTION:SET."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Import the judgement files that Zhan et al. released for MS MARCO."""
    from intrex.data.errors import UsageError
    from intrex.data.io.files import refuse_existing
    from intrex.data.locate import find_queries
    from intrex.eval.splits.released import read_restrain, read_resttest

    if (test_set is None) == (test is None):
        raise UsageError("either --test-set or --test is needed", "--test-set dev, for resttest_files")
    refuse_existing(out, overwrite)
    if test_set is not None:
        made = read_resttest(folder, test_set)
    else:
        made = read_restrain(folder, find_queries(str(test))[0].ids)
    _finish(made, out, overwrite)


@app.command("info")
def info(split: Annotated[Path, typer.Argument(help="A split folder.")], form: FormatOption = None) -> None:
    """Describe a split: each fold's training and test queries, and how similar they are."""
    from intrex.eval.splits.split import read_split

    _show(read_split(split), form)


def _say_unusable(sides: Sides) -> None:
    if sides.unusable:
        train = sides.sources["train"]
        say(
            f"note: {sides.unusable:,} queries of {train} have no relevant document to train on, they are left out"
        )


def _finish(made: Split, out: Path, overwrite: bool) -> None:
    from intrex.eval.splits.split import remarks, write_split

    write_split(made, out, overwrite)
    _show(made, None)
    for one in remarks(made):
        say(f"note: {one}")
    sizes = sorted({len(f.train) for f in made.folds})
    each = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    known = f"{len(made.train_ids):,} training and {len(made.test_ids):,} test queries"
    say(f"{out}: {made.name}, {known}; a fold trains on {each}")


def _show(split: Split, form: Format | None) -> None:
    from intrex.eval.splits.split import describe

    emit(*describe(split), form)
