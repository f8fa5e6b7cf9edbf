"""Places of a text whose terms are among those of a query, by an index's own analysis."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from itertools import pairwise

from intrex.retrievers.text.tokenizer import tokens

Span = tuple[int, int]
Analysis = Callable[[str], list[str]]
"""Terms of a text, as `intrex.retrievers.text.analyzer.Analyzer` gives them."""
REMEMBERED = 1 << 16


def find_matches(text: str, terms: Collection[str], analyse: Analysis) -> list[Span]:
    """Return the places, first and last + 1 character, of the words whose term is among ``terms``, in order.

    A term of two tokens, such as a pair of characters, marks both; places that touch are one.

    Args:
        text: of a document.
        terms: of a query.
        analyse: the analysis that made them.
    """
    before: Callable[[str], str] | None = getattr(analyse, "before", None)
    changed = text if before is None else before(text)
    text = changed if len(changed) == len(text) else text
    analyse = lru_cache(REMEMBERED)(analyse)
    words = [(token.start, token.end) for token in tokens(text)]
    pairs = [text[a:d] for (a, b), (c, d) in pairwise(words) if b == c]
    joined = {pair for pair in pairs if len(analyse(pair)) == 1}
    found: list[Span] = []
    in_pair = False
    for i, (start, end) in enumerate(words):
        after = words[i + 1] if i + 1 < len(words) else (-1, -1)
        begins_pair = after[0] == end and text[start : after[1]] in joined
        if begins_pair and analyse(text[start : after[1]])[0] in terms:
            _add(found, start, after[1])
        elif not (begins_pair or in_pair) and any(term in terms for term in analyse(text[start:end])):
            _add(found, start, end)
        in_pair = begins_pair
    return found


def _add(found: list[Span], start: int, end: int) -> None:
    if found and found[-1][1] >= start:
        start = found.pop()[0]
    found.append((start, end))
