"""Light stemmers that Lucene's German, French, Spanish, Italian, Portuguese and Arabic analyzers use.

Sources: J. Savoy, "Light stemming approaches for the French, Portuguese, German and Hungarian languages", SAC 2006,
and his descriptions of the others (members.unine.ch/jacques.savoy/clef); L. Larkey, L. Ballesteros and M. Connell,
"Light stemming for Arabic information retrieval", 2007 (light10, for Arabic). Conditions on lengths are Lucene's, found
in its documentation and checked against its analyzers (`tests/differential`). Words come in lower case; a character
above U+FFFF counts as two, as in Java.
"""

from __future__ import annotations

from intrex.retrievers.text.utf16 import in_utf16

_VOWELS = str.maketrans("àáâäòóôöèéêëùúûüìíîï", "aaaaooooeeeeuuuuiiii")
_GERMAN = str.maketrans("àáâäòóôöìíîïùúûü", "aaaaooooiiiiuuuu")
_FRENCH = str.maketrans("àáâôèéêùûîç", "aaaoeeeuuic")
_PORTUGUESE = str.maketrans("àáâäãòóôöõèéêëùúûüìíîïç", "aaaaaoooooeeeeuuuuiiiic")
_GERMAN_ST = frozenset("bdfghklmnt")


Ending = tuple[int, str, str]
"""A rule of a stemmer: words that are longer than a number, an ending, what replaces it."""


def _endings(table: str) -> tuple[Ending, ...]:
    """Read rules from a text such as ``9 issement ir, 5 ième``, in which the latter ending is taken off."""
    rules = (rule.split() for rule in table.split(","))
    return tuple((int(longer), ending, "".join(new)) for longer, ending, *new in rules)


def _first(word: str, endings: tuple[Ending, ...]) -> str:
    for longer, ending, new in endings:
        if len(word) > longer and word.endswith(ending):
            return word[: -len(ending)] + new
    return word


def normalize_german(word: str) -> str:
    """Turn umlauts and their spellings with e into plain vowels, ß into ss: the German2 variant's first step."""
    out, before = "", ""  # before: "u" after a vowel that an e may be the umlaut of, "v" after another vowel
    for c in word:
        if c == "e" and before == "u":
            before = "v"
            continue
        out += {"ä": "a", "ö": "o", "ü": "u", "ß": "ss"}.get(c, c)
        after = "v" if c in "ueiqyäöü" else ""
        before = "u" if c in "ao" or (c == "u" and before == "") else after
    return out


@in_utf16
def german(word: str) -> str:
    """Stem German by Savoy's light stemmer: two steps, of which each takes an ending off."""
    word = word.translate(_GERMAN)
    n = len(word)
    if n > 5 and word.endswith("ern"):
        word = word[:-3]
    elif n > 4 and word.endswith(("em", "en", "er", "es")):
        word = word[:-2]
    elif (n > 3 and word.endswith("e")) or (n > 3 and word.endswith("s") and word[-2] in _GERMAN_ST):
        word = word[:-1]
    n = len(word)
    if n > 5 and word.endswith("est"):
        return word[:-3]
    if n > 4 and (word.endswith(("er", "en")) or (word.endswith("st") and word[-3] in _GERMAN_ST)):
        return word[:-2]
    return word


# The first rule that fits ends it, but for those of `_FRENCH_GO_ON`.
_FRENCH_ENDINGS = _endings("""
9 issement ir, 8 issant ir, 6 ement e, 11 ficatrice fier, 10 ficateur fier, 9 catrice quer, 8 cateur quer,
8 atrice er, 7 ateur er, 6 trice teur, 5 ième, 7 teuse ter, 6 teur ter, 5 euse eu, 8 ère er, 7 ive if,
4 folle fou, 4 molle mou, 9 nnelle n, 9 nnel n, 4 ète et, 8 ique, 8 esse e, 7 inage in, 9 isation,
9 isateur, 8 ation, 8 ition
""")
_FRENCH_GO_ON = frozenset({"trice", "ète", "ique"})


