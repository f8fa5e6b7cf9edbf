"""Options of ``intrex search`` for lexical feedback, under Anserini's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from intrex.data.errors import UsageError

if TYPE_CHECKING:
    from intrex.retrievers.prf_lexical import Expansion


def _option(kind: Any, help_text: str, *names: str, **limits: Any) -> Any:
    return Annotated[kind, typer.Option(*names, help=help_text, **limits)]


Rm3 = _option(bool, "Search again with a relevance model of the best documents.", "--rm3")
Rm3Terms = _option(int, "RM3: terms.", "--rm3-fb-terms", "--rm3.fbTerms", min=1)
Rm3Docs = _option(int, "RM3: documents.", "--rm3-fb-docs", "--rm3.fbDocs", min=1)
Rm3Weight = _option(
    float,
    "RM3: weight of the query.",
    "--rm3-original-query-weight",
    "--rm3.originalQueryWeight",
    min=0,
    max=1,
)
Rm3NoFilter = _option(
    bool, "RM3: take terms of any characters.", "--rm3-no-term-filter", "--rm3.noTermFilter"
)
RocchioFlag = _option(bool, "Search again with the query moved towards the best documents.", "--rocchio")
RocchioTerms = _option(
    int, "Rocchio: terms of the best documents.", "--rocchio-top-fb-terms", "--rocchio.topFbTerms", min=1
)
RocchioDocs = _option(
    int, "Rocchio: how many of the best documents.", "--rocchio-top-fb-docs", "--rocchio.topFbDocs", min=1
)
RocchioLastTerms = _option(
    int,
    "Rocchio: terms of the last documents.",
    "--rocchio-bottom-fb-terms",
    "--rocchio.bottomFbTerms",
    min=1,
)
RocchioLastDocs = _option(
    int,
    "Rocchio: how many of the last documents.",
    "--rocchio-bottom-fb-docs",
    "--rocchio.bottomFbDocs",
    min=1,
)
RocchioAlpha = _option(float, "Rocchio: weight of the query.", "--rocchio-alpha", "--rocchio.alpha")
RocchioBeta = _option(float, "Rocchio: weight of the best documents.", "--rocchio-beta", "--rocchio.beta")
RocchioGamma = _option(float, "Rocchio: weight of the last documents.", "--rocchio-gamma", "--rocchio.gamma")
RocchioNegative = _option(
    bool, "Rocchio: move away from the last documents.", "--rocchio-use-negative", "--rocchio.useNegative"
)
Bm25Prf = _option(bool, "Search again with terms that the best documents favour.", "--bm25-prf", "--bm25prf")
Bm25PrfTerms = _option(int, "BM25-PRF: new terms.", "--bm25-prf-fb-terms", "--bm25prf.fbTerms", min=1)
Bm25PrfDocs = _option(int, "BM25-PRF: documents.", "--bm25-prf-fb-docs", "--bm25prf.fbDocs", min=1)
Bm25PrfK1 = _option(float, "BM25-PRF: k1.", "--bm25-prf-k1", "--bm25prf.k1", min=0)
Bm25PrfB = _option(float, "BM25-PRF: b.", "--bm25-prf-b", "--bm25prf.b", min=0, max=1)
Bm25PrfWeight = _option(
    float, "BM25-PRF: weight of new terms.", "--bm25-prf-new-term-weight", "--bm25prf.newTermWeight"
)


_DEFAULTS = ((10, 10, 0.5, False), (10, 10, 10, 10, 1.0, 0.75, 0.15, False), (20, 10, 0.9, 0.4, 0.2))


def method(rm3: tuple[Any, ...], rocchio: tuple[Any, ...], bm25_prf: tuple[Any, ...]) -> Expansion | None:
    """The method that was asked for; each tuple is its flag and then its parameters."""
    asked = []
    names = ("--rm3", "--rocchio", "--bm25-prf")
    for name, given, defaults in zip(names, (rm3, rocchio, bm25_prf), _DEFAULTS, strict=True):
        if given[0]:
            asked.append(name)
        elif given[1:] != defaults:
            raise UsageError(f"parameters of {name} without {name}", f"add {name}, or leave them out")
    if len(asked) > 1:
        raise UsageError(f"more than one method of feedback: {', '.join(asked)}", "take one of them")
    if not asked:
        return None
    from intrex.retrievers.prf_lexical import BM25PRF, RM3, Rocchio

    if rm3[0]:
        return RM3(rm3[1], rm3[2], rm3[3], filter_terms=not rm3[4])
    return Rocchio(*rocchio[1:]) if rocchio[0] else BM25PRF(*bm25_prf[1:])
