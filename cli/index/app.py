"""``intrex index``: build, change, describe and verify indexes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.help import Command
from intrex.cli.common.output import say, show
from intrex.cli.common.parameters import TableFormat, command, command_group
from intrex.cli.index import change
from intrex.cli.index.build import build_command
from intrex.data.errors import BadInput, MissingExtra
from intrex.retrievers.options import index_kinds

app = command_group("Build, change, describe and verify indexes.")
for name, kind in index_kinds().items():
    if kind.build is not None:
        app.command(name, cls=Command)(build_command(kind))
for function in (change.add, change.remove, change.merge):
    app.command(function.__name__, cls=Command)(function)


@command("intrex index info idx/bm25", to=app)
def info(
    index: Annotated[Path, typer.Argument(help="An index folder.")],
    form: TableFormat = None,
) -> None:
    """Describe an index: kind, parameters, encoder, bytes per document."""
    from intrex.retrievers.info import describe

    show(describe(index), form)


@command("intrex index verify idx/bm25", to=app)
def verify(index: Annotated[Path, typer.Argument(help="An index folder.")]) -> None:
    """Compare every file of an index with the sha256 that was recorded, and open it, which checks its numbers."""
    from intrex.data.store.manifest import read_manifest, verify_artifact
    from intrex.retrievers.base import open_index

    rebuild = "build it again with intrex index"
    if read_manifest(index, rebuild=rebuild).kind == "collection":
        raise BadInput(f"a collection, not an index: {index}", f"intrex collection verify {index}")
    manifest = verify_artifact(index, rebuild)
    with suppress(MissingExtra):  # what cannot be opened here cannot be searched here either
        open_index(index)
    say(f"sound: {len(manifest.files)} files of the {manifest.kind} index are as they were written")
