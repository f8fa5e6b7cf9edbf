"""Documents of a collection by their metadata, which ``corpus.jsonl`` keeps as their source has them."""

from __future__ import annotations

import json
from typing import Any

from intrex.data.arrays import Bytes
from intrex.data.collection import Collection, parse_document
from intrex.data.errors import BadInput, nearest_name
from intrex.data.filters import Condition, field_names
from intrex.data.ids import as_bytes

_KEY = b', "metadata": '
"""How the writer spells the key. Inside a string a quote has a backslash before it, so this begins no text."""


def filtered_ids(collection: Collection, condition: Condition) -> Bytes:
    """Return the ids of the documents that match, in the order of the collection.

    Raises:
        BadInput: no document has a field of the condition, its values are all of another type, or none matches; or
            the file is damaged.
    """
    names: dict[str, None] = {}
    bare, ids = condition.matches({}), list[str]()
    with (collection.path / "corpus.jsonl").open("rb") as stream:
        for row, line in enumerate(collection.checked(stream)):
            metadata = _metadata(line, row)
            if metadata:
                names.update(dict.fromkeys(field_names(metadata)))
            if condition.matches(metadata) if metadata else bare:
                ids.append(parse_document(line, row).id)
    _check(collection, condition, names)
    if not ids:
        raise BadInput(f"no document of {collection.name} matches the filter", "see the metadata in its corpus.jsonl")  # fmt: skip
    return as_bytes(ids)


def _metadata(line: bytes, row: int) -> dict[str, Any]:
    """Return the metadata of a line of ``corpus.jsonl``, empty where it has none."""
    at = line.find(_KEY)
    if at < 0:
        return {}
    try:
        found = json.loads(line[at + len(_KEY) : line.rindex(b"}")])
    except ValueError as error:
        hint = "intrex collection verify COLLECTION"
        raise BadInput(f"damaged: no metadata ({error}) (corpus.jsonl:{row + 1})", hint) from error
    return found if isinstance(found, dict) else {}


def _check(collection: Collection, condition: Condition, names: dict[str, None]) -> None:
    """Raise `BadInput` for a field that no document has, or whose values are all of another type than the filter's."""
    if not names:
        hint = "an import keeps the metadata of JSON lines; to search given documents: --within FILE of ids"
        raise BadInput(f"no document of {collection.name} has metadata, so there is nothing to filter by", hint)  # fmt: skip
    for comparison in condition.comparisons():
        if comparison.mistyped:
            hint = "put a string in quotes, leave them out for a number, true or false"
            raise BadInput(comparison.mistyped, hint)
        if not comparison.present:
            message = f"no document of {collection.name} has the field {comparison.name!r}"
            raise BadInput(message, nearest_name(comparison.name, names))
