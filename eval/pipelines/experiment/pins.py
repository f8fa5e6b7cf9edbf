"""Pins of stages: the content behind the names in their parameters, put into their key."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput
from intrex.data.io.files import STDIO, file_sha256, fingerprint
from intrex.data.options import options_of
from intrex.data.store.manifest import manifest_path, read_manifest
from intrex.data.version import installed_version
from intrex.encoders.cross.base import CROSS_ENCODER
from intrex.encoders.options import FAMILIES
from intrex.encoders.runtime.models import resolve_model
from intrex.eval.pipelines.experiment.stages import Stage
from intrex.eval.pipelines.splitting import BM25
from intrex.eval.scoring.groups import find_grouping
from intrex.retrievers.options import INDEXES
from intrex.retrievers.rerank.command import command_words, word_states
from intrex.retrievers.rerank.options import COMMAND, OUTSIDE

PIN = "made from"
SCORER, FIRST = "scorer", "first_stage"
"""Options of an index that name a model of pairs, and of a search that name another index."""
_LIBRARIES = ("model2vec", "sentence-transformers", "torch", "transformers")


def pin_stages(stages: Sequence[Stage]) -> list[Stage]:
    """Add to the parameters of each stage the fingerprint of the content that they only name."""
    return [replace(s, params={**s.params, **_pin_of(s.kind)(s.params)}) for s in stages]


def _pin_of(kind: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Find the function that pins a kind of stage; an index with an encoder, or a scorer, is pinned by that."""
    if kind in _PINS:
        return _PINS[kind]
    build = INDEXES.load(kind).build if kind in INDEXES else None
    if build is not None and SCORER in options_of(build):
        return _pin_scorer
    encodes = kind in INDEXES and INDEXES.load(kind).encoder is not None
    return _pin_encoder if encodes else lambda params: {}


def _pin_collection(params: Mapping[str, Any]) -> dict[str, Any]:
    """Pin a collection by the Python whose library it is and its list of items, or by the content of the files to import."""
    source = Path(params.get("import", ""))
    if "build" in params:
        made_by = f"{platform.python_implementation()} {platform.python_version()}"
        items = Path(params.get("items", ""))
        return {PIN: [made_by, file_sha256(items)] if items.is_file() else made_by}
    if not source.exists():
        return {PIN: None}
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    return {PIN: fingerprint([[p.relative_to(source.parent).as_posix(), file_sha256(p)] for p in files])}


def _pin_encoder(params: Mapping[str, Any]) -> dict[str, Any]:
    """Pin an encoder by the revision of its weights and the libraries that compute with them."""
    if "encoder" not in params:  # an earlier stage has it
        return {}
    weights = weights_of(params["encoder"])
    return {PIN: [weights, {name: installed_version(name) for name in _LIBRARIES} if weights else {}]}


def _pin_scorer(params: Mapping[str, Any]) -> dict[str, Any]:
    """Pin an index of a scorer as `_pin_encoder` does, and by the content of a file of anchor queries."""
    pins = _pin_encoder({"encoder": params[SCORER]})
    queries = Path(str(params.get("anchor_queries", "")))
    return {PIN: [*pins[PIN], file_sha256(queries)]} if queries.is_file() else pins


def _pin_base(params: Mapping[str, Any]) -> dict[str, Any]:
    """Pin a training by the weights that it begins with and the libraries that train."""
    return {PIN: [weights_of(params["base"]), {n: installed_version(n) for n in (*_LIBRARIES, "accelerate")}]}


def _pin_reranker(params: Mapping[str, Any]) -> dict[str, Any]:
    """Pin a reranking as `_pin_base` does, where no earlier stage has the model."""
    scorer = params.get("with")
    if scorer is None:
        return {}
    if scorer.startswith(
        OUTSIDE
    ):  # what lies behind cannot be seen; of a program the files that its words name
        words = command_words(scorer) if scorer.startswith(COMMAND) else []
        return {PIN: word_states(words)}
    return _pin_base({"base": scorer})


def _pin_split(params: Mapping[str, Any]) -> dict[str, Any]:
    """Pin a split by the weights of what compares the queries."""
    return {} if params["encoder"].partition(":")[0] == BM25 else _pin_encoder(params)


def _pin_groups(params: Mapping[str, Any]) -> dict[str, Any]:
    """Pin a leaderboard by the groups that a file names."""
    grouping = find_grouping(params.get("groups"))
    return {} if grouping.names is None else {PIN: grouping.source}


def _pin_search(params: Mapping[str, Any]) -> dict[str, Any]:
    """Pin a search by the ids of the documents that it is of, and by the index of its first stage.

    Raises:
        BadInput: the ids come from a stream, of which a later run could not tell that it says something else.
    """
    first = Path(str(params.get("first_stage", "")))
    before = {FIRST: read_manifest(first).fingerprint} if manifest_path(first) is not None else {}
    if "within" not in params:
        return {PIN: before} if before else {}
    ids = Path(params["within"])
    if ids == STDIO or (ids.exists() and not ids.is_file()):
        raise BadInput(f"within of a recipe is a file of ids, this is none: {ids}", "write them into a file")
    within = file_sha256(ids) if ids.is_file() else None
    return {PIN: {**before, "within": within} if before else within}


_PINS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "collection": _pin_collection,
    "search": _pin_search,
    "split": _pin_split,
    "train": _pin_base,
    "rerank": _pin_reranker,
    "leaderboard": _pin_groups,
    "fold-leaderboard": _pin_groups,
    "fold-tests": _pin_groups,
}


def unpin(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as the recipe has them."""
    return {key: value for key, value in params.items() if key != PIN}


def model_name(spelling: str) -> str:
    """Return the name of a model without the kind that may stand before it: ``static:all-MiniLM-L6-v2``."""
    kind, _, name = spelling.partition(":")
    has_kind = kind == CROSS_ENCODER or any(kind in family.registry for family in FAMILIES.values())
    return name if has_kind else spelling


def weights_of(encoder: str) -> str | None:
    """Return the revision of the weights behind a model's spelling; None for one without weights."""
    return None if encoder.partition(":")[0] == "hashing" else resolve_model(model_name(encoder)).revision
