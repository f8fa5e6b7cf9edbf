"""The multi-vector index: one vector a token, searched exactly; built block by block, resumed after a kill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.collection import Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import IdTable
from intrex.data.run import Run
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import Manifest, read_manifest
from intrex.data.store.vectors import PackedVectors, open_packed, open_vectors
from intrex.encoders.base import TokenEncoder, load_token_encoder
from intrex.retrievers.base import Index, RunBuilder
from intrex.retrievers.encoded import QUERIES_AT_ONCE, RecordedEncoder
from intrex.retrievers.multivector import heuristic, maxsim, plaid, xtr
from intrex.retrievers.multivector.blend import Blend
from intrex.retrievers.multivector.compressed import ResidualTokens
from intrex.retrievers.multivector.options import HEURISTIC, MultiVectorSearch
from intrex.retrievers.multivector.tokens import StoredTokens, Tokens
from intrex.retrievers.options import SearchOptions

REBUILD = "intrex index multivector COLLECTION OUT --overwrite"
SINGLE = "single.npy"
HEURISTIC_CANDIDATES = 1000
"""Documents that MaxSim scores after the single-vector heuristic, unless more are asked for."""


class MultiVectorIndex(Index):
    """Token vectors of a collection's documents with the encoder that made them; see docs/formats.md.

    The score is MaxSim (`intrex.retrievers.multivector.maxsim`), exact for the vectors as they are stored; where the encoder gives
    single vectors too, theirs is mixed in (`intrex.retrievers.multivector.blend`). A document without tokens (an empty text) keeps
    its row and is never returned; a query without tokens finds nothing.

    Attributes:
        tokens: the token vectors of each row.
        single: [n, e] float32, one vector for each row; None where the encoder gives none.
        gamma: the encoder's; the weight of their score is σ(γ).
        spec: the encoder.
    """

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
        self._encoder = RecordedEncoder(self.spec, path / "encoder", load_token_encoder)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an index; raises `BadInput` when it is missing, damaged or of another kind."""
        return cls(path, read_manifest(path, ("multivector",), REBUILD))

    @property
    def built(self) -> Mapping[str, object]:
        """Whether vectors are compressed, and whether there are single ones."""
        return {"nbits": self.manifest.params.get("bits") or True, "single": self.spec.params.get("single")}

    def prepare(self, options: SearchOptions) -> None:
        """Raise `UsageError` where PLAID is to search vectors that are whole, or XTR an index with single vectors."""
        chosen = MultiVectorSearch.of(options)
        if chosen.engine == "plaid" and not isinstance(self.tokens, ResidualTokens):
            raise UsageError(
                "PLAID searches compressed vectors, this index keeps them whole",
                "intrex index multivector COLLECTION OUT --nbits 2, or leave --engine out",
            )
        if chosen.scoring == "xtr" and self.single is not None:
            raise UsageError("XTR does not score the single vectors of this index", "leave --scoring out")

    def describe(self) -> dict[str, Any]:
        """Tokens of a document and bytes of one; ids and encoder are not counted."""
        tokens, documents = self.manifest.params["tokens"], self.manifest.params["documents"]
        if not tokens:
            return {}
        files = self.manifest.files.items()
        size = sum(entry["bytes"] for name, entry in files if not name.startswith(("ids.", "encoder/")))
        return {
            "tokens per document": round(tokens / documents, 1),
            "bytes per token": round(size / tokens, 1),
        }

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
        chosen = MultiVectorSearch.of(options)
        for start in range(0, len(queries.offsets) - 1, options.batch_size):
            batch = _some(queries, start, start + options.batch_size)
            yield from self._ranked(batch, chosen)
            options.progress(len(batch.offsets) - 1)

    def _ranked(self, batch: PackedVectors, options: MultiVectorSearch) -> Iterable[tuple[Rows, Scores]]:
        rank, k, how = self.ids.rank, options.k, (options.threads, options.ties)
        if options.scoring == "xtr":
            return xtr.search(self.tokens, batch, rank, k, options.token_top_k, *how)
        blend = self._blend(batch, options.gamma)
        if options.engine == "native":
            return maxsim.search(self.tokens, batch, rank, k, *how, blend)
        return maxsim.best(self.tokens, batch, self.candidates(batch, options), rank, k, *how, blend)

    def candidates(self, batch: PackedVectors, options: MultiVectorSearch) -> list[Rows]:
        """Find the only rows, ascending, that MaxSim scores for each of some encoded queries, by ``options.engine``."""
        if options.engine == HEURISTIC:
            count = options.candidates or max(HEURISTIC_CANDIDATES, options.k)
            return heuristic.candidates(self.tokens, batch, count, self.ids.rank, options.threads)
        self.prepare(options)
        limits = plaid.PlaidOptions.of(
            options.k, options.ncells, options.centroid_score_threshold, options.ndocs
        )
        lists = cast(ResidualTokens, self.tokens).lists
        return plaid.candidates(lists, batch, options.k, limits, self.ids.rank, options.threads)

    def score(
        self, queries: PackedVectors, rows: Sequence[Rows], threads: int, gamma: float | None = None
    ) -> list[Scores]:
        """Exact scores of given rows for each of some encoded queries; see `intrex.retrievers.multivector.maxsim.scores`."""
        return maxsim.scores(self.tokens, queries, rows, threads, self._blend(queries, gamma))

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Exact scores of given rows for each query; see `intrex.retrievers.rerank.index.Rescorer`."""
        packed, gamma = self.encode(queries, options.device), MultiVectorSearch.of(options).gamma
        for start in range(0, len(rows), options.batch_size):
            end = min(start + options.batch_size, len(rows))
            yield from self.score(_some(packed, start, end), rows[start:end], options.threads, gamma)

    def _blend(self, queries: PackedVectors, gamma: float | None) -> Blend | None:
        if self.single is None:
            return None
        if queries.single is None:
            raise BadInput(f"the queries have no single vectors, the documents of {self.path} have")
        longest = float(self.manifest.params["single_max_norm"])
        return Blend(
            self.single,
            queries.single.astype(np.float32, copy=False),
            self.gamma if gamma is None else gamma,
            longest,
        )


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


def _some(queries: PackedVectors, first: int, last: int) -> PackedVectors:
    offsets = queries.offsets[first : last + 1]
    single = None if queries.single is None else queries.single[first:last]
    return PackedVectors(queries.vectors[offsets[0] : offsets[-1]], offsets - offsets[0], single)
