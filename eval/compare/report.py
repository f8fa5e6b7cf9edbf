"""One call for all that ``intrex compare`` can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from intrex.data.errors import UsageError
from intrex.data.ids import as_bytes
from intrex.data.locate import find_qrels
from intrex.data.options import flag_of
from intrex.data.querysets import QuerySets
from intrex.data.run import Run
from intrex.eval.compare.align import Aligned, align
from intrex.eval.compare.beside import MoverDocument, find_documents, mover_documents
from intrex.eval.compare.comparison import Comparison, compare
from intrex.eval.compare.inputs import load, query_texts, subtopics_needed, with_baseline
from intrex.eval.compare.movers import Mover, movers, relevant_from
from intrex.eval.compare.options import CompareOptions, Settings
from intrex.eval.compare.reproduction import Reproduction, reproduction
from intrex.eval.compare.sets import (
    SetComparison,
    compare_sets,
    find_baseline,
    load_sets,
    refuse_over_sets,
    runs_with_baseline,
)
from intrex.eval.compare.similarity import Similarity, similarities
from intrex.eval.compare.slices import BY_TEXT, SliceRow, find_slices, slice_rows
from intrex.eval.measures import Measure, parse_measures
from intrex.eval.scoring.groups import find_grouping, shared_note

DEFAULT_MEASURE = "nDCG@10"


@dataclass(frozen=True)
class CompareReport:
    """Results of ``intrex compare``; the parts that were not asked for are None, of the movers and their documents missing."""

    comparison: Comparison
    movers: dict[str, list[Mover]]
    beside: dict[str, list[MoverDocument]]
    slices: list[SliceRow] | None
    similarities: list[Similarity] | None
    reproduction: list[Reproduction] | None
    notes: list[str]


def make_report(qrels: str, runs: list[Path], options: CompareOptions, settings: Settings) -> CompareReport:
    """Read, score and compare.

    Args:
        qrels: a qrels file, or COLLECTION:SET.
        runs: runs, or files of scores.
        options: measures, and what else is asked for.
        settings: of the tests.

    Raises:
        UsageError: options that do not go together.
        BadInput: files that cannot be compared.
    """
    measures = _measures(options)
    _check(runs, measures, options)
    paths = with_baseline(runs, options.baseline)
    reproductions = [path for path in dict.fromkeys(options.reproduction or ()) if path not in paths]
    grouping = find_grouping(options.groups)
    judged = find_qrels(qrels, subtopics_needed([*paths, *reproductions], measures))
    documents = find_documents(qrels, options.collection) if options.texts else None
    texts = query_texts(qrels, options.queries) if options.shows_queries or options.by in BY_TEXT else {}
    if documents is not None and not texts:
        queries = documents.queries()
        texts = dict(zip(queries.ids, queries.texts, strict=True))
    loaded = load(judged, [*paths, *reproductions], measures, options.complete)
    rankings: list[Run] = []
    counts = {"moved": options.movers, "gained": options.gains, "lost": options.losses}
    if options.shows_queries or options.ranking:
        asked = (key for key in ("movers", "gains", "losses") if getattr(options, key) is not None)
        rankings = loaded.need_runs(flag_of(next(asked, "ranking")))
    if options.reproduction and len(set(loaded.files)) != len(loaded.files):
        raise UsageError("--reproduction takes files of one system each", "give the runs themselves")
    aligned = align(loaded.systems, measures, options.complete, grouping)
    compared = aligned.first(2) if options.reproduction else aligned
    baseline = loaded.find(options.baseline) if options.baseline is not None else None
    comparison = compare(compared, settings, baseline)
    moves = {
        side: movers(comparison, rankings, judged.qrels, measures[0], side, count, texts)
        for side, count in counts.items()
        if count is not None
    }
    beside: dict[str, list[MoverDocument]] = {}
    if documents is not None:
        level, by_name = relevant_from(measures[0]), dict(zip(aligned.systems, rankings, strict=True))
        beside = {
            side: mover_documents(rows, by_name, judged.qrels, level, documents)
            for side, rows in moves.items()
        }
    slices = similar = None
    if options.by is not None:
        slices = slice_rows(comparison, find_slices(options.by, aligned.query_ids, texts))
    # one of the reproductions may be the original itself
    reproduced = [loaded.files.index(str(path)) for path in options.reproduction or ()]
    if options.ranking:
        pairs = comparison.pairs + [pair for pair in enumerate(reproduced) if pair[0] != pair[1]]
        systems = list(zip(aligned.systems, rankings, strict=True))
        similar = similarities(systems, pairs, as_bytes(aligned.query_ids), options.depth, options.rbo_p)
    figures = reproduction(aligned, (0, 1), reproduced) if reproduced else None
    notes = _notes(aligned, comparison)
    if options.groups is None and (shared := shared_note(loaded.systems[0].relevant)):
        notes.append(shared)
    return CompareReport(comparison, moves, beside, slices, similar, figures, notes)


def set_report(
    sets: QuerySets, runs: list[Path], options: CompareOptions, settings: Settings
) -> SetComparison:
    """Read, score and compare over several query sets.

    Args:
        sets: the query sets.
        runs: of each system a pattern or a folder; or files of scores of all the sets.
        options: measures and baseline.
        settings: of the tests.

    Raises:
        UsageError: options that do not go together, or are of one query set.
        BadInput: files that cannot be compared.
    """
    measures = _measures(options)
    _check(runs, measures, options)
    refuse_over_sets(options, settings)
    paths, name = runs_with_baseline(sets, runs, options.baseline)
    scored = load_sets(sets, paths, measures)
    baseline = find_baseline(scored, paths, name) if name is not None else None
    return compare_sets(scored, measures, settings, find_grouping(options.groups), baseline)


def _measures(options: CompareOptions) -> list[Measure]:
    names = options.measures or (DEFAULT_MEASURE,)
    return parse_measures([name for text in names for name in text.split()], options.level)


def _check(runs: list[Path], measures: list[Measure], options: CompareOptions) -> None:
    if not measures:
        raise UsageError("no measure is named", "for example -m nDCG@10")
    if options.reproduction and (len(runs) != 2 or options.baseline is not None):
        raise UsageError(
            "--reproduction needs two runs, the baseline and the advanced one",
            "intrex compare QRELS BASE ADVANCED --reproduction BASE_2 ADVANCED_2",
        )


def coverage_notes(aligned: Aligned) -> list[str]:
    """Say which systems lack judged queries."""
    total = len(aligned.query_ids)
    treatment = "count as empty rankings" if aligned.conditions.complete else "are left out of its pairs"
    return [
        f"{name} lacks {lacking:,} of {total:,} judged queries; they {treatment}"
        for i, name in enumerate(aligned.systems)
        if (lacking := total - int(aligned.answered[:, i].sum()))
    ]


def _notes(aligned: Aligned, comparison: Comparison) -> list[str]:
    notes = coverage_notes(aligned)
    if min(row.n_groups for row in comparison.rows) == 1:
        one = "query" if aligned.groups.single else "group"
        notes.append(f"one {one} alone shows nothing about others: every p of such a pair is 1")
    return notes
