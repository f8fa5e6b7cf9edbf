"""LIMIT: people and the things that they like, made by rule (Weller et al., arXiv 2508.21038, google-deepmind/limit).

A document lists the likes of one person, a query asks "Who likes X?", and its relevant documents are those that list X:
a search by words is easy, the sets of relevant documents are what a model of single vectors must tell apart. Which
documents belong together is a pattern, see `intrex.data.builders.patterns`. Names, items and the generator are our own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intrex.data.arrays import Int64s, Uint64s
from intrex.data.builders.items import OWN_ITEMS, read_items
from intrex.data.builders.options import DENSE
from intrex.data.builders.patterns import relevant_sets
from intrex.data.builders.people import names
from intrex.data.collection import Collection
from intrex.data.errors import UsageError
from intrex.data.numeric.mix import numbers, shuffled, stream
from intrex.data.progress import Progress
from intrex.data.writer import CollectionWriter, RecordSource, write_collection

SET = "test"
_AT_ONCE = 512
_ITEMS, _PLACES, _NAMES, _FILLERS, _ORDER = range(10, 15)  # streams of random numbers


@dataclass(frozen=True)
class _People:
    """What each person likes, as numbers of items.

    Attributes:
        items: all of them; those of the queries come first, in the order of the queries.
        liked: for each document the queries that it answers.
        likes: how many items each document lists.
    """

    items: Sequence[str]
    liked: Sequence[Sequence[int]]
    likes: int


def build_limit(
    out: Path,
    *,
    documents: int = 50_000,
    pattern: str = DENSE,
    queries: int = 1000,
    relevant: int = 2,
    likes: int = 45,
    items: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Collection:
    """Build the collection at ``out``; the same arguments give the same bytes.

    Every document lists as many things as every other: ``likes``, or as many as one is relevant to, where that is more.
    What fills a list up is asked for by no query, so that a document which is not relevant has no item of a query.

    Args:
        out: the folder to make.
        documents: people.
        pattern: one of `intrex.data.builders.options.PATTERNS`.
        queries: each asks for an item of its own.
        relevant: documents of each query; their grade is 1.
        likes: things that a document lists at least.
        items: a file of things to like, one a line (``#`` begins a comment); `OWN_ITEMS` when None.
        seed: of the names, the items, the places of relevant documents and, of the pattern random, the sets.
        overwrite: replace an existing collection.
        progress: called with the number of documents just written.

    Raises:
        UsageError: the pattern has not so many sets among so many documents, or there are too few items or names.
        BadInput: the items' file cannot be read, or two of its items cannot be told apart.
        IntrexError: the output exists.
    """
    file = OWN_ITEMS if items is None else Path(items)
    every = read_items(file)
    if queries > len(every):
        raise _too_few(file, len(every), queries, 0)
    sets = relevant_sets(pattern, documents, queries, relevant, seed)
    degrees = np.bincount(sets.ravel(), minlength=documents)
    people_likes = max(likes, int(degrees.max()))
    fillers = people_likes - int(degrees.min())
    if queries + fillers > len(every):
        raise _too_few(file, len(every), queries, fillers)
    chosen_names = names(stream(seed, _NAMES), documents)
    places = shuffled(stream(seed, _PLACES), documents)
    liked: list[list[int]] = [[] for _ in range(documents)]
    for query, members in enumerate(places[sets].tolist()):
        for row in members:
            liked[row].append(query)
    order = shuffled(stream(seed, _ITEMS), len(every)).tolist()
    people = _People([every[i] for i in order], liked, people_likes)
    origin = {
        "builder": "limit", "pattern": pattern, "documents": documents, "queries": queries, "relevant": relevant,
        "likes": people_likes, "seed": seed, "items": len(every),
        "items_sha256": hashlib.sha256("\n".join(every).encode()).hexdigest(),
    }  # fmt: skip

    def fill(writer: CollectionWriter) -> None:
        source = RecordSource("limit")
        ids = [name.replace(" ", "_") for name in chosen_names]
        for row, things in enumerate(_lists(people, seed)):
            text = f"{chosen_names[row]} likes {_enumerate([people.items[i] for i in things])}."
            writer.document(ids[row], "", text, source)
            if progress is not None:
                progress(1)
        for query in range(queries):
            writer.query(f"query_{query}", f"Who likes {people.items[query]}?", source)
        for query, members in enumerate(np.sort(places[sets], axis=1).tolist()):
            for row in members:
                writer.judgement(SET, f"query_{query}", ids[row], 1, source)

    return write_collection(out, f"limit-{pattern}-{documents}", origin, fill, overwrite=overwrite)


def _too_few(file: Path, items: int, queries: int, fillers: int) -> UsageError:
    where = "the list of things to like" if file == OWN_ITEMS else str(file)
    need = f"{queries:,} queries need one each" + (
        f" and the documents {fillers:,} more to fill up with" if fillers else ""
    )
    return UsageError(f"{where} has {items:,} items: {need}", "fewer --queries or --likes, or --items FILE")


def _lists(people: _People, seed: int) -> Iterator[list[int]]:
    """Yield the items of each document, in a random order."""
    documents, items, likes = len(people.liked), len(people.items), people.likes
    asked = 1 + max(query for liked in people.liked for query in liked)
    for start in range(0, documents, _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, documents), dtype=np.uint64)
        things = np.empty((len(rows), likes), np.int64)
        if items > asked:
            things[:] = _first(numbers(stream(seed, _FILLERS) + rows, items - asked), likes) + asked
        for line, row in zip(things, rows.tolist(), strict=True):
            line[: len(people.liked[row])] = people.liked[row]
        keys = numbers(stream(seed, _ORDER) + rows, likes)
        yield from np.take_along_axis(things, np.argsort(keys, axis=1, kind="stable"), axis=1).tolist()


def _first(keys: Uint64s, count: int) -> Int64s:
    """Return the columns of the ``count`` least of each row at the right end; where there are fewer, 0 stands before them."""
    width = min(count, keys.shape[1])
    least = np.argpartition(keys, width - 1, axis=1)[:, :width]
    ordered = np.take_along_axis(least, np.argsort(np.take_along_axis(keys, least, axis=1), axis=1), axis=1)
    # A document's own items take the first places, and there are enough fillers for the others.
    return np.pad(ordered, ((0, 0), (count - width, 0)))


def _enumerate(things: Sequence[str]) -> str:
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"
