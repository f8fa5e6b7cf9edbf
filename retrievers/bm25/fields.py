"""Fields of a multifield BM25 index and their weights, as Anserini and pyserini name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from intrex.data.errors import UsageError
from intrex.data.options import LARGEST_FLOAT

CONTENTS = "contents"
"""Field that every index has: a document's text, with the title before it where the title is no field."""

EXTRA = ("title",)
"""Parts of a collection's documents that can be a field, as in Anserini's BeirMultifieldCollection."""


def _parts(words: Iterable[str]) -> list[str]:
    return [part for word in words for part in word.split(",") if part]


def extra_fields(words: Iterable[str]) -> tuple[str, ...]:
    """Read the fields to index beside ``contents``, of words that may hold several with commas between.

    Raises:
        UsageError: documents have no such field.
    """
    names = dict.fromkeys(name for name in _parts(words) if name != CONTENTS)
    for name in names:
        if name not in EXTRA:
            hint = f"fields beside contents: {', '.join(EXTRA)}"
            raise UsageError(f"documents have no field {name!r}", hint)
    return tuple(names)


def parse_weights(words: Sequence[str]) -> dict[str, float]:
    """Read the weight of each field to search, of words ``NAME=WEIGHT`` that may hold several with commas between.

    Raises:
        UsageError: not of that form, a name twice, or a weight that is negative or not finite.
    """
    weights: dict[str, float] = {}
    for part in _parts(words):
        name, _, number = part.partition("=")
        try:
            weight = float(number)
        except ValueError:
            hint = "--fields contents=1.0,title=0.5"
            raise UsageError(f"not a field and its weight: {part!r}", hint) from None
        if not name or name in weights:
            raise UsageError(f"the field {name!r} is given twice" if name else f"no field is named: {part!r}")
        weights[name] = weight
    check_weights(weights)
    return weights


def check_weights(weights: Mapping[str, float]) -> None:
    """Raise `UsageError` on a weight that is negative or not finite."""
    for weight in weights.values():
        if (
            isinstance(weight, bool)
            or not isinstance(weight, (int, float))
            or not 0 <= weight <= LARGEST_FLOAT
        ):
            raise UsageError(f"the weight of a field must be finite and not negative, not {weight}")
