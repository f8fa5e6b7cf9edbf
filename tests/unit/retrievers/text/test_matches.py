"""Words of a text that match a query, by the analysis of an index."""

import pytest

from intrex.retrievers.text.analyzer import Analyzer
from intrex.retrievers.text.matches import find_matches


@pytest.mark.parametrize(
    ("language", "query", "text", "expected"),
    [
        ("en", "lifting wings", "The wing's lift, WINGS; no swing.", ["wing's", "lift", "WINGS"]),
        ("en", "the of", "the of", []),
        ("en", "", "anything", []),
        ("en", "wing", "", []),
        ("de", "Häuser", "Das Haus und die Hauser", ["Haus", "Hauser"]),
        ("fr", "l'avion", "d'avions", ["d'avions"]),
        ("bigrams", "東京", "大東京 と 東京大学 京 x", ["東京", "東京"]),
        ("bigrams", "東京大", "東京大学", ["東京大"]),
        ("bigrams", "京", "東京 京", ["京"]),
        ("zh", "Größe test", "test größe", ["test", "größe"]),
        ("fa", "كتاب", "كتاب\u200cها", ["كتاب"]),
    ],
)
def test_places(language: str, query: str, text: str, expected: list[str]) -> None:
    analyse = Analyzer(language)
    found = find_matches(text, set(analyse(query)), analyse)
    assert [text[a:b] for a, b in found] == expected


def test_what_matches_is_what_is_indexed() -> None:
    """Marked words are those whose terms a query has: of every word of a text, asked alone."""
    analyse = Analyzer("en")
    text = "Don't re-enter the U.S.A. at 3.5%: naïve co-operation's costs (e-mail) 東京"
    for term in dict.fromkeys(analyse(text)):
        found = find_matches(text, {term}, analyse)
        assert found and all(term in analyse(text[a:b]) for a, b in found)
    assert len(find_matches(text, set(analyse(text)), analyse)) >= len(set(analyse(text))) - 1
