"""Tuning of a fusion: the setting that judged queries choose, and what it is worth on queries that did not choose it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intrex.data.arrays import Float64s, Int64s
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import as_strings
from intrex.data.locate import Judged, find_qrels, find_queries
from intrex.data.packed import PackedRun
from intrex.eval.compare.resampling import blocks, generator
from intrex.eval.measures import Measure, parse_measures
from intrex.eval.measures.measure import DIVERSE
from intrex.eval.pipelines.tuning.grid import Grid, grid_of
from intrex.eval.pipelines.tuning.options import FOLDS, TuneOptions
from intrex.eval.pipelines.tuning.router import (
    Router,
    TextFeatures,
    features_of,
    fit_by_folds,
    held_out_routed,
)
from intrex.eval.pipelines.tuning.values import choose, folds_of, held_out, run_values, setting_values
from intrex.retrievers.fusion.fuse import check_queries, check_scales, read_runs
from intrex.retrievers.fusion.methods import Source
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.fusion.plan import plan_of
from intrex.retrievers.fusion.training import check_training

SAMPLES = 10_000
_STREAM = 17  # of the seed: other uses of it draw from others
_EXAMPLES = 5


@dataclass(frozen=True)
class Figure:
    """A mean over queries, with the interval of what it differs by from another figure where there is one."""

    name: str
    queries: str
    value: float
    difference: tuple[float, float, float] | None = None
    beside: str = "tuned on"


@dataclass(frozen=True)
class Tuning:
    """What was chosen, and what it is worth.

    Attributes:
        options: those of the fusion, with the setting that was chosen.
        grid: all settings.
        judged: judgements that were tuned on.
        measure: by which.
        figures: the tuned-on value first, then the held-out one, then what both stand beside.
        resampled: what the interval is of.
        fold_values: the value of the option that each fold's others chose; none with held-out queries.
        router: settings by query, where that was asked for.
    """

    options: FuseOptions
    grid: Grid
    judged: Judged
    measure: Measure
    figures: list[Figure]
    resampled: str
    fold_values: list[float | tuple[float, ...]]
    router: Router | None = None


def tune(
    paths: Sequence[Path], runs: Sequence[PackedRun], options: FuseOptions, tuning: TuneOptions
) -> Tuning:
    """Choose a setting of a method by judged queries.

    Args:
        paths: of the runs.
        runs: those that are fused.
        options: the method; ``train_runs`` are tuned on where they are named, else the runs themselves.
        tuning: the measure, the judgements, and how the held-out figure is made.

    Raises:
        UsageError: nothing to tune, or a measure that cannot be tuned by.
        BadInput: no judged query is answered, none has a relevant document, or queries are tuned on and held out.
    """
    measure = _measure(str(tuning.tune))
    grid = grid_of(options, len(runs), tuning.steps)
    check_training(options.train_runs, paths)
    training = read_runs(options.train_runs, options) if options.train_runs else list(runs)
    judged = _judged(str(tuning.on or tuning.qrels), training)
    apart = find_qrels(tuning.qrels) if tuning.qrels is not None and tuning.on is not None else None
    if apart is not None:
        _refuse_shared(judged, apart)
        _judged(str(tuning.qrels), runs)
    for fused in (training, runs):
        check_queries(fused)
        plan = plan_of(options, len(fused))
        if plan.norm == "none" and options.norm is None and plan.source is Source.SCORE:
            check_scales(fused)
    values = setting_values(training, judged.qrels, grid.settings, measure)
    chosen = choose(values, grid.distances)
    fold = folds_of(judged.qrels.query_ids.tolist(), min(tuning.cv or FOLDS, len(judged.qrels)), tuning.seed)
    routing = _Routing(training, judged, values, grid, fold, tuning) if tuning.router else None
    if apart is None:
        found = _by_folds(judged, training, values, grid, chosen, fold, measure, tuning, routing)
    else:
        found = _apart(apart, runs, judged, values, grid, chosen, measure, tuning, routing)
    return Tuning(grid.settings[chosen], grid, judged, measure, *found, routing.router if routing else None)


class _Routing:
    """The router of all tuning queries, and the features it is of."""

    def __init__(
        self,
        runs: Sequence[PackedRun],
        judged: Judged,
        values: Float64s,
        grid: Grid,
        fold: Int64s,
        tuning: TuneOptions,
    ) -> None:
        self.texts = texts_of(tuning)
        self.names, self.features = features_of(runs, judged.qrels.query_ids.tolist(), self.texts)
        self.values, self.distances, self.fold = values, grid.distances, fold
        self.router = fit_by_folds(self.names, self.features, values, grid.distances, fold)

    def held_out(self) -> Float64s:
        """Return each tuning query's value by routers of the other folds."""
        return held_out_routed(self.names, self.features, self.values, self.distances, self.fold)

    def values_of(self, runs: Sequence[PackedRun], judged: Judged, values: Float64s) -> Float64s:
        """Return each held-out query's value by the router."""
        _, features = features_of(runs, judged.qrels.query_ids.tolist(), self.texts)
        settings = self.router.route(features, self.distances)
        return values[settings, np.arange(values.shape[1])]


