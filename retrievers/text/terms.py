"""A collection's documents as numbered terms, for the builders of inverted indexes.

Compiled kernels read the lines of ``corpus.jsonl`` as `intrex.data.writer` writes them, straight into the texts that
`BatchAnalyzer` cuts; a line of another form, and small collections, go through `Collection.documents`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np

from intrex.data.arrays import Int32s, Int64s, Uint8s
from intrex.data.collection import Collection, parse_document
from intrex.data.io.files import read_pieces
from intrex.retrievers.inverted.native import INDEXING
from intrex.retrievers.text.batch import SPARE, BatchAnalyzer

T = TypeVar("T")

BLANK = "".join(map(chr, range(33)))
"""Characters that Java's String.trim takes away."""

BATCH = 1024
"""Documents that are analysed at a time,"""
PIECE = 1 << 21
"""and bytes of ``corpus.jsonl`` where kernels read it."""
AHEAD = 16
"""Batches that wait while postings are inverted: some 12 MB."""
KEYS = ('{"_id": "', ', "title": "', ', "text": "', "}\n", ', "metadata": ')
"""Text of the writer before the id, the title, the text, the end of a line, and the metadata."""


class Terms(NamedTuple):
    """Documents: their ids, and the numbers of their terms, ``tokens[offsets[i]:offsets[i + 1]]``, repeats kept.

    Where these are of several fields, ``lengths`` [fields, documents] has the number of each. ``without_terms`` are the
    places of documents that have text and no term of it, such as stop words only.
    """

    ids: list[str]
    tokens: Int32s
    offsets: Int64s
    lengths: Int64s | None = None
    without_terms: Sequence[int] = ()


class Texts(NamedTuple):
    """Documents: their ids, and their texts to index, ``text[starts[i]:starts[i + 1]]`` in UTF-8."""

    ids: list[str]
    text: Uint8s
    starts: Int64s


def read_terms(collection: Collection, analyzer: BatchAnalyzer) -> Iterator[Terms]:
    """Yield the terms of all documents in the order of their rows, numbered as ``analyzer`` does.

    They are read and analysed in threads of their own while the caller works.
    """
    batches = _compiled(collection, analyzer) if analyzer.reads_bytes else _plain(collection, analyzer)
    return ahead(batches, AHEAD)


def has_text(text: str) -> bool:
    """Tell whether Anserini takes a document with this text for one that is not empty."""
    return bool(text.strip(BLANK))


def _plain(collection: Collection, analyzer: BatchAnalyzer) -> Iterator[Terms]:
    documents = collection.documents()
    while batch := list(islice(documents, BATCH)):
        tokens, offsets = analyzer.add([document.contents for document in batch])
        empty = np.flatnonzero(np.diff(offsets) == 0).tolist()
        without_terms = [i for i in empty if has_text(batch[i].contents)]
        yield Terms([document.id for document in batch], tokens, offsets, without_terms=without_terms)


def _compiled(collection: Collection, analyzer: BatchAnalyzer) -> Iterator[Terms]:
    for ids, text, starts in ahead(texts(collection)):
        tokens, offsets = analyzer.add_bytes(text, starts)
        empty = np.flatnonzero(np.diff(offsets) == 0).tolist()
        without_terms = [i for i in empty if bool((text[starts[i] : starts[i + 1]] > ord(BLANK[-1])).any())]
        yield Terms(ids, tokens, offsets, without_terms=without_terms)


def texts(collection: Collection) -> Iterator[Texts]:
    """Yield the texts to index of all documents, by kernels.

    Raises:
        BadInput: a line is no document; or the file is not what was written.
    """
    kernels = INDEXING.kernels()
    assert kernels is not None  # noqa: S101 - the caller has looked
    keys = np.frombuffer(b"".join(bytes([len(key)]) + key.encode("ascii") for key in KEYS), np.uint8)
    row = 0
    for piece in collection.checked(read_pieces(collection.path / "corpus.jsonl", PIECE)):
        buf = np.frombuffer(piece + bytes(SPARE), np.uint8)
        out, ids = np.empty(len(buf), np.uint8), np.empty(len(buf), np.uint8)
        ends = np.zeros(piece.count(b"\n") + 2, np.int64)
        state = np.zeros(4, np.int64)
        while not kernels["scan"](buf, len(piece), keys, 3, out, ends[1:], ids, state):
            _parse_line(piece, row, out, ends, ids, state)
        n, end, id_end = state[1:].tolist()
        out[end : end + SPARE] = 0
        yield Texts(ids[:id_end].tobytes().decode("utf-8").split("\n")[:-1], out, ends[: n + 1])
        row += n


def _parse_line(piece: bytes, row: int, out: Uint8s, ends: Int64s, ids: Uint8s, state: Int64s) -> None:
    """Parse the line at which the kernel stopped."""
    at, n, end, id_end = state.tolist()
    stop = piece.find(b"\n", at) + 1 or len(piece)
    document = parse_document(piece[at:stop], row + n)
    text, name = document.contents.encode("utf-8"), f"{document.id}\n".encode()
    out[end : end + len(text)] = np.frombuffer(text, np.uint8)
    ids[id_end : id_end + len(name)] = np.frombuffer(name, np.uint8)
    state[:] = stop, n + 1, end + len(text), id_end + len(name)
    ends[n + 1] = end + len(text)


def ahead(items: Iterator[T], depth: int = 1) -> Iterator[T]:
    """Yield the items; up to ``depth`` of them are made ahead in another thread."""
    end = object()
    with ThreadPoolExecutor(1) as worker:
        waiting = deque(worker.submit(next, items, end) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(worker.submit(next, items, end))
                yield item  # type: ignore[misc]
        finally:
            for future in waiting:
                future.cancel()
