"""The impact index: term weights of documents, by a learned sparse encoder or computed beforehand, searched exactly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from intrex.data.arrays import Rows, Scores
from intrex.data.collection import Collection, Document, Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import IdTable
from intrex.data.io.files import fingerprint
from intrex.data.progress import Progress, no_progress
from intrex.data.run import Run
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import Build, Manifest, build_artifact, read_manifest
from intrex.encoders.base import EncoderOptions, SparseEncoder, load_sparse_encoder, make_sparse_encoder
from intrex.retrievers.base import RunBuilder, SearchOptions, tie_rank
from intrex.retrievers.encoded import (
    BLOCK,
    QUERIES_AT_ONCE,
    RecordedEncoder,
    library_versions,
    write_documents,
)
from intrex.retrievers.inverted.native import gather
from intrex.retrievers.inverted.search import Weighted
from intrex.retrievers.inverted.vocabulary import Vocabulary
from intrex.retrievers.sparse.build import (
    ForwardWriter,
    check_bits,
    finish,
    remove_forward,
    settle,
)
from intrex.retrievers.sparse.queries import dimension_numbers, weigh_encoded, weigh_named, weigh_texts
from intrex.retrievers.sparse.searcher import ImpactSearcher, open_impacts

KIND = "impact"
LAYOUT = 1
"""Version of the index's files."""
REBUILD = "intrex index sparse|impact COLLECTION OUT --overwrite"
LARGEST = float(np.finfo(np.float32).max)

_log = logging.getLogger(__name__)


