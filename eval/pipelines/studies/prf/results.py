"""Results of the feedback study: means and paired tests of a collection's scores, in two CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from intrex.eval.compare.align import align
from intrex.eval.compare.comparison import PairRow, compare
from intrex.eval.compare.corrections import correct
from intrex.eval.compare.options import Settings
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.studies.prf.grid import MEASURES, QUESTIONS, Question, System, systems
from intrex.eval.scoring.groups import find_grouping
from intrex.eval.scoring.scorefile import SystemScores, read_scores
from intrex.eval.tables import csv_text

TESTED = MEASURES[0]
SETTINGS = Settings(test="randomization", correction="none", samples=100_000)


class Score(NamedTuple):
    """Means of a system on a collection, in the order of `MEASURES`."""

    collection: str
    system: System
    values: tuple[float, ...]


class Difference(NamedTuple):
    """A test: how much better a system is than its baseline by `TESTED`, with its interval and p-values."""

    question: str
    collection: str
    system: System
    baseline: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    queries: int
    groups: int


_SYSTEM = ("encoder", "partner", "placement", "depth")
_SCORES = ("collection", *_SYSTEM, *MEASURES)
_NUMBERS = ("difference", "ci_low", "ci_high", "p", "p_holm")
_TESTS = ("question", "collection", *_SYSTEM, "baseline", *_NUMBERS, "n_queries", "n_groups")


def read_means(collection: str, file: Path) -> list[Score]:
    """Average the scores of a collection's runs; a query that a run lacks counts 0."""
    found = {scored.system: scored for scored in read_scores(file)}
    measures = parse_measures(MEASURES)
    every = align([found[system.name] for system in systems()], measures, complete=True)
    rows = zip(systems(), every.means().tolist(), strict=True)
    return [Score(collection, system, tuple(values)) for system, values in rows]


def run_tests(files: dict[str, Path]) -> list[Difference]:
    """Run all tests of all questions; p-values are corrected by Holm within a question, over all collections."""
    scored = {name: {s.system: s for s in read_scores(file)} for name, file in files.items()}
    tests: list[Difference] = []
    for question in QUESTIONS:
        found = [
            (name, system, row)
            for name, systems_of in scored.items()
            for system, row in _pair_rows(question, systems_of)
        ]
        corrected = correct(np.array([[row.p] for *_, row in found]), "holm")[:, 0].tolist()
        tests += [
            Difference(
                question.name, name, system, row.a, row.difference, row.ci_low, row.ci_high, row.p, p,
                row.n_queries, row.n_groups,
            )
            for (name, system, row), p in zip(found, corrected, strict=True)
        ]  # fmt: skip
    return tests


def _pair_rows(question: Question, scored: dict[str, SystemScores]) -> Iterable[tuple[System, PairRow]]:
    """Compare each system of a question with its baseline; queries with the same relevant documents are one observation."""
    measures, grouping = parse_measures([TESTED]), find_grouping("documents")
    for system, baseline in question.pairs():
        aligned = align([scored[baseline.name], scored[system.name]], measures, grouping=grouping)
        (row,) = compare(aligned, SETTINGS, 0).rows
        yield system, row


def write_scores(scores: Sequence[Score], file: Path) -> None:
    """Write means as CSV."""
    rows = [(s.collection, *_words(s.system), *(f"{value:.6f}" for value in s.values)) for s in scores]
    file.write_text(csv_text(_SCORES, rows), encoding="utf-8", newline="")


def write_tests(tests: Sequence[Difference], file: Path) -> None:
    """Write tests as CSV."""
    rows = [
        (
            *(t.question, t.collection, *_words(t.system), t.baseline),
            *(f"{value:.6f}" for value in (t.difference, t.low, t.high)),
            *(f"{value:.6g}" for value in (t.p, t.p_holm)),
            *(t.queries, t.groups),
        )
        for t in tests
    ]
    file.write_text(csv_text(_TESTS, rows), encoding="utf-8", newline="")


def _words(system: System) -> tuple[str, ...]:
    return system.encoder, system.partner, system.placement, str(system.depth)


def _system(line: dict[str, str]) -> System:
    return System(line["encoder"], line["partner"], line["placement"], int(line["depth"]))


def load_scores(file: Path) -> list[Score]:
    """Read what `write_scores` wrote."""
    with file.open(encoding="utf-8", newline="") as stream:
        return [
            Score(line["collection"], _system(line), tuple(float(line[m]) for m in MEASURES))
            for line in csv.DictReader(stream)
        ]


def load_tests(file: Path) -> list[Difference]:
    """Read what `write_tests` wrote."""
    with file.open(encoding="utf-8", newline="") as stream:
        return [_difference(line) for line in csv.DictReader(stream)]


def _difference(line: dict[str, str]) -> Difference:
    difference, low, high, p, holm = (float(line[key]) for key in _NUMBERS)
    name, collection, counts = (
        line["question"],
        line["collection"],
        (int(line["n_queries"]), int(line["n_groups"])),
    )
    return Difference(
        name, collection, _system(line), line["baseline"], difference, low, high, p, holm, *counts
    )