def texts_of(tuning: TuneOptions) -> TextFeatures | None:
    """Describe the texts of queries, of one source after another; None where none are named.

    Raises:
        BadInput: what is named as a BM25 index is none.
    """
    texts: dict[str, str] = {}
    for source in tuning.queries:
        found, _ = find_queries(source)
        texts |= dict(zip(found.ids, found.texts, strict=True))
    if not tuning.queries:
        return None
    if tuning.idf_index is None:
        return TextFeatures.of(texts)
    from intrex.retrievers.bm25.index import BM25Index

    return TextFeatures.of(texts, BM25Index.open(tuning.idf_index).idfs)


def _measure(text: str) -> Measure:
    measures = parse_measures([text])
    if len(measures) != 1:
        raise UsageError(f"--tune takes one measure, {text} names {len(measures)}", "such as nDCG@10")
    if measures[0].kind != "mean" or measures[0].name in DIVERSE or measures[0].wants_strays:
        raise UsageError(
            f"a fusion cannot be tuned by {measures[0]}", "name a mean over queries, such as nDCG@10"
        )
    return measures[0]


def _judged(text: str, runs: Sequence[PackedRun]) -> Judged:
    """Read judgements; raises `BadInput` where they choose nothing."""
    judged = find_qrels(text)
    if not (judged.qrels.grades > 0).any():
        raise BadInput(
            f"{judged.name} judges no document relevant", "a setting is chosen by relevant documents"
        )
    known = set().union(*(run.places for run in runs))
    if not known & set(judged.qrels.query_ids.tolist()):
        raise BadInput(
            f"none of the {len(judged.qrels):,} queries of {judged.name} is in the runs",
            "name runs of the queries that are tuned on: --train-runs RUN, once for each run",
        )
    return judged


def _refuse_shared(tuned: Judged, apart: Judged) -> None:
    """Raise `BadInput` where queries are tuned on and held out."""
    shared = sorted(set(as_strings(tuned.qrels.query_ids)) & set(as_strings(apart.qrels.query_ids)))
    if shared:
        named = ", ".join(shared[:_EXAMPLES]) + (", ..." if len(shared) > _EXAMPLES else "")
        raise BadInput(
            f"{len(shared):,} queries are in both {tuned.name} and {apart.name}: {named}",
            "queries that are tuned on are not held out; --cv 5 --qrels QRELS tunes on a set by folds",
        )


