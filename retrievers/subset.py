"""Subsets of an index: the documents that ``--within`` and ``--filter`` name, and what is said of them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bytes, Rows
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.filters import parse_filter
from intrex.data.ids import as_bytes
from intrex.data.locate import read_id_file
from intrex.data.metadata import filtered_ids
from intrex.retrievers.base import Index
from intrex.retrievers.options import SearchOptions, Subset

_log = logging.getLogger(__name__)


def find_subset(index: Index, options: SearchOptions, collection: Collection | None) -> Subset | None:
    """Find the documents that a search is of; None where all are searched.

    Args:
        index: the index that is searched.
        options: ``within`` and ``where`` say which; where both are given a document has to be of both. Ids that are no
            documents of the index are counted in a message at level INFO.
        collection: what the index was built from, for the documents' metadata.

    Raises:
        BadInput: no document is left; or as `read_id_file` and `filtered_ids`.
        UsageError: there is a filter, and no collection or one of several that the index holds.
    """
    parts = list[Rows]()
    if options.within is not None:
        rows, unknown = index.ids.rows_with(np.unique(as_bytes(read_id_file(Path(options.within)))))
        if not len(rows):
            hint = "a line is the id of a document, as it stands in the index's collection"
            raise BadInput(f"no id of {options.within} is a document of the index", hint)
        if unknown:
            _log.info("%d ids of %s are no documents of the index", unknown, options.within)
        parts.append(rows)
    if options.where is not None:
        parts.append(index.ids.rows_with(np.unique(_filtered(index, options.where, collection)))[0])
    if not parts:
        return None
    rows = parts[0][np.isin(parts[0], parts[-1])]
    if not len(rows):
        raise BadInput(
            f"no document of the index is left by {_flags(options)}", "the search would find nothing"
        )
    return Subset(rows, len(index.ids), _name(index.ids.gather(rows)))


def _filtered(index: Index, text: str, collection: Collection | None) -> Bytes:
    condition = parse_filter(text)
    if collection is None:
        raise UsageError(
            "--filter needs the collection that was indexed, whose documents have the metadata",
            "name it with --collection, or the queries as COLLECTION:SET",
        )
    if len(index.manifest.params.get("sources", ())) > 1:
        raise UsageError(
            "--filter reads the metadata of one collection, the index has documents of several",
            "search given documents of it: --within FILE of ids",
        )
    return filtered_ids(collection, condition)


def _name(ids: Bytes) -> str:
    """Make the name of a subset, whatever index it is of: the same ids have the same."""
    lines = b"\n".join(np.sort(ids).tolist())
    return f"{hashlib.sha256(lines).hexdigest()[:12]}:{len(ids)}"


def _flags(options: SearchOptions) -> str:
    given = {"--within": options.within, "--filter": options.where}
    return " and ".join(flag for flag, value in given.items() if value is not None)


def subset_remarks(index: Index, options: SearchOptions) -> Iterator[str]:
    """Yield what a user is to know of a search of a subset."""
    if (subset := options.subset) is not None:
        answer = "exactly" if index.is_exact(options) else "approximately"
        yield f"{len(subset):,} of {subset.documents:,} documents are searched, {answer} (within={subset.name})"
