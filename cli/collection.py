"""``intrex collection``: list, import, build, pool, describe and verify collections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.output import bars, emit, progress, say, show
from intrex.cli.common.parameters import (
    CollectionArgument,
    Output,
    Overwrite,
    TableFormat,
    command,
    command_group,
    one_output,
)
from intrex.data.builders.options import BuildOptions
from intrex.data.errors import BadInput
from intrex.data.importers.options import ImportOptions

if TYPE_CHECKING:
    from intrex.data.collection import Collection
    from intrex.data.group import CollectionGroup

app = command_group("List, import, build, pool, describe and verify collections.")

Out = Annotated[Path | None, typer.Argument(help="The collection folder to make.")]


@command("intrex collection list", to=app)
def list_(
    folder: Annotated[Path, typer.Argument(help="Where to look for imported collections.")] = Path(),
    form: TableFormat = None,
) -> None:
    """List the collections in a folder, and the names that can be imported or built."""
    from intrex.data.builders.registry import BUILDERS
    from intrex.data.importers.beir_names import beir_names
    from intrex.data.listing import collections_in, groups_in

    if not folder.is_dir():
        raise BadInput(f"no such folder: {folder}", "without a folder, the current one is looked through")
    rows: list[list[str | int]] = []
    for group in groups_in(folder):
        rows.append([str(group.path), "here", f"{len(group.paths)} collections", "", ", ".join(group.paths)])
    for collection in collections_in(folder):
        sets = ", ".join(f"{s} ({n['queries']})" for s, n in collection.sets.items())
        rows.append([str(collection.path), "here", collection.name, collection.n_documents, sets])
    rows += [[name, "build", "made from what this machine has", "", ""] for name in BUILDERS.table]
    rows += [[f"beir:{name}", "import", "downloads BEIR's own archive", "", ""] for name in beir_names()]
    emit(["name", "how", "what", "documents", "query sets"], rows, form)
    say("also: any ir_datasets id, as `intrex collection import irds:vaswani OUT`, and folders of your own")


@command("intrex collection import beir-folder scifact", to=app)
def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder, a file, a BEIR name (beir:scifact) or an ir_datasets id (irds:vaswani); several collections (a "
            "folder of folders, beir:cqadupstack, irds:nano-beir) become a group."
        ),
    ],
    out: Out = None,
    output: Output = None,
    overwrite: Overwrite = False,
    *,
    options: ImportOptions,
) -> None:
    """Import a collection: BEIR, pyserini JSONL, ColBERT TSV, TREC documents, topics and qrels, ir_datasets."""
    from intrex.data.importers.sources import import_collection

    with bars() as add:
        imported = import_collection(
            source, one_output(out, output), **options.to_dict(), overwrite=overwrite,
            progress=add("importing", None), downloading=add("downloading (bytes)", None),
        )  # fmt: skip
    _report(imported)


@command("intrex collection build stdlib code --sample 500", to=app)
def build(
    name: Annotated[str, typer.Argument(help="What to build: stdlib.")],
    out: Out = None,
    output: Output = None,
    overwrite: Overwrite = False,
    *,
    options: BuildOptions,
) -> None:
    """Build a collection from what is on this machine; `stdlib` is code search over Python's own library."""
    from intrex.data.builders.registry import BUILDERS

    target = one_output(out, output)
    with progress("reading modules") as step:
        make = BUILDERS.load(name)
        collection = make(
            target, sample=options.sample, seed=options.seed, overwrite=overwrite, progress=step
        )
    _report(collection)


@command("intrex collection pool scifact code both", to=app, output_last="collections")
def pool(
    collections: Annotated[
        list[Path],
        typer.Argument(
            metavar="COLLECTION... OUT", help="Collection folders, two or more, and the folder to make."
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the collection; the names joined by + by default.")
    ] = None,
    output: Output = None,
    overwrite: Overwrite = False,
) -> None:
    """Make one larger collection of several; ids become COLLECTION:ID, query sets of one name are joined."""
    from intrex.data.builders.pool import pool_collections
    from intrex.data.collection import Collection
    from intrex.data.io.files import refuse_existing

    *folders, last = collections
    out = one_output(None if output is not None else last, output)
    refuse_existing(out, overwrite)
    opened = [Collection.open(path) for path in (folders if output is None else collections)]
    with progress("pooling", sum(c.n_documents for c in opened)) as step:
        collection = pool_collections(opened, out, name=name, overwrite=overwrite, progress=step)
    _report(collection)


@command("intrex collection info scifact", to=app)
def info(collection: CollectionArgument, form: TableFormat = None) -> None:
    """Describe a collection: counts, query sets, fingerprint, origin; or a group: its collections."""
    from intrex.data.collection import Collection
    from intrex.data.group import CollectionGroup, is_group
    from intrex.data.listing import describe_collection, describe_group

    if is_group(collection):
        show(describe_group(CollectionGroup.open(collection)), form)
    else:
        show(describe_collection(Collection.open(collection)), form)


@command("intrex collection verify scifact", to=app)
def verify(collection: CollectionArgument) -> None:
    """Compare every file of a collection, or of a group, with the sha256 that was recorded."""
    from intrex.data.collection import Collection
    from intrex.data.group import CollectionGroup, is_group
    from intrex.data.store.manifest import verify_artifact

    kind = CollectionGroup if is_group(collection) else Collection
    opened = kind.open(collection)
    verify_artifact(opened.path, "intrex collection import SOURCE OUT --overwrite")
    say(f"sound: {len(opened.manifest.files)} files of {opened.name} are as they were written")


def _report(made: Collection | CollectionGroup) -> None:
    from intrex.data.collection import Collection
    from intrex.data.group import CollectionGroup

    if isinstance(made, CollectionGroup):
        for path in made.paths.values():
            _report(Collection.open(path))
        say(f"{made.path}: a group of {len(made.paths)} collections")
        return
    from intrex.data.listing import describe_sets, unknown_judgements

    params = made.manifest.params
    say(f"{made.path}: {made.n_documents:,} documents, {params['queries']:,} queries ({describe_sets(made)})")
    if params["encoded_ids"]:
        say(f"note: {params['encoded_ids']:,} ids with white space were percent-encoded")
    for remark in unknown_judgements(made).values():
        say(f"note: {remark}")
    if params["empty_documents"]:
        say(f"note: {params['empty_documents']:,} documents are empty; they keep their row")
