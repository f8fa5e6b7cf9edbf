"""Methods and normalisations of fusion, declared once: help, checks, keys of recipes and kernels come from here. Plain data.

A method says what a document counts in one run (``source``), and how that is put together over the runs that have it
(``merge``). The definitions are in docs/methods.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from intrex.data.errors import UsageError, nearest_name


class Source(IntEnum):
    """What a document counts in one run."""

    SCORE = 0  # its normalised score
    RECIPROCAL = 1  # 1 / (k + rank)
    SQUARE = 2  # 1 / rank ** 2
    BIASED = 3  # (1 - phi) phi ** (rank - 1)
    BORDA = 4  # candidates - rank + 1
    TABLE = 5  # what was learned of its rank
    SEGMENT = 6  # what was learned of its segment of the ranking, over the segment's number
    WINDOW = 7  # the mean of what was learned of the ranks around its own
    RAISED = 8  # what was learned of its rank, times its normalised score plus 1
    ORDER = 9  # nothing: the rankings are compared


class Merge(IntEnum):
    """How what a document counts is put together, over the N runs that have it."""

    SUM = 0  # weighted, times a factor that depends on N
    MIN = 1
    MAX = 2
    MED = 3
    WEIGHTS = 4  # the sum, times the sum of the weights
    COPELAND = 5
    CONDORCET = 6


NORMS = ("none", "min-max", "max", "sum", "zmuv", "rank", "borda", "tmm", "dbsf")
"""Normalisations, each of one query of one run; a kernel knows them by their places."""
FILLED = ("borda",)
"""Those that give a document that a run lacks a value too."""


@dataclass(frozen=True)
class Method:
    """A method of fusion.

    Attributes:
        name: its name, ranx's or pyserini's where they have it.
        about: what it computes.
        source: what a document counts in one run.
        merge: how that is put together.
        norm: of its scores, unless another is asked for; empty for methods that look at ranks alone.
        takes: keys of the options that it takes beside those of all.
        factor: of the sum, by N.
        filled: a document that a run lacks counts there too.
        trained: it learns from judgements of training queries.
        ranx: ranx has it.
        pair: it is of exactly two runs.
        whole: its scores are normalised before they are cut at the depth.
    """

    name: str
    about: str
    source: Source
    merge: Merge = Merge.SUM
    norm: str = ""
    takes: tuple[str, ...] = ()
    factor: str = "1"
    filled: bool = False
    trained: bool = False
    ranx: bool = True
    pair: bool = False
    whole: bool = False


_SCORED: dict[str, Any] = {"source": Source.SCORE, "norm": "min-max"}
_WEIGHTED: dict[str, Any] = {"takes": ("weights",)}
_LEARNED: dict[str, Any] = {"trained": True}
METHODS: dict[str, Method] = {
    one.name: one
    for one in (
        Method("rrf", "Σ 1/(k + rank)", Source.RECIPROCAL, takes=("rrf_k",)),
        Method("wsum", "Σ weight · score", **_SCORED, **_WEIGHTED),
        Method("cc", "α · score of the first + (1 - α) · that of the second", **_SCORED, takes=("alpha",), ranx=False, pair=True),
        Method("sum", "CombSUM: Σ score", **_SCORED),
        Method("mnz", "CombMNZ: N · Σ score", **_SCORED, factor="n"),
        Method("gmnz", "CombGMNZ: N^γ · Σ score", **_SCORED, factor="gamma", takes=("gamma",)),
        Method("anz", "CombANZ: Σ score / N", **_SCORED, factor="1/n"),
        Method("min", "CombMIN: the lowest score", **_SCORED, merge=Merge.MIN),
        Method("max", "CombMAX: the highest score", **_SCORED, merge=Merge.MAX),
        Method("med", "CombMED: the median score", **_SCORED, merge=Merge.MED),
        Method("mixed", "√N · Σ weight · score", **_SCORED, **_WEIGHTED, factor="sqrt"),
        Method("wmnz", "Σ score · Σ weight of the runs that have it", **_SCORED, **_WEIGHTED, merge=Merge.WEIGHTS),
        Method("isr", "N · Σ 1/rank²", Source.SQUARE, factor="n"),
        Method("log_isr", "ln N · Σ 1/rank²", Source.SQUARE, factor="log"),
        Method("logn_isr", "ln(N + σ) · Σ 1/rank²", Source.SQUARE, factor="sigma", takes=("sigma",)),
        Method("rbc", "Σ (1 - φ) φ^(rank - 1)", Source.BIASED, takes=("phi",)),
        Method("bordafuse", "Σ places from the end of the union", Source.BORDA, filled=True),
        Method("w_bordafuse", "the same, weighted", Source.BORDA, filled=True, **_WEIGHTED),
        Method("copeland", "wins of pairs by majority, and half the ties", Source.ORDER, Merge.COPELAND, ranx=False),
        Method("condorcet", "sorted by majority of pairs, which may be no order", Source.ORDER, Merge.CONDORCET),
        Method("w_condorcet", "the same, weighted", Source.ORDER, Merge.CONDORCET, **_WEIGHTED),
        Method("interpolation", "pyserini's: α · score of the first + (1 - α) · that of the second", Source.SCORE, norm="none", takes=("alpha",), ranx=False, pair=True),
        Method("average", "pyserini's: the mean score, 0 where a run lacks it", Source.SCORE, norm="none", ranx=False),
        Method("normalize", "pyserini's: the sum of min-max normalised scores", **_SCORED, ranx=False, whole=True),
        Method("posfuse", "Σ P(relevant) at the rank", Source.TABLE, **_LEARNED),
        Method("bayesfuse", "Σ log odds of relevance at the rank", Source.TABLE, filled=True, **_LEARNED),
        Method("mapfuse", "Σ MAP / rank", Source.TABLE, **_LEARNED),
        Method("probfuse", "Σ P(relevant) in the segment / its number", Source.SEGMENT, takes=("segments",), **_LEARNED),
        Method("segfuse", "Σ P(relevant) in the segment · (score + 1)", Source.RAISED, norm="min-max", **_LEARNED),
        Method("slidefuse", "Σ P(relevant) around the rank", Source.WINDOW, takes=("window",), **_LEARNED),
    )
}  # fmt: skip


def names(chosen: Callable[[Method], object]) -> tuple[str, ...]:
    """Name the methods that something is true of."""
    return tuple(name for name, method in METHODS.items() if chosen(method))


def taking(key: str) -> tuple[str, ...]:
    """Name the methods that take an option."""
    return names(lambda method: key in method.takes)


def find_method(name: str) -> Method:
    """Return a method by its name; raises `UsageError` where there is none."""
    if name not in METHODS:
        raise UsageError(f"unknown fusion method {name!r}", nearest_name(name, METHODS))
    return METHODS[name]
