"""``intrex collection``: list, import, build, pool, describe and verify collections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.help import Command, Group
from intrex.cli.common.output import bars, emit, progress, say, show
from intrex.cli.common.parameters import Output, Overwrite, TableFormat, examples, one_output, takes
from intrex.data.builders.options import BuildOptions
from intrex.data.importers.options import ImportOptions

app = typer.Typer(
    cls=Group, no_args_is_help=True, help="List, import, build, pool, describe and verify collections."
)

Out = Annotated[Path | None, typer.Argument(help="The collection folder to make.")]


@app.command("list", cls=Command)
@examples("intrex collection list")
def list_(
    folder: Annotated[Path, typer.Argument(help="Where to look for imported collections.")] = Path(),
    form: TableFormat = None,
) -> None:
    """List the collections in a folder, and the names that can be imported or built."""
    from intrex.data.builders.registry import BUILDERS
    from intrex.data.importers.beir_names import beir_names
    from intrex.data.listing import collections_in

    rows: list[list[str | int]] = [
        [
            str(c.path),
            "here",
            c.name,
            c.n_documents,
            ", ".join(f"{s} ({n['queries']})" for s, n in c.sets.items()),
        ]
        for c in collections_in(folder)
    ]
    rows += [[name, "build", "made from what this machine has", "", ""] for name in BUILDERS.table]
    rows += [[f"beir:{name}", "import", "downloads BEIR's own archive", "", ""] for name in beir_names()]
    emit(["name", "how", "what", "documents", "query sets"], rows, form)
    say("also: any ir_datasets id, as `intrex collection import irds:vaswani OUT`, and folders of your own")


@app.command("import", cls=Command)
@examples("intrex collection import beir-folder scifact")
@takes()
def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder, a file, a BEIR name (beir:scifact) or an ir_datasets id (irds:vaswani)."
        ),
    ],
    out: Out = None,
    output: Output = None,
    overwrite: Overwrite = False,
    *,
    options: ImportOptions,
) -> None:
    """Import a collection: BEIR, pyserini JSONL, ColBERT TSV, TREC topics and qrels, ir_datasets."""
    from intrex.data.importers.sources import import_collection

    with bars() as add:
        made = import_collection(
            source, one_output(out, output), **options.to_dict(), overwrite=overwrite,
            progress=add("importing", None), downloading=add("downloading (bytes)", None),
        )  # fmt: skip
    _report(made.path)


@app.command("build", cls=Command)
@examples("intrex collection build stdlib code --sample 500")
@takes()
def build(
    name: Annotated[str, typer.Argument(help="What to build: stdlib.")],
    out: Out = None,
    output: Output = None,
    overwrite: Overwrite = False,
    *,
    options: BuildOptions,
) -> None:
    """Build a collection from what is on this machine; `stdlib` is code search over Python's own library."""
    from intrex.data.builders.registry import build_named

    with progress("reading modules") as step:
        made = build_named(
            name, one_output(out, output), **options.to_dict(), overwrite=overwrite, progress=step
        )
    _report(made.path)


@app.command("pool", cls=Command)
@examples("intrex collection pool scifact code both")
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
        made = pool_collections(opened, out, name=name, overwrite=overwrite, progress=step)
    _report(made.path)


@app.command("info", cls=Command)
@examples("intrex collection info scifact")
def info(
    collection: Annotated[Path, typer.Argument(help="A collection folder.")], form: TableFormat = None
) -> None:
    """Describe a collection: counts, query sets, fingerprint, origin."""
    from intrex.data.collection import Collection
    from intrex.data.listing import describe_collection

    show(describe_collection(Collection.open(collection)), form)


@app.command("verify", cls=Command)
@examples("intrex collection verify scifact")
def verify(collection: Annotated[Path, typer.Argument(help="A collection folder.")]) -> None:
    """Compare every file of a collection with the sha256 that was recorded."""
    from intrex.data.collection import Collection
    from intrex.data.store.artifact import verify_artifact as check

    opened = Collection.open(collection)
    check(opened.path, "intrex collection import SOURCE OUT --overwrite")
    say(f"sound: {len(opened.manifest.files)} files of {opened.name} are as they were written")


def _report(path: Path) -> None:
    from intrex.data.collection import Collection

    made = Collection.open(path)
    params = made.manifest.params
    sets = ", ".join(f"{s} {n['queries']:,}" for s, n in made.sets.items()) or "no judged queries"
    say(f"{path}: {made.n_documents:,} documents, {params['queries']:,} queries ({sets})")
    if params["encoded_ids"]:
        say(f"note: {params['encoded_ids']:,} ids with white space were percent-encoded")
    if params["unknown_judgements"]:
        say(
            f"note: {params['unknown_judgements']:,} judgements of unknown documents or queries were left out"
        )
    if params["empty_documents"]:
        say(f"note: {params['empty_documents']:,} documents are empty; they keep their row")
