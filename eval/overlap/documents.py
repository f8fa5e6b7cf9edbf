"""Exact and near duplicates among documents, by MinHash and then by the true Jaccard similarity.

Sources: A. Broder, "On the resemblance and containment of documents", 1997 (shingles); P. Li, A. Owen and C.-H. Zhang,
"One permutation hashing", NIPS 2012; empty bins take the next full one (A. Shrivastava and P. Li, ICML 2014).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from intrex.data.arrays import Int64s, Uint64s
from intrex.eval.overlap.queries import words

SHINGLE = 5
"""Words of a shingle."""
BINS, ROWS = 128, 4
"""Bins of a sketch; bins that must agree for two documents to be compared: with 32 bands, nearly all pairs from 0.7 on."""
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
AT_ONCE = 4096
"""Training documents that are sketched together."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class Shingles(NamedTuple):
    """Hashes of the shingles of documents: document i has ``hashes[offsets[i]:offsets[i + 1]]``, ascending, unique."""

    hashes: Uint64s
    offsets: Int64s


class _Words(dict[str, int]):
    """Hashes of words, each computed once."""

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        number = self[word] = int.from_bytes(digest, "little")
        return number


def shingles(texts: Iterable[str]) -> Shingles:
    """Hash the word shingles of each text to 64 bits; a shorter text is one shingle, an empty one has none."""
    numbers_by_word, flat, sizes = _Words(), list[int](), list[int]()
    for text in texts:
        numbers_of = [numbers_by_word[word] for word in words(text)]
        if numbers_of:
            numbers_of += [0] * (SHINGLE - len(numbers_of))
        flat += numbers_of
        sizes.append(len(numbers_of))
    slots = np.array(sizes, np.int64)
    numbers, ends = np.array(flat, np.uint64), np.cumsum(slots)
    owner = np.repeat(np.arange(len(slots)), slots)
    starts = np.flatnonzero(np.arange(len(numbers)) + SHINGLE <= ends[owner])
    hashes = np.zeros(len(starts), np.uint64)
    for at in range(SHINGLE):
        hashes = hashes * _MULTIPLIER + numbers[starts + at]
    hashes, owner = _mix(hashes), owner[starts]
    order = np.lexsort((hashes, owner))
    hashes, owner = hashes[order], owner[order]
    first = np.ones(len(hashes), np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]) | (owner[1:] != owner[:-1])
    counts = np.bincount(owner[first], minlength=len(slots))
    return Shingles(hashes[first], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def _mix(numbers: Uint64s) -> Uint64s:
    """Spread every bit of each number over all of them (the finaliser of SplitMix64)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numbers = (numbers ^ (numbers >> np.uint64(shift))) * np.uint64(factor)
    return numbers ^ (numbers >> np.uint64(31))


def sketches(of: Shingles) -> Uint64s:
    """Return the smallest hash of each bin [n, BINS]; documents without a shingle have `EMPTY` everywhere."""
    n = len(of.offsets) - 1
    out = np.full((n, BINS), EMPTY, np.uint64)
    owner = np.repeat(np.arange(n), np.diff(of.offsets))
    np.minimum.at(out, (owner, (of.hashes % np.uint64(BINS)).astype(np.int64)), of.hashes)
    step = 1
    while step < BINS:  # then every empty bin has the next full one's, gaps of 127 included
        out = np.where(out == EMPTY, np.roll(out, -step, axis=1), out)
        step *= 2
    return out


def near_duplicates(train: Iterable[str], test: Iterable[str], least: float) -> dict[int, tuple[int, float]]:
    """Find for test documents the training document of the highest Jaccard similarity of shingles, if at least ``least``.

    Among equal ones the first. Pairs below some 0.7 may be missed, and are when ``least`` is lower. Training documents
    are read once, in blocks.
    """
    tests = shingles(test)
    keys, owners = _bands(tests)
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    best_of: dict[int, tuple[int, float]] = {}
    for start, block in _blocks(train):
        for i, rows in _candidates(block, keys, owners).items():
            for j in rows:
                best = best_of.get(j, (0, 0.0))[1]
                if best < 1 and (similarity := jaccard(block, i, tests, j)) >= least and similarity > best:
                    best_of[j] = (start + i, similarity)
    return best_of


def _blocks(texts: Iterable[str]) -> Iterator[tuple[int, Shingles]]:
    """Yield blocks of texts, and the number of the first of each."""
    remaining, start = iter(texts), 0
    while block := list(islice(remaining, AT_ONCE)):
        yield start, shingles(block)
        start += len(block)


def _bands(of: Shingles) -> tuple[Uint64s, Int64s]:
    """Return a key for each band of each document that has shingles, and the document: those that agree in a band share a key."""
    rows = np.flatnonzero(np.diff(of.offsets))
    parts = sketches(of)[rows].reshape(len(rows), BINS // ROWS, ROWS)
    keys = np.broadcast_to(np.arange(BINS // ROWS, dtype=np.uint64), parts.shape[:2])
    for row in range(ROWS):
        keys = _mix(keys * _MULTIPLIER + parts[:, :, row])
    return keys.ravel(), np.repeat(rows, BINS // ROWS)


def _candidates(train: Shingles, keys: Uint64s, owners: Int64s) -> dict[int, set[int]]:
    """Return for training documents, in order, the test documents that share a band; ``keys`` are sorted."""
    train_keys, rows = _bands(train)
    low, high = np.searchsorted(keys, train_keys, "left"), np.searchsorted(keys, train_keys, "right")
    shared: defaultdict[int, set[int]] = defaultdict(set)
    for at in np.flatnonzero(low < high).tolist():
        shared[int(rows[at])].update(owners[low[at] : high[at]].tolist())
    return shared


def jaccard(a: Shingles, i: int, b: Shingles, j: int) -> float:
    """Compute the Jaccard similarity of two documents' shingles; 0 without any."""
    left, right = a.hashes[a.offsets[i] : a.offsets[i + 1]], b.hashes[b.offsets[j] : b.offsets[j + 1]]
    common = len(np.intersect1d(left, right, assume_unique=True))
    return common / max(len(left) + len(right) - common, 1)
