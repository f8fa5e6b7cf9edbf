"""The fields of a multifield BM25 index and their weights, as Anserini and pyserini name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from intrex.data.errors import UsageError

CONTENTS = "contents"
"""The field that every index has: a document's text, with the title before it where the title is no field."""

EXTRA = ("title",)
"""What of a collection's documents can be a field of its own, as in Anserini's BeirMultifieldCollection."""
LARGEST = 3.4028234663852886e38
"""The largest float32 number."""


def _parts(given: Iterable[str]) -> list[str]:
    return [part for one in given for part in one.split(",") if part]


def extra_fields(given: Iterable[str]) -> tuple[str, ...]:
    """The fields to index beside ``contents``, of words that may hold several with commas between.

    Raises:
        UsageError: documents have no such field.
    """
    names = dict.fromkeys(name for name in _parts(given) if name != CONTENTS)
    for name in names:
        if name not in EXTRA:
            raise UsageError(
                f"documents have no field {name!r}", f"fields beside contents: {', '.join(EXTRA)}"
            )
    return tuple(names)


def weights(words: Sequence[str]) -> dict[str, float]:
    """Read the weight of each field to search, of words ``NAME=WEIGHT`` that may hold several with commas between.

    Raises:
        UsageError: not of that form, a name twice, or a weight that is negative or not finite.
    """
    found: dict[str, float] = {}
    for part in _parts(words):
        name, _, number = part.partition("=")
        try:
            weight = float(number)
        except ValueError:
            raise UsageError(
                f"not a field and its weight: {part!r}", "--fields contents=1.0,title=0.5"
            ) from None
        if not name or name in found:
            raise UsageError(f"the field {name!r} is given twice" if name else f"no field is named: {part!r}")
        found[name] = weight
    check_weights(found)
    return found


def check_weights(weights: Mapping[str, float]) -> None:
    """Raise `UsageError` on a weight that is negative or not finite."""
    for weight in weights.values():
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= LARGEST:
            raise UsageError(f"the weight of a field must be finite and not negative, not {weight}")
