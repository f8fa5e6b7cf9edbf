"""Problems of one input: counted, the first shown, each with its own hint."""

import pytest

from intrex.data.errors import KNOWN, BadInput, Problems, nearest_name


def test_every_hint_is_shown_once() -> None:
    problems = Problems("file", "the subject's")
    for i in range(9):
        problems.add(f"file:{i}", f"problem {i}", ("one", "another", None)[i % 3])
    with pytest.raises(BadInput, match="9 problems in file") as caught:
        problems.raise_if_any()
    assert caught.value.hint == "the subject's\nhint: one\nhint: another"
    assert caught.value.message.count("problem ") == 5 and "... and 4 more" in caught.value.message


def test_nothing_is_raised_without_a_problem() -> None:
    problems = Problems("file")
    problems.suggest("unused")
    problems.raise_if_any()
    assert Problems("file").hint is None


def test_a_hint_names_no_more_spellings_than_can_be_read() -> None:
    names = [f"query{i:05}" for i in range(9_000)]
    hint = nearest_name("zzz", names)
    assert hint.startswith("known: query00000, query00001, ") and hint.endswith(f"and {9_000 - KNOWN:,} more")
    assert nearest_name("zzz", names[:3]) == "known: query00000, query00001, query00002"
