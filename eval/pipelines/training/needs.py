"""What a training needs, asked for before minutes go into mining: models that are to be had, documents enough."""

from __future__ import annotations

from collections.abc import Mapping

from intrex.data.errors import BadInput
from intrex.encoders.options import FAMILIES
from intrex.encoders.runtime.models import resolve_model
from intrex.encoders.training.options import TEACHERS, TrainOptions


def find_models(teacher: str | None, options: TrainOptions) -> None:
    """Raise `BadInput` where the model to begin with, or the teacher of a loss that has one, is not to be had."""
    if options.loss in TEACHERS:
        if teacher is None:
            raise BadInput(f"the loss {options.loss} needs a teacher", "--teacher MODEL")
        kind, name = FAMILIES["dense"].kind_of(teacher)
        if kind.weights:
            resolve_model(name)
    resolve_model(options.base)


def check_negatives(excluded: Mapping[str, set[str]], documents: int, negatives: int) -> None:
    """Raise `BadInput` where a query has fewer documents to draw than its negatives.

    Args:
        excluded: documents that are not drawn, by query.
        documents: of the collection, those included.
        negatives: of each pair.
    """
    query = max(excluded, key=lambda q: len(excluded[q]))
    if documents - len(excluded[query]) < negatives:
        raise no_negatives(query, negatives)


def no_negatives(query: str, negatives: int) -> BadInput:
    """Make the error of a query with too few documents to draw."""
    return BadInput(f"the collection has no {negatives} negatives for query {query}", "--negatives")
