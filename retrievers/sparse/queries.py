"""Queries of an impact index as weighted terms: of term weights, of texts cut at white space, of an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from intrex.data.arrays import Float32s, Int64s
from intrex.data.errors import BadInput
from intrex.data.numeric.spans import offsets_of, owners_of
from intrex.data.store.vectors import SparseVectors
from intrex.encoders.base import SparseEncoder
from intrex.retrievers.inverted.search import Weighted
from intrex.retrievers.inverted.vocabulary import Numbers, Vocabulary


def weigh_named(queries: Sequence[Mapping[str, float]], vocabulary: Vocabulary) -> Weighted:
    """Weigh terms by name; terms that the vocabulary lacks are left out."""
    names = Numbers()
    places = [names[term] for query in queries for term in query]
    terms = vocabulary.find(list(names))[places] if places else np.empty(0, np.int64)
    weights = np.array([weight for query in queries for weight in query.values()], np.float32)
    sizes = np.array([len(query) for query in queries], np.int64)
    return _without_unknown(sizes, terms, weights)


def weigh_encoded(encoded: SparseVectors, numbers: Int64s | None) -> Weighted:
    """Weigh dimensions; ``numbers`` [dim] has the number of each in the index, or -1; None if they are the same."""
    terms = encoded.terms.astype(np.int64)
    return _without_unknown(
        np.diff(encoded.offsets), terms if numbers is None else numbers[terms], encoded.weights
    )


def dimension_numbers(encoder: SparseEncoder, vocabulary: Vocabulary) -> Int64s:
    """Return the number in an index of each dimension of an encoder that did not build it; -1 where it has none.

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


def _without_unknown(sizes: Int64s, terms: Int64s, weights: Float32s) -> Weighted:
    """Leave out the terms of number -1 and weights that are 0."""
    mask = (terms >= 0) & (weights > 0)
    owners = owners_of(sizes)[mask]
    offsets = offsets_of(np.bincount(owners, minlength=len(sizes)))
    return Weighted(offsets, terms[mask], weights[mask])
