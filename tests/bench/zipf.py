"""A corpus of term ids with Zipfian frequencies: the same for the same arguments, and no text to analyse."""

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]


def zipf_corpus(
    documents: int, vocabulary: int = 200_000, length: int = 60, seed: int = 7
) -> tuple[Tokens, Offsets]:
    """Term ids int32 [tokens] of all documents, one after another, and where each begins, int64 [documents + 1].

    The chance of term i is proportional to 1 / (i + 10); lengths are log-normal with the given mean.
    """
    draw = np.random.default_rng(seed)
    sizes = np.maximum(1, draw.lognormal(np.log(length) - 0.125, 0.5, documents).astype(np.int64))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    chance = np.cumsum(1 / (np.arange(vocabulary) + 10.0))
    tokens = np.empty(offsets[-1], np.int32)
    for at in range(0, len(tokens), 1 << 22):
        part = tokens[at : at + (1 << 22)]
        part[:] = np.searchsorted(chance, draw.random(len(part)) * chance[-1])
    return tokens, offsets


def zipf_queries(n: int, vocabulary: int = 200_000, terms: int = 6, seed: int = 8) -> list[list[int]]:
    """Queries of 2 to 2 * terms - 2 different terms; those that would be stop words (the first 30) are left out."""
    draw = np.random.default_rng(seed)
    chance = np.cumsum(1 / (np.arange(30, vocabulary) + 10.0))
    sizes = draw.integers(2, 2 * terms - 1, n)
    found = [30 + np.searchsorted(chance, draw.random(size) * chance[-1]) for size in sizes]
    return [np.unique(one).tolist() for one in found]
