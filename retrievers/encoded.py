"""Indexes of encoded documents: the build that resumes after a kill, the encoder on record, the search by encoded queries."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput
from intrex.data.ids import IdTable, IdWriter
from intrex.data.io.files import refuse_existing
from intrex.data.progress import Progress
from intrex.data.run import Run
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import Build
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectors import WriterGroup
from intrex.encoders.base import Make, note_cut, overlong
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.base import Index, Ranking, RunBuilder
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.queryvectors import Loader, QueryEncoder, RecordedEncoder, TextEncoder

SECONDS_BETWEEN_SAVES = 1.0
QUERIES_AT_ONCE = 512
"""Queries encoded together, whatever the batch size of the search: it must not touch their vectors."""

T = TypeVar("T")
E = TypeVar("E")
Vectors = TypeVar("Vectors")
Encoded = TypeVar("Encoded", covariant=True)


class Sink(WriterGroup, ABC, Generic[Vectors]):
    """Files of a build that encoded documents are appended to."""

    @abstractmethod
    def append(self, encoded: Vectors, names: Sequence[str]) -> None:
        """Write the next documents, of these ids."""

    @property
    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Values that a build needs to go on from here, but for the number of documents."""


def save_between(build: Build, blocks: Iterable[T], state: Callable[[T], dict[str, Any]]) -> Iterator[T]:
    """Yield the blocks, and when one has been dealt with save its state, if a second has passed since the last time.

    Args:
        build: keeps the state.
        blocks: parts of the work, in order.
        state: flushes the files and returns the state after a block.
    """
    saved = time.monotonic()
    for block in blocks:
        yield block
        if time.monotonic() - saved >= SECONDS_BETWEEN_SAVES:
            build.save_state(**state(block))
            saved = time.monotonic()


def builder_of(
    make: Make[E],
    encoding: type[EncoderOptions],
    build_index: Callable[[Collection, BuildTask, E, Any], object],
    check: Callable[[Any], None] = lambda _: None,
) -> Callable[[Path, BuildTask, Any], int]:
    """Return the builder of a kind, a function as `IndexKind.builder` says; it raises as ``make`` and ``build_index`` do.

    Args:
        make: makes the encoder of its name.
        encoding: the encoder's part of the options.
        build_index: encodes a collection into an index.
        check: raises for options that cannot be met here, before the encoder is loaded.
    """

    def build(source: Path, task: BuildTask, options: Any) -> int:
        collection = Collection.open(source)
        refuse_existing(task.out, task.overwrite)  # before the model is loaded
        check(options)
        build_index(collection, task, make(options.encoder, options.part(encoding)), options)
        return collection.n_documents

    return build


def write_documents(
    build: Build, collection: Collection, encoder: TextEncoder[Vectors], sink: Sink[Vectors], task: BuildTask
) -> int:
    """Encode the documents into ``sink`` and write their ids, from the block on that was last saved in ``build.state``.

    The state is `Sink.state`, ``rows``, the number of documents written, and ``cut``, how many of them are longer than
    the encoder reads. That number is returned, and said in a message at level INFO.
    """
    before = overlong(encoder, "document") - int(build.state.get("cut", 0))
    rows, block = int(build.state.get("rows", 0)), task.block
    ids, documents = IdWriter(build.path), collection.documents()
    for start in range(0, rows, block):
        ids.extend([document.id for document in islice(documents, min(block, rows - start))])

    def batches() -> Iterator[tuple[list[str], Vectors]]:
        while batch := list(islice(documents, block)):
            names = [document.id for document in batch]
            ids.extend(names)
            yield names, encoder.encode([document.passage for document in batch], "document")

    def cut() -> int:
        return overlong(encoder, "document") - before

    feed(build, sink, batches(), task.stage("encoding", collection.n_documents), cut)
    ids.close()
    note_cut(cut(), collection.n_documents, "documents", encoder.spec.max_length, "--max-length")
    return cut()


def cut_params(cut: int) -> dict[str, int]:
    """Return the entry of a manifest that says how many documents the encoder cut, if it did."""
    return {"cut_documents": cut} if cut else {}


