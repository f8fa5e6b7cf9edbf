"""Parity: does the native BM25, with feedback if asked, rank as Anserini does, document for document?

Both engines index and search the same collection. Judged is the order of documents against Anserini's own searcher,
under its tie order (equal scores by id ascending, also at the cut at k), the scores against Lucene's before Anserini
rounds them to four decimals and nudges equal ones apart, and the measures to four decimals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from intrex.data.collection import Collection
from intrex.data.ids import as_strings
from intrex.data.run import Run
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.score import score
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.fields import CONTENTS, extra_fields
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.bm25.options import K1, B, Bm25Build
from intrex.retrievers.lucene.bridge import ENGLISH
from intrex.retrievers.lucene.build import build_lucene
from intrex.retrievers.lucene.index import LuceneIndex
from intrex.retrievers.lucene.options import LuceneSearch
from intrex.retrievers.options import TIE_ORDERS, BuildTask
from intrex.retrievers.prf.base import Expansion, expansion_of
from intrex.retrievers.text.analyzer import Analyzer

MEASURES = ("nDCG@10", "R@100", "RR@10")
TOLERANCE = 3e-4
"""Largest difference of scores: Anserini writes four decimals and lowers equal ones by up to a few 1e-6 each."""
ROUNDING = 1e-5
"""Relative difference of scores that the order of float32 operations explains."""
BATCH = 2048
TIES = TIE_ORDERS[1]
ANSERINI = "anserini"
"""Anserini's own searcher among the engines; ``native`` and ``lucene`` are ours."""

Figures = dict[tuple[str, str], dict[str, float]]
"""Measures by (engine, tie order)."""


@dataclass(frozen=True)
class TokenComparison:
    """Texts whose terms differ: how many there are, and the first of them as (id, native terms, Lucene's terms)."""

    texts: int
    differing: frozenset[str]
    first: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class RankingDifference:
    """Query that is not ranked alike.

    Attributes:
        query: its id.
        rank: the first rank, from 1, with another document or none; 0 where only scores differ.
        missing: documents that only Anserini has.
        extra: documents that only the native engine has.
        gap: the largest difference of scores of one document.
        cause: what explains it, as far as can be told.
    """

    query: str
    rank: int
    missing: int
    extra: int
    gap: float
    cause: str = ""


@dataclass(frozen=True)
class Parity:
    """Comparison of both engines, and what differs; `at_parity` is the verdict."""

    collection: Collection
    query_set: str
    options: LuceneSearch
    expansion: Expansion | None
    native: BM25Index
    lucene: LuceneIndex
    runs: dict[tuple[str, str], Run]
    figures: Figures
    queries: TokenComparison
    documents: TokenComparison
    differences: list[RankingDifference]
    bridge: list[RankingDifference]

    @property
    def statistics(self) -> dict[str, tuple[int, int]]:
        """Corpus statistics that enter the scores, native and Lucene's."""
        field, (segment,) = self.native.statistics[CONTENTS], self.native.segments
        counts = {"documents_with_terms": field.documents, "tokens": field.tokens}
        if len(self.native.fields) == 1:  # else they are the terms of all fields, and Lucene's those of one
            counts["terms"] = segment.record.terms
        return {name: (count, int(self.lucene.manifest.params[name])) for name, count in counts.items()}

    @property
    def figures_agree(self) -> bool:
        """True where every measure is the same to four decimals, under both tie orders."""
        return all(
            f"{self.figures['native', ties][m]:.4f}" == f"{self.figures['lucene', ties][m]:.4f}"
            for ties in TIE_ORDERS
            for m in MEASURES
        )

    @property
    def at_parity(self) -> bool:
        """No query ranked otherwise, no score off by more than the tolerance, no measure by four decimals."""
        return not self.differences and not self.bridge and self.figures_agree


def bm25_parity(
    collection: Collection,
    query_set: str,
    options: LuceneSearch,
    *,
    language: str = ENGLISH,
) -> Parity:
    """Index a collection with both engines, search both, compare everything.

    Args:
        collection: what to index.
        query_set: its judged queries are searched.
        options: ``k``, ``k1`` and ``b`` (Anserini's 0.9 and 0.4 by default), ``threads``, ``fields``, which both engines
            then index apart, and feedback, which Anserini's own rerankers then compute.
        language: whose analysis both engines use.

    Raises:
        MissingExtra: pyserini is not installed.
        UsageError: the language is not analysed by both, or Anserini takes fewer feedback documents.
        BadInput: the collection has no such query set.
    """
    queries, analyzer = collection.queries(query_set), Analyzer(language)
    k1, b = K1 if options.k1 is None else options.k1, B if options.b is None else options.b
    extra, expansion = extra_fields(options.fields), expansion_of(options)
    with TemporaryDirectory(prefix="intrex-parity-") as work:
        plain = Bm25Build(k1=k1, b=b, language=language, fields=extra)
        stored = replace(
            plain, engine="lucene", threads=options.threads, store_docvectors=expansion is not None
        )
        lucene = build_lucene(collection, BuildTask(Path(work) / "lucene"), stored)
        native = build_bm25(collection, BuildTask(Path(work) / "native"), plain)
        runs = {(ANSERINI, TIES): lucene.anserini(queries, options)}
        for ties in TIE_ORDERS:
            runs["native", ties] = native.search(queries, replace(options, ties=ties))
            runs["lucene", ties] = lucene.search(queries, replace(options, ties=ties))
        texts = ((i, t, t) for i, t in zip(queries.ids, queries.texts, strict=True))
        tokens = _compare_tokens(analyzer, lucene, texts)
        contents = ((d.id, d.contents, f"{d.title}\n{d.text}") for d in collection.documents())
        documents = _compare_tokens(analyzer, lucene, contents)
        bridge = compare_runs(runs["lucene", TIES], runs[ANSERINI, TIES], None)
        differences = compare_runs(runs["native", TIES], runs["lucene", TIES], TOLERANCE)
        result = Parity(
            collection, query_set, replace(options, k1=k1, b=b), expansion, native, lucene, runs,
            _figures(collection, query_set, runs), tokens, documents, differences, bridge,
        )  # fmt: skip
        return replace(result, differences=[replace(d, cause=_cause(d, result)) for d in differences])


