"""Documents of a collection by their metadata, which ``corpus.jsonl`` keeps as their source has them."""

from __future__ import annotations

from intrex.data.arrays import Bytes
from intrex.data.collection import Collection, parse_document, parse_metadata
from intrex.data.errors import BadInput, nearest_name
from intrex.data.filters import Condition, field_names
from intrex.data.ids import as_bytes


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
            metadata = parse_metadata(line, row)
            if metadata:
                names.update(dict.fromkeys(field_names(metadata)))
            if condition.matches(metadata) if metadata else bare:
                ids.append(parse_document(line, row).id)
    _check(collection, condition, names)
    if not ids:
        raise BadInput(f"no document of {collection.name} matches the filter", "see the metadata in its corpus.jsonl")  # fmt: skip
    return as_bytes(ids)


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
