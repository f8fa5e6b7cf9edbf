"""``intrex experiment run``: from a recipe to a leaderboard and a table of costs."""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from intrex.data.builders.registry import build_named
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, IntrexError, nearest
from intrex.data.files import file_sha256, fingerprint, write_text
from intrex.data.importers.sources import import_collection
from intrex.data.locate import find_qrels
from intrex.data.registry import Registry
from intrex.data.run import write_run
from intrex.data.runformats import read_any_run
from intrex.encoders.base import (
    ENCODERS,
    SPARSE_ENCODERS,
    TOKEN_ENCODERS,
    EncoderOptions,
    make_encoder,
    make_sparse_encoder,
    make_token_encoder,
)
from intrex.encoders.models import resolve_model
from intrex.eval.leaderboard import leaderboard, write_leaderboard
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.recipe import Recipe
from intrex.eval.pipelines.recipekeys import SEARCHED
from intrex.eval.pipelines.stages import Kind, Result, Stage, Step, Watch, plan_stages, run_stages
from intrex.eval.scorefile import SystemScores, read_scores, write_scores
from intrex.eval.systems import score_systems
from intrex.retrievers.annconfig import AnnConfig, ann_keys
from intrex.retrievers.base import SearchOptions, open_index
from intrex.retrievers.bm25 import build_bm25
from intrex.retrievers.dense import build_dense
from intrex.retrievers.fde_source import FdeOptions, open_source
from intrex.retrievers.fusion import fuse_runs
from intrex.retrievers.impact import build_sparse
from intrex.retrievers.multivector import STORES, build_multivector
from intrex.retrievers.search import Narrowing, run_search, use_engine

Inputs = Mapping[str, Path]
PIN = "made from"
_LIBRARIES = ("model2vec", "sentence-transformers", "torch", "transformers")


def _collection(stage: Stage, inputs: Inputs, output: Path, step: Step) -> int:
    params = _given(stage.params)
    if "build" in params:
        made = build_named(params.pop("build"), output, **params, overwrite=True, progress=step)
    else:
        made = import_collection(params["import"], output, overwrite=True, progress=step)
    return made.n_documents


def _bm25(stage: Stage, inputs: Inputs, output: Path, step: Step) -> int:
    collection = Collection.open(inputs["collection"])
    build_bm25(collection, output, **stage.params, overwrite=True, progress=step)
    return collection.n_documents


def _dense(stage: Stage, inputs: Inputs, output: Path, step: Step) -> int:
    collection = Collection.open(inputs["collection"])
    params = _given(stage.params)
    ann = _ann(params)
    encoder = make_encoder(params.pop("encoder"), EncoderOptions(**params))
    build_dense(collection, output, encoder, ann=ann, overwrite=True, progress=step)
    return collection.n_documents


def _fde(stage: Stage, inputs: Inputs, output: Path, step: Step) -> int:
    params = _given(stage.params)
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


def _multivector(stage: Stage, inputs: Inputs, output: Path, step: Step) -> int:
    collection = Collection.open(inputs["collection"])
    params = _given(stage.params)
    store = params.pop("store", STORES[0])
    encoder = make_token_encoder(params.pop("encoder"), EncoderOptions(**params))
    build_multivector(collection, output, encoder, store=store, overwrite=True, progress=step)
    return collection.n_documents


def _sparse(stage: Stage, inputs: Inputs, output: Path, step: Step) -> int:
    collection = Collection.open(inputs["collection"])
    params = _given(stage.params)
    quantize = params.pop("quantize", None)
    encoder = make_sparse_encoder(params.pop("encoder"), EncoderOptions(**params))
    build_sparse(collection, output, encoder, quantize=quantize, overwrite=True, progress=step)
    return collection.n_documents


def _search(stage: Stage, inputs: Inputs, output: Path, step: Step) -> int:
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


def _fuse(stage: Stage, inputs: Inputs, output: Path, step: Step) -> int:
    fused = fuse_runs([read_any_run(inputs[name]) for name in stage.inputs], **stage.params)
    write_run(fused, output, overwrite=True)
    return len(fused)


def _evaluate(stage: Stage, inputs: Inputs, output: Path, step: Step) -> int:
    judged = find_qrels(f"{inputs['collection']}:{stage.params['queries']}")
    runs = [(name, read_any_run(path)) for name, path in inputs.items() if name != "collection"]
    systems = score_systems(judged, runs, parse_measures(stage.params["measures"]))
    write_scores(systems, output, overwrite=True)
    return len(judged.qrels) * len(runs)


def _leaderboard(stage: Stage, inputs: Inputs, output: Path, step: Step) -> int:
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
}