@in_utf16
def french(word: str) -> str:
    """Stem French by Savoy's light stemmer."""
    if len(word) > 5 and word.endswith("x"):
        if word[-3:-1] == "au" and word[-4] != "e":
            word = word[:-2] + "lx"
        word = word[:-1]
    for ending in "xs":
        if len(word) > 3 and word.endswith(ending):
            word = word[:-1]
    for longer, ending, new in _FRENCH_ENDINGS:
        if len(word) > longer and word.endswith(ending):
            word = word[: -len(ending)] + new
            if ending == "ement" and len(word) > 3 and word.endswith("ive"):
                word = word[:-2] + "f"
            if ending == "isation" and len(word) > 5 and word.endswith("ual"):
                word = word[:-2] + "el"
            if ending not in _FRENCH_GO_ON:
                break
    return _french_end(word)


def _french_end(word: str) -> str:
    if len(word) > 4:
        plain = word.translate(_FRENCH)
        word = plain[0] + "".join(
            c for c, before in zip(plain[1:], plain[:-1], strict=True) if c != before or not c.isalpha()
        )
    if len(word) > 4 and word.endswith("ie"):
        word = word[:-2]
    if len(word) > 4:
        word = word.removesuffix("r")
        word = word.removesuffix("e")
        word = word.removesuffix("e")
        if len(word) > 1 and word[-1] == word[-2] and word[-1].isalpha():
            word = word[:-1]
    return word


# The first rule that fits is used.
_SPANISH_ENDINGS = _endings("4 o, 4 a, 4 e, 4 eses es, 4 ces z, 4 os, 4 as, 4 es")
_ITALIAN_ENDINGS = _endings("5 ie, 5 he, 5 hi, 5 ii, 5 ia, 5 io, 5 e, 5 i, 5 a, 5 o")
_PORTUGUESE_PLURALS = _endings("""
4 res r, 4 ses s, 4 les l, 4 zes z, 3 ns m, 4 eis el, 4 éis el, 4 ais al, 4 óis ol, 4 is il, 3 ões ão,
3 ães ão, 6 mente, 3 s
""")
_PORTUGUESE_FEMININE = _endings("""
7 inha inho, 7 iaca iaco, 7 eira eiro, 6 osa oso, 6 ica ico, 6 ida ido, 6 ada ado, 6 iva ivo, 6 ama amo,
6 ona ão, 6 ora or, 6 esa ês, 6 na no
""")


@in_utf16
def spanish(word: str) -> str:
    """Stem Spanish by Savoy's light stemmer."""
    return _first(word.translate(_VOWELS), _SPANISH_ENDINGS) if len(word) > 4 else word


@in_utf16
def italian(word: str) -> str:
    """Stem Italian by Savoy's light stemmer."""
    return _first(word.translate(_VOWELS), _ITALIAN_ENDINGS) if len(word) > 5 else word


@in_utf16
def portuguese(word: str) -> str:
    """Stem Portuguese by Savoy's light stemmer."""
    if len(word) < 4:
        return word
    word = _first(word, _PORTUGUESE_PLURALS)
    if len(word) > 3:
        word = _first(word, _PORTUGUESE_FEMININE)
    if len(word) > 4 and word[-1] in "eao":
        word = word[:-1]
    return word.translate(_PORTUGUESE)


_ARABIC = str.maketrans("آأإىة", "ااايه", "ـ\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652")
_ARABIC_PREFIXES = ("ال", "وال", "بال", "كال", "فال", "لل", "و")
_ARABIC_SUFFIXES = ("ها", "ان", "ات", "ون", "ين", "يه", "ية", "ه", "ة", "ي")


def normalize_arabic(word: str) -> str:
    """Write one alef, one yeh, heh for teh marbuta; no tatweel and no short vowels."""
    return word.translate(_ARABIC)


@in_utf16
def arabic(word: str) -> str:
    """Stem by light10: one prefix off, then each suffix in turn, if two letters (after "and": three) are left."""
    for prefix in _ARABIC_PREFIXES:
        if word.startswith(prefix) and len(word) >= max(len(prefix) + 2, 4):
            word = word[len(prefix) :]
            break
    for suffix in _ARABIC_SUFFIXES:
        if word.endswith(suffix) and len(word) >= len(suffix) + 2:
            word = word[: -len(suffix)]
    return word


_PERSIAN = str.maketrans("یےکۀہ", "ييكهه", "\u0654")


def normalize_persian(word: str) -> str:
    """Write one yeh, kaf and heh, no hamza above."""
    return word.translate(_PERSIAN)
