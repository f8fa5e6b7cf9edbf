"""The FDE index: one vector a document that stands for its token vectors, so that one search finds MaxSim candidates.

MUVERA (Dhulipala et al., NeurIPS 2024): candidates by the dot product of fixed dimensional encodings
(`intrex.encoders.fde.encoder`), exactly or by an approximate engine, then ranked by exact MaxSim over the token vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.collection import Queries
from intrex.data.errors import BadInput
from intrex.data.ids import IdTable
from intrex.data.progress import no_progress
from intrex.data.run import Run
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import Manifest, read_manifest
from intrex.data.store.vectors import PackedVectors, open_vectors
from intrex.encoders.base import TokenEncoder, load_token_encoder
from intrex.encoders.fde.config import FdeConfig
from intrex.encoders.fde.encoder import Fde
from intrex.retrievers.base import Index, RunBuilder, tie_rank, top_k
from intrex.retrievers.encoded import QUERIES_AT_ONCE, RecordedEncoder
from intrex.retrievers.fde.options import FdeSearch
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.vectors.nearest import open_nearest
from intrex.retrievers.vectors.options import NearestOptions

REBUILD = "intrex index fde SOURCE OUT --overwrite"
NUMBERS_AT_ONCE = 1 << 26
"""Numbers of queries' FDEs that are in memory at once: 256 MB."""


