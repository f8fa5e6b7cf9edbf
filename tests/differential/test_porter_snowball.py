"""Our Porter stemmer against Snowball's, on made-up words that end in every suffix."""

import itertools

import pytest

from intrex.retrievers.text.porter import stem

ROOTS = """
relat condit valenc hesit digit conform radic differ vile oper feud decis hop hope call form sens sensib triplic
electr good reviv allow infer airlin gyroscop adjust defens irrit replac depend adopt commun activ angul effect
tann fall hiss fizz fail fil happ sk prob rat ceas controll roll mot plast bl s troubl siz conflat y toy enjoy
say agre fe tr ivy crim snow box tray lov cav aeiou rhythm sch straw
"""
SUFFIXES = """
s es ies sses ed eed ing ings at bl iz ate ble ize y ational tional enci anci izer alli entli eli ousli ization
ation ator alism iveness fulness ousness aliti iviti biliti icate ative alize iciti ical ful ness al ance ence er ic
able ible ant ement ment ent ion sion tion ou ism iti ous ive e l ll le lle
"""


def test_equals_snowball() -> None:
    stemmer = pytest.importorskip("Stemmer", reason="PyStemmer is not installed").Stemmer("porter")
    words = {
        r + a + b for r, a, b in itertools.product(ROOTS.split(), SUFFIXES.split(), ["", *SUFFIXES.split()])
    }
    # Not compared: words of two letters, Lucene's bli and logi, and Snowball's list of double consonants.
    kept = [
        w for w in sorted(words) if len(w) > 2 and not any(part in w for part in ("bl", "log", "vv", "yy"))
    ]
    assert len(kept) > 100_000
    assert [(w, stem(w)) for w in kept if stem(w) != stemmer.stemWord(w)] == []
