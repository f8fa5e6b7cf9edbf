"""Fields of BM25 indexes and their weights, as words of the command line."""

import pytest

from intrex.data.errors import UsageError
from intrex.retrievers.bm25.fields import extra_fields, parse_weights


def test_words_may_hold_several_with_commas_between() -> None:
    assert parse_weights(["contents=1.0,title=0.5"]) == parse_weights(["contents=1.0", "title=0.5"])
    assert parse_weights(["contents=1.0", "title=.5"]) == {"contents": 1.0, "title": 0.5}
    assert parse_weights([]) == {} and parse_weights(["contents=0,"]) == {"contents": 0.0}
    assert extra_fields(["contents,title", "title"]) == ("title",)
    assert extra_fields(["contents"]) == ()


@pytest.mark.parametrize("word", ["contents", "contents=", "=1", "title=x", "title=-1", "title=inf", "title=nan", "title=1e39"])  # fmt: skip
def test_what_is_no_field_and_weight(word: str) -> None:
    with pytest.raises(UsageError):
        parse_weights([word])


def test_unknown_and_repeated() -> None:
    with pytest.raises(UsageError, match="given twice"):
        parse_weights(["title=1", "title=2"])
    with pytest.raises(UsageError, match="documents have no field 'titel'"):
        extra_fields(["titel"])
