"""One call for all that ``intrex compare`` can be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from intrex.data.errors import UsageError
from intrex.data.ids import as_bytes
from intrex.data.locate import find_qrels
from intrex.eval.compare.align import Aligned, align
from intrex.eval.compare.comparison import Comparison, Settings, compare
from intrex.eval.compare.inputs import LoadedSystems, load, query_texts, subtopics_needed, with_baseline
from intrex.eval.compare.movers import Mover, movers
from intrex.eval.compare.reproduction import Reproduction, reproduction
from intrex.eval.compare.similarity import Similarity, similarities
from intrex.eval.measures import Measure

DEPTH, MAX_DEPTH = 100, 10_000
"""Default and largest depth of --ranking: time grows with the square."""


@dataclass(frozen=True)
class CompareRequest:
    """Options of ``intrex compare``."""

    qrels: str
    runs: list[Path]
    measures: list[Measure]
    complete: bool = True
    baseline: str | None = None
    settings: Settings = field(default_factory=Settings)
    movers: int | None = None
    queries: str | None = None
    ranking: bool = False
    depth: int | None = None
    reproduction: tuple[Path, Path] | None = None


@dataclass(frozen=True)
class CompareReport:
    """Results of ``intrex compare``; the parts that were not asked for are None."""

    comparison: Comparison
    movers: list[Mover] | None
    similarities: list[Similarity] | None
    reproduction: list[Reproduction] | None
    notes: list[str]


def make_report(request: CompareRequest) -> CompareReport:
    """Read, score and compare.

    Raises:
        UsageError: options that do not go together.
        BadInput: files that cannot be compared.
    """
    _check(request)
    paths = with_baseline(request.runs, request.baseline)
    reproductions = [path for path in dict.fromkeys(request.reproduction or ()) if path not in paths]
    judged = find_qrels(request.qrels, subtopics_needed([*paths, *reproductions], request.measures))
    texts = query_texts(request.qrels, request.queries) if request.movers else {}
    loaded = load(judged, [*paths, *reproductions], request.measures, request.complete)
    for option, value in (("--movers", request.movers), ("--ranking", request.ranking)):
        if value:
            loaded.need_runs(option)
    if request.reproduction and len(set(loaded.files)) != len(loaded.files):
        raise UsageError("--reproduction takes files of one system each", "give the runs themselves")
    aligned = align(loaded.systems, request.measures, request.complete)
    compared = aligned.first(2) if request.reproduction else aligned
    baseline = loaded.find(request.baseline) if request.baseline is not None else None
    comparison = compare(compared, request.settings, baseline)
    moved = similar = None
    if request.movers:
        runs = loaded.need_runs("--movers")
        moved = movers(comparison, runs, judged.qrels, request.measures[0], request.movers, texts)
    if request.ranking:
        similar = _similarities(request, loaded, aligned, comparison)
    reproduced = reproduction(aligned, (0, 1), _reproduced(request, loaded)) if request.reproduction else None
    return CompareReport(comparison, moved, similar, reproduced, _notes(aligned, comparison))


def _check(request: CompareRequest) -> None:
    if not request.measures:
        raise UsageError("no measure is named", "for example -m nDCG@10")
    if request.queries is not None and not request.movers:
        raise UsageError("--queries gives --movers its texts, which is not asked for", "add --movers 10")
    if request.depth is not None and not request.ranking:
        raise UsageError("--depth is how far down --ranking looks, which is not asked for", "add --ranking")
    if request.depth is not None and not 1 <= request.depth <= MAX_DEPTH:
        raise UsageError(f"--depth must lie between 1 and {MAX_DEPTH:,}", f"{DEPTH} unless given")
    if request.reproduction and (len(request.runs) != 2 or request.baseline is not None):
        raise UsageError(
            "--reproduction needs two runs, the baseline and the advanced one",
            "intrex compare QRELS BASE ADVANCED --reproduction BASE_2 ADVANCED_2",
        )


def _reproduced(request: CompareRequest, loaded: LoadedSystems) -> list[int]:
    """Return the rows of the two reproductions; one of them may be the original itself."""
    return [loaded.files.index(str(path)) for path in request.reproduction or ()]


def _similarities(
    request: CompareRequest, loaded: LoadedSystems, aligned: Aligned, comparison: Comparison
) -> list[Similarity]:
    runs = loaded.need_runs("--ranking")
    pairs = list(comparison.pairs)
    if request.reproduction:
        pairs += [pair for pair in enumerate(_reproduced(request, loaded)) if pair[0] != pair[1]]
    named = list(zip(aligned.systems, runs, strict=True))
    depth = DEPTH if request.depth is None else request.depth
    return similarities(named, pairs, as_bytes(aligned.query_ids), depth)


def _notes(aligned: Aligned, comparison: Comparison) -> list[str]:
    total, notes = len(aligned.query_ids), []
    treatment = "count as empty rankings" if aligned.conditions.complete else "are left out of its pairs"
    for i, name in enumerate(aligned.systems):
        if lacking := total - int(aligned.answered[:, i].sum()):
            notes.append(f"{name} lacks {lacking:,} of {total:,} judged queries; they {treatment}")
    if min(row.n_queries for row in comparison.rows) == 1:
        notes.append("one query alone shows nothing about others: every p of such a pair is 1")
    return notes
