"""Work of the kinds of stages: one function for each, from the outputs of earlier stages to its own."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from intrex.data.builders.options import BuildOptions
from intrex.data.builders.registry import build_collection
from intrex.data.collection import Collection
from intrex.data.errors import BadInput
from intrex.data.group import CollectionGroup
from intrex.data.importers.sources import import_collection
from intrex.data.locate import find_qrels
from intrex.data.progress import Progress
from intrex.data.rankings.write import write_run
from intrex.data.runformats import read_any_run
from intrex.eval.evaluate.systems import score_systems
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.experiment.costs import latency_costs
from intrex.eval.pipelines.experiment.foldwork import FOLD_KINDS, make_leaderboard, model_of
from intrex.eval.pipelines.experiment.pins import unpin
from intrex.eval.pipelines.experiment.roots import index_roots
from intrex.eval.pipelines.experiment.stages import Done, Inputs, Stage, StageKind
from intrex.eval.scoring.scorefile import write_scores
from intrex.retrievers.base import open_index
from intrex.retrievers.fusion.fuse import fuse_runs
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.options import INDEXES, BuildTask, index_kinds
from intrex.retrievers.search import prepare_search, run_search


def _collection(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    params = unpin(stage.params)
    if "build" in params:
        name, options = params["build"], BuildOptions.read({k: v for k, v in params.items() if k != "build"})
        collection = build_collection(name, output, options, overwrite=True, progress=step)
    else:
        imported = import_collection(params["import"], output, overwrite=True, progress=step)
        if isinstance(imported, CollectionGroup):
            raise BadInput(
                f"{params['import']} holds {len(imported.paths)} collections, a recipe is of one",
                f"import one of them: {', '.join(imported.paths)}",
            )
        collection = imported
    return collection.n_documents


def _index(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    kind = INDEXES.load(stage.kind)
    if kind.build is None:
        raise ValueError(f"{kind.name} indexes are not built by their name")
    model = model_of(inputs)
    options = kind.build.read({**unpin(stage.params), **({"encoder": model} if model else {})})
    indexes = [path for name, path in inputs.items() if name.startswith("index/")]
    source = (*indexes, inputs["collection"])[0]
    return kind.make(source, BuildTask(output, overwrite=True, stage=lambda *_: step), options)


def _search(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> Done:
    collection = Collection.open(inputs["collection"])
    (folder,) = (path for name, path in inputs.items() if name.startswith("index/"))
    queries = collection.queries(stage.params["queries"])
    index = open_index(folder, collection)
    values = {k: v for k, v in unpin(stage.params).items() if k not in ("queries", "tag")}
    second = next((path for name, path in inputs.items() if name.startswith("run/")), None)
    if second is not None:
        values["with"] = str(second)
    options = prepare_search(index, values, collection)
    start = time.perf_counter()
    costs = latency_costs(index, queries, options) if len(queries) and second is None else {}
    apart = time.perf_counter() - start
    run = run_search(
        index, queries, replace(options, progress=step, query_cache=False), tag=stage.params["tag"]
    )
    write_run(run, output, overwrite=True)
    return Done(len(queries), costs, apart)


def _fuse(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    params = dict(stage.params)
    tag = params.pop("tag")
    fused = fuse_runs([read_any_run(inputs[name]) for name in stage.inputs], FuseOptions.read(params), tag)
    write_run(fused, output, overwrite=True)
    return len(fused)


def _evaluate(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    judged = find_qrels(f"{inputs['collection']}:{stage.params['queries']}")
    runs = [(name, read_any_run(path)) for name, path in inputs.items() if name != "collection"]
    systems = score_systems(judged, runs, parse_measures(stage.params["measures"]))
    write_scores(systems, output, overwrite=True)
    return len(judged.qrels) * len(runs)


_SCORES = ("eval/evaluate/systems.py", "eval/measures")
KINDS = {
    "collection": StageKind(_collection, "collection", ("data/importers", "data/builders"), "documents"),
    **{name: StageKind(_index, "index", (), "documents", index_roots) for name in index_kinds()},
    "search": StageKind(
        _search,
        "run.txt.gz",
        ("retrievers/search.py", "retrievers/latency.py"),
        "queries",
        index_roots,
    ),
    "fuse": StageKind(_fuse, "run.txt.gz", ("retrievers/fusion", "data/runformats.py"), "queries"),
    "evaluate": StageKind(_evaluate, "scores.jsonl", _SCORES, "rankings"),
    "leaderboard": StageKind(
        make_leaderboard, "leaderboard.csv", ("eval/leaderboard", "eval/measures"), "rows"
    ),
    **FOLD_KINDS,
}
