"""Weights that were tuned, kept as JSON beside the run, and the fusion by them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Bytes, Scores
from intrex.data.errors import BadInput, UsageError
from intrex.data.io.files import read_json
from intrex.data.packed import PackedRun
from intrex.data.run import Run
from intrex.data.tags import tuned_tag
from intrex.eval.pipelines.tuning.grid import Grid, changed, grid_of
from intrex.eval.pipelines.tuning.router import Router, TextFeatures, features_of
from intrex.eval.pipelines.tuning.tune import Tuning
from intrex.eval.scoring.signature import qrels_fingerprint
from intrex.retrievers.base import run_of
from intrex.retrievers.fusion.fuse import fuse_packed
from intrex.retrievers.fusion.options import FuseOptions

SCHEMA = 1
_KINDS = {"runs": list, "options": dict, "measure": str, "on": str, "qrels": str}


def record_of(tuning: Tuning, runs: Sequence[PackedRun]) -> dict[str, Any]:
    """Return what is kept of a tuning: the setting, what chose it, and what it is worth."""
    options, grid, judged = tuning.options, tuning.grid, tuning.judged
    router = tuning.router
    return {
        "schema": SCHEMA,
        "method": options.method,
        "norm": options.norm,
        grid.key: getattr(options, grid.key),
        "tuned": grid.key,
        "runs": [run.tag for run in runs],
        "options": {k: v for k, v in options.to_dict().items() if k in ("depth", "infima", "ranks")},
        "measure": str(tuning.measure),
        "on": judged.name,
        "qrels": qrels_fingerprint(judged.qrels),
        "queries": len(judged.qrels),
        "settings": len(grid.settings),
        "figures": [
            {
                "name": one.name,
                "queries": one.queries,
                "value": one.value,
                "difference": one.difference,
                "to": one.beside if one.difference else None,
            }
            for one in tuning.figures
        ],
        "resampled": tuning.resampled,
        "folds": tuning.fold_values,
        "router": None if router is None else _router_record(router, grid),
    }


def _router_record(router: Router, grid: Grid) -> dict[str, Any]:
    return {
        "features": list(router.names),
        "mean": router.mean.tolist(),
        "scale": router.scale.tolist(),
        "intercept": router.intercept.tolist(),
        "coefficients": router.coefficients.tolist(),
        "penalty": None if np.isinf(router.penalty) else router.penalty,
        "values": [grid.value(i) for i in range(len(grid.settings))],
    }


def load(path: Path, options: FuseOptions, runs: int) -> tuple[FuseOptions, dict[str, Any]]:
    """Read a record, and take its setting into options, which may not say another.

    Raises:
        BadInput: it is none, or of other runs.
        UsageError: the options say what it says.
    """
    record = read_json(path)
    try:
        key, tags, further = record["tuned"], record["runs"], record["options"]
        chosen = {"method": record["method"], "norm": record["norm"], key: record[key], **further}
        known = record["schema"] == SCHEMA and all(
            isinstance(record[name], kind) for name, kind in _KINDS.items()
        )
        known = known and record[key] is not None and all(isinstance(one, str) for one in tags)
    except (KeyError, TypeError) as error:
        raise BadInput(f"not weights that --tune kept: {path}", "intrex fuse --tune writes them") from error
    if not known:
        raise BadInput(f"weights of an unknown schema, or damaged: {path}", "tune again")
    if len(tags) != runs:
        raise BadInput(
            f"the weights are of {len(tags)} runs ({', '.join(tags)}), and there are {runs} ({path})",
            "name as many",
        )
    defaults = FuseOptions()
    for name, value in chosen.items():
        given = getattr(options, name)
        if given not in (getattr(defaults, name), value):
            raise UsageError(f"--weights-from says {name.replace('_', '-')}, and it is given", "leave it out")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in chosen.items() if v is not None}
    return changed(options, values), record


def check_order(record: dict[str, Any], runs: Sequence[PackedRun], path: Path) -> None:
    """Raise `BadInput` where the runs are those of a record in another order: each would have another one's weight."""
    tags = [run.tag for run in runs]
    if tags != record["runs"] and sorted(tags) == sorted(record["runs"]):
        raise BadInput(
            f"the weights are of the runs in another order: {', '.join(record['runs'])} ({path})",
            "name them so",
        )


def tag_by(tag: str, record: dict[str, Any]) -> str:
    """Return a tag that says what the run was tuned on."""
    base = f"{tag}+router" if record["router"] else tag
    return tuned_tag(base, record["on"], record["qrels"], record["measure"])


def fuse_by_query(
    runs: Sequence[PackedRun],
    options: FuseOptions,
    record: dict[str, Any],
    texts: TextFeatures | None,
    tag: str,
) -> Run:
    """Fuse each query by the setting that the router of a record chooses for it."""
    kept = record["router"]
    key = record["tuned"]
    values = [tuple(value) if isinstance(value, list) else value for value in kept["values"]]
    steps = len(values) - 1 if key in ("weights", "alpha") and len(runs) == 2 else None
    grid = grid_of(changed(options, {key: None}), len(runs), steps)
    mean, scale, intercept, coefficients = (
        np.array(kept[name], np.float64) for name in ("mean", "scale", "intercept", "coefficients")
    )
    penalty = kept["penalty"] or float("inf")
    router = Router(tuple(kept["features"]), mean, scale, intercept, coefficients, penalty)
    queries = sorted(set().union(*(run.places for run in runs)))
    names, features = features_of(runs, queries, texts)
    if names != router.names:
        raise BadInput(
            f"the router is of {', '.join(router.names)}, not of {', '.join(names)}", "name the texts, and the index, as for --tune: --queries, --idf-index"
        )  # fmt: skip
    distances = grid.distances if len(grid.distances) == len(values) else np.zeros(len(values))
    settings = router.route(features, distances)
    rankings: dict[bytes, tuple[Bytes, Scores]] = {}
    for setting in np.unique(settings).tolist():
        mine = [queries[i] for i in np.flatnonzero(settings == setting)]
        fusion = fuse_packed(runs, changed(options, {key: values[setting]}))
        fusion.queries = mine
        rankings |= {query: (docs, scores) for query, docs, scores in fusion.run(tag).rankings()}
    return run_of(rankings, tag)
