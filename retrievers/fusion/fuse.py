"""Fusion of runs, query by query. Runs may have different queries: each query is fused of the runs that answer it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bytes, Float64s, Scores
from intrex.data.errors import BadInput
from intrex.data.ids import as_bytes
from intrex.data.io.files import STDIO, is_stream, writing
from intrex.data.native.kernel import Kernels
from intrex.data.native.library import Library
from intrex.data.numeric.spans import cuts, offsets_of
from intrex.data.packed import PackedRun, all_queries, read_packed
from intrex.data.rankings.write import LineWriter, Rankings, line_kernels, write_run
from intrex.data.run import Run, check_query_ids, check_tag
from intrex.data.runformats import read_any_run
from intrex.data.system.threads import cores
from intrex.data.tags import tag_of
from intrex.retrievers.fusion.batches import Batch, Space, batch_of
from intrex.retrievers.fusion.methods import Source
from intrex.retrievers.fusion.options import BY_COLUMN, FuseOptions, NormalizeOptions
from intrex.retrievers.fusion.plain import fuse_plainly
from intrex.retrievers.fusion.plan import Plan, plan_of, plan_of_one
from intrex.retrievers.fusion.ranx import fuse_with_ranx, require_engine
from intrex.retrievers.fusion.training import check_training, learn

_log = logging.getLogger("intrex")
_KERNELS = "intrex.retrievers.fusion.kernels"
LIBRARY = Library(
    "fusion", tuple(f"{_KERNELS}.{name}" for name in ("fuse", "majority", "rows", "tune", "values"))
)
WORTH_LOADING, WORTH_COMPILING = 20_000, 400_000
"""Lines of all runs below which numpy is as fast, with the kernels compiled already and the first time ever."""
ROWS = 1 << 16
"""Rows that are fused at once, or those of one query."""
TENFOLD = 10.0


def fuse_runs(
    runs: Sequence[Run], options: FuseOptions, tag: str | None = None, tables: Float64s | None = None
) -> Run:
    """Fuse runs by a method; a document that a run lacks gets nothing from it, but where the method says what it gets.

    Args:
        runs: two or more. A query is fused of those runs that answer it.
        options: the method, its parameters, how deep to look and how many documents to keep.
        tag: of the result; by default the method with what was chosen of it, see `intrex.data.tags`.
        tables: what the method learned of each run, see `intrex.retrievers.fusion.training`.

    Raises:
        UsageError: options that do not fit the runs, or a single run.
        MissingExtra: ranx is needed and not installed.
        BadInput: runs without a common query, raw scores of unlike scales, scores that cannot be normalised; or with
            ranx runs that differ in their queries.
    """
    if options.engine == "ranx":
        return replace(fuse_with_ranx(runs, options), tag=tag or fused_tag(options))
    return fuse_packed([PackedRun.of(run) for run in runs], options, tables).run(tag or fused_tag(options))


def fused_tag(options: FuseOptions) -> str:
    """Return the default tag: the method, and all that was chosen of it."""
    return tag_of(options.method, options, named=("method",))


def read_runs(paths: Sequence[Path], options: FuseOptions) -> list[PackedRun]:
    """Read runs, two at a time; see `intrex.data.packed.read_packed`."""
    read = partial(read_packed, by_column=options.ranks == BY_COLUMN, unique=options.depth is not None)
    with ThreadPoolExecutor(min(len(paths), cores())) as pool:
        # each in the context of this thread, which says how runs are read (`RunSource.declared`)
        return [one.result() for one in [pool.submit(copy_context().run, read, path) for path in paths]]


def learn_of(options: FuseOptions, paths: Sequence[Path], runs: Sequence[PackedRun]) -> Float64s | None:
    """Learn what a method needs of runs, or of those that were named for it; None for methods that learn nothing."""
    if options.train_on is None:
        return None
    from intrex.data.locate import find_qrels

    check_training(options.train_runs, paths)
    training = read_runs(options.train_runs, options) if options.train_runs else runs
    return learn(options, find_qrels(options.train_on).qrels, training)


def fuse_files(paths: Sequence[Path], options: FuseOptions) -> Fusion:
    """Read runs and prepare their fusion; what can be refused before they are read is.

    Raises:
        MissingExtra: ranx is needed and not installed.
        UsageError, BadInput: see `fuse_runs`, `intrex.data.packed.read_packed` and `intrex.retrievers.fusion.training.learn`.
    """
    plan_of(options, len(paths))
    if options.engine == "ranx":
        require_engine(options)
        run = fuse_runs([read_any_run(path) for path in paths], options)
        return Fusion([PackedRun.of(run)], run.query_ids.tolist(), plan_of_one(NormalizeOptions(norm="none")))
    runs = read_runs(paths, options)
    return fuse_packed(runs, options, learn_of(options, paths, runs))


def fuse_packed(runs: Sequence[PackedRun], options: FuseOptions, tables: Float64s | None = None) -> Fusion:
    """Prepare the fusion of runs; see `fuse_runs`."""
    plan = plan_of(options, len(runs), tables)
    queries = check_queries(runs)
    if plan.norm == "none" and options.norm is None and plan.source is Source.SCORE:
        check_scales(runs)
    return Fusion(list(runs), queries, plan)


def normalize_run(run: PackedRun, options: NormalizeOptions) -> Fusion:
    """Prepare the normalisation of a run by itself.

    Raises:
        BadInput: the scores cannot be normalised so.
    """
    return Fusion([run], list(all_queries([run])), plan_of_one(options))


def normalized_tag(run: str, options: NormalizeOptions) -> str:
    """Return the default tag of a normalised run: its own, and what was chosen."""
    norm = options.norm or plan_of_one(options).norm
    return tag_of(f"{run}+{norm}", options, named=("norm",))


class Fusion:
    """Runs, and the plan by which they are fused when the result is asked for."""

    def __init__(self, runs: list[PackedRun], queries: list[bytes], plan: Plan) -> None:
        self.runs, self.queries, self.plan = runs, queries, plan
        self.lines = sum(len(part.scores) for run in runs for part in run.parts)

    def kernels(self) -> Kernels | None:
        """Return the kernels where they are worth it; None where numpy is as fast or they are not to be had."""
        return LIBRARY.kernels_for(self.lines, WORTH_LOADING, WORTH_COMPILING)

    def rankings(self) -> Iterator[Rankings]:
        """Yield the fused rankings, some queries at a time, in byte order of the queries.

        They stand until the next ones are asked for.

        Raises:
            BadInput: scores that cannot be normalised, or a document that is twice in a run.
        """
        kernels, space = self.kernels(), Space()
        sizes = [
            sum(place[2] - place[1] for run in self.runs if (place := run.rows(q))) for q in self.queries
        ]
        for first, last in cuts(offsets_of(sizes), ROWS):
            batch = batch_of(self.runs, self.queries[first:last], space)
            found = (
                fuse_plainly(batch, self.plan)
                if kernels is None
                else _fuse_batch(kernels, batch, self.plan, space)
            )
            _check_finite(found)
            yield found

    def run(self, tag: str) -> Run:
        """Return the result as a run."""
        docs: list[Bytes] = [np.empty(0, "S1")]
        scores: list[Scores] = [np.empty(0, np.float32)]
        sizes: list[int] = []
        for found in self.rankings():
            docs.append(found.docs.view(f"S{found.width}")[found.rows])
            scores.append(found.scores.copy())
            sizes += np.diff(found.starts).tolist()
        queries = as_bytes([query.decode("utf-8") for query in self.queries])
        return Run(queries, offsets_of(sizes), np.concatenate(docs), np.concatenate(scores), tag)

    def write(self, tag: str, path: Path, overwrite: bool = False) -> tuple[int, int]:
        """Write the result as TREC's six columns, a part at a time; the numbers of its queries and lines.

        Nothing is written where a query cannot be fused, on the way to stdout neither.
        """
        kernels = line_kernels(self.lines)
        if kernels is None or path == STDIO or is_stream(path):
            run = self.run(tag)
            write_run(run, path, overwrite)
            return len(run), len(run.doc_ids)
        check_tag(tag)
        check_query_ids(query.decode("utf-8") for query in self.queries)
        writer, lines = LineWriter(kernels, tag), 0
        with writing(path, overwrite) as stream:
            for found in self.rankings():
                stream.write(writer.text(found))
                lines += len(found.rows)
        return len(self.queries), lines


def _check_finite(found: Rankings) -> None:
    """Raise `BadInput` where a fused score is beyond float32: equal infinite scores would be a ranking by ids."""
    for place in np.flatnonzero(~np.isfinite(found.scores))[:1]:
        query = found.queries[int(np.searchsorted(found.starts, place, side="right")) - 1]
        raise BadInput(
            f"a fused score of query {query.decode()} is beyond float32", "normalise the scores (--norm), or take a smaller --gamma"
        )  # fmt: skip


def check_queries(runs: Sequence[PackedRun]) -> list[bytes]:
    """Return the queries of runs; raises `BadInput` where no two of them have one in common."""
    queries = list(all_queries(list(runs)))
    answered = sum(len(run.places) for run in runs)
    if answered == len(queries):
        raise BadInput(
            f"no query is in two of the runs: {', '.join(run.tag for run in runs)}", "are they runs of the same queries?"
        )  # fmt: skip
    for run in runs:
        if lacking := len(queries) - len(run.places):
            text = "%s lacks %s of %s queries, which are fused of the others"
            _log.info(text, run.tag, f"{lacking:,}", f"{len(queries):,}")
    return queries


def check_scales(runs: Sequence[PackedRun]) -> None:
    """Raise `BadInput` where the scores of one run range over ten times what those of another do."""
    spans = []
    for run in runs:
        scores = [part.scores for part in run.parts if len(part.scores)]
        low, high = min(float(s.min()) for s in scores), max(float(s.max()) for s in scores)
        spans.append((high - low, f"{run.tag} {low:.4g} to {high:.4g}"))
    least, most = min(spans), max(spans)
    if most[0] > 0 and most[0] >= TENFOLD * least[0]:
        raise BadInput(
            f"the scores are of unlike scales: {least[1]}, {most[1]}",
            "normalise them, as --norm min-max; --norm none mixes them as they are",
        )


def _fuse_batch(kernels: Kernels, batch: Batch, plan: Plan, space: Space) -> Rankings:
    """Fuse a batch by the kernel."""
    starts, queries = batch.starts, batch.queries
    longest = int(np.diff(starts[:: plan.runs]).max())
    room = space.room(longest, plan.runs)
    out_rows, out_scores = space.result(len(batch.scores))
    ends, fault = np.zeros(len(queries), np.int64), np.zeros(2, np.int64)
    done = kernels["fuse"](
        *(batch.docs, batch.width, batch.scores, batch.ranks, starts, len(queries), plan.runs),
        *(*plan.arguments(), *room, out_rows, out_scores, ends, fault),
    )
    if done < len(queries):
        batch.refuse(plan, int(fault[0]), done, int(fault[1]))
    bounds = np.concatenate([np.zeros(1, np.int64), ends])
    return Rankings(
        queries, bounds, batch.docs, batch.width, out_rows[: bounds[-1]], out_scores[: bounds[-1]]
    )
