"""Porter stemmer, as Lucene's PorterStemFilter applies it.

Source: M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, pages 130-137, with the two
departures of the author's later versions that Lucene follows: ``bli`` becomes ``ble`` (the paper has ``abli`` to
``able``), and ``logi`` becomes ``log``.
"""

from __future__ import annotations

from collections.abc import Mapping

from intrex.retrievers.text.utf16 import in_utf16

VOWELS = frozenset("aeiou")

_STEP_2 = """
ational ate, tional tion, enci ence, anci ance, izer ize, bli ble, alli al, entli ent, eli e, ousli ous,
ization ize, ation ate, ator ate, alism al, iveness ive, fulness ful, ousness ous, aliti al, iviti ive,
biliti ble, logi log
"""
STEP_2 = dict(rule.split() for rule in _STEP_2.split(","))
STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
_CUT_IN_STEP_4 = "al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize"
STEP_4 = dict.fromkeys(_CUT_IN_STEP_4.split(), "")


@in_utf16
def stem(word: str) -> str:
    """Return the stem of a lower-cased word.

    Any string is accepted: whatever is not one of ``aeiouy`` counts as a consonant. As in Lucene, the word is
    seen as UTF-16 code units, and words of fewer than three units stay as they are.
    """
    if len(word) < 3:
        return word
    word = _step_1b(_step_1a(word))
    if word.endswith("y") and "v" in _shape(word[:-1]):
        word = word[:-1] + "i"
    word = _replace(word, STEP_2, above=0)
    word = _replace(word, STEP_3, above=0)
    word = _replace(word, STEP_4, above=1)
    return _step_5(word)


def _shape(word: str) -> str:
    """Write ``c`` for each consonant, ``v`` for each vowel; ``y`` is a vowel after a consonant."""
    out = ""
    for letter in word:
        vowel = letter in VOWELS or (letter == "y" and out.endswith("c"))
        out += "v" if vowel else "c"
    return out


def measure(word: str) -> int:
    """Return Porter's m: the number of vowel sequences that are followed by a consonant sequence."""
    return _shape(word).count("vc")


def _double_consonant(word: str) -> bool:
    return len(word) > 1 and word[-1] == word[-2] and _shape(word)[-1] == "c"


def _short(word: str) -> bool:
    """Test Porter's condition "*o": the word ends consonant, vowel, consonant, and the last is not w, x or y."""
    return word[-1:] not in ("w", "x", "y") and _shape(word).endswith("cvc")


def _step_1a(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _step_1b(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if measure(word[:-3]) > 0 else word
    cut = word.removesuffix("ed") if word.endswith("ed") else word.removesuffix("ing")
    if cut == word or "v" not in _shape(cut):
        return word
    if cut.endswith(("at", "bl", "iz")):
        return cut + "e"
    if _double_consonant(cut):
        return cut if cut[-1] in "lsz" else cut[:-1]
    return cut + "e" if measure(cut) == 1 and _short(cut) else cut


def _replace(word: str, rules: Mapping[str, str], above: int) -> str:
    """Replace the longest suffix that has a rule, if what stands before it measures more than ``above``."""
    for start in range(max(len(word) - 7, 0), len(word) - 1):
        suffix = word[start:]
        if suffix in rules:
            base = word[:start]
            if suffix == "ion" and not base.endswith(("s", "t")):
                continue
            return base + rules[suffix] if measure(base) > above else word
    return word


def _step_5(word: str) -> str:
    if word.endswith("e"):
        m = measure(word)
        if m > 1 or (m == 1 and not _short(word[:-1])):
            word = word[:-1]
    if word.endswith("ll") and measure(word) > 1:
        word = word[:-1]
    return word
