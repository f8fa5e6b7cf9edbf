"""Which word a token belongs to: blanks and punctuation as BERT has them, ideographs and kana alone."""

import random
from importlib.util import find_spec

import pytest

from intrex.encoders.multivector.words import word_ids


def ids(text: str, *tokens: str) -> list[int]:
    """Word ids of tokens that stand in the text one after the other; an empty one is a special token."""
    spans, at = [], 0
    for token in tokens:
        start = text.index(token, at) if token else 0
        spans.append((start, start + len(token)))
        at = start + len(token) if token else at
    return word_ids(text, spans).tolist()


def test_sub_words_share_a_word_and_equal_words_are_one():
    assert ids("The slipstream, the Slip", "", "The", "slip", "stream", ",", "the", "Slip", "") == [
        -1, 0, 1, 1, 2, 0, 3, -1,
    ]  # fmt: skip


def test_punctuation_marks_stand_alone():
    assert ids("don't a-b a_b x=y", "don", "'", "t", "a", "-", "b", "a", "_", "b", "x", "=", "y") == [
        0, 1, 2, 3, 4, 5, 3, 6, 5, 7, 8, 9,
    ]  # fmt: skip
    assert ids("5°C … 5", "5", "°", "C", "…", "5") == [0, 0, 0, 1, 2]


def test_ideographs_and_kana_stand_alone_other_scripts_do_not():
    assert ids("東京の東 हिन्दी Größe", "東", "京", "の", "東", "हि", "न्दी", "Gr", "öße") == [
        0,
        1,
        2,
        0,
        3,
        3,
        4,
        4,
    ]


def test_a_token_that_begins_with_blanks_belongs_to_what_follows():
    text = "a wing  flap"
    assert word_ids(text, [(0, 1), (1, 6), (6, 12), (1, 2)]).tolist() == [0, 1, 2, -1]


def test_nothing():
    assert word_ids("", []).tolist() == [] and word_ids("", [(0, 0)]).tolist() == [-1]


@pytest.mark.skipif(find_spec("tokenizers") is None, reason="not installed: tokenizers")
def test_words_are_those_of_berts_pre_tokenizer():
    from tokenizers.pre_tokenizers import BertPreTokenizer

    rng, split = random.Random(0), BertPreTokenizer()
    letters = "abAB12éßжعא  \t\n.,;-_'\"()[]{}<>=+$^`|~#@&*/\\!?…“”«»·€°×🚀\u0301\u00a0\u2009"
    for _ in range(500):
        text = "".join(rng.choices(letters, k=rng.randrange(40)))
        words = split.pre_tokenize_str(text)
        numbers: dict[str, int] = {}
        expected = [numbers.setdefault(word.lower(), len(numbers)) for word, _ in words]
        assert word_ids(text, [span for _, span in words]).tolist() == expected, repr(text)
