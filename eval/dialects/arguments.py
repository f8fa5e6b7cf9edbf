"""Arguments of trec_eval's ``-m``, as its command line takes them."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from intrex.data.errors import UsageError
from intrex.eval.measures.aliases import NICKNAMES, TREC, parse_trec_eval

TREC_EVALS = ("trec_eval9", "trec_eval10")
JOINING = "pytrec_eval"


def trec_eval_arguments(texts: Sequence[str], only: Set[str]) -> list[str]:
    """Spell nicknames out, as the version of trec_eval that has the measures ``only`` does; other texts stay."""
    return [name for text in texts for name in _members(text.partition(".")[0], only) or [text]]


def _members(text: str, only: Set[str]) -> list[str]:
    return [n for n in NICKNAMES.get(text, ()) if TREC[n].form == "text" or only & _keys(n)]


def _keys(name: str) -> set[str]:
    measure = parse_trec_eval(name)[0]
    return {measure.name if measure.cutoff is None else f"{measure.name}@"}


def joined_parameters(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Leave a measure out where it is also given with parameters, as pytrec_eval does, which joins those of all mentions.

    Args:
        texts: measures, nicknames spelt out.

    Returns:
        the measures, and those left out, whose default parameters are not computed.
    """
    numbered = {found[1] for text in texts if (found := _NUMBERED.match(text)) and found[1] in TREC}
    return [t for t in texts if t not in numbered], [t for t in texts if t in numbered]


_NUMBERED = re.compile(r"(\w+?)[._]\d+(?:\.\d+)?(?:,\d+(?:\.\d+)?)*$")


def first_parameters(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Give every mention of a measure the parameters that it is given first, as trec_eval does.

    trec_eval keeps one list of parameters a measure: ``-m P -m P.5 -m P.10`` is P_5 alone, and so is
    ``-m official -m P.5`` as far as P goes. What is not spelt as trec_eval's ``-m`` takes it stays as it is.

    Args:
        texts: measures, nicknames spelt out.

    Returns:
        the measures, and those among ``texts`` that lost their parameters to others.

    Raises:
        UsageError: the two measures of trec_eval 10 that share one list are both asked for, and one has parameters.
    """
    first: dict[str, str] = {}
    for text in texts:
        name, point, _ = text.partition(".")
        if point and name in TREC:
            first.setdefault(name, text)
    names = [text.partition(".")[0] for text in texts]
    if {"dcg", "ndcg"} <= set(names) and {"dcg", "ndcg"} & first.keys():
        raise UsageError(
            "trec_eval 10.0 crashes over dcg and ndcg together where one of them has gains",
            "ask for one at a time",
        )
    chosen = [first.get(name, text) for name, text in zip(names, texts, strict=True)]
    lost = [text for text, kept in zip(texts, chosen, strict=True) if text != kept and "." in text]
    return chosen, lost
