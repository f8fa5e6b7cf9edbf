"""Words, sentences and windows of a text."""

import time

import pytest

from intrex.data.builders.units import count_words, sentences, windows, words


def pieces(text: str, spans: list[tuple[int, int]]) -> list[str]:
    return [text[begin:end] for begin, end in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("One sentence", ["One sentence"]),
        ("A ferry left. It was late!  Was it? Yes.", ["A ferry left.", "It was late!", "Was it?", "Yes."]),
        ('He said "Go." Then he left (late.) So?', ['He said "Go."', "Then he left (late.)", "So?"]),
        ("Version 3.11 of file.txt, see a.b. It works.", ["Version 3.11 of file.txt, see a.b.", "It works."]),
        ("Ask Dr. Smith, e.g. Mr. J. Jones, vs. Bo et al. 2010. Done.", ["Ask Dr. Smith, e.g. Mr. J. Jones, vs. Bo et al. 2010.", "Done."]),
        ("approx. three o'clock etc. and so on. End", ["approx. three o'clock etc. and so on.", "End"]),
        ("what is lift . the lift of a wing . see eq. 3", ["what is lift .", "the lift of a wing .", "see eq. 3"]),
        ("Wait... what? Wait... What", ["Wait... what?", "Wait...", "What"]),
        ("Title\n\nText goes\non here", ["Title", "Text goes\non here"]),
        ("Title\n \t\nText", ["Title", "Text"]),
        ("梵語。「好。」他說！是嗎？", ["梵語。", "「好。」", "他說！", "是嗎？"]),
        ("क्या है। हाँ। ठीक", ["क्या है।", "हाँ।", "ठीक"]),
        ("ما هذا؟ هذا كتاب.", ["ما هذا؟", "هذا كتاب."]),
        ("http://a.b/?q=1&r=2 is one. Two", ["http://a.b/?q=1&r=2 is one.", "Two"]),
    ],
)  # fmt: skip
def test_sentences(text: str, expected: list[str]) -> None:
    assert pieces(text, sentences(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  two\twords\n", ["two", "words"]),
        ("naïve café", ["naïve", "café"]),
        ("東京、大阪 and 1786年", ["東", "京、", "大", "阪", "and", "1786", "年"]),
        ("ひらカタ", ["ひ", "ら", "カ", "タ"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert pieces(text, words(text)) == expected
    assert count_words(text) == len(expected)


def test_windows_hold_every_unit_and_none_lies_inside_the_one_before() -> None:
    spans = [(i, i + 1) for i in range(10)]
    assert windows(spans, 4, 4) == [(0, 4), (4, 8), (8, 10)]
    assert windows(spans, 4, 2) == [(0, 4), (2, 6), (4, 8), (6, 10)]
    assert windows(spans, 10, 1) == [(0, 10)]
    assert windows([], 4, 2) == []


@pytest.mark.parametrize("unit", ["." * 7, '."', ")", "\n ", "a.b", "? x", "。", "Dr. "])
def test_time_grows_with_the_length_alone(unit: str) -> None:
    """Ten times the text may take some thirty times as long, not a hundred times."""

    def seconds(count: int) -> float:
        text = unit * count
        best = []
        for _ in range(3):
            start = time.process_time()
            sentences(text)
            best.append(time.process_time() - start)
        return min(best)

    assert seconds(100_000) < 30 * max(seconds(10_000), 0.001)
