"""The multi-vector index: one vector a token, searched exactly; built block by block, resumed after a kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.collection import Collection, Document, Queries
from intrex.data.errors import BadInput, UsageError, nearest_name
from intrex.data.ids import IdTable
from intrex.data.io.files import fingerprint
from intrex.data.numeric.rows import row_norms
from intrex.data.progress import Progress, no_progress
from intrex.data.run import Run
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import Build, Manifest, build_artifact, read_manifest
from intrex.data.store.vectors import PackedVectors, PackedWriter, VectorWriter, open_packed, open_vectors
from intrex.encoders.base import TokenEncoder, load_token_encoder
from intrex.retrievers.base import RunBuilder, SearchOptions, Stage, no_stage
from intrex.retrievers.encoded import (
    BLOCK,
    QUERIES_AT_ONCE,
    RecordedEncoder,
    library_versions,
    write_documents,
)
from intrex.retrievers.multivector import maxsim, xtr
from intrex.retrievers.multivector.blend import Blend
from intrex.retrievers.multivector.compressed import ResidualTokens, compress
from intrex.retrievers.multivector.residual import BITS
from intrex.retrievers.multivector.tokens import StoredTokens, Tokens

REBUILD = "intrex index multivector COLLECTION OUT --overwrite"
STORES = ("float16", "float32")
SINGLE = "single.npy"
Scoring = Literal["maxsim", "xtr"]
SCORINGS: tuple[Scoring, ...] = get_args(Scoring)


class MultiVectorIndex:
    """Token vectors of a collection's documents with the encoder that made them; see docs/formats.md.

    The score is MaxSim (`intrex.retrievers.multivector.maxsim`), exact for the vectors as they are stored; where the encoder gives
    single vectors too, theirs is mixed in (`intrex.retrievers.multivector.blend`). A document without tokens (an empty text) keeps
    its row and is never returned; a query without tokens finds nothing.

    Attributes:
        tokens: the token vectors of each row.
        single: [n, e] float32, one vector for each row; None where the encoder gives none.
        gamma: the weight of its score is σ(γ); at first the encoder's.
        spec: the encoder.
        scoring: how `search` scores, ``maxsim`` or ``xtr`` (`intrex.retrievers.multivector.xtr`).
        token_top_k: document tokens that XTR retrieves for each query token.
        candidates: finds the only rows that MaxSim scores, ascending, for some encoded queries; None scores all.
    """

    candidates: Callable[[PackedVectors, SearchOptions], list[Rows]] | None = None

    def __init__(self, path: Path, manifest: Manifest) -> None:
        if manifest.encoder is None:
            raise BadInput(f"the index {path} names no encoder", REBUILD)
        self.path = path
        self.manifest = manifest
        self.ids = IdTable(path)
        self.spec = EncoderSpec.from_dict(manifest.encoder)
        self.tokens = _open_tokens(path, manifest)
        if (documents := len(self.tokens.offsets) - 1, self.tokens.dim) != (len(self.ids), self.spec.dim):
            raise BadInput(
                f"the index {path} has vectors of {self.tokens.dim} dimensions for {documents} documents, not of "
                f"{self.spec.dim} for {len(self.ids)}",
                REBUILD,
            )
        self.single, self.gamma = _open_single(path, self.spec, len(self.ids))
        self.scoring: Scoring = "maxsim"
        self.token_top_k = xtr.TOKEN_TOP_K
        self._encoder = RecordedEncoder(self.spec, path / "encoder", load_token_encoder)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an index; raises `BadInput` when it is missing, damaged or of another kind."""
        return cls(path, read_manifest(path, ("multivector",), REBUILD))

    def encode(
        self, texts: list[str], device: str | None = None, encoder: TokenEncoder | None = None
    ) -> PackedVectors:
        """Token vectors of queries by the encoder that the index records.

        Args:
            texts: the queries, encoded all together.
            device: where.
            encoder: encodes instead of the recorded one; it must be the same.

        Raises:
            BadInput: ``encoder`` is another one than the index was built with, or the recorded one is gone.
        """
        return self._encoder.get(device, encoder).encode(texts, "query")

    def search(self, queries: Queries, options: SearchOptions, encoder: TokenEncoder | None = None) -> Run:
        """The ``k`` best documents of each query, the same bits for any batch size and thread count.

        Args:
            queries: ids and texts.
            options: how to search; ``device`` is where queries are encoded.
            encoder: as in `encode`.

        Raises:
            BadInput: as `encode`.
        """
        builder = RunBuilder(self.ids, "multivector")
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            names = queries.ids[start : start + QUERIES_AT_ONCE]
            packed = self.encode(queries.texts[start : start + QUERIES_AT_ONCE], options.device, encoder)
            for name, (rows, scores) in zip(names, self.rank(packed, options), strict=True):
                builder.add(name, rows, scores)
        return builder.run()

    def rank(self, queries: PackedVectors, options: SearchOptions) -> Iterator[tuple[Rows, Scores]]:
        """Rows and float32 scores of the ``k`` best documents for each of some encoded queries, best first.

        Raises:
            BadInput: query vectors of another dimension, not finite, or so long that scores overflow.
        """
        for start in range(0, len(queries.offsets) - 1, options.batch_size):
            batch = _some(queries, start, start + options.batch_size)
            given, how = (self.tokens, batch, self.ids.rank, options.k), (options.threads, options.ties)
            if self.scoring == "xtr":
                yield from xtr.search(*given, self.token_top_k, *how)
            elif self.candidates is not None:
                found = self.candidates(batch, options)
                yield from maxsim.best(self.tokens, batch, found, *given[2:], *how, self._blend(batch))
            else:
                yield from maxsim.search(*given, *how, self._blend(batch))
            options.progress(len(batch.offsets) - 1)

    def score(self, queries: PackedVectors, rows: Sequence[Rows], threads: int) -> list[Scores]:
        """Exact scores of given rows for each of some encoded queries; see `intrex.retrievers.multivector.maxsim.scores`."""
        return maxsim.scores(self.tokens, queries, rows, threads, self._blend(queries))

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Exact scores of given rows for each query; see `intrex.retrievers.rerank.index.Rescorer`."""
        packed = self.encode(queries, options.device)
        for start in range(0, len(rows), options.batch_size):
            end = min(start + options.batch_size, len(rows))
            yield from self.score(_some(packed, start, end), rows[start:end], options.threads)

    def _blend(self, queries: PackedVectors) -> Blend | None:
        if self.single is None:
            return None
        if queries.single is None:
            raise BadInput(f"the queries have no single vectors, the documents of {self.path} have")
        longest = float(self.manifest.params["single_max_norm"])
        return Blend(self.single, queries.single.astype(np.float32, copy=False), self.gamma, longest)


def check_store(store: str, bits: int | None) -> None:
    """Raise `UsageError` unless vectors can be kept so."""
    if store not in STORES:
        raise UsageError(f"unknown store {store!r}", nearest_name(store, STORES))
    if bits not in (None, *BITS):
        raise UsageError(f"residuals of {bits} bits a dimension", f"known: {', '.join(map(str, BITS))}")


def build_multivector(
    collection: Collection,
    out: Path,
    encoder: TokenEncoder,
    *,
    store: str = "float16",
    bits: int | None = None,
    overwrite: bool = False,
    block: int = BLOCK,
    progress: Progress = no_progress,
    stage: Stage = no_stage,
) -> MultiVectorIndex:
    """Encode the tokens of a collection's documents and make an index of them at ``out``, in constant memory.

    A killed build is resumed at its last saved block by the next one with the same arguments.

    Args:
        collection: the documents; ``contents`` is what is encoded.
        out: the folder to make; nothing stands there unless all went well.
        encoder: turns a text into token vectors.
        store: the type of the vectors on disk, one of `STORES`.
        bits: 1, 2 or 4: then the vectors so stored are compressed (`intrex.retrievers.multivector.residual`), and only that is kept.
        overwrite: replace an existing index.
        block: documents encoded together. The last bits of a transformer's vectors depend on it.
        progress: called after each block, and once with the documents that an earlier run finished.
        stage: begins the progress of what follows the encoding.

    Raises:
        IntrexError: the output exists, or is being built by another process.
        UsageError: unknown ``store``, or another number of bits.
        BadInput: the encoder gave NaN, infinity or a number that ``store`` cannot hold (the document is named), or
            not one token in the whole collection.
    """
    check_store(store, bits)
    spec = encoder.spec
    inputs = fingerprint(["multivector", collection.corpus_fingerprint, spec.to_dict(), store, bits, block])

    def make(build: Build) -> Manifest:
        if "compressed" not in build.state:
            sink = _TokenSink(build, encoder, store)
            write_documents(build, collection, block, sink, progress)
            if not sink.written[1]:
                raise BadInput(
                    f"not one of the {sink.written[0]:,} documents has a token",
                    "nothing could ever be found in it",
                )
            build.save_state(**sink.state, rows=sink.written[0])
        else:
            progress(collection.n_documents)
        compressed = {} if bits is None else compress(build, bits, stage)
        encoder.save(build.path / "encoder")
        params = {
            "documents": build.state["rows"],
            "tokens": build.state["tokens"],
            "store": store if bits is None else "residual",
            "max_norm": build.state["longest"],
            "block": block,
            **compressed,
        }
        if "single" in build.state:
            params["single_max_norm"] = build.state["single"]
        return Manifest(
            "multivector", collection.corpus_fingerprint, spec.to_dict(), params, versions=library_versions()
        )

    build_artifact(out, inputs, make, overwrite=overwrite)
    return MultiVectorIndex.open(out)


def _open_tokens(path: Path, manifest: Manifest) -> Tokens:
    if manifest.params["store"] == "residual":
        return ResidualTokens(path, REBUILD)
    return StoredTokens(open_packed(path), float(manifest.params["max_norm"]))


def _open_single(path: Path, spec: EncoderSpec, documents: int) -> tuple[Float32s | None, float]:
    if "single" not in spec.params:
        return None, 0.0
    vectors, wanted = open_vectors(path / SINGLE), (documents, spec.params["single_dim"])
    if vectors.shape != wanted:
        raise BadInput(f"single vectors {vectors.shape}, not {wanted} ({path / SINGLE})", REBUILD)
    return vectors, float(spec.params["gamma"])


class _TokenSink:
    """Token and single vectors on their way to disk, and the lengths of the longest as they are stored."""

    def __init__(self, build: Build, encoder: TokenEncoder, store: str) -> None:
        self._encoder, self._dtype = encoder, np.dtype(store)
        done = int(build.state.get("rows", 0)), int(build.state.get("tokens", 0))
        self.longest = float(build.state.get("longest", 0.0))
        self.shortest = float(build.state.get("shortest", np.inf))
        self._writer = PackedWriter(build.path, encoder.spec.dim, self._dtype, done)
        self._single: VectorWriter | None = None
        if "single" in encoder.spec.params:
            shape = None, encoder.spec.params["single_dim"]
            self._single = VectorWriter(build.path / SINGLE, shape, resumed=done[0])
        self.longest_single = float(build.state.get("single", 0.0))

    @property
    def written(self) -> tuple[int, int]:
        return self._writer.written

    def append(self, documents: list[Document]) -> None:
        packed = self._encoder.encode([d.contents for d in documents], "document")

        def name(i: int) -> str:
            return f"document {documents[i].id}"

        self._writer.append(packed, name)
        if self._single is not None and packed.single is not None:
            self._single.append(packed.single, name)
            self.longest_single = max(self.longest_single, float(row_norms(packed.single).max(initial=0.0)))
        stored = packed.vectors.astype(self._dtype, copy=False).astype(np.float32, copy=False)
        norms = row_norms(stored)
        self.longest = max(self.longest, float(norms.max(initial=0.0)))
        self.shortest = min(self.shortest, float(norms.min(initial=np.inf)))

    @property
    def state(self) -> dict[str, Any]:
        single = {} if self._single is None else {"single": self.longest_single}
        return {"tokens": self.written[1], "longest": self.longest, "shortest": self.shortest, **single}

    def flush(self) -> dict[str, Any]:
        self._writer.flush()
        if self._single is not None:
            self._single.flush()
        return self.state

    def close(self) -> None:
        self._writer.close()
        if self._single is not None:
            self._single.close()


def _some(queries: PackedVectors, first: int, last: int) -> PackedVectors:
    offsets = queries.offsets[first : last + 1]
    single = None if queries.single is None else queries.single[first:last]
    return PackedVectors(queries.vectors[offsets[0] : offsets[-1]], offsets - offsets[0], single)
