"""Run and qrels files made to set evaluation tools at odds: ties, near ties, missing, extra and empty queries."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intrex.data.locate import Judged
from intrex.data.qrels import read_qrels
from intrex.eval.dialects.tools import find_tool
from intrex.eval.evaluate.systems import score_as
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.rules import Rules
from intrex.eval.scoring.score import Scores

NAMES = ["é", "東京", "D1", "d1", "d10", "d10x", "d9", "ß", "𝔡", "q1", "q2", "a.b-c", "Z", "z", "~"]
POOL = NAMES + [f"doc{i}" for i in range(1500)]
STEPS = (0.0, 1e-16, 1e-9, 1e-7, 0.25)
"""What is added to tied scores: equal in float64, in float32 only, in neither."""
CUTS = (1, 3, 5, 10, 20, 100)


@dataclass(frozen=True)
class Case:
    """Files, and what they say: ``{query: {document: grade}}`` and ``{query: {document: score}}`` in file order."""

    qrels_file: Path
    run_file: Path
    qrels: dict[str, dict[str, int]]
    run: dict[str, dict[str, float]]


def judgements(random: np.random.Generator, low: int, high: int, docs: list[str]) -> dict[str, int]:
    """Grades of some documents; one is never negative, since pytrec_eval was seen to hang over queries without."""
    size = int(random.integers(1, len(docs)))
    first, *others = random.choice(len(docs), size, replace=False).tolist()
    return {docs[first]: max(0, int(random.integers(low, high + 1)))} | {
        docs[i]: int(random.integers(low, high + 1)) for i in others
    }


def ranking(random: np.random.Generator, docs: list[str], levels: int) -> dict[str, float]:
    """Scores of few levels, in an order unlike that of the scores; one list in five is of one document."""
    size = 1 if random.random() < 0.2 else int(random.integers(1, len(docs)))
    chosen = random.choice(len(docs), size, replace=False)
    scores = 1.0 + random.integers(-2, levels, size) + random.choice(STEPS, size)
    return {docs[i]: float(s) for i, s in zip(chosen, scores, strict=True)}


def make(
    seed: int,
    queries: int = 12,
    *,
    low: int = -1,
    high: int = 3,
    missing: bool = True,
    extra: bool = True,
    empty: bool = True,
    itself: bool = True,
    relevant: bool = False,
    long: bool = True,
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Judgements and rankings.

    Args:
        seed: of the random generator.
        queries: how many are judged.
        low, high: the grades.
        missing: whether the run may lack queries.
        extra: whether the run has queries that were not judged.
        empty: whether queries may be without relevant documents; one has only grade 0 then.
        itself: whether documents have the query's id; one query retrieves nothing else then.
        relevant: whether every query has a relevant document.
        long: whether one list has 300 documents of 8 scores, and one 1,200 documents.
    """
    random = np.random.default_rng(seed)
    docs = POOL[: len(NAMES) + 15]
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for q in range(queries):
        query = f"q{q}"
        qrels[query] = judgements(random, low, high, docs)
        run[query] = ranking(random, docs, 4)
        if relevant or not empty:
            qrels[query][docs[0]] = 1 + int(random.integers(0, high))
        if itself and q % 3 == 1:
            run[query][query] = 2.0
            qrels[query].setdefault(query, 1)
    if empty:
        qrels["q3"] = {"d1": 0, "D1": 0}
    if itself:
        run["q4"] = {"q4": 1.0}
    if long:
        for query, size in (("q5", 300), ("q6", 1200)):
            run[query] = {d: float(random.integers(0, 8)) for d in random.permutation(POOL[:size]).tolist()}
            qrels[query] = judgements(random, max(low, 0), high, POOL[:200]) | {docs[0]: 1}
    if missing:
        for query in list(run):
            if random.random() < 0.2 and len(run) > 4:
                del run[query]
    if extra:
        run["never-judged"] = {"d1": 1.0, "é": 1.0}
    order = random.permutation(len(run)).tolist()
    names = list(run)
    return qrels, {names[i]: run[names[i]] for i in order}


def write(folder: Path, qrels: dict[str, dict[str, int]], run: dict[str, dict[str, float]]) -> Case:
    """The files of a case; the rank column of the run is wrong on purpose."""
    folder.mkdir(parents=True, exist_ok=True)
    judged, ranked = folder / "qrels.txt", folder / "run.txt"
    judged.write_text(
        "".join(f"{q} 0 {d} {g}\n" for q, ds in qrels.items() for d, g in ds.items()), encoding="utf-8"
    )
    ranked.write_text(
        "".join(f"{q} Q0 {d} 7 {s!r} tag\n" for q, ds in run.items() for d, s in ds.items()), encoding="utf-8"
    )
    return Case(judged, ranked, qrels, run)


def scores_as(
    tool: str,
    case: Case,
    measures: list[str],
    rules: Rules | None = None,
    given: bool = False,
    level: int = 1,
) -> Scores:
    """Our scores of the files by a tool's rules; the column of ALWAYS is not among them."""
    parsed = parse_measures(measures, level)
    judged = Judged(read_qrels(case.qrels_file), "case", "")
    found = score_as(find_tool(tool), judged, [case.run_file], parsed, rules or Rules(), given, level)
    return found[0].scores
