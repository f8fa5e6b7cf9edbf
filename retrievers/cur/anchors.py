"""Anchor queries of a CUR index: drawn from a query set, or made of the collection's own documents."""

from __future__ import annotations

import logging
import random
from pathlib import Path
from typing import NamedTuple

from intrex.data.collection import Collection, Document, Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.locate import find_queries
from intrex.retrievers.cur.options import ANCHOR_SETS, ANCHORS, DOCUMENTS, CurBuild

WORDS = 16
"""Words of a document without a title that stand for a query."""

_log = logging.getLogger("intrex")


class Anchors(NamedTuple):
    """Anchor queries, in the order of their draw, so that fewer of the same seed are the first of more.

    Attributes:
        queries: without two of equal text, and without empty ones.
        source: where they come from, as a manifest names it.
    """

    queries: Queries
    source: str


def draw_anchors(collection: Collection, options: CurBuild) -> Anchors:
    """Draw anchor queries as the options say.

    Raises:
        BadInput: there are fewer than were asked for, or none; or as `find_queries`.
    """
    source = options.anchor_queries or next((s for s in ANCHOR_SETS if s in collection.sets), DOCUMENTS)
    wanted = options.anchors or ANCHORS
    drawn = (
        _of_documents(collection, wanted, options.seed)
        if source == DOCUMENTS
        else _of_set(_named(collection, source), options.seed)
    )
    count = len(drawn)
    other = f"--anchor-queries {'FILE' if source == DOCUMENTS else DOCUMENTS}"
    if not count:
        raise BadInput(f"{source} has no query with a text, for anchor queries", other)
    if options.anchors is not None and count < options.anchors:
        raise BadInput(
            f"{source} has {count:,} different queries, {wanted:,} anchor queries were asked for",
            f"--anchors {count}, or {other}",
        )
    if options.anchor_queries is None and source == DOCUMENTS:
        _log.info(
            "the collection has no training queries: titles of %d documents are the anchor queries", count
        )
    first = slice(0, wanted)
    return Anchors(Queries(drawn.ids[first], drawn.texts[first]), source)


def _named(collection: Collection, source: str) -> Queries:
    """Return the queries of a set of the collection, or of what the name is on the command line."""
    if source in collection.sets:
        return collection.queries(source)
    if ":" not in source and not Path(source).exists():
        sets = ", ".join([*collection.sets, DOCUMENTS])
        raise UsageError(
            f"there are no anchor queries {source!r}", f"a file, COLLECTION:SET, or one of: {sets}"
        )
    return find_queries(source)[0]


def _of_set(queries: Queries, seed: int) -> Queries:
    """Return the queries of different texts in a random order."""
    order = list(range(len(queries)))
    random.Random(seed).shuffle(order)  # noqa: S311 - a draw that can be repeated
    return _different([(queries.ids[i], queries.texts[i]) for i in order])


def _of_documents(collection: Collection, wanted: int, seed: int) -> Queries:
    """Make queries of random documents, as many different ones as are wanted if there are so many."""
    order = list(range(collection.n_documents))
    random.Random(seed).shuffle(order)  # noqa: S311 - a draw that can be repeated
    pairs: list[tuple[str, str]] = []
    found = Queries([], [])
    for start in range(0, len(order), wanted):
        documents = (collection.document(row) for row in order[start : start + wanted])
        pairs += [(document.id, _as_query(document)) for document in documents]
        found = _different(pairs)
        if len(found) >= wanted:
            break
    return found


def _as_query(document: Document) -> str:
    return document.title.strip() or " ".join(document.text.split()[:WORDS])


def _different(pairs: list[tuple[str, str]]) -> Queries:
    """Keep the first of equal texts, and none that is empty: a repeated row adds nothing to the matrix."""
    first: dict[str, str] = {}
    for name, text in pairs:
        if text.strip():
            first.setdefault(text, name)
    return Queries(list(first.values()), list(first))
