"""Documents of a collection with their metadata, for collections that are made of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from intrex.data.collection import Collection, parse_document, parse_metadata
from intrex.data.writer import CollectionWriter, RecordSource

_ID, _AFTER = b'{"_id": ', b', "title": '


class DocumentRecord(NamedTuple):
    """Document as the corpus has it; ``metadata`` None where there are none."""

    id: str
    title: str
    text: str
    metadata: dict[str, Any] | None
    source: RecordSource


def document_records(collection: Collection) -> Iterator[DocumentRecord]:
    """Yield the documents in order, in constant memory; raises `BadInput` as `Collection.documents`."""
    file = str(collection.path / "corpus.jsonl")
    with (collection.path / "corpus.jsonl").open("rb") as stream:
        for row, line in enumerate(collection.checked(stream)):
            document = parse_document(line, row)
            metadata = parse_metadata(line, row) or None
            source = RecordSource(file, row + 1)
            yield DocumentRecord(document.id, document.title, document.text, metadata, source)


def document_ids(collection: Collection) -> Iterator[str]:
    """Yield the ids of the documents in order, without reading the texts as JSON."""
    with (collection.path / "corpus.jsonl").open("rb") as stream:
        for row, line in enumerate(collection.checked(stream)):
            end = line.find(_AFTER)
            if line.startswith(_ID) and end > 0:  # an id has no blanks, so the first key after it ends it
                yield json.loads(line[len(_ID) : end])
            else:
                yield parse_document(line, row).id


def copy_queries(collection: Collection, writer: CollectionWriter, ids: set[str] | None = None) -> None:
    """Write the queries of a collection, or those of ``ids``, in the same order."""
    queries = collection.queries()
    file = str(collection.path / "queries.jsonl")
    for row, (id_, text) in enumerate(zip(queries.ids, queries.texts, strict=True), 1):
        if ids is None or id_ in ids:
            writer.query(id_, text, RecordSource(file, row))


def judged_rows(collection: Collection, name: str) -> Iterator[tuple[str, str, int, RecordSource]]:
    """Yield query, document, grade and place of each judgement of a set."""
    source = RecordSource(str(collection.path / "qrels" / f"{name}.tsv"))
    for query, documents in collection.qrels(name).to_dict().items():
        for document, grade in documents.items():
            yield query, document, grade, source


def carry_removed(collection: Collection, name: str, writer: CollectionWriter) -> None:
    """Record what was left out of a set when the collection was made."""
    counts = collection.sets[name]
    gone = [counts.get(key, 0) for key in ("removed", "removed_queries", "merged")]
    if any(gone):
        writer.removed(name, *gone)
