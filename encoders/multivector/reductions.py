"""Fewer vectors a text: whole words, learned stop words, pooled tokens. Functions of any token vectors, after encoding."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from intrex.data.arrays import Array, Bools, Float32s, Int64s
from intrex.data.numeric.spans import offsets_of, owners_of
from intrex.data.specs import EncoderSpec
from intrex.data.store.vectors import PackedVectors
from intrex.encoders.base import Role
from intrex.encoders.options import TokenEncoderOptions


@dataclass(frozen=True)
class Reductions:
    """Reductions of token vectors, applied in this order.

    Attributes:
        whole_words: `pool_words`, of queries and documents.
        pool_factor: `pool_tokens`, of documents, if above 1.
        protected_tokens: first tokens of a document that `pool_tokens` leaves alone.
    """

    whole_words: bool = False
    pool_factor: float = 1.0
    protected_tokens: int = 1

    @classmethod
    def of(cls, source: TokenEncoderOptions | EncoderSpec) -> Self:
        """Read what a user asked for, or what a spec records."""
        values = source.params if isinstance(source, EncoderSpec) else asdict(source)
        chosen = {f.name: values.get(f.name, f.default) for f in fields(cls)}
        return cls(**{**chosen, "pool_factor": float(chosen["pool_factor"])})  # 2 and 2.0 are one spec

    def params(self) -> dict[str, Any]:
        """Return what `of` a spec needs; nothing where nothing is reduced."""
        words = {"whole_words": True} if self.whole_words else {}
        pooling = {"pool_factor": self.pool_factor, "protected_tokens": self.protected_tokens}
        return words | (pooling if self.pool_factor > 1 else {})

    def apply(self, packed: PackedVectors, words: Int64s, role: Role) -> PackedVectors:
        """Return the reduced vectors; ``words`` [total] is read for whole words only."""
        if self.whole_words:
            packed, _ = pool_words(packed, words)
        if self.pool_factor > 1 and role == "document":
            packed = pool_tokens(packed, self.pool_factor, self.protected_tokens)
        return packed


def pool_words(packed: PackedVectors, words: Int64s) -> tuple[PackedVectors, Int64s]:
    """Average the vectors of each unique whole word of a text (BOW² of ColBERTer, Hofstätter et al. 2022); not normalised.

    Args:
        packed: token vectors.
        words: [total] the token's word in its text, from 0; a token with -1 belongs to none and stays as it is.

    Returns:
        The vectors of each text in the order in which its words first occur, and their words.
    """
    texts = owners_of(np.diff(packed.offsets))
    keys = np.where(words < 0, -1 - np.arange(len(words)), words)
    order = np.lexsort((np.arange(len(keys)), keys, texts))
    groups, firsts = _runs(texts[order], keys[order], order)
    means = _means(packed.vectors, order, groups)
    back = np.argsort(firsts, kind="stable")  # texts stay in order, as firsts count through all of them
    counts = np.bincount(texts[firsts], minlength=len(packed.offsets) - 1)
    return packed._replace(vectors=means[back], offsets=offsets_of(counts)), words[firsts[back]]


def select(packed: PackedVectors, mask: Bools) -> PackedVectors:
    """Return the vectors for which ``mask`` [total] is true."""
    ends = offsets_of(mask)
    return packed._replace(vectors=packed.vectors[mask], offsets=ends[packed.offsets].astype(np.int64))


def gate_stopwords(packed: PackedVectors, weight: Float32s, bias: float) -> tuple[PackedVectors, Bools]:
    """Scale vectors by r = ReLU(v · weight + bias) and drop the zeros: contextualised stop words (ColBERTer).

    Args:
        packed: vectors of tokens or whole words.
        weight: [d].
        bias: a number.

    Returns:
        The scaled vectors without those where r is 0, and [total] where it is not.
    """
    importance = np.maximum(packed.vectors @ weight + np.float32(bias), 0)
    scaled = packed._replace(vectors=packed.vectors * importance[:, None])
    return select(scaled, importance > 0), importance > 0


def pool_tokens(packed: PackedVectors, factor: float, protected: int = 1) -> PackedVectors:
    """Replace similar tokens of a text by their mean: hierarchical token pooling (Clavié, Chaffin and Adams 2024).

    Ward clustering of the condensed distances 1 - cosine into ⌊(n - protected) / factor⌋ clusters, at least one, as
    PyLate does since its version after 1.3.4 and sentence-transformers without its normalisation. Stanford's ColBERT
    clusters the rows of the distance matrix, which gives other clusters.

    Args:
        packed: token vectors.
        factor: at least 1; with 1 nothing changes.
        protected: first vectors of each text that are left alone.

    Returns:
        Of each text its protected vectors, then the mean of each cluster, not normalised, in the order of the
        clusters' first tokens.
    """
    starts, stops = packed.offsets[:-1].tolist(), packed.offsets[1:].tolist()
    pieces = [_pool(packed.vectors[a:b], factor, protected) for a, b in zip(starts, stops, strict=True)]
    if not pieces:
        return packed
    return packed._replace(vectors=np.concatenate(pieces), offsets=offsets_of([len(p) for p in pieces]))


def _pool(vectors: Array, factor: float, protected: int) -> Array:
    pooled = vectors[protected:]
    clusters = max(int(len(pooled) // factor), 1)
    if clusters >= len(pooled):
        return vectors
    labels = _ward(pooled, clusters) if clusters > 1 else np.zeros(len(pooled), np.int64)
    order = np.argsort(labels, kind="stable")
    groups, firsts = _runs(labels[order], order)
    means = _means(pooled, order, groups)[np.argsort(firsts)]
    return np.concatenate([vectors[:protected], means])


def _ward(vectors: Array, clusters: int) -> Int64s:
    """Return the cluster of each vector; there may be fewer clusters where distances are equal."""
    from scipy.cluster.hierarchy import fcluster, linkage

    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(norms > 0, norms, 1)
    distances = np.clip(1 - units @ units.T, 0, 2)
    condensed = distances[np.triu_indices(len(units), 1)]
    labels: Int64s = fcluster(linkage(condensed, "ward"), clusters, "maxclust").astype(np.int64)
    return labels


def _runs(*columns: Array) -> tuple[Int64s, Int64s]:
    """Return where each run of equal rows starts, and the value of the last column there; that column does not count."""
    *keys, values = columns
    new = np.zeros(len(values), bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    starts = np.flatnonzero(new)
    return starts, values[starts]


def _means(vectors: Array, order: Int64s, starts: Int64s) -> Array:
    """Average each run of ``vectors[order]``, summed in float64; a run of one is itself."""
    if not len(starts):
        return vectors[:0]
    sums = np.add.reduceat(vectors[order], starts, axis=0, dtype=np.float64)
    sizes = np.diff(np.append(starts, len(order)))
    means: Array = (sums / sizes[:, None]).astype(vectors.dtype)
    return means
