"""Parts of a BM25 score: what each term of a query adds in a document, whether a search returns that or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from intrex.data.arrays import Int64s, Scores
from intrex.retrievers.bm25.multifield import field_of
from intrex.retrievers.bm25.searcher import Searcher, term_scores
from intrex.retrievers.bm25.similarity import LENGTHS
from intrex.retrievers.explanation import Explanation, Number, Part
from intrex.retrievers.inverted.search import Weighted, term_groups


@dataclass(frozen=True)
class TermFacts:
    """Facts of a query's terms, by term as the vocabulary spells it.

    Attributes:
        boosts: the count in the query, or what feedback and field weights made of it.
        df: documents that have it.
        idf: its idf; None where the search takes none.
    """

    boosts: Mapping[str, float]
    df: Mapping[str, int]
    idf: Mapping[str, float] | None


def explain_rows(
    searcher: Searcher, terms: Weighted, rows: Int64s, facts: TermFacts, fields: tuple[str, ...]
) -> list[Explanation]:
    """Explain the scores of rows of one segment.

    Args:
        searcher: of the segment.
        terms: the one query, with the numbers that the segment has for its terms.
        rows: [m], counted from the segment's first.
        facts: of all terms of the query, also those that the segment lacks.
        fields: of the index.
    """
    names = searcher.postings.names(terms.terms)
    tfs, scores = _in_documents(searcher, terms, rows)
    totals = _totals(terms, scores)
    place = {name: t for t, name in enumerate(names)}
    explanations = []
    for i, row in enumerate(rows.tolist()):
        parts = []
        for name, boost in facts.boosts.items():
            t, field = place.get(name), field_of(name)
            numbers: dict[str, Number] = {"field": field} if len(fields) > 1 else {}
            numbers |= {"query": _plain(boost), "df": facts.df[name]}
            if facts.idf is not None:
                numbers["idf"] = facts.idf[name]
            length = int(LENGTHS[searcher.norms[fields.index(field), row]])
            numbers |= {"tf": 0 if t is None else int(tfs[t, i]), "length": length}
            parts.append(Part(name.rpartition("\t")[2], numbers, 0.0 if t is None else float(scores[t, i])))
        found = bool((tfs[:, i] > 0).any())
        explanations.append(Explanation(float(totals[i]) if found else None, parts))
    return explanations


def score_rows(searcher: Searcher, terms: Weighted, rows: Int64s) -> Scores:
    """Return the float32 scores [m] that a search gives rows of one segment; minus infinity without a common term.

    Args:
        searcher: of the segment.
        terms: the one query, with the numbers that the segment has for its terms.
        rows: [m], counted from the segment's first.
    """
    tfs, scores = _in_documents(searcher, terms, rows)
    return np.where((tfs > 0).any(axis=0), _totals(terms, scores), np.float32(-np.inf))


def _in_documents(searcher: Searcher, terms: Weighted, rows: Int64s) -> tuple[Int64s, Scores]:
    """Return [terms, rows] how often each row has each term, and what that adds to its score."""
    tfs = np.zeros((len(terms.terms), len(rows)), np.int64)
    scores = np.zeros(tfs.shape, np.float32)
    for t, number in enumerate(terms.terms.tolist()):
        docs, counts = searcher.postings.of(number)
        places = np.minimum(np.searchsorted(docs, rows), max(len(docs) - 1, 0))
        common = np.flatnonzero(docs[places] == rows) if len(docs) else np.empty(0, np.int64)
        field = 0 if terms.fields is None else int(terms.fields[t])
        inverse = searcher.inverse[field][searcher.norms[field][rows[common]]]
        tfs[t, common] = counts[places[common]]
        scores[t, common] = term_scores(terms.weights[t], tfs[t, common], inverse)
    return tfs, scores


def _totals(terms: Weighted, scores: Scores) -> Scores:
    """Add up the parts [terms, documents] as the search does: of some fields by themselves first, rounded."""
    totals = np.zeros(scores.shape[1])
    for low, high in term_groups(terms, 0):
        totals += scores[low:high].sum(axis=0, dtype=np.float64).astype(np.float32)
    return totals.astype(np.float32)


def _plain(boost: float) -> float | int:
    return int(boost) if boost == int(boost) else float(np.float32(boost))