def _pinned(stages: Sequence[Stage]) -> list[Stage]:
    """The stages with what their parameters only name put into their key: the content behind it."""
    return [
        replace(s, params={**s.params, **_PINS[s.kind](s.params)}) if s.kind in _PINS else s for s in stages
    ]


def _pin_collection(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a collection is made from: the Python whose library it is, or the content of the files to import."""
    source = Path(params.get("import", ""))
    if "build" in params:
        return {PIN: f"{platform.python_implementation()} {platform.python_version()}"}
    if not source.exists():
        return {PIN: None}
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    return {PIN: fingerprint([[p.relative_to(source.parent).as_posix(), file_sha256(p)] for p in files])}


def _pin_encoder(registry: Registry, params: Mapping[str, Any]) -> dict[str, Any]:
    """The revision of the weights, and the libraries that compute with them."""
    if "encoder" not in params:  # an earlier stage has it
        return {}
    weights = _weights(registry, params["encoder"])
    return {PIN: [weights, {name: _version(name) for name in _LIBRARIES} if weights else {}]}


_PINS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "collection": _pin_collection,
    "dense": partial(_pin_encoder, ENCODERS),
    "fde": partial(_pin_encoder, TOKEN_ENCODERS),
    "multivector": partial(_pin_encoder, TOKEN_ENCODERS),
    "sparse": partial(_pin_encoder, SPARSE_ENCODERS),
}


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as the recipe has them."""
    return {key: value for key, value in params.items() if key != PIN}


def _weights(registry: Registry, encoder: str) -> str | None:
    """The revision of the weights behind an encoder's spelling; None for one without weights."""
    kind, _, name = encoder.partition(":")
    if kind == "hashing":
        return None
    return resolve_model(name if kind in registry else encoder).revision


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ImportError:
        return None


def plan_experiment(recipe: Recipe, out: Path) -> list[tuple[Stage, str]]:
    """Each stage of a recipe with ``done``, or with why it would run; nothing is changed."""
    return plan_stages(_pinned(recipe.stages), KINDS, out / ".stages", _has_queries(recipe))


def _has_queries(recipe: Recipe) -> Callable[[Result], None]:
    """A check that the collection has the recipe's query set, made before anything is indexed."""

    def check(result: Result) -> None:
        if result.stage.kind != "collection":
            return
        there = Collection.open(result.output).sets
        if recipe.queries not in there:
            hint = nearest(recipe.queries, there) if there else "the collection has no judged queries"
            raise BadInput(
                f"the collection has no query set {recipe.queries!r} ({recipe.file}, queries)", hint
            )

    return check


def run_experiment(recipe: Recipe, out: Path, watch: Watch) -> tuple[list[SystemScores], list[Result]]:
    """Run a recipe: what was done before with the same inputs, parameters and code is not done again.

    Writes ``leaderboard.csv``, ``costs.csv`` and ``scores.jsonl`` into ``out``, and links to the collection, the
    indexes and the runs.

    Returns:
        Every system's scores, and every stage's result in order.
    """
    if out.exists() and not (out / ".stages").is_dir() and (not out.is_dir() or any(out.iterdir())):
        raise IntrexError(
            f"not the folder of an experiment, nothing is written into it: {out}", "choose another --output"
        )
    done = run_stages(_pinned(recipe.stages), KINDS, out / ".stages", watch, _has_queries(recipe))
    for name, result in done.items():
        _link(out / name, result.output)
    systems = read_scores(done["scores"].output)
    results = list(done.values())
    write_text(out / "costs.csv", costs_csv(results), overwrite=True)
    return systems, results


def _link(name: Path, output: Path) -> None:
    """Point ``name`` (with the output's suffix) at a stage's output, relative, replacing an older link."""
    suffix = "".join(output.suffixes) if output.is_file() else ""
    link = name.with_name(name.name + suffix)
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.exists() and not link.is_symlink():
        raise IntrexError(f"not a link of this experiment, it will not be replaced: {link}", "move it away")
    part = link.with_name(f".{link.name}.link")
    part.unlink(missing_ok=True)
    part.symlink_to(os.path.relpath(output, link.parent))
    part.replace(link)


def costs_csv(results: Sequence[Result]) -> str:
    """What each stage cost when it ran: seconds, bytes on disk, and documents or queries per second."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["stage", "kind", "seconds", "bytes", "unit", "count", "per_second"])
    for r in results:
        rate = f"{r.units / r.seconds:.1f}" if r.seconds else ""
        writer.writerow(
            [r.stage.name, r.stage.kind, f"{r.seconds:.3f}", r.bytes, KINDS[r.stage.kind].unit, r.units, rate]
        )
    return out.getvalue()
