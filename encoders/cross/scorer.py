"""Scorers of pairs of query and document by name, and that of an encoder's vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from intrex.data.arrays import Float32s, Rows, Scores
from intrex.data.errors import UsageError
from intrex.data.numeric.rows import pair_dots, unit
from intrex.encoders.base import Encoder, Role, make_encoder
from intrex.encoders.cross.base import CROSS_ENCODER, PairScorer, use_threads
from intrex.encoders.options import FAMILIES, EncoderOptions

ENCODED_AT_ONCE = 512
"""Documents that `EncoderScorer` encodes before it gives their scores."""


def make_pair_scorer(
    name: str, options: EncoderOptions, head_seed: int | None = None, threads: int | None = None
) -> PairScorer:
    """Make a scorer of the spelling of the command line.

    Args:
        name: name or path of a cross-encoder, perhaps after ``cross-encoder:``; or ``dense:NAME``, ``static:NAME``,
            ``hashing``, or another registered encoder of single vectors, by its similarity.
        options: ``revision``, ``max_length``, ``dtype``, ``device`` and ``batch_size``; for encoders what they know.
        head_seed: draw the head of a cross-encoder by this seed where the model has none: one that is not trained.
        threads: of torch, in the whole process; its own choice by default.

    Raises:
        UsageError: an option that the model does not have, or a number out of range.
        BadInput: the model is nowhere to be found, or is no cross-encoder. What shows only in the weights is raised at
            the first pairs, since a cross-encoder is loaded no sooner.
        MissingExtra: sentence-transformers is not installed.
    """
    kind, _, model = name.partition(":")
    if kind not in FAMILIES["dense"].registry:
        from intrex.encoders.cross.encoder import CrossEncoderScorer

        return CrossEncoderScorer(model if kind == CROSS_ENCODER else name, options, head_seed, threads)
    if head_seed is not None:
        raise UsageError(f"a head is drawn for a cross-encoder, not for {name}")
    return EncoderScorer(make_encoder(name, options), threads)


class EncoderScorer(PairScorer):
    """Similarity of the vectors of an encoder: the scores of its dense index, to 1e-5.

    Args:
        encoder: of single vectors.
        threads: of torch; None leaves them alone.
    """

    def __init__(self, encoder: Encoder, threads: int | None = None) -> None:
        self.spec = encoder.spec
        self._encoder = encoder
        self._threads = threads
        self._queries: dict[str, Float32s] = {}

    def parts(self, queries: Sequence[str], documents: Sequence[str]) -> Iterator[tuple[Rows, Scores]]:
        """Score pairs as `PairScorer.parts` says; encodes each document once, and each query once in the life of the scorer."""
        use_threads(self._threads)
        if new := [text for text in dict.fromkeys(queries) if text not in self._queries]:
            self._queries.update(zip(new, self._encode(new, "query"), strict=True))
        numbers: dict[str, int] = {}
        places = np.array([numbers.setdefault(text, len(numbers)) for text in documents], np.int64)
        texts = list(numbers)
        for start in range(0, len(texts), ENCODED_AT_ONCE):
            vectors = self._encode(texts[start : start + ENCODED_AT_ONCE], "document")
            rows = np.flatnonzero((places >= start) & (places < start + ENCODED_AT_ONCE))
            sides = np.stack([self._queries[queries[row]] for row in rows.tolist()])
            dots = pair_dots(sides, np.arange(len(rows)), vectors, places[rows] - start)
            yield rows, dots.astype(np.float32)

    def _encode(self, texts: list[str], role: Role) -> Float32s:
        """Encode texts, to vectors of length 1 if they are compared by the cosine; zero stays zero."""
        vectors = np.ascontiguousarray(self._encoder.encode(texts, role), np.float32)
        return unit(vectors) if self.spec.params.get("similarity", "dot") == "cosine" else vectors
