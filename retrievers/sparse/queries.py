"""Queries of an impact index as weighted terms: from term weights, from texts cut at white space, from an encoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Int64s
from intrex.data.errors import BadInput
from intrex.data.store.vectors import SparseVectors
from intrex.encoders.base import SparseEncoder
from intrex.retrievers.inverted.search import Weighted
from intrex.retrievers.inverted.vocabulary import Vocabulary


def weigh_named(queries: Sequence[Mapping[str, float]], vocabulary: Vocabulary) -> Weighted:
    """Weights by term; terms that the vocabulary lacks are left out."""
    names: dict[str, int] = {}
    places = [names.setdefault(term, len(names)) for query in queries for term in query]
    terms = vocabulary.find(list(names))[places] if places else np.empty(0, np.int64)
    weights = np.array([weight for query in queries for weight in query.values()], np.float32)
    sizes = np.array([len(query) for query in queries], np.int64)
    return _known(sizes, terms, weights)


def weigh_texts(texts: Sequence[str], vocabulary: Vocabulary) -> Weighted:
    """The words between white space, each as heavy as it is frequent: pyserini's topics that were encoded beforehand."""
    return weigh_named([Counter(text.split()) for text in texts], vocabulary)


def weigh_encoded(encoded: SparseVectors, numbers: Int64s | None) -> Weighted:
    """Weights by dimension; ``numbers`` [dim] has the number of each in the index, or -1; None if they are the same."""
    terms = encoded.terms.astype(np.int64)
    return _known(np.diff(encoded.offsets), terms if numbers is None else numbers[terms], encoded.weights)


def dimension_numbers(encoder: SparseEncoder, vocabulary: Vocabulary) -> Int64s:
    """The number that an index has for each dimension of an encoder that did not build it; -1 for one it lacks.

    Raises:
        BadInput: the index has none of them.
    """
    numbers = vocabulary.find(encoder.terms())
    if len(vocabulary) and not (numbers >= 0).any():
        raise BadInput(
            f"the index has none of the {len(numbers):,} terms of the encoder {encoder.spec.name}",
            "search with the encoder whose weights were indexed",
        )
    return numbers


def _known(sizes: Int64s, terms: Int64s, weights: npt.NDArray[np.float32]) -> Weighted:
    """Without the terms of number -1 and weights that are 0."""
    kept = (terms >= 0) & (weights > 0)
    owners = np.repeat(np.arange(len(sizes)), sizes)[kept]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(sizes)))])
    return Weighted(offsets.astype(np.int64), terms[kept], weights[kept])
