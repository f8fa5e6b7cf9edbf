"""Lexical feedback: the methods, under Anserini's names and with its defaults; plain data.

Sources: N. Abdul-Jaleel et al., "UMass at TREC 2004: Novelty and HARD" (RM3); J. Rocchio, "Relevance feedback in
information retrieval", The SMART Retrieval System, 1971; S. Robertson et al., "Okapi at TREC-3" (BM25-PRF).
"""

from collections.abc import Iterator
from dataclasses import make_dataclass
from typing import Any, NamedTuple

from intrex.data.errors import UsageError
from intrex.data.options import Options, When, declare, flag_of, option, options_of

PANEL = "Feedback"


@declare
class Rm3Options(Options):
    """A relevance model of the best documents, mixed with the query."""

    fb_terms: int = option(default=10, low=1, help="terms kept of each document, and of the model.")
    fb_docs: int = option(default=10, low=1, help="documents.")
    original_query_weight: float = option(
        default=0.5, low=0, high=1, help="weight of the query; 1 gives the ranking without feedback."
    )
    no_term_filter: bool = option(default=False, help="take terms of any characters, not a to z and digits.")


@declare
class RocchioOptions(Options):
    """Query moved towards the mean of the best documents, and if asked away from that of the last ones."""

    top_fb_terms: int = option(default=10, low=1, help="terms kept of the mean of the best documents.")
    top_fb_docs: int = option(default=10, low=1, help="how many of the best documents.")
    bottom_fb_terms: int = option(default=10, low=1, help="terms kept of the mean of the last documents.")
    bottom_fb_docs: int = option(default=10, low=1, help="how many of the last documents.")
    alpha: float = option(default=1.0, help="weight of the query.")
    beta: float = option(default=0.75, help="weight of the best documents.")
    gamma: float = option(default=0.15, help="weight of the last documents.")
    use_negative: bool = option(default=False, help="move away from the last documents.")


@declare
class Bm25PrfOptions(Options):
    """Terms of the query, and terms that the best documents have more often than others, by relevance weight."""

    fb_terms: int = option(default=20, low=1, help="new terms.")
    fb_docs: int = option(default=10, low=1, help="documents.")
    k1: float = option(default=0.9, low=0, help="k1 of the second search.")
    b: float = option(default=0.4, low=0, high=1, help="b of the second search.")
    new_term_weight: float = option(default=0.2, help="factor of the new terms' weights.")


class Method(NamedTuple):
    """A method of feedback: its title, what it does, its parameters, ``module:Class`` of its code."""

    title: str
    help: str
    options: type[Options]
    target: str


METHODS = {
    "rm3": Method(
        "RM3",
        "Search again with a relevance model of the best documents.",
        Rm3Options,
        "intrex.retrievers.prf.rm3:RM3",
    ),
    "rocchio": Method(
        "Rocchio",
        "Search again with the query moved towards the best documents.",
        RocchioOptions,
        "intrex.retrievers.prf.rocchio:Rocchio",
    ),
    "bm25_prf": Method(
        "BM25-PRF",
        "Search again with terms that the best documents favour.",
        Bm25PrfOptions,
        "intrex.retrievers.prf.bm25prf:BM25PRF",
    ),
}


def _spellings(method: str, name: str = "") -> tuple[str, ...]:
    """Return our spelling, ``--bm25-prf-fb-terms``, and Anserini's, ``--bm25prf.fbTerms``."""
    first, *words = name.split("_")
    camel = first + "".join(word.title() for word in words)
    flag, anserini = flag_of(f"{method}_{name}".strip("_")), f"--{method.replace('_', '')}"
    return tuple(dict.fromkeys((f"={flag}", f"={anserini}.{camel}" if name else f"={anserini}")))


def _flat_fields() -> Iterator[tuple[str, Any, Any]]:
    """Yield a switch for each method, and its parameters behind its name."""
    for name, method in METHODS.items():
        yield name, bool, option(default=False, help=method.help, flags=_spellings(name), panel=PANEL)
        for key, parameter in options_of(method.options).items():
            field = option(
                default=parameter.default, help=f"{method.title}: {parameter.help}", flags=_spellings(name, key),
                panel=PANEL, low=parameter.low, high=parameter.high, when=When(name, (True,)),
            )  # fmt: skip
            yield f"{name}_{key}", parameter.type, field


@declare
class _OneMethod(Options):
    """At most one method of feedback, which `intrex.retrievers.prf.base.expansion_of` makes.

    Raises:
        UsageError: more than one.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [name for name in METHODS if getattr(self, name)]
        if len(names) > 1:
            flags = ", ".join(flag_of(name) for name in names)
            raise UsageError(f"more than one method of feedback: {flags}", "take one of them")


FeedbackOptions: type[Options] = make_dataclass(
    "FeedbackOptions",
    list(_flat_fields()),
    bases=(_OneMethod,),
    frozen=True,
    kw_only=True,
    eq=False,
    repr=False,
)
"""Switches and parameters of all methods, flat: the options of a search that has feedback."""
