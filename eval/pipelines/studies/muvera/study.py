"""``intrex study muvera``: how well fixed dimensional encodings find what exact MaxSim would.

For each way to find candidates (FDEs of several sizes and engines, PLAID, the single-vector heuristic): the recall of
the exact MaxSim top k and of the relevant documents by number of candidates, as figures 3 to 5 and tables 1 to 4 of
the paper have it (Dhulipala et al., NeurIPS 2024), and what search with reranking costs and scores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Float64s, Int64s, Rows, Scores
from intrex.data.collection import Queries
from intrex.data.errors import BadInput
from intrex.data.progress import Progress
from intrex.data.qrels import Qrels
from intrex.encoders.fde.config import FdeConfig
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.studies.muvera.measured import Cost, Measurement, MeasurementCache
from intrex.eval.pipelines.studies.muvera.methods import Method, Setting, all_methods, fde_method
from intrex.eval.pipelines.studies.recall import depth_needed, ranks_of, recall_at
from intrex.eval.scoring.score import score
from intrex.retrievers.base import RunBuilder
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.vectors.options import AnnConfig

Watch = Callable[[str], AbstractContextManager[Progress]]
Clock = Callable[[], float]

DEPTHS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
TOPS = (1, 10, 100)
TARGETS = (0.8, 0.85, 0.9, 0.95)
RERANKED = (20, 50, 100, 200, 500, 1000)
SEEDED = ((20, 4, 8), (20, 5, 16))
MEASURE = "nDCG@10"


@dataclass(frozen=True)
class StudyResult:
    """Results of the study; see `intrex.eval.pipelines.studies.muvera.report` for its files."""

    setting: Setting
    depths: tuple[int, ...]
    recall: dict[tuple[str, str], Float64s]
    needed: dict[tuple[str, str], list[int | None]]
    methods: list[Measurement]
    costs: list[Cost]
    seeds: dict[str, Float64s]


def sample_queries(queries: Queries, qrels: Qrels | None, limit: int | None) -> tuple[Queries, Qrels | None]:
    """Take so many queries with their judgements, evenly spaced in their order; all of them for None."""
    if limit is None or limit >= len(queries):
        return queries, qrels
    rows = [i * len(queries) // limit for i in range(limit)]
    sample = Queries([queries.ids[i] for i in rows], [queries.texts[i] for i in rows])
    if qrels is None:
        return sample, None
    judged = qrels.to_dict()
    return sample, Qrels.from_dict({q: judged[q] for q in sample.ids if q in judged})


def prepare_setting(
    index: MultiVectorIndex,
    queries: Queries,
    qrels: Qrels | None,
    options: SearchOptions,
    deepest: int,
    compressed: MultiVectorIndex | None = None,
) -> Setting:
    """Encode the queries, and find the documents judged relevant to each.

    Raises:
        BadInput: ``compressed`` is of another collection or encoder.
    """
    if compressed is not None and compressed.manifest.collection != index.manifest.collection:
        raise BadInput(f"{compressed.path} is of another collection than {index.path}", "build both from one")
    packed = index.encode(queries.texts, options.device)
    setting = Setting(index, queries, packed, qrels, options, min(deepest, len(index.ids)), compressed)
    return replace(setting, relevant=_relevant(setting))


def with_truth(setting: Setting, cache: MeasurementCache) -> Setting:
    """Complete the setting with the exact top of each query."""
    top = replace(setting.options, k=max(TOPS))
    rank = partial(setting.index.rank, setting.packed, top)
    truth = cache.fetch("truth", lambda: [rows.tolist() for rows, _ in rank()])
    return replace(setting, truth=[np.array(rows, np.int64) for rows in truth])


def _relevant(setting: Setting) -> list[Rows]:
    if setting.qrels is None:
        return [np.empty(0, np.int64)] * len(setting.queries)
    judged = setting.qrels.to_dict()
    place = {name: row for row, name in enumerate(setting.index.ids.all().tolist())}
    relevant = ([d.encode() for d, g in judged.get(q, {}).items() if g > 0] for q in setting.queries.ids)
    return [np.array([place[d] for d in docs if d in place], np.int64) for docs in relevant]


def exact_cost(setting: Setting, rounds: int, clock: Clock = time.perf_counter) -> Cost:
    """Measure what exhaustive search costs and scores."""
    options = replace(setting.options, k=10)
    call = partial(setting.index.rank, setting.packed, options)
    ms, ranked = _timed(call, len(setting.queries), rounds, clock)
    files = setting.index.manifest.files.items()
    size = sum(e["bytes"] for n, e in files if n.startswith(("tokens", "codes", "residuals")))
    return Cost("exact", 0, size / len(setting.index.ids), ms, _value(setting, ranked), 1.0)


def costs_of(
    setting: Setting, method: Method, rounds: int, clock: Clock = time.perf_counter
) -> Iterator[Cost]:
    """Yield cost and quality of a method with several numbers of candidates."""
    if method.search is None:
        return
    options = replace(setting.options, k=10)
    for n in RERANKED:
        if n > setting.deepest:
            return
        call = partial(method.search, setting.packed, options, n)
        ms, ranked = _timed(call, len(setting.queries), rounds, clock)
        tops = recall_at(ranks_of([t[:10] for t in setting.truth], [rows for rows, _ in ranked]), [10])
        yield Cost(method.name, n, method.bytes, ms, _value(setting, ranked), float(tops[0]))


def _timed(
    call: Callable[[], Iterator[tuple[Rows, Scores]]], queries: int, rounds: int, clock: Clock
) -> tuple[float, list[tuple[Rows, Scores]]]:
    best, results = np.inf, []
    for _ in range(rounds):
        start = clock()
        results = list(call())
        best = min(best, clock() - start)
    return 1000 * best / max(queries, 1), results


def _value(setting: Setting, ranked: Sequence[tuple[Rows, Scores]]) -> float:
    if setting.qrels is None:
        return float("nan")
    builder = RunBuilder(setting.index.ids, "study")
    for name, (rows, scores) in zip(setting.queries.ids, ranked, strict=True):
        builder.add(name, rows, scores)
    return score(setting.qrels, builder.run(), parse_measures([MEASURE])).means()[MEASURE]


def ranks_by_target(setting: Setting, method: Method) -> dict[str, list[Int64s]]:
    """Return where a method's candidates have the exact top 1, 10 and 100, and the relevant documents."""
    candidates = method.order(setting.packed, setting.deepest)
    targets = {f"exact top {k}": [t[:k] for t in setting.truth] for k in TOPS}
    if setting.qrels is not None:
        targets["relevant"] = setting.relevant
    return {name: ranks_of(documents, candidates) for name, documents in targets.items()}


