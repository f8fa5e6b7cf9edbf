"""The Porter stemmer on the examples of the paper, step by step, and on Lucene's departures."""

import pytest

from intrex.retrievers.text.porter import measure, stem

PAPER = """
caresses caress  ponies poni  ties ti  caress caress  cats cat
feed feed  agreed agre  plastered plaster  bled bled  motoring motor  sing sing
conflated conflat  troubled troubl  sized size  hopping hop  tanned tan  falling fall  hissing hiss  fizzed fizz
failing fail  filing file  happy happi  sky sky
relational relat  conditional condit  rational ration  valenci valenc  hesitanci hesit  digitizer digit
radicalli radic  differentli differ  vileli vile  analogousli analog  vietnamization vietnam  predication predic
operator oper  feudalism feudal  decisiveness decis  hopefulness hope  callousness callous  formaliti formal
sensitiviti sensit  sensibiliti sensibl
triplicate triplic  formative form  formalize formal  electriciti electr  electrical electr  hopeful hope
goodness good
revival reviv  allowance allow  inference infer  airliner airlin  gyroscopic gyroscop  adjustable adjust
defensible defens  irritant irrit  replacement replac  adjustment adjust  dependent depend  adoption adopt
homologou homolog  communism commun  activate activ  angulariti angular  homologous homolog  effective effect
bowdlerize bowdler
probate probat  rate rate  cease ceas  controll control  roll roll
generalizations gener  oscillators oscil
"""
WORDS = PAPER.split()


@pytest.mark.parametrize(("word", "expected"), list(zip(WORDS[::2], WORDS[1::2], strict=True)))
def test_paper(word: str, expected: str) -> None:
    assert stem(word) == expected


@pytest.mark.parametrize(
    ("word", "m"),
    [("tree", 0), ("by", 0), ("trouble", 1), ("oats", 1), ("ivy", 1), ("private", 2), ("orrery", 2)],
)
def test_measure(word: str, m: int) -> None:
    assert measure(word) == m


def test_bli_and_logi_are_lucenes() -> None:
    assert stem("assembly") == "assembl"
    assert stem("conformabli") == "conform"
    assert stem("analogy") == stem("analogies") == "analog"


@pytest.mark.parametrize("word", ["", "s", "is", "as", "by", "ed", "é", "1s"])
def test_fewer_than_three_letters_stay(word: str) -> None:
    assert stem(word) == word


@pytest.mark.parametrize(
    ("word", "expected"),
    [("ing", "ing"), ("eed", "eed"), ("ion", "ion"), ("sses", "ss"), ("ies", "i"), ("yyy", "yyi")],
)
def test_bare_suffixes(word: str, expected: str) -> None:
    assert stem(word) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("1990s", "1990"),  # what is not a vowel is a consonant
        ("cafés", "café"),
        ("größen", "größen"),
        ("\U00010400s", "\U00010400"),  # three UTF-16 units, so it is stemmed
        ("\U00010400", "\U00010400"),
        ("東京s", "東京"),
    ],
)
def test_any_token(word: str, expected: str) -> None:
    assert stem(word) == expected
