"""``intrex collection``: list, import, build, pool, split, sample, describe and verify collections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intrex.cli.common.output import Format, emit, resolve, say, show
from intrex.cli.common.parameters import (
    CollectionArgument,
    Output,
    Overwrite,
    TableFormat,
    command,
    command_group,
    one_output,
)
from intrex.cli.common.progress import bars, progress
from intrex.data.builders.options import BuildOptions, SampleOptions, SplitOptions
from intrex.data.clicks.options import ClickOptions
from intrex.data.errors import BadInput
from intrex.data.importers.options import ImportOptions

if TYPE_CHECKING:
    from intrex.data.collection import Collection
    from intrex.data.group import CollectionGroup

app = command_group("List, import, build, pool, split, sample, describe and verify collections.")

Out = Annotated[Path | None, typer.Argument(help="The collection folder to make.")]


@command("intrex collection list", to=app)
def list_(
    folder: Annotated[Path, typer.Argument(help="Where to look for imported collections.")] = Path(),
    form: TableFormat = None,
) -> None:
    """List the collections in a folder, and the names that can be imported or built."""
    from intrex.data.builders.registry import BUILDERS, DESCRIPTIONS
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
    rows += [[name, "build", DESCRIPTIONS.get(name, ""), "", ""] for name in BUILDERS.table]
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


@command(
    "intrex collection build stdlib code --sample 500",
    "intrex collection build limit likes --documents 5000 --pattern cycle",
    to=app,
)
def build(
    name: Annotated[str, typer.Argument(help="What to build: stdlib, or limit.")],
    out: Out = None,
    output: Output = None,
    overwrite: Overwrite = False,
    *,
    options: BuildOptions,
) -> None:
    """Build a collection without a download: `stdlib`, code search over Python's library; `limit`, who likes what."""
    from intrex.data.builders.registry import build_collection

    target = one_output(out, output)
    with progress("building") as step:
        collection = build_collection(name, target, options, overwrite=overwrite, progress=step)
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


@command(
    "intrex collection split scifact passages --size 50 --stride 25 --title",
    "intrex collection split scifact pieces --unit tokens --encoder all-MiniLM-L6-v2",
    to=app,
)
def split(
    collection: CollectionArgument,
    out: Out = None,
    output: Output = None,
    overwrite: Overwrite = False,
    *,
    options: SplitOptions,
) -> None:
    """Cut documents into passages, DOCUMENT#0 and so on; `search --max-passage` makes documents of them again."""
    from intrex.data.collection import Collection
    from intrex.eval.pipelines.passages import split_passages

    target, opened = one_output(out, output), Collection.open(collection)
    with progress("cutting", opened.n_documents) as step:
        made = split_passages(opened, target, options, overwrite=overwrite, progress=step)
    _report(made)


@command("intrex collection sample scifact small --documents 1000 --queries 100 --keep-judged", to=app)
def sample(
    collection: CollectionArgument,
    out: Out = None,
    output: Output = None,
    overwrite: Overwrite = False,
    *,
    options: SampleOptions,
) -> None:
    """Make a smaller collection of one: so many documents, so many queries of each set."""
    from intrex.data.builders.sample import sample_collection
    from intrex.data.collection import Collection

    target, opened = one_output(out, output), Collection.open(collection)
    with progress("sampling", 2 * opened.n_documents) as step:
        made = sample_collection(opened, target, options, overwrite=overwrite, progress=step)
    _report(made)


@command("intrex collection info scifact", "intrex collection info scifact --brief", to=app)
def info(
    collection: CollectionArgument,
    brief: Annotated[
        bool, typer.Option("--brief", help="What the manifest says only; no text is read.")
    ] = False,
    form: TableFormat = None,
) -> None:
    """Describe a collection: sets, origin, lengths, scripts, duplicates, grades; or a group: its collections."""
    from intrex.data.collection import Collection
    from intrex.data.group import CollectionGroup, is_group
    from intrex.data.listing import describe_collection, describe_group, flatten
    from intrex.data.statistics import describe_texts

    if is_group(collection):
        show(describe_group(CollectionGroup.open(collection)), form)
        return
    opened = Collection.open(collection)
    record = describe_collection(opened)
    if not brief:
        with progress("reading", opened.n_documents) as step:
            record |= describe_texts(opened, step)
    show(record if resolve(form) is Format.jsonl else flatten(record, resolve(form) is Format.table), form)


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


@command("intrex collection clicks log.tsv clicks.qrels --model position --grades 4", to=app)
def clicks(
    log: Annotated[
        Path,
        typer.Argument(help="A click log: CSV, TSV, JSON lines or Parquet, a row for each document shown."),
    ],
    out: Annotated[
        Path | None, typer.Argument(help="The judgements to write: BEIR's form for .tsv, else TREC's.")
    ] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    *,
    options: ClickOptions,
) -> None:
    """Make graded judgements of a click log, by a click model; `collection import --qrels` takes them."""
    from intrex.data.clicks.judgements import judge_clicks, write_click_judgements
    from intrex.data.io.files import refuse_existing

    target, chosen = one_output(out, output), options.to_dict()
    queries = chosen.pop("queries", None)
    refuse_existing(target, overwrite)
    judged = judge_clicks(log, **chosen)
    write_click_judgements(judged, target, queries, overwrite)
    say(f"{target}: {len(judged.pairs):,} judgements of {judged.record['rows']:,} rows")
    for remark in judged.remarks():
        say(f"note: {remark}")


def _report(made: Collection | CollectionGroup) -> None:
    from intrex.data.collection import Collection
    from intrex.data.group import CollectionGroup
    from intrex.data.listing import click_remarks, describe_sets, merged_judgements, unknown_judgements

    if isinstance(made, CollectionGroup):
        for path in made.paths.values():
            _report(Collection.open(path))
        say(f"{made.path}: a group of {len(made.paths)} collections")
        return
    params = made.manifest.params
    say(f"{made.path}: {made.n_documents:,} documents, {params['queries']:,} queries ({describe_sets(made)})")
    if made.delimiter is not None:
        whole = params["origin"]["whole documents"]
        say(f"note: passages of {whole:,} documents, which the judgements name: search with --max-passage")
    if params["encoded_ids"]:
        say(f"note: {params['encoded_ids']:,} ids with white space were percent-encoded")
    for remark in (*unknown_judgements(made).values(), *merged_judgements(made).values()):
        say(f"note: {remark}")
    for set_, remark in click_remarks(made).items():
        say(f"note: the judgements of the set {set_} were {remark}")
    if params["empty_documents"]:
        say(f"note: {params['empty_documents']:,} documents are empty; they keep their row")
