"""Parity report in Markdown, made to be sent to a reviewer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from intrex.data.locate import find_qrels
from intrex.eval.evaluate.systems import conditions_of
from intrex.eval.pipelines.parity.bm25 import (
    MEASURES,
    TIES,
    TOLERANCE,
    Parity,
    RankingDifference,
    TokenComparison,
    neighbourhood,
)
from intrex.eval.scoring.rules import Rules
from intrex.eval.tables import Table, markdown_lines
from intrex.retrievers.options import TIE_ORDERS
from intrex.retrievers.prf.bm25prf import BM25PRF

SHOWN = 5
"""Differing queries that are shown with the documents around the place."""


def parity_table(result: Parity) -> Table[str | int]:
    """Return one row: what was compared, how much of it differs, and the measures in Anserini's order of equal scores."""
    headers = ["collection", "ranking", "documents", "queries", "hits", "differing", "max score gap", *MEASURES,
               "measures", "parity"]  # fmt: skip
    hits = len(result.runs["lucene", TIES].doc_ids)
    measured = result.figures["native", TIES]
    row: list[str | int] = [
        f"{result.collection.name}:{result.query_set}", ranking(result), result.collection.n_documents, result.queries.texts,
        hits, len(result.differences), f"{largest_gap(result):.1e}", *(f"{measured[m]:.4f}" for m in MEASURES),
        "equal" if result.figures_agree else "differ", "yes" if result.at_parity else "no",
    ]  # fmt: skip
    return headers, [row]


def ranking(result: Parity) -> str:
    """Name what ranked: BM25, or a method of feedback with those of its parameters that are not Anserini's defaults."""
    method = result.expansion
    if method is None:
        return "BM25"
    usual, values = type(method)(), vars(method)
    changed = ", ".join(f"{name}={value}" for name, value in values.items() if value != getattr(usual, name))
    return type(method).__name__ + (f"({changed})" if changed else "")


def largest_gap(result: Parity) -> float:
    """Return the largest difference of scores at one rank; of queries that are ranked otherwise, of one document."""
    native, lucene = (result.runs[engine, TIES] for engine in ("native", "lucene"))
    if result.differences or len(native.scores) != len(lucene.scores):
        return max((d.gap for d in result.differences), default=0.0)
    return float(np.abs(native.scores.astype(np.float64) - lucene.scores).max(initial=0.0))


