"""Fewer vectors a text: whole words, learned stop words, pooled tokens. Functions of any token vectors, after encoding."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int64s
from intrex.data.errors import UsageError
from intrex.data.specs import EncoderSpec
from intrex.data.store.vectors import PackedVectors
from intrex.encoders.base import Role
from intrex.encoders.options import TokenEncoderOptions


@dataclass(frozen=True)
class Reductions:
    """What is done to token vectors, in this order.

    Attributes:
        whole_words: `pool_words`, of queries and documents.
        pool_factor: `pool_tokens`, of documents, if above 1.
        protected_tokens: first tokens of a document that `pool_tokens` leaves alone.
    """

    whole_words: bool = False
    pool_factor: float = 1.0
    protected_tokens: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.pool_factor < np.inf:
            raise UsageError(f"the pool factor is at least 1, not {self.pool_factor:g}")
        if self.protected_tokens < 0:
            raise UsageError(f"{self.protected_tokens} tokens cannot be protected")

    @classmethod
    def of(cls, source: TokenEncoderOptions | EncoderSpec) -> Self:
        """What a user asked for, or what a spec records."""
        if isinstance(source, EncoderSpec):
            found = {f.name: source.params.get(f.name, f.default) for f in fields(cls)}
        else:
            found = {f.name: getattr(source, f.name) for f in fields(cls)}
        return cls(**{**found, "pool_factor": float(found["pool_factor"])})  # 2 and 2.0 are one spec

    def params(self) -> dict[str, Any]:
        """What `of` a spec needs; nothing where nothing is reduced."""
        pooled = self.pool_factor > 1
        return {
            name: value
            for name, value in asdict(self).items()
            if (name == "whole_words" and value) or (name != "whole_words" and pooled)
        }

    def apply(self, packed: PackedVectors, words: Int64s, role: Role) -> PackedVectors:
        """The reduced vectors; ``words`` [total] is read for whole words only."""
        if self.whole_words:
            packed, _ = pool_words(packed, words)
        if self.pool_factor > 1 and role == "document":
            packed = pool_tokens(packed, self.pool_factor, self.protected_tokens)
        return packed


def pool_words(packed: PackedVectors, words: Int64s) -> tuple[PackedVectors, Int64s]:
    """The mean of the vectors of each unique whole word of a text (BOW² of ColBERTer, Hofstätter et al. 2022), not normalised.

    Args:
        packed: token vectors.
        words: [total] the token's word in its text, from 0; a token with -1 belongs to none and stays as it is.

    Returns:
        The vectors of each text in the order in which its words first occur, and their words.
    """
    texts = np.repeat(np.arange(len(packed.offsets) - 1), np.diff(packed.offsets))
    keys = np.where(words < 0, -1 - np.arange(len(words)), words)
    order = np.lexsort((np.arange(len(keys)), keys, texts))
    groups, firsts = _runs(texts[order], keys[order], order)
    means = _means(packed.vectors, order, groups)
    back = np.argsort(firsts, kind="stable")  # texts stay in order, as firsts count through all of them
    counts = np.bincount(texts[firsts], minlength=len(packed.offsets) - 1)
    return packed._replace(vectors=means[back], offsets=_offsets(counts)), words[firsts[back]]


def select(packed: PackedVectors, kept: npt.NDArray[np.bool_]) -> PackedVectors:
    """The vectors for which ``kept`` [total] is true."""
    ends = np.concatenate([[0], np.cumsum(kept)])
    return packed._replace(vectors=packed.vectors[kept], offsets=ends[packed.offsets].astype(np.int64))


def gate_stopwords(
    packed: PackedVectors, weight: npt.NDArray[np.float32], bias: float
) -> tuple[PackedVectors, npt.NDArray[np.bool_]]:
    """Contextualised stop words (ColBERTer): vectors are scaled by r = ReLU(v · weight + bias).

    Args:
        packed: vectors of tokens or whole words.
        weight: [d].
        bias: a number.

    Returns:
        The scaled vectors without those where r is 0, and [total] which were kept.
    """
    importance = np.maximum(packed.vectors @ weight + np.float32(bias), 0)
    kept = importance > 0
    scaled = packed._replace(vectors=packed.vectors * importance[:, None])
    return select(scaled, kept), kept


def pool_tokens(packed: PackedVectors, factor: float, protected: int = 1) -> PackedVectors:
    """Hierarchical token pooling (Clavié, Chaffin and Adams 2024): similar tokens of a text become their mean.

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
    return packed._replace(vectors=np.concatenate(pieces), offsets=_offsets([len(p) for p in pieces]))


def _pool(vectors: npt.NDArray[Any], factor: float, protected: int) -> npt.NDArray[Any]:
    rest = vectors[protected:]
    clusters = max(int(len(rest) // factor), 1)
    if clusters >= len(rest):
        return vectors
    labels = _ward(rest, clusters) if clusters > 1 else np.zeros(len(rest), np.int64)
    order = np.argsort(labels, kind="stable")
    groups, firsts = _runs(labels[order], order)
    means = _means(rest, order, groups)[np.argsort(firsts)]
    return np.concatenate([vectors[:protected], means])


def _ward(vectors: npt.NDArray[Any], clusters: int) -> npt.NDArray[np.int64]:
    """The cluster of each vector; there may be fewer clusters where distances are equal."""
    from scipy.cluster.hierarchy import fcluster, linkage

    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(norms > 0, norms, 1)
    distances = np.clip(1 - units @ units.T, 0, 2)
    condensed = distances[np.triu_indices(len(units), 1)]
    labels: npt.NDArray[np.int64] = fcluster(linkage(condensed, "ward"), clusters, "maxclust").astype(
        np.int64
    )
    return labels


def _runs(*columns: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each run of equal rows starts, and the value of the last column there; that column does not count."""
    *keys, values = columns
    new = np.zeros(len(values), bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    starts = np.flatnonzero(new)
    return starts, values[starts]


def _means(
    vectors: npt.NDArray[Any], order: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]
) -> npt.NDArray[Any]:
    """The mean of each run of ``vectors[order]``, summed in float64; a run of one is itself."""
    if not len(starts):
        return vectors[:0]
    sums = np.add.reduceat(vectors[order], starts, axis=0, dtype=np.float64)
    sizes = np.diff(np.append(starts, len(order)))
    means: npt.NDArray[Any] = (sums / sizes[:, None]).astype(vectors.dtype)
    return means


def _offsets(counts: Any) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
