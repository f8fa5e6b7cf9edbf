"""A corpus with Zipfian frequencies, as term ids or as texts: the same for the same arguments."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from intrex.data.arrays import Int32s, Int64s
from intrex.data.collection import Collection
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.text.analyzer import STOP_WORDS


def zipf_corpus(
    documents: int, vocabulary: int = 200_000, length: int = 60, seed: int = 7
) -> tuple[Int32s, Int64s]:
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


def zipf_words(vocabulary: int, seed: int = 9) -> list[str]:
    """Different made-up words, one a term, the frequent ones short: first the stop words, one in 50 with an accent."""
    draw = np.random.default_rng(seed)
    words: dict[str, None] = dict.fromkeys(sorted(STOP_WORDS))
    while len(words) < vocabulary:
        parts = draw.integers(0, len(_SYLLABLES), 5)
        size = 1 + min(3, int(np.log10(len(words)) * draw.random()))
        word = "".join(_SYLLABLES[i] for i in parts[:size]) + _ENDINGS[parts[4] % len(_ENDINGS)]
        words.setdefault(word.replace("a", "é", 1) if parts[3] % 50 == 0 else word)
    return list(words)


_SYLLABLES = [c + v + e for c in "bcdfghlmnprstvw" for v in "aeiou" for e in ("", "n", "r", "st")]
_ENDINGS = ["", "", "", "s", "ed", "ing", "ation", "ness", "ly", "e", "er", "ity"]


def write_zipf_collection(out: Path, documents: int, vocabulary: int = 200_000) -> Collection:
    """A collection of `zipf_corpus` in words: a title of up to 6 words, some words with capitals and commas."""
    words = zipf_words(vocabulary)
    forms = [form for word in words for form in (word, word, word.capitalize(), word + ",")]
    tokens, offsets = zipf_corpus(documents, vocabulary)

    def fill(writer: CollectionWriter) -> None:
        draw = np.random.default_rng(10)
        for low in range(0, documents, 10_000):
            cuts = offsets[low : low + 10_001]
            which = tokens[cuts[0] : cuts[-1]].astype(np.int64) * 4 + draw.integers(0, 4, cuts[-1] - cuts[0])
            said = [forms[i] for i in which.tolist()]
            for i, (a, b) in enumerate(pairwise((cuts - cuts[0]).tolist()), low):
                title = min(6, (b - a) // 4)
                text = " ".join(said[a + title : b])
                writer.document(
                    f"d{i:07}", " ".join(said[a : a + title]), text + ".", RecordSource("zipf", i + 1)
                )

    return write_collection(out, "zipf", {"source": "zipf", "documents": documents}, fill)
