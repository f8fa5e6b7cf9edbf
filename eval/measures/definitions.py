"""Measures: one small function each, over one query's ranking.

The rules that all share (ties, missing queries, unjudged documents) stand in docs/measures.md. A document is
relevant when its grade is at least ``rel`` (1 unless given); an unjudged one is not relevant and gains nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from intrex.data.errors import UsageError, nearest
from intrex.data.registry import Registry

Grades = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Ranking:
    """One query's ranking seen through the judgements.

    Attributes:
        grades: [n] int32, the grade of the document at each rank; 0 where it is unjudged.
        judged: [n] bool, whether the document at each rank was judged for this query.
        all_grades: [j] int32, the grades of all judged documents of the query, retrieved or not, descending.
    """

    grades: Grades
    judged: npt.NDArray[np.bool_]
    all_grades: Grades

    @classmethod
    def of(cls, grades: Sequence[int | None], all_grades: Sequence[int]) -> Ranking:
        """A ranking from plain lists; None is an unjudged document. For examples and tests."""
        judged = np.array([g is not None for g in grades], np.bool_)
        found = np.array([g or 0 for g in grades], np.int32)
        return cls(found, judged, np.sort(np.array(all_grades, np.int32))[::-1])

    def hits(self, rel: int, cutoff: int | None) -> npt.NDArray[np.bool_]:
        """[min(n, cutoff)] whether each rank holds a relevant document."""
        found: npt.NDArray[np.bool_] = self.judged[:cutoff] & (self.grades[:cutoff] >= rel)
        return found

    def n_relevant(self, rel: int) -> int:
        """How many judged documents are relevant."""
        return int((self.all_grades >= rel).sum())


def ndcg(ranking: Ranking, cutoff: int | None, rel: int) -> float:
    """Normalised discounted cumulative gain: linear gains, discount log2(rank + 1), ideal over all judged.

    Source: Järvelin and Kekäläinen 2002, as trec_eval's ``ndcg`` and ``ndcg_cut``: negative grades gain nothing,
    ``rel`` plays no part. 0 when no document has a positive grade.

    >>> round(ndcg(Ranking.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), 5, 1), 6)
    0.608673
    """
    ideal = _dcg(ranking.all_grades[:cutoff])
    return _dcg(ranking.grades[:cutoff]) / ideal if ideal else 0.0


def _dcg(grades: Grades) -> float:
    gains = np.maximum(grades, 0).astype(np.float64)
    return float(np.sum(gains / np.log2(np.arange(2, len(gains) + 2))))


def average_precision(ranking: Ranking, cutoff: int | None, rel: int) -> float:
    """Mean over all relevant documents of the precision at their rank; 0 for those not retrieved.

    Source: trec_eval's ``map`` and ``map_cut``.

    >>> round(average_precision(Ranking.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), None, 1), 6)
    0.566667
    """
    hits = ranking.hits(rel, cutoff)
    relevant = ranking.n_relevant(rel)
    if not relevant:
        return 0.0
    ranks = np.flatnonzero(hits) + 1
    return float(np.sum(np.arange(1, len(ranks) + 1) / ranks)) / relevant


def precision(ranking: Ranking, cutoff: int | None, rel: int) -> float:
    """Relevant documents in the top k, divided by k even if fewer were retrieved.

    Source: trec_eval's ``P``; without a cutoff, divided by the number retrieved (``set_P``).

    >>> precision(Ranking.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), 5, 1)
    0.6
    """
    size = cutoff or len(ranking.grades)
    return float(ranking.hits(rel, cutoff).sum()) / size if size else 0.0


def recall(ranking: Ranking, cutoff: int | None, rel: int) -> float:
    """Relevant documents in the top k, divided by all relevant ones.

    Source: trec_eval's ``recall`` and ``set_recall``.

    >>> recall(Ranking.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), 5, 1)
    0.75
    """
    relevant = ranking.n_relevant(rel)
    return float(ranking.hits(rel, cutoff).sum()) / relevant if relevant else 0.0


def reciprocal_rank(ranking: Ranking, cutoff: int | None, rel: int) -> float:
    """One divided by the rank of the first relevant document; 0 when there is none in the top k.

    Source: trec_eval's ``recip_rank``; with cutoff 10, MS MARCO's MRR@10.

    >>> reciprocal_rank(Ranking.of([0, None, 2], [2, 0]), 10, 1) == 1 / 3
    True
    """
    ranks = np.flatnonzero(ranking.hits(rel, cutoff))
    return 1.0 / float(ranks[0] + 1) if len(ranks) else 0.0


def success(ranking: Ranking, cutoff: int | None, rel: int) -> float:
    """1 when a relevant document is in the top k, else 0.

    Source: trec_eval's ``success``.

    >>> success(Ranking.of([0, None, 2], [2, 0]), 2, 1), success(Ranking.of([0, None, 2], [2, 0]), 3, 1)
    (0.0, 1.0)
    """
    return float(ranking.hits(rel, cutoff).any())


def judged(ranking: Ranking, cutoff: int | None, rel: int) -> float:
    """Share of the top k that was judged for this query; of what was retrieved, if that is fewer than k.

    Source: ir_measures' ``Judged``.

    >>> judged(Ranking.of([1, 0, 2, None, 3], [3, 2, 1, 1, 0]), 5, 1)
    0.8
    """
    seen = ranking.judged[:cutoff]
    return float(seen.mean()) if len(seen) else 0.0


Function = Callable[[Ranking, "int | None", int], float]
_HERE = "intrex.eval.measures.definitions"
MEASURES = Registry(
    "intrex.measures",
    "measure",
    {
        "AP": f"{_HERE}:average_precision",
        "Judged": f"{_HERE}:judged",
        "P": f"{_HERE}:precision",
        "R": f"{_HERE}:recall",
        "RR": f"{_HERE}:reciprocal_rank",
        "Success": f"{_HERE}:success",
        "nDCG": f"{_HERE}:ndcg",
    },
)
_WITHOUT_REL = ("nDCG", "Judged")
_GRAMMAR = re.compile(r"(?P<name>[A-Za-z_]\w*)(\((?P<args>[^()]*)\))?(@(?P<cutoff>\d+))?")


@dataclass(frozen=True)
class Measure:
    """A parsed measure; ``str`` gives its canonical spelling."""

    name: str
    cutoff: int | None = None
    rel: int = 1

    def __str__(self) -> str:
        rel = f"(rel={self.rel})" if self.rel != 1 else ""
        return f"{self.name}{rel}" + (f"@{self.cutoff}" if self.cutoff else "")

    @property
    def function(self) -> Function:
        """The function that computes it."""
        found: Function = MEASURES.load(self.name)
        return found


def parse_measures(texts: Sequence[str], rel: int | None = None) -> list[Measure]:
    """Parse measures such as ``nDCG@10``, ``P(rel=2)@5`` or ``AP``, the grammar of ir_measures.

    Args:
        texts: the spellings; repeats are dropped.
        rel: relevance level of those that allow one and name none (trec_eval's ``-l``).

    Raises:
        UsageError: naming every spelling that is unknown, each with the nearest known name.
    """
    found: dict[Measure, None] = {}
    wrong: list[str] = []
    for text in texts:
        try:
            found[_parse(text.strip(), rel)] = None
        except UsageError as error:
            wrong.append(error.message)
    if wrong:
        raise UsageError("; ".join(wrong), "a measure reads like nDCG@10, RR@10, R@100, AP, P(rel=2)@5")
    return list(found)


def _parse(text: str, rel: int | None) -> Measure:
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise UsageError(f"not a measure: {text!r}")
    name = match["name"]
    if name not in MEASURES:
        raise UsageError(f"unknown measure {text!r}: {nearest(name, MEASURES.table)}")
    cutoff = int(match["cutoff"]) if match["cutoff"] else None
    if cutoff == 0:
        raise UsageError(f"the cutoff of {text!r} must be at least 1")
    level = _level(match["args"], text)
    if name in _WITHOUT_REL:
        if level is not None:
            raise UsageError(f"{name} has no relevance level: {text!r}")
        return Measure(name, cutoff)
    return Measure(name, cutoff, level or rel or 1)


def _level(args: str | None, text: str) -> int | None:
    if not args:
        return None
    key, _, value = (part.strip() for part in args.partition("="))
    if key != "rel" or not value.isdigit() or not int(value):
        raise UsageError(f"unknown argument {args!r} in {text!r}: rel=N with N of at least 1 is known")
    return int(value)
