"""Writes ``retrievers/text/breaks.txt``: what the live StandardTokenizer makes of every code point, and Java's lower case.

``python -m tests.differential.make_breaks`` needs what `tests.differential.anserini` needs. Each code point is put into
texts that tell the classes of `intrex.retrievers.text.tokenizer` apart; it gets the class of the sample of which the tokenizer
makes the same tokens. No table of Lucene's is read.
"""

import sys
from pathlib import Path

from intrex.retrievers.text.tokenizer import CLASSES
from tests.differential.anserini import Anserini

BATCH = 50_000

SAMPLES = dict(
    zip(
        CLASSES,
        " A\u2139\u05d0\uac00\u06601\u30ab_'\".:,\U0001f469#\U0001f1fa\U0001f3fd\u200d\ufe0e\ufe0f\u20e3"
        "\U000e0067\U000e007f\u0301\u0e01\u0e31\u6211\u3042",
        strict=True,
    )
)
WOMAN = "\U0001f469"
TEXTS = (
    "{}",
    "a{}b",
    "1{}2",
    "\u05d0{}\u05d0",
    "\u05d0{}",
    "{}'",
    "{}\U0001f3fd",
    "{}\u30ab",
    "x{}",
    "#{}",
    "{}\ufe0f\u20e3",
    "\u0e44{}",
    "\U0001f1fa{}",
    "{}\U0001f1fa",
    "_{}_",
    f"{WOMAN}{{}}{WOMAN}",
    f"{WOMAN}{{}}\u0301",
    f"{WOMAN}{{}}\u200d{WOMAN}",
    f"{WOMAN}\ufe0f{{}}\U000e007f",
    f"{WOMAN}\ufe0f\U000e0067{{}}",
    "#{}\u20e3",
)
POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def classes(anserini: Anserini) -> dict[int, str]:
    """The class of each code point but surrogates."""
    found: dict[int, str] = {}
    context = "\n".join(TEXTS)  # no token spans a line feed, so that one text asks all
    for start in range(0, len(POINTS), BATCH):
        points = POINTS[start : start + BATCH]
        answers = anserini.terms("typed", (context.replace("{}", chr(c)) for c in points))
        for c, answer in zip(points, answers, strict=True):
            found[c] = sys.intern(" ".join(answer[::2] + [str(len(token)) for token in answer[1::2]]))
    names: dict[str, str] = {}
    for letter, sample in SAMPLES.items():
        key = found[ord(sample)]
        if key in names:
            raise SystemExit(f"the texts do not tell {letter} from {names[key]}")
        names[key] = letter
    return {c: names[found[c]] for c in POINTS}


def _line(name: str, values: dict[int, int]) -> str:
    """Code points with a value each, as spans of equal values."""
    spans: list[list[int]] = []
    for c, value in sorted(values.items()):
        if spans and spans[-1][1] == c - 1 and spans[-1][2] == value:
            spans[-1][1] = c
        else:
            spans.append([c, c, value])
    written = [(f"{a:X}" if a == b else f"{a:X}-{b:X}") + (f"={v}" if v else "") for a, b, v in spans]
    return " ".join([name, *written]) + "\n"


def table(anserini: Anserini) -> str:
    """The text of the file."""
    known = classes(anserini)
    lines = [_line(letter, {c: 0 for c in POINTS if known[c] == letter}) for letter in CLASSES[1:]]
    lowered = anserini.terms("lower", map(chr, POINTS))
    pairs = {c: ord(low) - c for c, (low,) in zip(POINTS, lowered, strict=True) if ord(low) != c}
    return "".join(lines) + _line("lower", pairs)


if __name__ == "__main__":
    Path("retrievers/text/breaks.txt").write_text(table(Anserini.find()), encoding="utf-8")
