"""``intrex fuse`` with weights that are tuned, or were."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intrex.data.errors import UsageError
from intrex.data.io.files import STDIO, is_stream, refuse_existing, write_text
from intrex.data.run import Run
from intrex.data.tags import with_marks
from intrex.eval.pipelines.tuning.options import TuneOptions
from intrex.retrievers.fusion.fuse import Fusion, fuse_files, fuse_packed, fused_tag, read_runs
from intrex.retrievers.fusion.options import FuseOptions

if TYPE_CHECKING:
    from intrex.data.packed import PackedRun
    from intrex.eval.pipelines.tuning.tune import Figure, Tuning

SUFFIX = ".weights.json"


def weights_path(output: Path) -> Path:
    """Return where the weights of a tuned run stand."""
    return output.with_name(output.name + SUFFIX)


@dataclass(frozen=True)
class Fused:
    """A fusion that is still to be made, or a run that is; its tag, what was tuned, and the lines that say so."""

    result: Fusion | Run
    tag: str
    record: Mapping[str, Any] | None = None
    lines: tuple[str, ...] = ()

    def save(self, output: Path, overwrite: bool) -> Path | None:
        """Keep what was tuned beside the run; None where nothing was, or the run goes to a stream."""
        if self.record is None or not self.lines or output == STDIO or is_stream(output):
            return None
        text = json.dumps(self.record, indent=1, ensure_ascii=False)
        write_text(weights_path(output), f"{text}\n", overwrite)
        return weights_path(output)


def fuse_tuned(
    paths: Sequence[Path],
    options: FuseOptions,
    tuning: TuneOptions,
    tag: str | None,
    output: Path,
    overwrite: bool,
) -> Fused:
    """Fuse runs by given options, by those that are tuned now, or by those that were.

    Raises:
        UsageError: training or tuning that cannot be.
        BadInput: see `intrex.eval.pipelines.tuning.tune.tune`, `intrex.eval.pipelines.tuning.saved.load`.
    """
    if tuning.tune is None and tuning.weights_from is None:
        if options.train_runs and options.train_on is None:
            raise UsageError("--train-runs is for --train-on and --tune", "leave it out")
        fusion = fuse_files(paths, options)
        marked = with_marks(tag or fused_tag(options), *(run.tag for run in fusion.runs))
        return Fused(fusion, _trained(marked, options))
    if options.engine != "native" or options.how.trained:
        raise UsageError(
            "--tune and --weights-from are for intrex's own methods, without --train-on", "leave them out"
        )
    from intrex.eval.pipelines.tuning.saved import check_order, load, record_of
    from intrex.eval.pipelines.tuning.tune import tune

    if tuning.weights_from is not None:
        options, record = load(tuning.weights_from, options, len(paths))
        runs = read_runs(paths, options)
        check_order(record, runs, tuning.weights_from)
        return _fused(runs, options, record, tuning, tag, ())
    if output != STDIO and not is_stream(output):
        refuse_existing(weights_path(output), overwrite)
    runs = read_runs(paths, options)
    found = tune(paths, runs, options, tuning)
    return _fused(runs, found.options, record_of(found, runs), tuning, tag, lines_of(found))


def _trained(tag: str, options: FuseOptions) -> str:
    """Return the tag of a run; where its method learned from judgements it says from which, as that of a tuned one does."""
    if options.train_on is None:
        return tag
    from intrex.data.locate import find_qrels
    from intrex.data.tags import tuned_tag
    from intrex.eval.scoring.signature import qrels_fingerprint

    judged = find_qrels(options.train_on)
    return tuned_tag(tag, judged.name, qrels_fingerprint(judged.qrels), options.method)


def _fused(
    runs: list[PackedRun], options: FuseOptions, record: dict[str, Any], tuning: TuneOptions, tag: str | None,
    lines: tuple[str, ...],
) -> Fused:  # fmt: skip
    from intrex.eval.pipelines.tuning.grid import changed
    from intrex.eval.pipelines.tuning.saved import fuse_by_query, tag_by
    from intrex.eval.pipelines.tuning.tune import texts_of

    plain = changed(options, {record["tuned"]: None}) if record["router"] else options
    name = tag_by(with_marks(tag or fused_tag(plain), *(run.tag for run in runs)), record)
    if record["router"]:
        return Fused(fuse_by_query(runs, options, record, texts_of(tuning), name), name, record, lines)
    return Fused(fuse_packed(runs, options), name, record, lines)


def lines_of(tuning: Tuning) -> tuple[str, ...]:
    """Return what is said of a tuning: the choice, and each figure."""
    grid, folds = tuning.grid, tuning.fold_values
    chosen = f"{grid.key} {_spell(getattr(tuning.options, grid.key))} of {len(grid.settings):,} settings"
    by_fold = f"; by fold {', '.join(map(_spell, folds))}" if folds else ""
    lines = [f"{tuning.measure}: {chosen}{by_fold}", *map(_line, tuning.figures)]
    if tuning.router is not None:
        lines.append(
            f"  router: ridge of {', '.join(tuning.router.names)}; penalty {tuning.router.penalty:g}"
        )
    return (
        *lines,
        f"  intervals: 95 %, bootstrap of {tuning.resampled}; equal values go to what is nearest to the default",
    )


def _line(figure: Figure) -> str:
    text = f"  {figure.name:<20} {figure.value:.4f}  {figure.queries}"
    if figure.difference is None:
        return text
    mean, low, high = figure.difference
    return f"{text}  {mean:+.4f} [{low:+.4f}, {high:+.4f}] to {figure.beside}"


def _spell(value: float | tuple[float, ...]) -> str:
    return "/".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value:g}"
