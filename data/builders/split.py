"""Documents cut into passages, each a document of a new collection, whose judgements stay those of whole documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from intrex.data.builders.options import SIZES, SplitOptions
from intrex.data.builders.records import (
    DocumentRecord,
    carry_removed,
    copy_queries,
    document_ids,
    document_records,
    judged_rows,
)
from intrex.data.builders.units import Spans, sentences, windows, words
from intrex.data.collection import PASSAGES, Collection
from intrex.data.errors import BadInput, Problems
from intrex.data.io.files import refuse_existing
from intrex.data.judgedset import Unknown
from intrex.data.progress import Progress
from intrex.data.writer import CollectionWriter, write_collection

AT_ONCE = 256
"""Documents cut together."""


class Passage(NamedTuple):
    """Passage of a document; either may be empty."""

    title: str
    text: str


class Cutter(Protocol):
    """Cutting of documents into passages.

    Attributes:
        size: units of a passage.
        stride: units from one beginning to the next.
        identity: what else decides the passages, for the record.
    """

    size: int
    stride: int
    identity: dict[str, Any]

    def cut(self, documents: Sequence[DocumentRecord]) -> list[list[Passage]]:
        """Return the passages of each document, at least one."""

    def remarks(self) -> list[str]:
        """Return what a person should know of the documents that were cut."""


class UnitCutter:
    """Cutting by units that are told by the text alone."""

    def __init__(self, spans: Callable[[str], Spans], size: int, stride: int, title: bool) -> None:
        self.size, self.stride = size, stride
        self.identity: dict[str, Any] = {}
        self._spans, self._title = spans, title

    def cut(self, documents: Sequence[DocumentRecord]) -> list[list[Passage]]:
        """Return the passages of each document: of an empty one a single, empty one."""
        return [self._cut(document) for document in documents]

    def remarks(self) -> list[str]:
        """Return nothing: every document can be cut by units of its text."""
        return []

    def _cut(self, document: DocumentRecord) -> list[Passage]:
        spans = windows(self._spans(document.text), self.size, self.stride) or [(0, 0)]
        return [
            Passage(document.title if self._title or not number else "", document.text[begin:end])
            for number, (begin, end) in enumerate(spans)
        ]


def unit_cutter(options: SplitOptions) -> UnitCutter:
    """Return the cutter of words or sentences."""
    size = options.size or SIZES[options.unit]
    spans = {"words": words, "sentences": sentences}[options.unit]
    return UnitCutter(spans, size, options.stride or size, options.title)


def prepare_split(collection: Collection, out: Path, options: SplitOptions, overwrite: bool) -> None:
    """Raise unless a collection can be cut, before anything that takes long.

    Raises:
        IntrexError: the output exists.
        BadInput: its documents are passages already, or an id has the delimiter, at which `search --max-passage` would cut it.
    """
    refuse_existing(out, overwrite)
    if collection.delimiter is not None:
        raise BadInput(
            f"the documents of {collection.name} are passages already",
            "cut the collection that it was made of",
        )
    problems = Problems("corpus.jsonl")
    hint = "choose a --delimiter that no id has, and name it to search --max-passage-delimiter"
    for row, id_ in enumerate(document_ids(collection), 1):
        if options.delimiter in id_:
            problems.add(f"corpus.jsonl:{row}", f"the id {id_} has the delimiter {options.delimiter}", hint)
    problems.raise_if_any()


def split_collection(
    collection: Collection,
    out: Path,
    cutter: Cutter,
    options: SplitOptions,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Collection:
    """Make a collection of the passages ``DOCUMENT#N`` of another one's documents, N from 0.

    Queries are copied. So are the judgements, which name the documents: rankings of passages are scored after `search
    --max-passage` has turned them into rankings of documents. Metadata of a document go to each of its passages.

    Args:
        collection: of whole documents; see `prepare_split`.
        out: the folder to make.
        cutter: cuts the documents.
        options: what the cutter was made of.
        overwrite: replace an existing collection.
        progress: called with the number of documents just cut.

    Raises:
        IntrexError: the output exists.
    """

    def fill(writer: CollectionWriter) -> None:
        for document, passages in _cut(collection, cutter):
            writer.parent(document.id)
            for number, passage in enumerate(passages):
                id_ = f"{document.id}{options.delimiter}{number}"
                writer.document(id_, passage.title, passage.text, document.source, document.metadata)
            if progress:
                progress(1)
        copy_queries(collection, writer)
        for set_ in collection.sets:
            carry_removed(collection, set_, writer)
            for row in judged_rows(collection, set_):
                writer.judgement(set_, *row)

    unit, size, stride = options.unit, cutter.size, cutter.stride
    label = f"{PASSAGES}{unit}:{size}" + (f":{stride}" if stride != size else "") + ":title" * options.title
    origin = {
        "builder": "split", "of": {collection.name: collection.fingerprint}, "unit": unit, "size": size, "stride": stride,
        "title": options.title, "delimiter": options.delimiter, "whole documents": collection.n_documents,
        **cutter.identity, "derivation": [*collection.derivation, label],
    }  # fmt: skip
    name = options.name or f"{collection.name}-{unit}-{size}"
    return write_collection(out, name, origin, fill, unknown=Unknown.keep, overwrite=overwrite)


def _cut(collection: Collection, cutter: Cutter) -> Iterator[tuple[DocumentRecord, list[Passage]]]:
    documents = document_records(collection)
    while batch := list(islice(documents, AT_ONCE)):
        yield from zip(batch, cutter.cut(batch), strict=True)
