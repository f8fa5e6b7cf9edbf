"""Building an impact index of files of term weights that were computed beforehand."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from intrex.data.arrays import Rows
from intrex.data.collection import Collection
from intrex.data.errors import Problems
from intrex.data.ids import IdTable, IdWriter, as_bytes, encode_id, id_problem
from intrex.data.importers.inputs import Input
from intrex.data.importers.weights import Weights, read_weights, weight_files
from intrex.data.io.files import fingerprint
from intrex.data.progress import Progress
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectors import SparseVectors
from intrex.data.writer import RecordSource
from intrex.retrievers.inverted.vocabulary import Numbers
from intrex.retrievers.options import BuildTask
from intrex.retrievers.sparse.index import KIND, LAYOUT, ImpactIndex
from intrex.retrievers.sparse.options import EXACT, ImpactBuild, Quantized
from intrex.retrievers.sparse.storage import ForwardWriter, finish, remove_forward

AT_ONCE = 1024
"""Documents that are read at a time."""
_LINES = 1 << 40
_Item = TypeVar("_Item")


def build_impact(
    collection: Collection, task: BuildTask, weights: Path, options: Quantized = EXACT
) -> ImpactIndex:
    """Index term weights of a collection's documents that were computed beforehand.

    Args:
        collection: the documents; each must have weights, but for those without text.
        task: where the index is made, and how.
        weights: a file of weights or a folder of them: see `read_weights`.
        options: how weights are stored, see `intrex.retrievers.sparse.storage.choose_storage`.

    Raises:
        BadInput: the files have documents that the collection lacks, or twice, lack documents of it, or hold weights
            that are negative or not finite; every case is counted.
        IntrexError: the output exists, or cannot be written.
    """
    files = weight_files(weights)
    records = [file.record() | {"file": file.label} for file in files]
    inputs = fingerprint([KIND, LAYOUT, collection.corpus_fingerprint, records, options.quantize])
    progress = task.stage("reading", collection.n_documents)

    def make(build: Build) -> Manifest:
        terms, order = _Reader(build.path, collection, weights.name).read(files, progress)
        counts = finish(build.path, terms, options.quantize, order)
        remove_forward(build.path)
        params = {"layout": LAYOUT, "documents": collection.n_documents, **counts, "source": records}
        return Manifest(KIND, collection.corpus_fingerprint, params=params)

    build_artifact(task.out, inputs, make, overwrite=task.overwrite)
    return ImpactIndex.open(task.out)


class _Reader:
    """A reader of files of weights into a `ForwardWriter`, which compares their documents with the collection's."""

    def __init__(self, folder: Path, collection: Collection, label: str) -> None:
        self._collection, self._problems = collection, Problems(label)
        ids, without = IdWriter(folder), array("b")
        for documents in _batches(collection.documents()):
            ids.extend([document.id for document in documents])
            without.extend(not document.contents for document in documents)
        ids.close()
        self._without_text = np.array(without, np.bool_)
        self._ids = IdTable(folder)
        self._writer = ForwardWriter(folder)
        self._text_of = np.full(len(self._ids), -1, np.int64)
        self._labels: list[str] = []
        self._places = array("q")  # of each text, its file and line in one number
        self._numbers = Numbers()

    def read(self, files: Sequence[Input], progress: Progress) -> tuple[list[str], Rows]:
        """Write the weights; return the terms by number, and the text that has the weights of each row."""
        self._labels = [file.label for file in files]
        for texts in _batches(chain.from_iterable(read_weights(file, self._problems) for file in files)):
            names = as_bytes(["" if _id_problem(text.id) else encode_id(text.id) for text in texts])
            for text, row in zip(texts, self._ids.find(names).tolist(), strict=True):
                self._assign(text, row)
            self._append([text.vector for text in texts])
            progress(len(texts))
        for row in np.flatnonzero((self._text_of < 0) & ~self._without_text).tolist():
            name = self._collection.document(row).id
            place = f"{self._collection.path.name}/corpus.jsonl:{row + 1}"
            hint = 'a document without weights needs a line with "vector": {}, unless it has no text'
            self._problems.add(place, f"the document {name} has no weights", hint)
        self._problems.raise_if_any()
        self._text_of[self._text_of < 0] = self._writer.texts
        self._append([{}])
        self._writer.close()
        return list(self._numbers), self._text_of

    def _assign(self, text: Weights, row: int) -> None:
        """Note the document that a text is of, or report the text."""
        if row < 0:
            unknown = f"the document {text.id} is not in the collection {self._collection.name}"
            self._problems.add(str(text.source), _id_problem(text.id) or unknown)
        elif self._text_of[row] >= 0:
            file, line = divmod(self._places[self._text_of[row]], _LINES)
            first = RecordSource(self._labels[file], line)
            self._problems.add(str(text.source), f"the document {text.id} occurred before, at {first}")
        else:
            self._text_of[row] = len(self._places)
        self._places.append(self._labels.index(text.source.file) * _LINES + text.source.line)

    def _append(self, vectors: Sequence[Mapping[str, float]]) -> None:
        offsets = np.cumsum([0, *map(len, vectors)], dtype=np.int64)
        terms = map(self._numbers.__getitem__, chain.from_iterable(vectors))
        values = chain.from_iterable(vector.values() for vector in vectors)
        arrays = np.fromiter(terms, np.int32, offsets[-1]), np.fromiter(values, np.float32, offsets[-1])
        self._writer.append(SparseVectors(offsets, *arrays))


def _id_problem(value: Any) -> str | None:
    """Say what is wrong with an id of a file, in which it need not be percent-encoded yet."""
    return id_problem(encode_id(value) if isinstance(value, str) else value)


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    items = iter(items)
    return iter(lambda: list(islice(items, AT_ONCE)), [])


def build(source: Path, task: BuildTask, options: ImpactBuild) -> int:
    """Build as ``intrex index impact`` does; return the number of documents. Raises as `build_impact`."""
    collection = Collection.open(source)
    build_impact(collection, task, Path(options.weights), options)
    return collection.n_documents
