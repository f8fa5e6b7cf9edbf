"""``intrex index add``, ``remove`` and ``merge``: changes of an index in place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.output import human_bytes, say
from intrex.cli.common.parameters import CollectionArgument, command
from intrex.cli.common.progress import progress
from intrex.data.errors import UsageError

if TYPE_CHECKING:
    from intrex.retrievers.bm25.index import BM25Index

Changed = Annotated[Path, typer.Argument(help="The BM25 index to change; it stays usable all the time.")]


@command("intrex index add idx/bm25 more")
def add(
    index: Changed,
    collection: CollectionArgument,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Documents whose id the index has take the place of the old ones."),
    ] = False,
) -> None:
    """Add the documents of a collection; scores are then those of an index that was built of all."""
    from intrex.data.collection import Collection
    from intrex.data.store.artifact import refuse_repetition
    from intrex.retrievers.bm25.change import add as change

    refuse_repetition(index)
    opened = Collection.open(collection)
    with progress("indexing", opened.n_documents) as step:
        _report(index, change(index, opened, replace_old=replace, progress=step))


@command("intrex index remove idx/bm25 d3 d7")
def remove(
    index: Changed,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Ids of documents.")] = None,
    file: Annotated[
        Path | None, typer.Option("--ids", help="A file with an id on each line; - is stdin.")
    ] = None,
) -> None:
    """Remove documents; scores are then those of an index that was built without them."""
    from intrex.data.locate import read_id_file
    from intrex.data.store.artifact import refuse_repetition
    from intrex.retrievers.bm25.change import remove as change

    if ids and file is not None:
        raise UsageError("ids are given twice", "name them, or give --ids FILE")
    refuse_repetition(index)
    _report(index, change(index, read_id_file(file) if file is not None else ids or []))


@command("intrex index merge idx/bm25")
def merge(index: Changed) -> None:
    """Make one segment of all, and drop what was removed. No score changes; searches get a little faster."""
    from intrex.data.store.artifact import refuse_repetition
    from intrex.retrievers.bm25.change import merge as change

    refuse_repetition(index)
    _report(index, change(index))


def _report(path: Path, index: BM25Index) -> None:
    """Say what there is now."""
    documents = sum(segment.record.documents for segment in index.segments)
    removed = len(index.ids) - documents
    size = sum(entry["bytes"] for entry in index.manifest.files.values())
    segments = len(index.segments)
    parts = [f"{documents:,} documents", f"{segments} segment{'s' * (segments > 1)}", human_bytes(size)]
    parts += [f"{removed:,} removed, not yet dropped"] if removed else []
    say(f"{path}: {', '.join(parts)}")