def feed(
    build: Build, sink: Sink[Vectors], batches: Iterable[tuple[list[str], Vectors]], progress: Progress,
    cut: Callable[[], int] = lambda: 0,
) -> None:  # fmt: skip
    """Append the ids and vectors of documents to ``sink``, and save its state between, with the number ``cut``."""
    rows = int(build.state.get("rows", 0))

    def state(_: object) -> dict[str, Any]:
        sink.flush()
        return {**sink.state, "rows": rows, "cut": cut()}

    if rows:
        progress(rows)
    for names, encoded in save_between(build, batches, state):
        sink.append(encoded, names)
        rows += len(names)
        progress(len(names))
    sink.close()


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that made the vectors."""
    names = ("numpy", "torch", "transformers", "sentence_transformers", "tokenizers")
    return {name: version(name) for name in names if name in sys.modules}


class EncodedIndex(Index, Generic[Vectors]):
    """An index that encodes queries as its documents were encoded.

    Attributes:
        load: makes an encoder of its spec and of the encoder's own files.
        path: the folder.
        spec: the encoder.
    """

    finds_in_subset = True
    load: Loader[Vectors]

    def __init__(self, path: Path, manifest: Manifest) -> None:
        if manifest.encoder is None:
            raise BadInput(f"the index {path} names no encoder", self.rebuild)
        self.path = path
        self.manifest = manifest
        self.ids = IdTable(path)
        self.spec = EncoderSpec(**manifest.encoder)
        self._encoder = RecordedEncoder(self.spec, path / "encoder", self.load)

    def _check_shape(self, noun: str, shape: tuple[int, ...], dim: int) -> None:
        """Raise `BadInput` unless there is one vector of ``dim`` dimensions for each document."""
        if shape != (len(self.ids), dim):
            raise BadInput(
                f"the index {self.path} has {noun} {shape} for {len(self.ids)} documents", self.rebuild
            )

    def queries(
        self, options: SearchOptions, encoder: TextEncoder[Vectors] | None = None
    ) -> QueryEncoder[Vectors]:
        """Return what encodes queries as the index's documents were; it raises `BadInput` where that encoder is gone.

        Args:
            options: ``device`` is where they are encoded, ``query_cache`` keeps what was made of them.
            encoder: takes the place of the recorded one, and is not cached; it must be the same.

        Raises:
            BadInput: ``encoder`` is another one than the index was built with.
        """
        return self._encoder.queries(self.manifest, options, encoder)

    def encode(self, texts: list[str], device: str | None = None) -> Vectors:
        """Encode queries, all together, by the encoder that the index records; nothing is cached.

        Raises:
            BadInput: the encoder is gone.
        """
        return self._encoder.get(device).encode(texts, "query")

    def search(
        self, queries: Queries, options: SearchOptions, encoder: TextEncoder[Vectors] | None = None
    ) -> Run:
        """Return the ``k`` best documents of each query, the same bits for any batch size and thread count.

        Queries are encoded in batches of a fixed size, so that ``options.batch_size`` cannot touch their vectors.

        Args:
            queries: ids and texts.
            options: how to search; ``device`` is where queries are encoded.
            encoder: as in `queries`.

        Raises:
            BadInput: as `queries` and `rank`.
        """
        builder = RunBuilder(self.ids, self.kind)
        encoding = self.queries(options, encoder)
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            batch = slice(start, start + QUERIES_AT_ONCE)
            names = queries.ids[batch]
            vectors = encoding.encode(queries.texts[batch])
            for name, (rows, scores) in zip(names, self.rank(vectors, options, names), strict=True):
                builder.add(name, rows, scores)
        own = "query_length" in self.spec.params
        length = self.spec.params["query_length"] if own else self.spec.max_length
        flag = f"--{'query' if own else 'max'}-length of the index"
        note_cut(encoding.cut, len(queries), "queries", length, flag)
        return builder.run()

    @abstractmethod
    def rank(
        self, queries: Vectors, options: SearchOptions, names: list[str] | None = None
    ) -> Iterator[Ranking]:
        """Yield rows and float32 scores of the ``k`` best documents for each of the encoded queries, best first.

        Args:
            queries: as the encoder gives them.
            options: how to search.
            names: the queries' ids, for errors.

        Raises:
            BadInput: vectors of another dimension, not finite, or so long that scores overflow.
        """
