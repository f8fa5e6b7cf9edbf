"""Exact and near duplicates among documents, by MinHash and then by the true Jaccard similarity.

Sources: A. Broder, "On the resemblance and containment of documents", 1997 (shingles); P. Li, A. Owen and C.-H. Zhang,
"One permutation hashing", NIPS 2012; empty bins take the next full one (A. Shrivastava and P. Li, ICML 2014).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from intrex.eval.overlap.queries import ngrams, words

SHINGLE = 5
"""Words of a shingle."""
BINS, ROWS = 128, 4
"""Bins of a sketch; bins that must agree for two documents to be compared: with 32 bands, nearly all pairs from 0.7 on."""
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)

Hashes = npt.NDArray[np.uint64]


class Shingles(NamedTuple):
    """Hashes of the shingles of documents: document i has ``hashes[offsets[i]:offsets[i + 1]]``, ascending, unique."""

    hashes: Hashes
    offsets: npt.NDArray[np.int64]


def shingles(texts: Iterable[str]) -> Shingles:
    """The word shingles of each text, as 64 bits of a hash."""
    parts = [sorted({_hash(" ".join(gram)) for gram in ngrams(words(text), SHINGLE)}) for text in texts]
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return Shingles(np.fromiter(chain.from_iterable(parts), np.uint64, int(offsets[-1])), offsets)


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )


def sketches(of: Shingles) -> Hashes:
    """[n, BINS] the smallest hash of each bin; documents without a shingle have `EMPTY` everywhere."""
    n = len(of.offsets) - 1
    flat = np.full(n * BINS, EMPTY, np.uint64)
    owner = np.repeat(np.arange(n), np.diff(of.offsets))
    bins = owner * BINS + (of.hashes % np.uint64(BINS)).astype(np.int64)
    order = np.lexsort((of.hashes, bins))
    places, first = np.unique(bins[order], return_index=True)
    flat[places] = of.hashes[order[first]]
    out = flat.reshape(n, BINS)
    for step in (
        1,
        2,
        4,
        8,
        16,
        32,
        64,
    ):  # then every empty bin has the next full one's, gaps of 127 included
        out = np.where(out == EMPTY, np.roll(out, -step, axis=1), out)
    return out


def near_duplicates(train: Shingles, test: Shingles, least: float) -> dict[int, tuple[int, float]]:
    """For test documents the training document of the highest Jaccard similarity of shingles, if at least ``least``.

    Among equal ones the first. Pairs below some 0.7 may be missed, and are when ``least`` is lower.
    """
    candidates: defaultdict[int, set[int]] = defaultdict(set)
    one, other = sketches(train), sketches(test)
    for start in range(0, BINS, ROWS):
        band = slice(start, start + ROWS)
        buckets: defaultdict[bytes, list[int]] = defaultdict(list)
        for j, key in enumerate(_keys(other[:, band])):
            if key is not None:
                buckets[key].append(j)
        for i, key in enumerate(_keys(one[:, band])):
            for j in buckets.get(key, ()) if key is not None else ():
                candidates[j].add(i)
    found = {}
    for j, rows in candidates.items():
        best = max(((jaccard(train, i, test, j), -i) for i in rows), default=(0.0, 0))
        if best[0] >= least:
            found[j] = (-best[1], best[0])
    return found


def _keys(band: Hashes) -> Sequence[bytes | None]:
    raw = np.ascontiguousarray(band)
    empty = (raw == EMPTY).all(axis=1)
    keys = raw.view(f"S{8 * ROWS}").ravel() if raw.size else np.empty(0, "S1")
    return [None if e else k for k, e in zip(keys.tolist(), empty.tolist(), strict=True)]


def jaccard(a: Shingles, i: int, b: Shingles, j: int) -> float:
    """Jaccard similarity of two documents' shingles; 0 without any."""
    one, other = a.hashes[a.offsets[i] : a.offsets[i + 1]], b.hashes[b.offsets[j] : b.offsets[j + 1]]
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / max(len(one) + len(other) - both, 1)