def run_study(
    setting: Setting,
    work: Path,
    *,
    seeds: int = 3,
    rounds: int = 3,
    quick: bool = False,
    watch: Watch = lambda _: nullcontext(lambda _: None),
) -> StudyResult:
    """Build what is missing below ``work``, and measure everything that an earlier run did not.

    Args:
        setting: of `prepare_setting`.
        work: folder of the FDE indexes and of what was measured; an earlier run's are used again.
        seeds: FDEs of some sizes are drawn so often, for their spread (table 2).
        rounds: of every timing; the best one counts.
        quick: small FDEs and two engines only.
        watch: context manager around each method, by name.
    """
    work.mkdir(parents=True, exist_ok=True)
    cache = MeasurementCache(work / "measured", setting, rounds)
    with watch("exact MaxSim"):
        setting = with_truth(setting, cache)
        exact = cache.fetch("exact", lambda: asdict(exact_cost(setting, rounds)))
    methods = []
    for name, make in all_methods(setting, work, quick):
        with watch(name) as step:
            record = cache.fetch(name, partial(_measure, setting, partial(make, step), rounds))
            methods.append(Measurement.from_dict(record))
    return StudyResult(
        setting,
        _depths(setting),
        {(m.name, target): np.array(values) for m in methods for target, values in m.recall.items()},
        {(m.name, target): values for m in methods for target, values in m.needed.items()},
        methods,
        [Cost(**exact), *(cost for m in methods for cost in m.costs)],
        _spread(setting, work, cache, seeds, quick, watch),
    )


def _depths(setting: Setting) -> tuple[int, ...]:
    return (*(d for d in DEPTHS if d < setting.deepest), setting.deepest)


def _measure(setting: Setting, make: Callable[[], Method], rounds: int) -> dict[str, Any]:
    method = make()
    ranks_of_targets = ranks_by_target(setting, method)
    recall = {name: recall_at(ranks, _depths(setting)).tolist() for name, ranks in ranks_of_targets.items()}
    needed = {name: [depth_needed(ranks, t) for t in TARGETS] for name, ranks in ranks_of_targets.items()}
    costs = list(costs_of(setting, method, rounds))
    return asdict(Measurement(method.name, method.family, method.dims, method.bytes, recall, needed, costs))


def _spread(
    setting: Setting, work: Path, cache: MeasurementCache, seeds: int, quick: bool, watch: Watch
) -> dict[str, Float64s]:
    """Measure the recall of the relevant documents (or of the exact top 100) at 100, by seed."""
    recalls = {}
    target = "relevant" if setting.qrels is not None else "exact top 100"

    def recall(config: FdeConfig, name: str, step: Progress) -> float:
        ranks = ranks_by_target(setting, fde_method(setting, work, config, AnnConfig(), name, step))
        return float(recall_at(ranks[target], [100])[0])

    for reps, k_sim, d_proj in SEEDED[:1] if quick else SEEDED:
        values = []
        for seed in range(seeds):
            config = FdeConfig(setting.index.spec.dim, reps, k_sim, d_proj, seed=42 + seed)
            name = f"fde-{config.fde_dim}" + (f"-seed{seed}" if seed else "")
            with watch(name) as step:
                values.append(cache.fetch(f"spread-{name}", partial(recall, config, name, step)))
        recalls[f"({reps}, {k_sim}, {d_proj})"] = np.array(values)
    return recalls
