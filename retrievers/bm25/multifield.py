"""Several fields in one inverted index, as Anserini's BeirMultifieldCollection has them: ``contents`` and ``title``.

With ``title``, ``contents`` is the text alone, and a document without text is left out with its title, as Anserini does.
In the vocabulary a term of ``title`` has the field's name and a tab before it, which no analyzer leaves in a term.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from intrex.data.collection import Collection, Document
from intrex.data.errors import UsageError
from intrex.retrievers.bm25.fields import CONTENTS
from intrex.retrievers.inverted.vocabulary import Names
from intrex.retrievers.text.analyzer import Analyzer
from intrex.retrievers.text.batch import BatchAnalyzer
from intrex.retrievers.text.terms import BATCH, Terms, analysed, has_text, without


def spelled(field: str, term: str) -> str:
    """A field's term as it stands in the vocabulary."""
    return term if field == CONTENTS else f"{field}\t{term}"


def field_of(spelling: str) -> str:
    """The field of a term of the vocabulary."""
    return spelling.partition("\t")[0] if "\t" in spelling else CONTENTS


def chosen(weights: Mapping[str, float], fields: Sequence[str]) -> dict[str, float]:
    """The weights of a search in the order of an index's fields; ``contents`` alone if none is given.

    Raises:
        UsageError: the index lacks a field that is named.
    """
    for name in weights:
        if name not in fields:
            raise UsageError(f"the index has no field {name!r}", f"its fields: {', '.join(fields)}")
    return {name: weights[name] for name in fields if name in weights} or {CONTENTS: 1.0}


def weighted(counts: Mapping[str, int], weights: Mapping[str, float]) -> Mapping[str, float]:
    """A query's terms in each field, with their counts times the field's weight, rounded to float32 as Lucene does."""
    if weights == {CONTENTS: 1.0}:
        return counts
    return {
        spelled(field, term): float(np.float32(count) * np.float32(weight))
        for field, weight in weights.items()
        for term, count in counts.items()
    }


def analyse(
    collection: Collection, analyzer: Analyzer, fields: Sequence[str]
) -> tuple[Iterator[Terms], Callable[[], Names]]:
    """A collection's documents as numbered terms, and what gives the terms by number when the documents were read."""
    size = int(collection.manifest.files["corpus.jsonl"]["bytes"])
    if len(fields) == 1:
        one = BatchAnalyzer(analyzer, size)
        return analysed(collection, one), one.names
    many = _FieldAnalyzer(analyzer, fields, size)
    return many.analyse(collection), many.names


class _FieldAnalyzer:
    """Numbers the terms of several fields together, in the order in which the documents first have them."""

    def __init__(self, analyzer: Analyzer, fields: Sequence[str], expected: int) -> None:
        self._fields = fields
        self._analyzers = [BatchAnalyzer(analyzer, expected) for _ in fields]
        self._numbers = [np.empty(0, np.int32) for _ in fields]
        self._origins: list[tuple[int, int]] = []

    def names(self) -> Names:
        """The terms by number, as the vocabulary spells them."""
        own = [analyzer.names().to_list() for analyzer in self._analyzers]
        return Names.of(spelled(self._fields[field], own[field][number]) for field, number in self._origins)

    def analyse(self, collection: Collection) -> Iterator[Terms]:
        """The terms of all documents, one field after another in each."""
        documents = collection.documents()
        while batch := list(islice(documents, BATCH)):
            yield self._add(batch)

    def _add(self, documents: Sequence[Document]) -> Terms:
        parts = [
            analyzer.add([_text(one, field) for one in documents])
            for field, analyzer in zip(self._fields, self._analyzers, strict=True)
        ]
        lengths = np.array([np.diff(ends) for _, ends in parts])
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths.sum(axis=0))])
        begins = offsets[:-1] + np.cumsum(lengths, axis=0) - lengths
        places = [
            np.arange(len(own)) + np.repeat(begin - ends[:-1], size)
            for (own, ends), begin, size in zip(parts, begins, lengths, strict=True)
        ]
        self._learn([own for own, _ in parts], places)
        tokens = np.empty(offsets[-1], np.int32)
        for (own, _), place, numbers in zip(parts, places, self._numbers, strict=True):
            tokens[place] = numbers[own]
        wordless = [i for i in without(lengths[0]) if has_text(documents[i].text)]
        return Terms([one.id for one in documents], tokens, offsets, lengths, wordless)

    def _learn(self, parts: Sequence[npt.NDArray[np.int32]], places: Sequence[npt.NDArray[np.int64]]) -> None:
        """Number the terms that are new by the places where they first stand."""
        found: list[tuple[int, int, int]] = []
        for field, (own, place) in enumerate(zip(parts, places, strict=True)):
            known = len(self._numbers[field])
            new = np.flatnonzero(own >= known)
            each, first = np.unique(own[new], return_index=True)
            self._numbers[field] = np.concatenate([self._numbers[field], np.full(len(each), -1, np.int32)])
            found += [
                (at, field, term) for at, term in zip(place[new[first]].tolist(), each.tolist(), strict=True)
            ]
        for _, field, number in sorted(found):
            self._numbers[field][number] = len(self._origins)
            self._origins.append((field, number))


def _text(document: Document, field: str) -> str:
    """What a field holds of a document, of an index with several."""
    if not has_text(document.text):
        return ""
    return document.text if field == CONTENTS else document.title