def parity_markdown(result: Parity) -> str:
    """Write the whole report."""
    name = f"{result.collection.name}:{result.query_set}"
    verdict = "at parity" if result.at_parity else "NOT at parity"
    parts = [
        f"# {type(result.expansion).__name__ if result.expansion else 'BM25'} parity with Anserini: {name}",
        "",
        f"**{verdict}**: {len(result.differences):,} of {result.queries.texts:,} queries ranked otherwise at k = "
        f"{result.options.k:,}, or with a score off by more than {TOLERANCE:g}; the largest difference of scores is "
        f"{largest_gap(result):.2g}.",
        "",
        *_conditions(result),
        *_figures(result),
        *_statistics(result),
        *_terms("queries", result.queries),
        *_terms("documents", result.documents),
        *_bridge(result),
        *_differences(result),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return [*markdown_lines(headers, rows), ""]


def _conditions(result: Parity) -> list[str]:
    versions = {**result.native.manifest.versions, **result.lucene.manifest.versions}
    judged = find_qrels(f"{result.collection.path}:{result.query_set}")
    signature = conditions_of(judged, Rules()).signature()
    rows = [
        ("engines", ", ".join(f"{k} {v}" for k, v in versions.items())),
        ("documents", result.collection.corpus_fingerprint),
        ("parameters", f"k1 {result.options.k1}, b {result.options.b}, k {result.options.k}"),
        ("feedback", repr(result.expansion) if result.expansion else "none"),
        ("language", result.lucene.language),
        ("fields", " ".join(f"{name}={w}" for name, w in result.options.fields.items()) or "contents"),
        ("judged under", "ties by id ascending, also at the cut at k: Anserini's order"),
        ("signature of the measures", f"`{signature}`; for Anserini's order `ties=f32-docid-asc`"),
    ]
    return _table(["what", "value"], rows)


def _figures(result: Parity) -> list[str]:
    rows = []
    for ties in (TIES, *(t for t in TIE_ORDERS if t != TIES)):
        for engine in ("native", "lucene", "anserini"):
            if (engine, ties) in result.figures:
                figures = result.figures[engine, ties]
                rows.append([_NAMES[engine], _ORDERS[ties], *(f"{figures[m]:.4f}" for m in MEASURES)])
    equal = "equal" if result.figures_agree else "NOT equal"
    note = f"Native and Lucene are {equal} to four decimals under both orders of equal scores."
    return ["## Measures", "", note, "", *_table(["engine", "equal scores", *MEASURES], rows)]


_NAMES = {
    "native": "native",
    "lucene": "Lucene, its own float32 scores",
    "anserini": "Anserini's searcher, rounded scores",
}
_ORDERS = {"anserini": "id ascending (Anserini)", "trec_eval": "id descending (trec_eval, intrex)"}


def _statistics(result: Parity) -> list[str]:
    left_out = result.lucene.manifest.params["empty_documents_left_out"]
    rows = [
        (n.replace("_", " "), f"{x:,}", f"{y:,}", "equal" if x == y else "DIFFERS")
        for n, (x, y) in result.statistics.items()
    ]
    note = (
        f"Of {result.collection.n_documents:,} documents Anserini leaves out {left_out:,} without any text; N counts the "
        "documents with a term."
    )
    return ["## Statistics", "", note, "", *_table(["statistic", "native", "Lucene", ""], rows)]


def _terms(noun: str, tokens: TokenComparison) -> list[str]:
    head = f"Terms of the {noun}: {len(tokens.differing):,} of {tokens.texts:,} differ."
    rows = [(id_, f"`{native}`", f"`{lucene}`") for id_, native, lucene in tokens.first]
    return [head, "", *(_table(["id", "native, from the first difference", "Lucene"], rows) if rows else [])]


def _bridge(result: Parity) -> list[str]:
    if not result.bridge:
        prf = isinstance(result.expansion, BM25PRF)
        searcher = "BM25PrfReranker in the searcher" if prf else "SimpleSearcher"
        same = "the same documents in the same order as the hits taken from Lucene in bulk, for every query"
        return [f"Anserini's own {searcher} (`batch_search`) returned {same}.", ""]
    names = ", ".join(d.query for d in result.bridge[:SHOWN])
    return [f"**Anserini's own searcher ordered {len(result.bridge):,} queries otherwise**: {names} ...", ""]


def _differences(result: Parity) -> list[str]:
    if not result.differences:
        return []
    causes = Counter(d.cause for d in result.differences)
    lines = ["## Differences", "", *_table(["queries", "cause"], [(n, c) for c, n in causes.most_common()])]
    for difference in result.differences[:SHOWN]:
        lines += _difference_section(result, difference)
    return lines


def _difference_section(result: Parity, difference: RankingDifference) -> list[str]:
    where = f"from rank {difference.rank}" if difference.rank else "in scores alone"
    native, lucene = neighbourhood(result, difference)
    first = max(difference.rank - 3, 0) + 1
    empty = ("", float("nan"))
    rows = []
    for i in range(max(len(native), len(lucene))):
        (a, x), (b, y) = native[i] if i < len(native) else empty, lucene[i] if i < len(lucene) else empty
        rows.append((first + i, a, f"{x:.7g}", b, f"{y:.7g}", "" if a == b else "<"))
    text = (
        f"Query {difference.query}: differs {where}; {difference.missing} documents only Anserini has, "
        f"{difference.extra} only the native engine; scores of one document differ by up to {difference.gap:.2g}. "
        f"Cause: {difference.cause}."
    )
    return [text, "", *_table(["rank", "native", "score", "Lucene", "score", ""], rows)]