def _by_folds(
    judged: Judged, runs: Sequence[PackedRun], values: Float64s, grid: Grid, chosen: int, fold: Int64s, measure: Measure,
    tuning: TuneOptions, routing: _Routing | None,
) -> tuple[list[Figure], str, list[float | tuple[float, ...]]]:  # fmt: skip
    n, folds = len(fold), int(fold.max()) + 1
    if folds < 2:
        raise BadInput(
            f"{judged.name} has one query, which cannot be held out", "name held-out queries: --qrels"
        )
    out, settings = held_out(values, grid.distances, fold)
    mine, there = f"{judged.name} ({n:,})", f"{judged.name}, {folds} folds"
    tuned = values[chosen]
    figures = [
        Figure("tuned on", mine, float(tuned.mean())),
        Figure("held out", there, float(out.mean()), _paired(out - tuned, tuning.seed)),
    ]
    if routing is not None:
        routed = routing.held_out()
        figures.append(
            Figure("by query", there, float(routed.mean()), _paired(routed - out, tuning.seed), "held out")
        )
    figures += _beside(mine, values[grid.default], run_values(runs, judged.qrels, measure), runs)
    text = f"queries in pairs, {SAMPLES:,} times; the choices are not made anew"
    return figures, text, [grid.value(setting) for setting in settings]


def _apart(
    apart: Judged, runs: Sequence[PackedRun], judged: Judged, values: Float64s, grid: Grid, chosen: int, measure: Measure,
    tuning: TuneOptions, routing: _Routing | None,
) -> tuple[list[Figure], str, list[float | tuple[float, ...]]]:  # fmt: skip
    settings = grid.settings if routing is not None else [grid.settings[chosen], grid.settings[grid.default]]
    found = setting_values(runs, apart.qrels, settings, measure)
    out, default = (found[chosen], found[grid.default]) if routing is not None else (found[0], found[1])
    tuned, there = values[chosen], f"{apart.name} ({len(apart.qrels):,})"
    figures = [
        Figure("tuned on", f"{judged.name} ({len(judged.qrels):,})", float(tuned.mean())),
        Figure("held out", there, float(out.mean()), _unpaired(tuned, out, tuning.seed)),
    ]
    if routing is not None:
        routed = routing.values_of(runs, apart, found)
        figures.append(
            Figure("by query", there, float(routed.mean()), _paired(routed - out, tuning.seed), "held out")
        )
    figures += _beside(there, default, run_values(runs, apart.qrels, measure), runs)
    return (
        figures,
        f"the queries of each set by themselves, in pairs within one, {SAMPLES:,} times; the choice is not made anew",
        [],
    )


def _beside(queries: str, default: Float64s, alone: Float64s, runs: Sequence[PackedRun]) -> list[Figure]:
    """Return what a tuned fusion stands beside: the setting nearest to the default, and each run."""
    return [
        Figure("untuned", queries, float(default.mean())),
        *(
            Figure(f"{run.tag} alone", queries, float(row.mean()))
            for run, row in zip(runs, alone, strict=True)
        ),
    ]


def _means(values: Float64s, seed: int, stream: int) -> Float64s:
    """Return the means of resamples of values [n]."""
    found = [
        values[generator(seed, stream, block).integers(0, len(values), (rows, len(values)))].mean(axis=1)
        for block, rows in blocks(SAMPLES, len(values))
    ]
    return np.concatenate(found)


def _paired(differences: Float64s, seed: int) -> tuple[float, float, float]:
    """Return a mean difference and the ends of its 95 % interval, by the percentiles of a bootstrap of queries."""
    low, high = np.percentile(_means(differences, seed, _STREAM), [2.5, 97.5])
    return float(differences.mean()), float(low), float(high)


def _unpaired(tuned: Float64s, out: Float64s, seed: int) -> tuple[float, float, float]:
    """Return the same for two sets of different queries, each resampled by itself."""
    found = _means(out, seed, _STREAM) - _means(tuned, seed, _STREAM + 1)
    low, high = np.percentile(found, [2.5, 97.5])
    return float(out.mean() - tuned.mean()), float(low), float(high)
