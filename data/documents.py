"""Documents by their ids, in collections that are named or that lie near an index."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from intrex.data.collection import Collection, Document, parse_document
from intrex.data.listing import collections_in

_BEFORE = b'{"_id": "'


def find_collections(fingerprints: Iterable[str], near: Sequence[Path]) -> list[Collection]:
    """Return the collections of these corpora (`Collection.corpus_fingerprint`) that lie in one of some folders.

    Args:
        fingerprints: of the corpora.
        near: folders; each is looked at with the folders directly below it, in order.
    """
    missing = set(fingerprints)
    found = []
    for folder in dict.fromkeys(path.resolve() for path in near):
        if not missing:
            break
        for collection in collections_in(folder):
            if collection.corpus_fingerprint in missing:
                missing.discard(collection.corpus_fingerprint)
                found.append(collection)
    return found


def read_documents(
    collections: Sequence[Collection], ids: Iterable[str], rows: Mapping[str, int] | None = None
) -> dict[str, Document]:
    """Read documents by id; those that no collection has are missing from the result.

    Args:
        collections: looked through in order.
        ids: of the documents.
        rows: where a document stands in the first collection, as far as that is known; it is checked, and else looked for.

    Raises:
        BadInput: a collection is damaged.
    """
    found: dict[str, Document] = {}
    wanted = dict.fromkeys(ids)
    for id_ in wanted:
        row = (rows or {}).get(id_, -1)
        if collections and 0 <= row < collections[0].n_documents:
            document = collections[0].document(row)
            if document.id == id_:
                found[id_] = document
    for collection in collections:
        found |= _scan(collection, {id_ for id_ in wanted if id_ not in found})
    return found


def _scan(collection: Collection, ids: set[str]) -> dict[str, Document]:
    """Look through a corpus; only lines that may be of one of the ids are parsed."""
    found: dict[str, Document] = {}
    spellings = (json.dumps(id_, ensure_ascii=plain) for id_ in ids for plain in (False, True))
    starts = {_start(spelling.encode()[1:]) for spelling in spellings}
    if not ids:
        return found
    with (collection.path / "corpus.jsonl").open("rb") as stream:
        for row, line in enumerate(stream):
            if line.startswith(_BEFORE) and _start(line[len(_BEFORE) :]) not in starts:
                continue
            document = parse_document(line, row)
            if document.id in ids:
                found[document.id] = document
                if len(found) == len(ids):
                    break
    return found


def _start(text: bytes) -> bytes:
    """Cut a JSON string at its first quote or escape."""
    return text[: min((at for at in (text.find(b'"'), text.find(b"\\")) if at >= 0), default=0)]