class ImpactIndex:
    """Term weights of a collection's documents; a document scores the dot product of its weights and the query's.

    Attributes:
        spec: the encoder of documents and queries; None if the weights were computed elsewhere.
        encode_with: of an index without an encoder, the one that makes weights of query texts, spelled as for
            `make_sparse_encoder`; None cuts texts at white space.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        if manifest.params.get("layout") != LAYOUT:
            raise BadInput(f"the index has files of another layout than this intrex reads ({path})", REBUILD)
        self.manifest = manifest
        self.ids = IdTable(path)
        self.vocabulary = Vocabulary(path)
        impacts, bounds = open_impacts(path)
        scale = float(manifest.params["scale"])
        self._searcher = ImpactSearcher(impacts, np.asarray(self.ids.rank), bounds, scale)
        self._heaviest = float(bounds.max(initial=0.0)) * scale
        self.spec = EncoderSpec.from_dict(manifest.encoder) if manifest.encoder else None
        self.encode_with: str | None = None
        self._recorded = (
            RecordedEncoder(self.spec, path / "encoder", load_sparse_encoder) if self.spec else None
        )

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open through memory maps; raises `BadInput` when the index is missing, damaged or of another kind."""
        return cls(path, read_manifest(path, (KIND,), REBUILD))

    def search(self, queries: Queries, options: SearchOptions, encoder: SparseEncoder | None = None) -> Run:
        """The ``k`` best documents that share a term with each query.

        Queries that come with term weights are searched with these; texts are encoded, or cut at white space, where a
        term weighs as much as it is frequent. A query without a term that the index knows has no line in the run.

        Args:
            queries: ids, and texts or weights.
            options: how to search; ``device`` is where queries are encoded.
            encoder: encodes the queries instead of the one that the index records; it must be the same.

        Raises:
            UsageError: k is less than 1.
            BadInput: the encoder is not the index's or is gone, or a score would be too large for float32.
        """
        if options.k < 1:
            raise UsageError(f"k must be at least 1, not {options.k}")
        weigh = self._weigher(queries, options.device, encoder)
        searcher = replace(self._searcher, rank=tie_rank(self._searcher.rank, options.ties))
        found, unknown = RunBuilder(self.ids, KIND), 0
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            names = queries.ids[start : start + QUERIES_AT_ONCE]
            weighted = weigh(slice(start, start + len(names)))
            sizes = np.diff(weighted.offsets)
            self._check(weighted, sizes, names)
            hits = searcher.search(weighted, options.k, options.threads)
            found.extend(names, hits.sizes, gather(self.ids, hits.rows), hits.scores)
            unknown += int(np.count_nonzero(sizes == 0))
            options.progress(len(names))
        if unknown:
            _log.info("%d of %d queries have no term that the index knows", unknown, len(queries))
        return found.run()

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Scores [len(rows[i])] of the documents ``rows[i]`` for each query text; minus infinity where no term is common."""
        weighted = self._weigher(Queries(queries, queries), options.device, None)(slice(None))
        self._check(weighted, np.diff(weighted.offsets), queries)
        for query, own in enumerate(rows):
            yield self._searcher.score(weighted, query, own)

    def _weigher(
        self, queries: Queries, device: str | None, given: SparseEncoder | None
    ) -> Callable[[slice], Weighted]:
        """What makes weighted terms of some of the queries."""
        weights, texts, numbers = queries.weights, queries.texts, None
        if weights is not None:
            return lambda some: weigh_named(weights[some], self.vocabulary)
        if self._recorded is not None:
            encoder = self._recorded.get(device, given)
        elif self.encode_with is not None:
            encoder = make_sparse_encoder(self.encode_with, EncoderOptions(device=device))
            numbers = dimension_numbers(encoder, self.vocabulary)
        else:
            return lambda some: weigh_texts(texts[some], self.vocabulary)
        return lambda some: weigh_encoded(encoder.encode(texts[some], "query"), numbers)

    def _check(self, weighted: Weighted, sizes: Rows, names: list[str]) -> None:
        """Raise `BadInput` where a sum may be too large for float32."""
        owners = np.repeat(np.arange(len(sizes)), sizes)
        most = np.bincount(owners, weighted.weights, len(sizes)) * self._heaviest
        if (most > LARGEST).any():
            raise BadInput(
                f"the weights of query {names[int(most.argmax())]} are so large that its scores overflow",
                "divide all weights of the queries by one number: that changes no ranking",
            )


def build_sparse(
    collection: Collection,
    out: Path,
    encoder: SparseEncoder,
    *,
    quantize: int | None = None,
    overwrite: bool = False,
    block: int = BLOCK,
    progress: Progress = no_progress,
) -> ImpactIndex:
    """Encode a collection's documents and make an index of their term weights at ``out``, in constant memory.

    A killed build is resumed at its last saved block by the next one with the same collection, encoder and block.

    Args:
        collection: the documents; ``contents`` is what is encoded.
        out: the folder to make; nothing stands there unless all went well.
        encoder: turns texts into term weights.
        quantize: see `intrex.retrievers.sparse.build.choose_storage`.
        overwrite: replace an existing index.
        block: documents encoded together. The last bits of a model's weights depend on it.
        progress: called after each block, and once with the documents that an earlier run finished.

    Raises:
        UsageError: ``quantize`` is neither 8 nor 16 nor None.
        IntrexError: the output exists, or is being built by another process.
        BadInput: the encoder gave weights that are negative or not finite.
    """
    check_bits(quantize)
    spec = encoder.spec
    inputs = fingerprint([KIND, LAYOUT, collection.corpus_fingerprint, spec.to_dict(), block, quantize])

    def make(build: Build) -> Manifest:
        if "params" not in build.state:
            write_documents(build, collection, block, _Sink(build, encoder), progress)
            encoder.save(build.path / "encoder")
            counts = finish(build.path, encoder.terms(), quantize)
            params = {"layout": LAYOUT, "documents": collection.n_documents, **counts, "block": block}
            settle(build, params)
        remove_forward(build.path)
        params = build.state["params"]
        return Manifest(
            KIND, collection.corpus_fingerprint, spec.to_dict(), params, versions=library_versions()
        )

    build_artifact(out, inputs, make, overwrite=overwrite)
    return ImpactIndex.open(out)


class _Sink:
    """Documents' weights on their way to disk."""

    def __init__(self, build: Build, encoder: SparseEncoder) -> None:
        self._encoder = encoder
        self._forward = ForwardWriter(
            build.path, int(build.state.get("rows", 0)), int(build.state.get("entries", 0))
        )

    def append(self, documents: list[Document]) -> None:
        self._forward.append(self._encoder.encode([d.contents for d in documents], "document"))

    def flush(self) -> dict[str, Any]:
        self._forward.flush()
        return {"entries": self._forward.entries}

    def close(self) -> None:
        self._forward.close()
