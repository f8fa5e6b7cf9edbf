"""What each kind of stage does: one function for each, from the outputs of earlier stages to its own."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from intrex.data.builders.registry import build_named
from intrex.data.collection import Collection
from intrex.data.importers.sources import import_collection
from intrex.data.locate import find_qrels
from intrex.data.progress import Progress
from intrex.data.run import write_run
from intrex.data.runformats import read_any_run
from intrex.encoders.base import EncoderOptions, make_encoder, make_sparse_encoder, make_token_encoder
from intrex.eval.evaluate.systems import score_systems
from intrex.eval.leaderboard.rows import leaderboard, write_leaderboard
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.experiment.foldwork import FOLD_KINDS, model_of
from intrex.eval.pipelines.experiment.keys import SEARCHED
from intrex.eval.pipelines.experiment.pins import given
from intrex.eval.pipelines.experiment.stages import Inputs, Kind, Stage
from intrex.eval.scoring.scorefile import read_scores, write_scores
from intrex.retrievers.base import SearchOptions, open_index
from intrex.retrievers.bm25.index import build_bm25
from intrex.retrievers.dense.index import build_dense
from intrex.retrievers.fde.source import FdeOptions, open_source
from intrex.retrievers.fusion.fuse import fuse_runs
from intrex.retrievers.multivector.index import STORES, build_multivector
from intrex.retrievers.search import Narrowing, run_search, use_engine
from intrex.retrievers.sparse.index import build_sparse
from intrex.retrievers.vectors.options import AnnConfig, ann_keys


def _collection(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    params = given(stage.params)
    if "build" in params:
        made = build_named(params.pop("build"), output, **params, overwrite=True, progress=step)
    else:
        made = import_collection(params["import"], output, overwrite=True, progress=step)
    return made.n_documents


def _bm25(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    collection = Collection.open(inputs["collection"])
    build_bm25(collection, output, **stage.params, overwrite=True, progress=step)
    return collection.n_documents


def _dense(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    collection = Collection.open(inputs["collection"])
    params = given(stage.params)
    ann = _ann(params)
    encoder = make_encoder(model_of(inputs) or params.pop("encoder"), EncoderOptions(**params))
    build_dense(collection, output, encoder, ann=ann, overwrite=True, progress=step)
    return collection.n_documents


def _fde(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    params = given(stage.params)
    ann = _ann(params)
    options = FdeOptions(**{f.name: params.pop(f.name) for f in fields(FdeOptions) if f.name in params})
    tokens = [path for name, path in inputs.items() if name != "collection"]
    source = open_source(
        (*tokens, inputs["collection"])[0], params.pop("encoder", None), EncoderOptions(**params)
    )
    source.build(output, options, ann=ann, overwrite=True, progress=step)
    return source.documents


def _ann(params: dict[str, Any]) -> AnnConfig:
    """Take the approximate engine out of the parameters of an index."""
    ann = AnnConfig.named(params)
    for key in ann_keys():
        params.pop(key, None)
    return ann


def _multivector(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    collection = Collection.open(inputs["collection"])
    params = given(stage.params)
    store = params.pop("store", STORES[0])
    encoder = make_token_encoder(model_of(inputs) or params.pop("encoder"), EncoderOptions(**params))
    build_multivector(collection, output, encoder, store=store, overwrite=True, progress=step)
    return collection.n_documents


def _sparse(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    collection = Collection.open(inputs["collection"])
    params = given(stage.params)
    quantize = params.pop("quantize", None)
    encoder = make_sparse_encoder(model_of(inputs) or params.pop("encoder"), EncoderOptions(**params))
    build_sparse(collection, output, encoder, quantize=quantize, overwrite=True, progress=step)
    return collection.n_documents


def _search(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    collection = Collection.open(inputs["collection"])
    (folder,) = (path for name, path in inputs.items() if name != "collection")
    queries = collection.queries(stage.params["queries"])
    options = SearchOptions(k=stage.params["k"], progress=step)
    index = open_index(folder, collection)
    chosen = {key: stage.params[key] for key in SEARCHED if key in stage.params}
    use_engine(index, "native", Narrowing(options.k, **chosen))
    run = run_search(index, queries, options, tag=stage.params["tag"])
    write_run(run, output, overwrite=True)
    return len(queries)


def _fuse(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    fused = fuse_runs([read_any_run(inputs[name]) for name in stage.inputs], **stage.params)
    write_run(fused, output, overwrite=True)
    return len(fused)


def _evaluate(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    judged = find_qrels(f"{inputs['collection']}:{stage.params['queries']}")
    runs = [(name, read_any_run(path)) for name, path in inputs.items() if name != "collection"]
    systems = score_systems(judged, runs, parse_measures(stage.params["measures"]))
    write_scores(systems, output, overwrite=True)
    return len(judged.qrels) * len(runs)


def _leaderboard(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    rows = leaderboard(read_scores(inputs["scores"]))
    write_leaderboard(rows, output, overwrite=True)
    return len(rows)


_SEARCHES = ("data", "encoders", "retrievers")
KINDS = {
    "collection": Kind(_collection, "collection", ("data",), "documents"),
    "bm25": Kind(_bm25, "index", ("data", "retrievers"), "documents"),
    "dense": Kind(_dense, "index", _SEARCHES, "documents"),
    "fde": Kind(_fde, "index", _SEARCHES, "documents"),
    "multivector": Kind(_multivector, "index", _SEARCHES, "documents"),
    "sparse": Kind(_sparse, "index", _SEARCHES, "documents"),
    "search": Kind(_search, "run.txt.gz", _SEARCHES, "queries"),
    "fuse": Kind(_fuse, "run.txt.gz", ("data", "retrievers"), "queries"),
    "evaluate": Kind(_evaluate, "scores.jsonl", ("data", "eval"), "rankings"),
    "leaderboard": Kind(_leaderboard, "leaderboard.csv", ("data", "eval"), "rows"),
    **FOLD_KINDS,
}
