"""Feedback: lexical under Anserini's names and with its defaults, of vectors under pyserini's; plain data.

Sources: N. Abdul-Jaleel et al., "UMass at TREC 2004: Novelty and HARD" (RM3); J. Rocchio, "Relevance feedback in
information retrieval", The SMART Retrieval System, 1971; S. Robertson et al., "Okapi at TREC-3" (BM25-PRF). H. Li et al.,
"Pseudo-Relevance Feedback with Deep Language Models and Dense Retrievers", TOIS 2023 (avg and rocchio of vectors), and
"To Interpolate or not to Interpolate", SIGIR 2022; X. Wang et al., "Pseudo-Relevance Feedback for Multiple Representation
Dense Retrieval", ICTIR 2021 (ColBERT-PRF).
"""

from collections.abc import Iterator, Mapping
from dataclasses import field, make_dataclass, replace
from typing import Any, NamedTuple, Self

from intrex.data.errors import UsageError
from intrex.data.options import Option, Options, When, declare, flag_of, option, options_of
from intrex.retrievers.options import SearchOptions

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

PLACEMENTS = ("before", "after", "both")
"""Where the list of another index or run is mixed in: into the list that feedback reads, into that which it gives."""


@declare
class QueryFeedback(SearchOptions, panel=PANEL):
    """Options that all feedback on vectors shares: searches again with queries moved towards documents.

    They have one form for each search: without documents to read (``prf_depth`` 0) or further rounds (``rounds`` 1) all
    that depends on them is as by default, but for a list that is mixed in afterwards.

    Attributes:
        second: the list of ``partner``, opened by `intrex.retrievers.search.prepare_search`; None without one.
        documents: rows to read, best first, by the query's id, in place of those that the first search finds.
    """

    prf_method: str | None
    prf_depth: int | None = option(
        default=None, low=0, owner="prf_method",
        help="Search again with the query moved towards so many of the best documents; 0: as without.",
    )  # fmt: skip
    rounds: int | None = option(
        default=None, low=1, when=When("prf_depth"), owner="prf_method",
        help="Rank in so many rounds, each of documents that are in no earlier one, with feedback between them.",
    )  # fmt: skip
    interpolate: str | None = option(
        default=None, choices=PLACEMENTS, when=When("prf_depth"),
        help="Mix in the list of --with: into that which feedback reads, that which it gives, or both.",
    )  # fmt: skip
    partner: str | None = option(
        default=None, key="with", when=When("interpolate", PLACEMENTS), metavar="PATH",
        help="An index or a run of the same documents: the list that --interpolate mixes in.",
    )  # fmt: skip
    alpha: float = option(
        default=0.5, low=0, high=1, when=When("interpolate", PLACEMENTS),
        help="Weight of this index's list in the mixture; the other's is 1 less it.",
    )  # fmt: skip
    second: Any = field(default=None)
    documents: Mapping[str, Any] | None = field(default=None)

    def __post_init__(self) -> None:
        """Refuse what does not go together, and take the one form of a search; see `Options`."""
        if self.prf_depth and self.prf_method is None:
            self._set(prf_method=options_of(type(self))["prf_method"].choices[0])
        super().__post_init__()
        if self.interpolate is not None and self.partner is None:
            raise UsageError(
                "--interpolate mixes two lists, and there is one",
                "name the other with --with, an index or a run",
            )
        if self.interpolate is not None and self.rounds is not None:
            raise UsageError(
                "--rounds and --interpolate do not go together: documents of later rounds have no score to mix",
                "leave one of them out",
            )
        if not self.prf_depth or self.rounds == 1:
            self._forget()

    def _forget(self) -> None:
        """Set what feedback depends on as by default; a second list stays where it is mixed in after the search."""
        after = self.interpolate in PLACEMENTS[1:]
        kept = ("interpolate", "with", "alpha") if after else ()
        values = {
            item.field: item.default
            for key, item in options_of(type(self)).items()
            if key not in kept and (key == "prf_method" or _depends(item))
        }
        self._set(**values, **({"interpolate": "after", "prf_depth": 0} if after else {"prf_depth": None}))

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)  # of this object before anybody has seen it

    def within_index(self, **changes: Any) -> Self:
        """Return the options of a search of the index by itself, without another list."""
        return replace(self, interpolate=None, partner=None, alpha=0.5, second=None, **changes)

    def first_search(self, **changes: Any) -> Self:
        """Return the options of the first search, which reads no documents."""
        return self.within_index(prf_depth=0, **changes)


def _depends(item: Option) -> bool:
    """Tell whether an option depends on feedback."""
    return item.when is not None and item.when.key in ("prf_depth", "prf_method", "interpolate")


_ROCCHIO = When("prf_method", ("rocchio",))


@declare
class VectorFeedback(QueryFeedback, panel=PANEL):
    """Feedback by the vectors of documents; see `intrex.retrievers.prf.vector`."""

    prf_method: str | None = option(
        default=None, choices=("avg", "rocchio"), when=When("prf_depth"),
        help="How vectors move the query: avg, the mean of all, or rocchio; avg by default.",
    )  # fmt: skip
    rocchio_alpha: float = option(default=0.9, when=_ROCCHIO, help="Rocchio: weight of the query.")
    rocchio_beta: float = option(default=0.1, when=_ROCCHIO, help="Rocchio: weight of the best documents.")
    rocchio_gamma: float = option(default=0.1, when=_ROCCHIO, help="Rocchio: weight of the last documents.")
    rocchio_topk: int = option(
        default=3, low=1, when=_ROCCHIO, help="Rocchio: how many of the best of --prf-depth."
    )
    rocchio_bottomk: int = option(
        default=0, low=0, when=_ROCCHIO, help="Rocchio: how many of the last of --prf-depth; 0: none."
    )

    def __post_init__(self) -> None:
        """Refuse weights that leave nothing; see `QueryFeedback`."""
        if self.prf_method == "rocchio" and not (self.rocchio_alpha or self.rocchio_beta):
            raise UsageError(
                "--rocchio-alpha and --rocchio-beta are both 0: nothing is left of the query",
                "give one of them a weight",
            )
        super().__post_init__()


_WITH_DEPTH = When("prf_depth")


@declare
class TokenFeedback(QueryFeedback, panel=PANEL):
    """Feedback by the token vectors of documents, with the defaults of the paper; see `intrex.retrievers.multivector.feedback`."""

    prf_method: str | None = option(
        default=None, choices=("colbert",), when=When("prf_depth"),
        help="ColBERT-PRF: add centres of the documents' tokens to the query's.",
    )  # fmt: skip
    colbert_clusters: int = option(
        default=24,
        low=1,
        when=_WITH_DEPTH,
        owner="prf_method",
        help="ColBERT-PRF: clusters of the documents' tokens.",
    )
    colbert_terms: int = option(
        default=10,
        low=1,
        when=_WITH_DEPTH,
        owner="prf_method",
        help="ColBERT-PRF: centres that are added, those of the largest idf.",
    )
    colbert_beta: float = option(
        default=1.0,
        low=0,
        when=_WITH_DEPTH,
        owner="prf_method",
        help="ColBERT-PRF: weight of a centre, beside its idf.",
    )
    colbert_seed: int = option(
        default=0, low=0, when=_WITH_DEPTH, owner="prf_method", help="ColBERT-PRF: seed of k-means."
    )
