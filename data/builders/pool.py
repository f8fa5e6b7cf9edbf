"""Several collections as one: a larger corpus, in which each query set meets the documents of all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from intrex.data.builders.records import carry_removed, document_records, judged_rows
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.judgedset import Unknown
from intrex.data.progress import Progress
from intrex.data.writer import CollectionWriter, RecordSource, write_collection


def pool_collections(
    collections: Sequence[Collection],
    out: Path,
    *,
    name: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Collection:
    """Make one collection of several: documents one after another, query sets of the same name joined.

    The ids of documents and queries become ``COLLECTION:ID``. Nothing is judged anew: a document that another
    collection's query would find relevant counts as not judged, so measures are lower bounds.

    Args:
        collections: two or more, of different names.
        out: the folder to make.
        name: the new collection's name; the names joined by ``+`` by default.
        overwrite: replace an existing collection.
        progress: called with the number of documents just copied.

    Raises:
        UsageError: fewer than two collections, or two of one name.
        BadInput: the documents of one are passages.
        IntrexError: the output exists.
    """
    names = [c.name for c in collections]
    if len(collections) < 2:
        raise UsageError("a pool needs two or more collections", "intrex collection pool ONE TWO OUT")
    if repeated := next((n for n in names if names.count(n) > 1), None):
        raise UsageError(
            f"two of the collections are named {repeated!r}",
            "their ids could not be told apart; import one under another --name",
        )

    if cut := next((c.name for c in collections if c.delimiter is not None), None):
        raise BadInput(
            f"the documents of {cut} are passages, whose judgements name whole documents",
            "pool the collections that they were made of, then cut the pool",
        )

    def fill(writer: CollectionWriter) -> None:
        for c in collections:
            for document in document_records(c):
                name_of = f"{c.name}:{document.id}"
                writer.document(name_of, document.title, document.text, document.source, document.metadata)
                if progress:
                    progress(1)
        for c in collections:
            queries = c.queries()
            for row, (id_, text) in enumerate(zip(queries.ids, queries.texts, strict=True), 1):
                writer.query(f"{c.name}:{id_}", text, RecordSource(str(c.path / "queries.jsonl"), row))
        for c in collections:
            _judgements(c, writer)

    origin: dict[str, Any] = {"builder": "pool", "of": {c.name: c.fingerprint for c in collections}}
    if steps := list(dict.fromkeys(step for c in collections for step in c.derivation)):
        origin["derivation"] = steps
    return write_collection(
        out, name or "+".join(names), origin, fill, unknown=Unknown.keep, overwrite=overwrite
    )


def _judgements(c: Collection, writer: CollectionWriter) -> None:
    for set_ in c.sets:
        carry_removed(c, set_, writer)
        for query, document, grade, source in judged_rows(c, set_):
            writer.judgement(set_, f"{c.name}:{query}", f"{c.name}:{document}", grade, source)
