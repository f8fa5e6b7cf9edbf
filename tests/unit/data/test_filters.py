"""Filters of documents by metadata: grammar, types, errors that name the place."""

import pytest

from intrex.data.errors import UsageError
from intrex.data.filters import DEPTH, field_names, parse_filter

METADATA = {
    "year": 2020, "lang": "en", "open": True, "tags": ["a", "b"], "date": "2020-05-17", "score": 0.5, "none": None,
    "author": {"country": "fr", "age": 40}, "a.b": 1, "of whom": "x y", "empty": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("year = 2020", True), ("year == 2020.0", True), ("year != 2020", False), ("year > 2019 and year<2021", True),
        ("year >= 2020", True), ("year <= 2019", False), ("year < 2.1e3", True), ("score > -1", True),
        ("lang = en", True), ('lang = "en"', True), ("lang = EN", False), ("lang < fr", True),
        ("date >= 2020-05-01 and date < 2020-06", True), ("open = true", True), ("open = TRUE", True), ("open = 1", False),
        ("year in (1, 2020)", True), ("year in (1)", False), ("year not in (1, 2)", True), ("year IN (2020) AND open=true", True),
        ("tags = a", True), ("tags = c", False), ("tags != a", False), ("tags != c", True), ("tags in (c, b)", True),
        ("author.country = fr", True), ("author.age < 41", True), ("author.town = x", False), ("a.b = 1", True),
        ("'of whom' = 'x y'", True), ("author = fr", False), ("empty = a", False), ("empty != a", True),
        ("absent = 1", False), ("absent != 1", False), ("not absent = 1", True), ("none != 1", False),
        ("year = '2020'", False), ("year != '2020'", True), ("year < '2021'", False), ("lang = 1 or lang = en", True),
        ("lang = de or lang = en and year = 1", False), ("(lang = de or lang = en) and year = 2020", True),
        ("not (lang = de or year = 1)", True), ("not not lang = en", True),
    ],
)  # fmt: skip
def test_what_it_matches(text: str, matches: bool) -> None:
    assert parse_filter(text).matches(METADATA) is matches


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the name of a field is needed at character 1, at the end"),
        ("year", "one of = != < <= > >= in is needed at character 5, at the end"),
        ("year > and lang = en", "a value is needed at character 8, before 'and'"),
        ("lang = en de", "and, or, or the end is needed at character 11, before 'de'"),
        ("(lang = en", ") is needed at character 11, at the end"),
        ("lang = en)", "the end is needed at character 10, before ')'"),
        ("lang = 'en", "a quote has no end at character 8"),
        ("lang in en", "( is needed at character 9, before 'en'"),
        ("lang in (en de)", ", or ) is needed at character 13, before 'de'"),
        ("lang in ()", "a value is needed at character 10, before ')'"),
        ("lang not en", "in is needed at character 10"),
        ("in = 3", "the name of a field is needed at character 1, before 'in'"),
        ("a ! b", "this means nothing at character 3"),
        ("open < true", "truth values have no order, so there is no < at character 8"),
        ("(" * 10_000, f"more than {DEPTH} parentheses"),
        ("not " * 10_000 + "a = 1", f"more than {DEPTH} parentheses or nots"),
    ],
)
def test_errors_name_the_place(text: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_filter(text)
    assert words in error.value.message


def test_quotes_and_long_numbers() -> None:
    (found,) = parse_filter(r"'it\'s' = " r'"a \"b\" \\"').comparisons()
    assert (found.name, found.values) == ("it's", ('a "b" \\',))
    (long,) = parse_filter("a = " + "9" * 5000).comparisons()
    assert long.values == ("9" * 5000,)


def test_every_comparison_counts_what_it_met() -> None:
    condition = parse_filter("year = 1 and lang = 2 or absent < 3")
    for _ in range(3):
        condition.matches(METADATA)
    counts = [(c.name, c.present, c.comparable) for c in condition.comparisons()]
    assert counts == [("year", 3, 3), ("lang", 3, 0), ("absent", 0, 0)]
    assert [c.mistyped is None for c in condition.comparisons()] == [True, False, True]


def test_names_of_fields() -> None:
    assert list(field_names({"a": 1, "b": {"c": 2, "d": {"e": [1]}}})) == ["a", "b.c", "b.d.e"]
