"""Statistics of a collection: lengths, scripts and duplicates of its texts, and what its sets judge; one pass over the corpus."""

from __future__ import annotations

import hashlib
import unicodedata
from array import array
from typing import Any

import numpy as np

from intrex.data.arrays import Bytes, Int64s
from intrex.data.builders.units import count_words
from intrex.data.collection import Collection
from intrex.data.ids import as_bytes, as_strings
from intrex.data.progress import Progress
from intrex.data.qrels import Qrels

POINTS = 0x110000
"""Code points of Unicode."""
_PIECE = 1 << 20
_DIGEST = 16
_WIDTHS = ("FULLWIDTH", "HALFWIDTH")
_NAMES = {"CJK": "Han", "IDEOGRAPHIC": "Han"}
_LEAST_SHARE = 0.00005
"""Least share of a script that is shown with four digits."""


def describe_texts(collection: Collection, progress: Progress | None = None) -> dict[str, Any]:
    """Return statistics as a record of numbers and of records of numbers, to print.

    Lengths are of title and text, in words (`intrex.data.builders.units.words`) and characters. Two documents are duplicates
    where title and text are equal, two queries where their texts are. Scripts are shares of all letters. Of a collection of
    passages the documents are the passages; judgements are looked up among the documents that were cut.

    Args:
        collection: any.
        progress: called with the number of documents just read.

    Raises:
        BadInput: a line is no document, or the corpus is not what was written.
    """
    documents, queries = _Texts(), _Texts()
    sets = {name: collection.qrels(name) for name in collection.sets}
    judged_ids = {i for qrels in sets.values() for i in as_strings(qrels.doc_ids)}
    present: set[str] = set()
    delimiter = collection.delimiter
    for document in collection.documents():
        documents.add(document.contents, f"{document.title}\n{document.text}")
        name = document.id if delimiter is None else document.id.partition(delimiter)[0]
        if name in judged_ids:
            present.add(name)
        if progress:
            progress(1)
    held = collection.queries()
    for text in held.texts:
        queries.add(text, text)
    document_ids, query_ids = as_bytes(sorted(present)), as_bytes(held.ids)
    judged = np.concatenate([as_bytes([]), *(qrels.query_ids for qrels in sets.values())])
    record = {**documents.describe("document"), **queries.describe("query")}
    record["queries without judgements"] = int((~np.isin(query_ids, judged)).sum())
    for name, qrels in sets.items():
        record |= {
            f"set {name}: {key}": v for key, v in _describe_set(qrels, document_ids, query_ids).items()
        }
    return record


class _Texts:
    """Lengths, letters and digests of texts."""

    def __init__(self) -> None:
        self._words, self._characters = array("L"), array("L")
        self._digests = bytearray()
        self._counts = np.zeros(POINTS, np.int64)
        self._held: list[str] = []
        self._held_size = 0

    def add(self, text: str, identity: str) -> None:
        """Take in a text; equal ones have the same identity."""
        self._words.append(count_words(text))
        self._characters.append(len(text))
        self._digests += hashlib.blake2b(identity.encode("utf-8"), digest_size=_DIGEST).digest()
        self._held.append(text)
        self._held_size += len(text)
        if self._held_size > _PIECE:
            self._count()

    def _count(self) -> None:
        """Count the characters of the texts that are held."""
        text = "".join(self._held)
        if text.isascii():
            codes = np.frombuffer(text.encode("ascii"), np.uint8)
        else:
            codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        counts = np.bincount(codes)
        self._counts[: len(counts)] += counts
        self._held, self._held_size = [], 0

    def describe(self, noun: str) -> dict[str, Any]:
        """Return the statistics under names that begin with a noun."""
        self._count()
        pairs = np.frombuffer(self._digests, np.uint64).reshape(-1, 2)
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        same = (pairs[order][1:] == pairs[order][:-1]).all(axis=1)
        return {
            f"{noun} words": summary(np.frombuffer(self._words, "L").astype(np.int64)),
            f"{noun} characters": summary(np.frombuffer(self._characters, "L").astype(np.int64)),
            f"{noun} scripts": scripts(self._counts),
            f"duplicate {'queries' if noun == 'query' else 'documents'}": int(same.sum()),
        }


def summary(values: Int64s) -> dict[str, float]:
    """Return least, median, mean, 95th percentile (nearest rank) and greatest of values; empty of none."""
    if not len(values):
        return {}
    ordered = np.sort(values)
    rank = max(0, -(-95 * len(ordered) // 100) - 1)
    median, mean = float(np.median(ordered)), float(ordered.mean())
    return {
        "min": int(ordered[0]),
        "median": int(median) if median.is_integer() else median,
        "mean": round(mean, 2),
        "p95": int(ordered[rank]),
        "max": int(ordered[-1]),
    }


def scripts(counts: Int64s) -> dict[str, float]:
    """Return the share of each script among letters, largest first.

    Python has no table of scripts. A script is the first word of a letter's Unicode name (``LATIN SMALL LETTER A``), that of
    ideographs Han; letters whose name begins with something else, such as mathematical ones, make scripts of their own.

    Args:
        counts: [0x110000] how often each code point occurs.
    """
    totals: dict[str, int] = {}
    for point in np.flatnonzero(counts).tolist():
        character = chr(point)
        if character.isalpha():
            script = _script(character)
            totals[script] = totals.get(script, 0) + int(counts[point])
    letters = sum(totals.values())
    shares = {s: n / letters for s, n in sorted(totals.items(), key=lambda item: (-item[1], item[0]))}
    return {s: round(share, 4) for s, share in shares.items() if share >= _LEAST_SHARE}


def _script(letter: str) -> str:
    words = unicodedata.name(letter, "UNNAMED").replace("-", " ").split()
    words = words[1:] if words[0] in _WIDTHS and len(words) > 1 else words
    return _NAMES.get(words[0], words[0].capitalize())


def _describe_set(qrels: Qrels, document_ids: Bytes, query_ids: Bytes) -> dict[str, Any]:
    sizes = np.diff(qrels.offsets)
    relevant = np.add.reduceat((qrels.grades > 0).astype(np.int64), qrels.offsets[:-1])
    grades, counts = np.unique(qrels.grades, return_counts=True)
    return {
        "grades": {str(g): n for g, n in zip(grades.tolist(), counts.tolist(), strict=True)},
        "judged per query": _spread(sizes),
        "relevant per query": _spread(relevant),
        "queries without relevant documents": int((relevant == 0).sum()),
        "judgements on absent documents": int((~np.isin(qrels.doc_ids, document_ids)).sum()),
        "judged queries that are absent": int((~np.isin(qrels.query_ids, query_ids)).sum()),
        "positives only": "yes" if qrels.positives_only else "no",
    }


def _spread(values: Int64s) -> dict[str, float]:
    return {key: n for key, n in summary(values).items() if key != "p95"}
