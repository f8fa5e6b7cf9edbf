"""The tokenizer on what the grammar says and on texts whose tokens Lucene's users know, then the whole chain."""

import random
import time

import pytest

from intrex.data.errors import UsageError
from intrex.retrievers.text import analyzer as analysis
from intrex.retrievers.text import tokenizer as breaks
from intrex.retrievers.text.analyzer import STOP_WORDS, Analyzer, english_term, tokenize
from intrex.retrievers.text.tokenizer import lower


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        (" .,;:'_-", []),
        ("B2B 2B R2D2", ["B2B", "2B", "R2D2"]),
        ("some-dashed-phrase dogs,chase ac/dc", ["some", "dashed", "phrase", "dogs", "chase", "ac", "dc"]),
        ("O'Reilly's you're 'quoted' \"QUOTED\"", ["O'Reilly's", "you're", "quoted", "QUOTED"]),
        ("21.35 4,600 216.239.63.104 1..2 1,,2", ["21.35", "4,600", "216.239.63.104", "1", "2", "1", "2"]),
        ("A:B A::B A.B. a.1 1.a 1:2", ["A:B", "A", "B", "A.B", "a", "1", "1", "a", "1", "2"]),
        ("A:B_A::B _x_ __init__ snake_case_1", ["A:B_A", "B", "_x_", "__init__", "snake_case_1"]),
        ("naïve café’s El\u00adefant", ["naïve", "café’s", "El\u00adefant"]),
        ("moͤchte e\u0301a", ["moͤchte", "e\u0301a"]),
        ("10\u202f000 x\u00b8y", ["10\u202f000", "x", "y"]),
        ("IL-1β (α-synuclein)", ["IL", "1β", "α", "synuclein"]),
        ("我是中国人。 １２３４ Ｔｅｓｔｓ", ["我", "是", "中", "国", "人", "１２３４", "Ｔｅｓｔｓ"]),
        ("仮名遣い カタカナ ザ ー々a", ["仮", "名", "遣", "い", "カタカナ", "ザ", "ー", "々a"]),
        ("안녕하세요 한글입니다", ["안녕하세요", "한글입니다"]),
        ("แล้วเธอจะไปไหน? ๑๒๓๔ ลาว", ["แล้วเธอจะไปไหน", "๑๒๓๔", "ลาว"]),
        ("סו\"ם אב' 'גד", ['סו"ם', "אב'", "גד"]),
        (
            "poo💩poo 💩💩 ♥ Windows™ ©2020",
            ["poo", "💩", "poo", "💩", "💩", "♥", "Windows", "™", "©", "2020"],
        ),
        (
            "👩\u200d❤\ufe0f\u200d👩 👨🏼\u200d⚕\ufe0f a🏽",
            ["👩\u200d❤\ufe0f\u200d👩", "👨🏼\u200d⚕\ufe0f", "a🏽"],
        ),
        ("🇺🇸🇺🇸 🇺", ["🇺🇸", "🇺🇸"]),
        ("#\ufe0f\u20e3 3\ufe0f\u20e3 # *", ["#\ufe0f\u20e3", "3\ufe0f\u20e3"]),
        ("\u2b55\ufe0e\u200d\u2b55\ufe0e", ["\u2b55", "\u200d\u2b55"]),
        ("🏴\U000e0067\U000e0062\U000e007f", ["🏴\U000e0067\U000e0062\U000e007f"]),
        ("a\ud800b", ["a", "b"]),  # a broken \u escape in a query
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("x " + "b" * 255 + " " + "b" * 256, [1, 255, 255, 1]),
        ("a" * 254 + "'b", [254, 1]),  # no join across the limit
        ("_" * 300 + "a b", [255, 1]),
        ("é" + "_" * 300 + "a", [255, 47]),
        ("\U00010400" * 130, [127, 3]),  # two UTF-16 units each
        ("é" * 600, [255, 255, 90]),
    ],
)
def test_long_tokens_are_cut(text: str, lengths: list[int]) -> None:
    assert [len(token) for token in tokenize(text)] == lengths


def test_ascii_path_equals_the_full_pattern() -> None:
    draw = random.Random(1)
    for _ in range(5000):
        text = "".join(draw.choices("aB1_.,:;'\"- \n#*é", k=draw.randint(1, 12)))
        assert tokenize(text) == [text[start:end] for start, end, _ in breaks.tokens(text)], text


def test_old_classes_hold_with_any_python() -> None:
    """What Unicode 12.1 says of characters that later versions class otherwise or first know."""
    assert tokenize("١\u0600٢ 1\ufe102") == ["١\u0600٢", "1\ufe102"]
    assert tokenize("a\u055fb \u02e5 \u055a") == ["a", "b"]
    assert tokenize("★") == ["★"]
    assert tokenize("a\u0870b \U00010d50") == ["a", "b"], "unassigned then, letters now"
    assert lower("\U00010d50\ua7cb\u1c89İΣẞ") == "\U00010d50\ua7cb\u1c89iσß", "cased since Unicode 16"


@pytest.mark.parametrize(
    "text", ["_" * 300_000, "a" + "_" * 300_000, "\u200d" * 100_000, "é_\u0301" * 50_000, "1," * 150_000]
)
def test_hostile_runs_take_linear_time(text: str) -> None:
    start = time.process_time()
    tokenize(text)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("token", "term"),
    [
        ("Wings", "wing"),
        ("Jim's", "jim"),
        ("JIM'S", "jim"),
        ("Jim’s", "jim"),
        ("Jim＇s", "jim"),
        ("THE", None),
        ("it's", None),  # the possessive goes first, then "it" is a stop word
        ("who", "who"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("İstanbul", "istanbul"),
        ("Straße", "straße"),
    ],
)
def test_english_term(token: str, term: str | None) -> None:
    assert english_term(token) == term


def test_stop_words_are_lucenes() -> None:
    assert len(STOP_WORDS) == 33
    assert Analyzer()("It will be such as THE one that they had: into no, or not?") == ["on", "had"]


def test_analyzer_keeps_order_and_repeats() -> None:
    analyzer = Analyzer()
    text = "Flying dogs and the dogs' flies, café's naïvely"
    assert analyzer(text) == ["fly", "dog", "dog", "fli", "café", "naïv"]
    assert analyzer(text) == Analyzer()(text)


def test_full_cache_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "CACHED", 1)
    assert Analyzer()("running runs the runner running") == ["run", "run", "runner", "run"]


def test_unknown_name() -> None:
    with pytest.raises(UsageError, match="unknown analyzer 'englisch'") as caught:
        Analyzer("englisch")
    assert caught.value.hint == "did you mean english?"


def test_spec_is_plain_data() -> None:
    assert Analyzer().spec()["name"] == "english"
    assert Analyzer().spec() == Analyzer("english").spec()
