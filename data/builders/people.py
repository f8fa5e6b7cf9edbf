"""Names of people who like things: given names, and surnames put together of two parts, like places."""

from __future__ import annotations

from intrex.data.arrays import Uint64s
from intrex.data.errors import UsageError
from intrex.data.numeric.mix import shuffled

_GIVEN = """
Ada Agnes Aidan Alba Albin Alda Alec Alma Alwin Amos Anders Anika Anselm Ansgar Antje April Arlo Armin Arne Astrid Aubrey August Aurel Ava
Barnaby Beata Benno Berit Bernice Bertil Bianca Birgit Boris Bram Bridget Bruno Calla Callum Carla Caspar Cecil Celia Cedric Clara Clemens
Clive Conrad Cora Cyril Dagmar Damian Daphne Darius Delia Denzel Dina Doreen Doris Dorian Duncan Edda Edgar Edith Edmund Effie Egon Eileen
Elias Ella Elmer Elsa Elvira Emil Enid Enzo Erland Erna Ernest Esme Esther Ethel Eugene Eva Evan Fabian Faye Felix Fergus Finn Fiona Flora
Floyd Freda Fritz Gareth Gerda Gilbert Gisela Gladys Glenn Greta Gudrun Gustav Guy Hanne Harald Harriet Hattie Hector Hedda Heike Helga
Henrik Herbert Hilda Hollis Horace Hubert Hugo Ida Igor Ilse Imke Imogen Ingrid Irma Isla Ivan Ivo Jana Jarvis Jens Jerome Joachim Joan
Jonas Josef Judith Jules Julius Karla Kaspar Kerstin Kilian Kirsten Klaus Knut Lambert Lars Laszlo Leif Lena Leopold Lester Liam Liesel
Lionel Lorna Lothar Lotte Louisa Lucas Ludwig Luisa Lydia Mabel Magda Malte Mandy Marek Margot Marius Marlon Marta Mathilda Maude Mavis
Maxim Melvin Meta Milan Mildred Milo Minna Miriam Moira Morris Muriel Myra Nadia Nell Nestor Niall Nils Nina Nora Norbert Norma Odette
Olaf Olga Oscar Otis Otto Pascal Paula Percy Petra Philippa Quentin Ragnar Ralf Ramona Regina Rhona Roland Rolf Romy Rosalind Rufus Runa
Rupert Ruth Sabine Saskia Selma Serge Sigrid Silas Silvia Sonja Sophie Stefan Sven Sybil Tamara Tessa Theo Thora Tilda Tobias Trudy Ulla
Ulrich Una Ursula Valentin Vera Verena Viggo Vincent Viola Wanda Warren Wendel Wilbur Wilma Winifred Xaver Yannick Yvonne Zelda Zeno
""".split()  # noqa: SIM905 - the list would not be readable
_FIRST = """
Ald Arn Bar Bex Brack Bran Brom Cald Carn Chel Col Crom Dal Den Dor Dun El Far Fen Gar Glen Gran Hal Har Hather Hol Kel Kirk Lang Lin Lock
Mal Mar Mer Mil Nor Os Pen Pres Rad Ran Rother Sel Shel Stan Strat Thorn Tor Ul Wal Wen Whit Wil Win Wol Yar
""".split()  # noqa: SIM905 - the list would not be readable
_SECOND = "beck brook bury by combe cote dale field ford gate ham hurst ley low mere more shaw stead thorpe ton well wick worth".split()  # noqa: SIM905
_INITIALS = ["", *(f"{letter}. " for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")]
_PAIRS = len(_GIVEN) * len(_FIRST) * len(_SECOND)
MOST = _PAIRS * len(_INITIALS)
"""So many names there are."""


def name_words() -> set[str]:
    """Return every word that may stand in a name, in lower case."""
    surnames = {first + second for first in _FIRST for second in _SECOND}
    return {word.casefold() for word in (*_GIVEN, *surnames)}


def names(base: Uint64s, count: int) -> list[str]:
    """Return so many different names in a random order; with an initial only once all without one are used.

    Args:
        base: of `intrex.data.numeric.mix.stream`.
        count: of the names.

    Raises:
        UsageError: there are not so many.
    """
    if count > MOST:
        raise UsageError(f"there are names for {MOST:,} people, not {count:,}", "ask for fewer documents")
    order = shuffled(base, _PAIRS).tolist()
    return [_name(order[i % _PAIRS], i // _PAIRS) for i in range(count)]


def _name(pair: int, initial: int) -> str:
    surname, given = divmod(pair, len(_GIVEN))
    first, second = divmod(surname, len(_SECOND))
    return f"{_GIVEN[given]} {_INITIALS[initial]}{_FIRST[first]}{_SECOND[second]}"
