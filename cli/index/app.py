"""``intrex index``: build, change, describe and verify indexes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import Format, say, show
from intrex.cli.index import bm25 as index_bm25
from intrex.cli.index import change as index_change
from intrex.cli.index import dense as index_dense
from intrex.cli.index import fde as index_fde
from intrex.cli.index import multivector as index_multivector
from intrex.cli.index import sparse as index_sparse
from intrex.data.errors import BadInput

app = typer.Typer(no_args_is_help=True, help="Build, change, describe and verify indexes.")
app.command("bm25")(index_bm25.bm25)
app.command("dense")(index_dense.dense)
app.command("fde")(index_fde.fde)
app.command("multivector")(index_multivector.multivector)
app.command("sparse")(index_sparse.sparse)
app.command("impact")(index_sparse.impact)
app.command("add")(index_change.add)
app.command("remove")(index_change.remove)
app.command("merge")(index_change.merge)


@app.command("info")
def info(
    index: Annotated[Path, typer.Argument(help="An index folder.")],
    form: Annotated[
        Format | None, typer.Option("--format", help="Table on a terminal, CSV elsewhere, unless given.")
    ] = None,
) -> None:
    """Describe an index: kind, parameters, encoder, bytes per document."""
    from intrex.retrievers.info import describe

    show(describe(index), form)


@app.command("verify")
def verify_artifact(index: Annotated[Path, typer.Argument(help="An index folder.")]) -> None:
    """Compare every file of an index with the sha256 that was recorded."""
    from intrex.data.store.artifact import read_manifest
    from intrex.data.store.artifact import verify_artifact as check

    rebuild = "build it again with intrex index"
    if read_manifest(index, rebuild=rebuild).kind == "collection":
        raise BadInput(f"a collection, not an index: {index}", f"intrex collection verify {index}")
    manifest = check(index, rebuild)
    say(f"sound: {len(manifest.files)} files of the {manifest.kind} index are as they were written")
