"""Multi-vector index: one vector a token, searched exactly; built block by block, resumed after a kill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.errors import BadInput, UsageError
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectors import PackedVectors, open_packed, open_vectors
from intrex.encoders.base import Role, load_token_encoder
from intrex.retrievers.base import Ranking
from intrex.retrievers.encoded import EncodedIndex
from intrex.retrievers.explanation import Explanation
from intrex.retrievers.multivector import heuristic, maxsim, plaid, xtr
from intrex.retrievers.multivector.blend import Blend
from intrex.retrievers.multivector.compressed import ResidualTokens
from intrex.retrievers.multivector.explain import explain_rows
from intrex.retrievers.multivector.feedback import expand
from intrex.retrievers.multivector.options import HEURISTIC, MultiVectorSearch
from intrex.retrievers.multivector.part import PartTokens
from intrex.retrievers.multivector.tokens import StoredTokens, Tokens
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.prf.vector import rank_with_feedback, reformulate

SINGLE = "single.npy"
HEURISTIC_CANDIDATES = 1000
"""Documents that MaxSim scores after the single-vector heuristic, unless k is more."""


class MultiVectorIndex(EncodedIndex[PackedVectors]):
    """Token vectors of a collection's documents with the encoder that made them; see docs/formats.md.

    The score is MaxSim (`intrex.retrievers.multivector.maxsim`), exact for the vectors as they are stored; where the encoder gives
    single vectors too, theirs is mixed in (`intrex.retrievers.multivector.blend`). A document without tokens (an empty text) keeps
    its row and is never returned; a query without tokens finds nothing.

    Attributes:
        tokens: the token vectors of each row.
        single: [n, e] float32, one vector for each row; None where the encoder gives none.
        gamma: the encoder's; the weight of their score is σ(γ).
    """

    kind = "multivector"
    rebuild = "intrex index multivector COLLECTION OUT --overwrite"
    load = staticmethod(load_token_encoder)

    def __init__(self, path: Path, manifest: Manifest) -> None:
        super().__init__(path, manifest)
        self.tokens = self._open_tokens()
        if (documents := len(self.tokens.offsets) - 1, self.tokens.dim) != (len(self.ids), self.spec.dim):
            raise BadInput(
                f"the index {path} has vectors of {self.tokens.dim} dimensions for {documents} documents, not of "
                f"{self.spec.dim} for {len(self.ids)}",
                self.rebuild,
            )
        self.single, self.gamma = self._open_single()

    def _open_tokens(self) -> Tokens:
        if self.manifest.params["store"] == "residual":
            return ResidualTokens(self.path, self.rebuild)
        return StoredTokens(open_packed(self.path), float(self.manifest.params["max_norm"]))

    def _open_single(self) -> tuple[Float32s | None, float]:
        if "single" not in self.spec.params:
            return None, 0.0
        vectors, shape = open_vectors(self.path / SINGLE), (len(self.ids), self.spec.params["single_dim"])
        if vectors.shape != shape:
            raise BadInput(
                f"single vectors {vectors.shape}, not {shape} ({self.path / SINGLE})", self.rebuild
            )
        return vectors, float(self.spec.params["gamma"])

    @property
    def built(self) -> Mapping[str, object]:
        """Compression of the vectors, and the kind of single ones."""
        return {"nbits": self.manifest.params.get("bits") or True, "single": self.spec.params.get("single")}

    def prepare(self, options: SearchOptions) -> None:
        """Raise `UsageError` where PLAID is to search vectors that are whole, or XTR an index with single vectors."""
        search = MultiVectorSearch.of(options)
        if search.engine == "plaid" and not isinstance(self.tokens, ResidualTokens):
            raise UsageError(
                "PLAID searches compressed vectors, this index keeps them whole",
                "intrex index multivector COLLECTION OUT --nbits 2, or leave --engine out",
            )
        if search.scoring == "xtr" and self.single is not None:
            raise UsageError("XTR does not score the single vectors of this index", "leave --scoring out")

    def describe(self) -> dict[str, Any]:
        """Return the tokens of a document and the bytes of a token; ids and encoder are not counted."""
        tokens, documents = self.manifest.params["tokens"], self.manifest.params["documents"]
        if not tokens:
            return {}
        files = self.manifest.files.items()
        size = sum(entry["bytes"] for name, entry in files if not name.startswith(("ids.", "encoder/")))
        return {
            "tokens per document": round(tokens / documents, 1),
            "bytes per token": round(size / tokens, 1),
        }

    def rank(
        self, queries: PackedVectors, options: SearchOptions, names: list[str] | None = None
    ) -> Iterator[Ranking]:
        """See `EncodedIndex.rank`; ``queries`` are in float32."""
        search = MultiVectorSearch.of(options)
        for start in range(0, len(queries.offsets) - 1, options.batch_size):
            batch = queries.part(start, start + options.batch_size)
            labels = None if names is None else names[start : start + options.batch_size]
            yield from rank_with_feedback(
                batch, search, self._rank_batch, partial(self._expand, options=search), labels
            )
            options.progress(len(batch.offsets) - 1)

    def _expand(
        self, queries: PackedVectors, documents: Sequence[Rows], options: MultiVectorSearch
    ) -> PackedVectors:
        return expand(self.tokens, queries, documents, options, options.threads)

    def _rank_batch(self, batch: PackedVectors, options: MultiVectorSearch) -> Iterable[Ranking]:
        rank, k, threads, ties = self.ids.rank, options.k, options.threads, options.ties
        if options.scoring == "xtr":
            within = None if options.subset is None else options.subset.rows
            return xtr.search(self.tokens, batch, rank, k, options.token_top_k, threads, ties, within)
        if options.subset is not None:
            return self._rank_part(batch, options.subset.rows, options)
        blend = self._blend(batch, options.gamma)
        rows = None if options.engine == "native" else self.candidates(batch, options)
        return maxsim.search(self.tokens, batch, rank, k, threads, ties, blend, rows)

    def _rank_part(self, batch: PackedVectors, part: Rows, options: MultiVectorSearch) -> list[Ranking]:
        """Rank some documents, ascending, by exact MaxSim, whatever finds the candidates of a search of all."""
        tokens, blend = PartTokens(self.tokens, part), self._blend(batch, options.gamma, part)
        rank = np.asarray(self.ids.rank)[part]
        rankings = maxsim.search(tokens, batch, rank, options.k, options.threads, options.ties, blend)
        return [(part[rows], scores) for rows, scores in rankings]

    def candidates(self, batch: PackedVectors, options: MultiVectorSearch) -> list[Rows]:
        """Find the rows, ascending, that MaxSim scores for each of the encoded queries, by ``options.engine``."""
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
        """Return exact scores of rows for each of the encoded queries; see `intrex.retrievers.multivector.maxsim.scores`."""
        return maxsim.scores(self.tokens, queries, rows, threads, self._blend(queries, gamma))

    def rescore(self, queries: list[str], rows: Sequence[Rows], options: SearchOptions) -> Iterator[Scores]:
        """Yield exact scores of rows for each query; see `intrex.retrievers.rerank.index.Rescorer`."""
        packed, gamma = self.queries(options).encode(queries), MultiVectorSearch.of(options).gamma
        for start in range(0, len(rows), options.batch_size):
            end = min(start + options.batch_size, len(rows))
            yield from self.score(packed.part(start, end), rows[start:end], options.threads, gamma)

    def explain(
        self, query: str, rows: Rows, options: SearchOptions, texts: Sequence[str | None]
    ) -> list[Explanation]:
        """See `intrex.retrievers.explanation.Explainer.explain`: the best token of the document for each of the query.

        With feedback the tokens are those of the query that it makes. XTR's score is not explained, as it depends on the other
        documents, nor are rounds and mixtures of lists.
        """
        search = MultiVectorSearch.of(options)
        if search.scoring == "xtr" or search.rounds is not None or search.interpolate is not None:
            return [Explanation(None) for _ in rows]
        packed = self.encode([query], options.device)
        if search.prf_depth:
            packed = reformulate(packed, search, self._rank_batch, partial(self._expand, options=search))
        return self.explain_encoded(packed, rows, search.gamma, texts, query, options.device)

    def explain_encoded(
        self,
        packed: PackedVectors,
        rows: Rows,
        gamma: float | None,
        texts: Sequence[str | None],
        query: str | None = None,
        device: str | None = None,
    ) -> list[Explanation]:
        """Explain the MaxSim of rows with one encoded query; see `explain`."""
        if not packed.offsets[-1]:
            return [Explanation(None) for _ in rows]
        of_query = None if query is None else self.token_names([query], "query", device)
        known = [text for text in texts if text is not None]
        of_documents = iter(self.token_names(known, "document", device) or ())
        names = [None if text is None else next(of_documents, None) for text in texts]
        blend = self._blend(packed, gamma)
        if of_query:  # centres that feedback adds come last
            added = len(packed.vectors) - len(of_query[0])
            of_query[0].extend(f"centre {i + 1}" for i in range(added))
        return explain_rows(self.tokens, packed, rows, blend, of_query[0] if of_query else None, names)

    def token_names(self, texts: list[str], role: Role, device: str | None = None) -> list[list[str]] | None:
        """Return the encoder's own names of the tokens of texts; None where it has none, or merges tokens."""
        names = getattr(self._encoder.get(device), "token_names", None)
        found: list[list[str]] | None = names(texts, role) if names is not None and texts else None
        return found

    def _blend(self, queries: PackedVectors, gamma: float | None, part: Rows | None = None) -> Blend | None:
        if self.single is None:
            return None
        if queries.single is None:
            raise BadInput(f"the queries have no single vectors, the documents of {self.path} have")
        single, longest = (
            queries.single.astype(np.float32, copy=False),
            self.manifest.params["single_max_norm"],
        )
        return Blend(self.single, single, self.gamma if gamma is None else gamma, float(longest), part)