def _figures(collection: Collection, query_set: str, runs: dict[tuple[str, str], Run]) -> Figures:
    qrels, measures = collection.qrels(query_set), parse_measures(list(MEASURES))
    return {key: score(qrels, run, measures).means() for key, run in runs.items()}


def _compare_tokens(
    analyzer: Analyzer, lucene: LuceneIndex, texts: Iterator[tuple[str, str, str]]
) -> TokenComparison:
    """Compare the terms of texts: (id, what the native engine reads, what Lucene reads)."""
    differing, first, count = list[str](), list[tuple[str, str, str]](), 0
    while batch := list(islice(texts, BATCH)):
        count += len(batch)
        for (id_, text, _), lucene_terms in zip(batch, lucene.terms([t for _, _, t in batch]), strict=True):
            terms = analyzer(text)
            if terms != lucene_terms:
                differing.append(id_)
                pairs = enumerate(zip(terms, lucene_terms, strict=False))
                at = next((i for i, (x, y) in pairs if x != y), min(len(terms), len(lucene_terms)))
                first.append((id_, " ".join(terms[at : at + 4]), " ".join(lucene_terms[at : at + 4])))
    return TokenComparison(count, frozenset(differing), tuple(first[:10]))


def compare_runs(run: Run, reference: Run, tolerance: float | None) -> list[RankingDifference]:
    """Find the queries whose rankings differ in a document, a place, or a score by more than ``tolerance``.

    Args:
        run: rankings in any order of ties.
        reference: what they should be.
        tolerance: how far scores may be apart; None compares the order alone.
    """
    ranked = {query: (docs, scores) for query, docs, scores in run.rankings()}
    expected_of = {query: (docs, scores) for query, docs, scores in reference.rankings()}
    empty = np.empty(0, "S1"), np.empty(0, np.float32)
    differences = []
    for query in sorted(ranked.keys() | expected_of.keys()):
        docs, scores = ranked.get(query, empty)
        expected, exact = expected_of.get(query, empty)
        n = min(len(docs), len(expected))
        if len(docs) == len(expected) and bool((docs == expected).all()):
            gap = float(np.abs(scores.astype(np.float64) - exact).max(initial=0.0))
            if tolerance is not None and gap > tolerance:
                differences.append(RankingDifference(query.decode(), 0, 0, 0, gap))
            continue
        off = np.flatnonzero(docs[:n] != expected[:n])
        rank = int(off[0]) + 1 if len(off) else n + 1
        shared, at, at_expected = np.intersect1d(docs, expected, assume_unique=True, return_indices=True)
        gap = float(np.abs(scores[at].astype(np.float64) - exact[at_expected]).max(initial=0.0))
        missing, extra = len(expected) - len(shared), len(docs) - len(shared)
        differences.append(RankingDifference(query.decode(), rank, missing, extra, gap))
    return differences


def _cause(difference: RankingDifference, result: Parity) -> str:
    if difference.query in result.queries.differing:
        return "the query's terms differ"
    around = {d for rows in neighbourhood(result, difference) for d, _ in rows}
    if around & result.documents.differing:
        return "terms of these documents differ"
    scores = dict(zip(*_ranking(result.runs["lucene", TIES], difference.query), strict=True))
    if difference.gap <= ROUNDING * max(scores.values(), default=1.0):
        return "rounding: scores that agree to 5 digits"
    if any(native != lucene for native, lucene in result.statistics.values()):
        return "N, lengths or document frequencies differ, through terms of other documents"
    return "not explained"


def neighbourhood(
    result: Parity, difference: RankingDifference, width: int = 2
) -> list[list[tuple[str, float]]]:
    """Return what both engines have around the first differing rank: native's, then Anserini's (id, score)."""
    at = max(difference.rank - 1, 0)
    rows = slice(max(at - width, 0), at + width + 1)
    excerpts = []
    for engine in ("native", "lucene"):
        docs, scores = _ranking(result.runs[engine, TIES], difference.query)
        excerpts.append(list(zip(docs[rows], scores[rows], strict=True)))
    return excerpts


def _ranking(run: Run, query: str) -> tuple[list[str], list[float]]:
    at = np.flatnonzero(run.query_ids == query.encode())
    if not len(at):
        return [], []
    rows = slice(run.offsets[at[0]], run.offsets[at[0] + 1])
    return as_strings(run.doc_ids[rows]), run.scores[rows].tolist()
