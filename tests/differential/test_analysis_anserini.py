"""Every analyzer against Anserini's own, live: real texts where they are, and generated ones."""

import json
import random
from collections.abc import Iterator

import pytest

from intrex.retrievers.text import tokenizer as breaks
from intrex.retrievers.text.analyzer import ANALYZERS, Analyzer, tokenize
from intrex.retrievers.text.tokenizer import lower
from tests.conftest import SHARED
from tests.differential.anserini import Anserini, Unavailable

LANGUAGES = sorted(set(ANALYZERS) - {"english", "bigrams"})
POINTS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]


@pytest.fixture(scope="module")
def anserini() -> Anserini:
    try:
        return Anserini.find()
    except Unavailable as error:
        pytest.skip(str(error))


def generated(count: int, seed: int) -> Iterator[str]:
    """Words of characters of all classes, some of them long, and of the scripts that languages use."""
    draw = random.Random(seed)
    groups: dict[int, list[str]] = {}
    for c in POINTS:
        groups.setdefault(breaks.classes()[ord(c)], []).append(c)
    blocks = [
        range(0x20, 0x250),
        range(0x370, 0x530),
        range(0x600, 0x700),
        range(0x3000, 0x3100),
        range(0xFF00, 0xFFF0),
    ]
    for _ in range(count):
        if draw.random() < 0.5:
            block = draw.choice(blocks)
            yield "".join(chr(draw.choice(block)) for _ in range(draw.randint(1, 10)))
            continue
        words = [
            "".join(draw.choice(draw.choice(list(groups.values()))) for _ in range(draw.randint(1, 6)))
            * draw.choice([1] * 50 + [draw.randint(1, 200)])
            for _ in range(3)
        ]
        yield draw.choice(["", " "]).join(words)


def shared() -> Iterator[str]:
    for path in sorted(SHARED.glob("*/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            yield f"{record.get('title') or ''} {record['text']}"


def assert_equal(ours: list[list[str]], theirs: list[list[str]], texts: list[str]) -> None:
    different = [text for text, a, b in zip(texts, ours, theirs, strict=True) if a != b]
    assert not different, f"{len(different)} of {len(texts)}, first {different[0]!r}"


def test_every_text_of_three_classes(anserini: Anserini) -> None:
    """One character of each class, every text of up to three."""
    found: dict[int, str] = {}
    for c in POINTS:
        found.setdefault(breaks.classes()[ord(c)], c)
    one = list(found.values())
    texts = [a + b + c for a in one for b in one for c in one]
    assert_equal([tokenize(text) for text in texts], anserini.terms("tokenizer", texts), texts)


@pytest.mark.slow
def test_every_code_point(anserini: Anserini) -> None:
    texts = [f"{c} A{c}B 1{c}2 {c}abilit{c}ies's" for c in POINTS]
    analyze = Analyzer()
    assert_equal([analyze(text) for text in texts], anserini.terms("en", texts), texts)
    assert_equal([[lower(c)] for c in POINTS], anserini.terms("lower", POINTS), POINTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_generated_texts(anserini: Anserini, language: str) -> None:
    texts, analyze = list(generated(10_000, seed=len(language))), Analyzer(language)
    assert_equal([analyze(text) for text in texts], anserini.terms(language, texts), texts)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_real_texts(anserini: Anserini, language: str) -> None:
    texts = list(shared())
    if not texts:
        pytest.skip("no shared collections")
    if language != "en":
        texts = texts[:: 1 + len(texts) // 20_000]
    analyze = Analyzer(language)
    assert_equal([analyze(text) for text in texts], anserini.terms(language, texts), texts)
