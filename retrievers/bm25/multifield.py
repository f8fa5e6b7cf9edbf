"""Several fields in one inverted index, as Anserini's BeirMultifieldCollection has them: ``contents`` and ``title``.

With ``title``, ``contents`` is the text alone, and a document without text is left out with its title, as Anserini does.
In the vocabulary a term of ``title`` has the field's name and a tab before it, which no analyzer leaves in a term.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from intrex.data.arrays import Int32s, Int64s
from intrex.data.collection import Collection, Document
from intrex.data.errors import UsageError
from intrex.data.numeric.spans import offsets_of, ranges
from intrex.retrievers.bm25.fields import CONTENTS
from intrex.retrievers.inverted.vocabulary import Names
from intrex.retrievers.text.analyzer import Analyzer
from intrex.retrievers.text.batch import BatchAnalyzer
from intrex.retrievers.text.terms import BATCH, Terms, has_text, read_terms

_log = logging.getLogger(__name__)


def spell(field: str, term: str) -> str:
    """Return a field's term as it stands in the vocabulary."""
    return term if field == CONTENTS else f"{field}\t{term}"


def field_of(spelling: str) -> str:
    """Return the field of a term of the vocabulary."""
    return spelling.partition("\t")[0] if "\t" in spelling else CONTENTS


def field_weights(weights: Mapping[str, float], fields: Sequence[str]) -> dict[str, float]:
    """Order the weights of a search by an index's fields; without any it is ``contents`` alone.

    Raises:
        UsageError: the index lacks a field that is named.
    """
    for name in weights:
        if name not in fields:
            raise UsageError(f"the index has no field {name!r}", f"its fields: {', '.join(fields)}")
    return {name: weights[name] for name in fields if name in weights} or {CONTENTS: 1.0}


def weigh_fields(counts: Mapping[str, int], weights: Mapping[str, float]) -> Mapping[str, float]:
    """Return a query's terms in each field, with their counts times the field's weight, rounded to float32 as Lucene does."""
    if weights == {CONTENTS: 1.0}:
        return counts
    return {
        spell(field, term): float(np.float32(count) * np.float32(weight))
        for field, weight in weights.items()
        for term, count in counts.items()
    }


def note_untitled(collection: Collection, extra: Sequence[str]) -> None:
    """Say in a message at level INFO that a field of titles stays empty, because no document has one."""
    if "title" in extra and not any(document.title.strip() for document in collection.documents()):
        _log.info("no document of %s has a title: the field title is empty", collection.name)


def analyse(
    collection: Collection, analyzer: Analyzer, fields: Sequence[str]
) -> tuple[Iterator[Terms], Callable[[], Names]]:
    """Return a collection's documents as numbered terms, and a function of the terms by number for when they were read."""
    size = int(collection.manifest.files["corpus.jsonl"]["bytes"])
    if len(fields) == 1:
        batches = BatchAnalyzer(analyzer, size)
        return read_terms(collection, batches), batches.names
    fielded = _FieldAnalyzer(analyzer, fields, size)
    return fielded.analyse(collection), fielded.names


class _FieldAnalyzer:
    """A numbering of the terms of several fields together, in the order in which the documents first have them."""

    def __init__(self, analyzer: Analyzer, fields: Sequence[str], expected: int) -> None:
        self._fields = fields
        self._analyzers = [BatchAnalyzer(analyzer, expected) for _ in fields]
        self._numbers = [np.empty(0, np.int32) for _ in fields]
        self._origins: list[tuple[int, int]] = []

    def names(self) -> Names:
        """Return the terms by number, as the vocabulary spells them."""
        terms = [analyzer.names().to_list() for analyzer in self._analyzers]
        return Names.of(spell(self._fields[field], terms[field][number]) for field, number in self._origins)

    def analyse(self, collection: Collection) -> Iterator[Terms]:
        """Yield the terms of all documents, one field after another in each."""
        documents = collection.documents()
        while batch := list(islice(documents, BATCH)):
            yield self._add(batch)

    def _add(self, documents: Sequence[Document]) -> Terms:
        parts = [
            analyzer.add([_text(document, field) for document in documents])
            for field, analyzer in zip(self._fields, self._analyzers, strict=True)
        ]
        lengths = np.array([np.diff(ends) for _, ends in parts])
        offsets = offsets_of(lengths.sum(axis=0))
        begins = offsets[:-1] + np.cumsum(lengths, axis=0) - lengths
        places = list(map(ranges, begins, lengths))
        self._learn([terms for terms, _ in parts], places)
        tokens = np.empty(offsets[-1], np.int32)
        for (terms, _), place, numbers in zip(parts, places, self._numbers, strict=True):
            tokens[place] = numbers[terms]
        empty = np.flatnonzero(lengths[0] == 0).tolist()
        without_terms = [i for i in empty if has_text(documents[i].text)]
        return Terms([document.id for document in documents], tokens, offsets, lengths, without_terms)

    def _learn(self, parts: Sequence[Int32s], places: Sequence[Int64s]) -> None:
        """Give numbers to new terms, by the places where they first stand."""
        origins: list[tuple[int, int, int]] = []
        for field, (terms, place) in enumerate(zip(parts, places, strict=True)):
            new = np.flatnonzero(terms >= len(self._numbers[field]))
            numbers, first = np.unique(terms[new], return_index=True)
            unknown = np.full(len(numbers), -1, np.int32)
            self._numbers[field] = np.concatenate([self._numbers[field], unknown])
            pairs = zip(place[new[first]].tolist(), numbers.tolist(), strict=True)
            origins += [(position, field, number) for position, number in pairs]
        for _, field, number in sorted(origins):
            self._numbers[field][number] = len(self._origins)
            self._origins.append((field, number))


def _text(document: Document, field: str) -> str:
    """Return the text of a field of a document, of an index with several."""
    if not has_text(document.text):
        return ""
    return document.text if field == CONTENTS else document.title