class FdeIndex(Index):
    """FDEs of a collection's documents, with what queries are encoded with; see docs/formats.md.

    Without ``candidates`` the score is the dot product of the FDEs, an estimate of the repetitions times MaxSim; with
    them it is exact MaxSim, of the documents that are nearest by FDE. A document without tokens keeps its row and is
    never returned; a query without tokens finds nothing.

    Attributes:
        fde: the configuration and its random matrices.
        nearest: finds the nearest FDEs.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        if manifest.encoder is None:
            raise BadInput(f"the index {path} names no encoder", REBUILD)
        params = manifest.params
        self.path = path
        self.manifest = manifest
        self.ids = IdTable(path)
        self.spec = EncoderSpec.from_dict(manifest.encoder)
        self.fde = Fde.load(path, FdeConfig(**params["fde"]), params["projections"])
        vectors = None if "ann" in params else open_vectors(path / "vectors.npy")
        self.nearest = open_nearest(path, params, self.ids.rank, vectors)
        if self.nearest.shape != (len(self.ids), self.fde.config.fde_dim):
            raise BadInput(
                f"the index {path} has FDEs {self.nearest.shape} for {len(self.ids)} documents", REBUILD
            )
        self._empty: Rows = np.load(path / "empty.npy")
        self._encoder = RecordedEncoder(self.spec, path / "encoder", load_token_encoder)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an index; raises `BadInput` when it is missing, damaged or of another kind."""
        return cls(path, read_manifest(path, ("fde",), REBUILD))

    @cached_property
    def source(self) -> MultiVectorIndex:
        """The index of the token vectors that the FDEs were made of.

        Raises:
            BadInput: it is another one by now, or gone; or there never was one.
        """
        known = self.manifest.params.get("source")
        if known is None:
            raise BadInput(
                f"the token vectors were not kept when {self.path} was built, so its candidates cannot be ranked by MaxSim",
                "intrex index multivector COLLECTION TOKENS, then intrex index fde TOKENS OUT",
            )
        path = Path(self.path.resolve(), known["path"]).resolve()
        source = MultiVectorIndex.open(path)
        if source.manifest.fingerprint != known["fingerprint"]:
            raise BadInput(
                f"{path} is not the multivector index that {self.path} was built from",
                f"build it again: intrex index fde {path} {self.path} --overwrite",
            )
        return source

    @property
    def built(self) -> Mapping[str, object]:
        """The approximate engine that the index was built for; whether tokens were kept shows when they are opened."""
        return {"engine": self.manifest.params.get("ann", {}).get("engine", "flat"), "tokens": True}

    def prepare(self, options: SearchOptions) -> None:
        """Open `source` if it ranks candidates; raises as it and `intrex.retrievers.base.Index.prepare`."""
        chosen = FdeSearch.of(options)
        self.nearest.prepare(chosen)
        if chosen.candidates is not None:
            _ = self.source

    def search(
        self,
        queries: Queries,
        options: SearchOptions,
        encoder: TokenEncoder | None = None,
        fde: Fde | None = None,
    ) -> Run:
        """The ``k`` best documents of each query, the same bits for any batch size and thread count.

        Args:
            queries: ids and texts.
            options: how to search; ``device`` is where queries are encoded.
            encoder: encodes the queries' tokens instead of the one that the index records; it must be the same.
            fde: makes the queries' FDEs instead of the index's own; it must be the same.

        Raises:
            BadInput: ``encoder`` or ``fde`` is another one than the index was built with, or the recorded encoder is
                gone; or `source` cannot be opened.
        """
        if fde is not None and fde.fingerprint != self.fde.fingerprint:
            raise BadInput(
                f"the queries' FDEs ({_label(fde)}) are not of the index's making ({_label(self.fde)})",
                "FDEs of another seed or configuration cannot be compared; use the index's own",
            )
        encoder = self._encoder.get(options.device, encoder)
        builder = RunBuilder(self.ids, "fde")
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            names = queries.ids[start : start + QUERIES_AT_ONCE]
            packed = encoder.encode(queries.texts[start : start + QUERIES_AT_ONCE], "query")
            for name, (rows, scores) in zip(names, self.rank(packed, options, names), strict=True):
                builder.add(name, rows, scores)
        return builder.run()

    def rank(
        self, queries: PackedVectors, options: SearchOptions, names: list[str] | None = None
    ) -> Iterator[tuple[Rows, Scores]]:
        """Rows and float32 scores of the ``k`` best documents for each of some encoded queries, best first.

        Args:
            queries: token vectors in float32.
            options: how to search.
            names: what errors call the queries.

        Raises:
            BadInput: token vectors of another dimension, or not finite; or `source` cannot be opened.
        """
        chosen = FdeSearch.of(options)
        step = min(options.batch_size, max(1, NUMBERS_AT_ONCE // self.fde.config.fde_dim))
        for start in range(0, len(queries.offsets) - 1, step):
            end = min(start + step, len(queries.offsets) - 1)
            full = [i for i in range(start, end) if queries.offsets[i] < queries.offsets[i + 1]]
            batch = _some(queries, full)
            called = None if names is None else [names[i] for i in full]
            vectors = self.fde.encode(batch, "query", threads=options.threads, names=called)
            nearest = self._nearest(vectors, chosen)
            if chosen.candidates is not None:
                nearest = self._exact(batch, [rows for rows, _ in nearest], chosen)
            found = dict(zip(full, nearest, strict=True))
            nothing = np.empty(0, np.int64), np.empty(0, np.float32)
            yield from (found.get(i, nothing) for i in range(start, end))
            options.progress(end - start)

    def _nearest(self, vectors: Float32s, options: FdeSearch) -> list[tuple[Rows, Scores]]:
        """The best by FDE, documents without tokens left out."""
        wanted = options.candidates or options.k
        k = min(wanted + len(self._empty), len(self.ids))
        ranked = self.nearest.rank(vectors, replace(options.part(NearestOptions), k=k, progress=no_progress))
        if not len(self._empty):
            return list(ranked)
        kept = ((rows, scores, ~np.isin(rows, self._empty)) for rows, scores in ranked)
        return [(rows[has][:wanted], scores[has][:wanted]) for rows, scores, has in kept]

    def _exact(self, batch: PackedVectors, rows: list[Rows], options: FdeSearch) -> list[tuple[Rows, Scores]]:
        """The candidates of each query, by MaxSim."""
        asked = batch if options.ball_carving is None else carve(batch, options.ball_carving)
        best = []
        for own, scores in zip(rows, self.source.score(asked, rows, options.threads), strict=True):
            order = top_k(scores, tie_rank(self.ids.rank[own], options.ties), options.k)
            best.append((own[order], scores[order]))
        return best


def carve(queries: PackedVectors, least: float) -> PackedVectors:
    """Ball carving: fewer query tokens, each the sum of some that are alike (paper, section 3.3).

    Greedily, the first token that is in no group yet takes all such tokens whose dot product with it is ``least`` or
    more. As the largest sum is at most the sum of the largest, a MaxSim with sums is never above the exact one.
    """
    sums, offsets = [], [0]
    for first, last in zip(queries.offsets[:-1], queries.offsets[1:], strict=True):
        wide = queries.vectors[first:last].astype(np.float64)
        free = np.arange(len(wide))
        while len(free):
            # element by element, not by BLAS: no group may depend on how the product was computed
            near = (wide[free] * wide[free[0]]).sum(axis=1) >= least
            near[0] = True  # a token shorter than the square root of ``least`` is alone
            sums.append(wide[free[near]].sum(axis=0))
            free = free[~near]
        offsets.append(len(sums))
    vectors = np.array(sums, np.float32).reshape(len(sums), queries.vectors.shape[1])
    return PackedVectors(vectors, np.array(offsets, np.int64), queries.single)


def _some(queries: PackedVectors, chosen: list[int]) -> PackedVectors:
    parts = [queries.vectors[queries.offsets[i] : queries.offsets[i + 1]] for i in chosen]
    vectors = np.concatenate([queries.vectors[:0], *parts], dtype=np.float32)
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return PackedVectors(vectors, offsets, None if queries.single is None else queries.single[chosen])


def _label(fde: Fde) -> str:
    c = fde.config
    return f"reps {c.reps}, k_sim {c.k_sim}, seed {c.seed}, fingerprint {fde.fingerprint[:12]}"
