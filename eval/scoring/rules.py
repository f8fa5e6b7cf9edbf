"""Rules under which a run is scored: the order, the documents dropped, the value of a missing query."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Bytes, Int64s
from intrex.data.errors import BadInput, json_type
from intrex.data.io.columns import segments
from intrex.data.run import RunTable


class Ties(StrEnum):
    """Order of documents with equal scores."""

    docid_desc = "docid-desc"
    docid_asc = "docid-asc"
    file = "file"
    """As they stand in the file: a stable sort, as Python's."""
    expected = "expected"
    """No order: measures take their expected value over all orders of tied documents, each as likely as any other."""
    quicksort = "quicksort"
    """As numba's argsort leaves them, twice applied: what ranx does to a run file."""


class SelfMatch(StrEnum):
    """Treatment of a document whose id is the query's."""

    keep = "keep"
    drop = "drop"


@dataclass(frozen=True)
class Rules:
    """Rules by which a run is scored.

    Attributes:
        precision: width in bits of the floats that scores are compared as, 32 or 64.
        ties: the order of equal scores.
        self_match: whether a document with the query's id is taken out before ranking.
        complete: whether a judged query that the run lacks counts as an empty ranking (trec_eval's ``-c``) or is left out.
        judged_only: whether unjudged documents are taken out of the rankings (trec_eval's ``-J``).
        depth: how many documents of each ranking count (trec_eval's ``-M``); None for all.
        excluded: fingerprint and number of the documents that are left out for queries, empty where there are none.
    """

    precision: int = 32
    ties: Ties = Ties.docid_desc
    self_match: SelfMatch = SelfMatch.keep
    complete: bool = True
    judged_only: bool = False
    depth: int | None = None
    excluded: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.excluded, str):  # read from a file of scores
            raise BadInput(f"damaged scores: excluded is {json_type(self.excluded)}", "score the run again")

    @property
    def canonical(self) -> bool:
        """True where the order is that of `Run`, intrex's own."""
        return self.precision == 32 and self.ties is Ties.docid_desc

    def describe(self) -> dict[str, str]:
        """Return the rules as words, for a signature."""
        words = {
            "ties": f"f{self.precision}-{self.ties}",
            "missing": "zero" if self.complete else "skip",
            "unjudged": "removed" if self.judged_only else "nonrel",
        }
        if self.depth is not None:
            words["depth"] = str(self.depth)
        if self.self_match is SelfMatch.drop:
            words["self"] = "drop"
        if self.excluded:
            words["excluded"] = self.excluded
        return words


@dataclass(frozen=True)
class OrderedRun:
    """Rankings in the order of some rules, best first.

    Attributes:
        query_ids: [q] ids.
        offsets: [q + 1] int64; query i owns rows offsets[i] to offsets[i+1].
        doc_ids: [n] ids.
        scores: [n] float32 or float64, as the rules compare them.
        tag: the run's name.
    """

    query_ids: Bytes
    offsets: Int64s
    doc_ids: Bytes
    scores: npt.NDArray[np.floating]
    tag: str


def order_run(table: RunTable, rules: Rules) -> OrderedRun:
    """Put the rows of a run file into the order of the rules; queries in byte order."""
    scores = table.scores if rules.precision == 64 else table.scores.astype(np.float32) + np.float32(0)
    if rules.ties in (Ties.docid_desc, Ties.expected):
        rows = np.lexsort((table.doc_ids, scores))[::-1]
    elif rules.ties is Ties.docid_asc:
        rows = np.lexsort((table.doc_ids, -scores))
    elif rules.ties is Ties.file:
        rows = np.argsort(-scores, kind="stable")
    else:
        rows = np.arange(len(scores))
    rows = rows[np.argsort(table.query_ids[rows], kind="stable")]
    queries = table.query_ids[rows]
    offsets = segments(queries)
    if rules.ties is Ties.quicksort:
        for begin, end in itertools.pairwise(offsets):
            rows[begin:end] = _quicksort(rows[begin:end], scores)
    return OrderedRun(queries[offsets[:-1]], offsets, table.doc_ids[rows], scores[rows], table.tag)


def _quicksort(rows: Int64s, scores: npt.NDArray[np.floating]) -> Int64s:
    """Order rows by score descending as ranx does: by numba's quicksort when read, once more when made comparable."""
    if len(np.unique(scores[rows])) == len(rows):
        return rows[np.argsort(-scores[rows])]
    from numba.misc.quicksort import make_py_quicksort

    sort = make_py_quicksort(is_argsort=True).run_quicksort
    for _ in range(2):
        rows = rows[np.asarray(sort(-scores[rows]))]
    return rows
