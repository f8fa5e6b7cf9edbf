"""``intrex experiment generalize``: a shipped recipe of systems and a protocol, put to any collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intrex.data.errors import UsageError, nearest_name
from intrex.eval.pipelines.experiment.recipe import Recipe, read_recipe
from intrex.eval.pipelines.experiment.variants import trained_kind

CHEAP = ("static", "dense")
"""Kinds of models that are trained with several seeds when asked for: the others take minutes each."""
QUICK_TRAINING = {"epochs": 1, "max_pairs": 32, "max_length": 32, "batch_size": 8}
QUICK_SYSTEM = {"max_length": 32, "depth": 5}


@dataclass(frozen=True)
class Asked:
    """What a user asks of `generalize` beside the recipe; None leaves what the recipe says.

    Attributes:
        queries: the test set's name in the collection.
        train: the training set's.
        protocol: ``resttest`` or ``restrain``.
        encoder: what compares queries: an encoder, or ``bm25``.
        k: buckets of ReSTTest.
        per_query: training queries for each test query of ReSTrain.
        seed: of the split.
        min_queries: fewest test queries of a regime in a fold.
        seeds: models of each fold, for kinds in `CHEAP`.
        systems: names of the systems that are wanted.
        quick: two folds and trainings of a few steps: to see that everything works.
    """

    queries: str | None = None
    train: str | None = None
    protocol: str | None = None
    encoder: str | None = None
    k: int | None = None
    per_query: int | None = None
    seed: int | None = None
    min_queries: int | None = None
    seeds: int | None = None
    systems: Sequence[str] = ()
    quick: bool = False


def generalize_recipe(recipe: str, collection: str, asked: Asked) -> Recipe:
    """A recipe with a split, for this collection.

    Args:
        recipe: a TOML file, or the name of a shipped recipe.
        collection: the folder to import.
        asked: what else is to be as the user says.

    Raises:
        BadInput: see `read_recipe`.
        UsageError: the recipe has no split, or lacks a system that is asked for.
    """

    def change(raw: dict[str, Any]) -> None:
        if "split" not in raw:
            raise UsageError(
                f"the recipe {recipe} has no [split]",
                "intrex experiment run runs it; docs/tutorial.md has one",
            )
        raw["collection"] = {"import": collection}
        raw["name"] = f"{raw['name']}-{Path(collection).resolve().name}"
        raw |= _given({"queries": asked.queries, "train": asked.train})
        raw["split"] = _protocol(raw["split"], asked)
        raw["system"] = _wanted(raw["system"], asked.systems)
        if asked.seeds is not None:
            for system in raw["system"]:
                if "train" in system and trained_kind(system) in CHEAP:
                    system["train"] = {**system["train"], "seeds": asked.seeds}
        if asked.quick:
            raw["system"] = [_quick(system) for system in raw["system"]]

    return read_recipe(recipe, change)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _protocol(split: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """The split's table; the keys of another protocol than the one asked for are dropped."""
    shared = {"encoder": asked.encoder, "seed": asked.seed, "min_queries": asked.min_queries}
    merged = {**split, **_given(shared), **_given({"protocol": asked.protocol})}
    own = {"k": asked.k} if merged.get("protocol") == "resttest" else {"per_query": asked.per_query}
    other = {"k": asked.k, "per_query": asked.per_query}.keys() - own.keys()
    if wrong := [key for key in other if getattr(asked, key) is not None]:
        raise UsageError(f"--{wrong[0].replace('_', '-')} is not for {merged.get('protocol')}")
    if asked.protocol is not None and asked.protocol != split.get("protocol"):
        merged = {k: v for k, v in merged.items() if k in ("protocol", *shared)}
    if asked.quick:
        merged |= {"min_queries": 1} | ({"k": 2} if "k" in own else {})
    return {**merged, **_given(own)}


def _wanted(systems: Sequence[dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    there = [str(system.get("name")) for system in systems]
    for name in names:
        if name not in there:
            raise UsageError(f"the recipe has no system {name!r}", nearest_name(name, there))
    return [system for system in systems if not names or system.get("name") in names]


def _quick(system: Mapping[str, Any]) -> dict[str, Any]:
    made = {**system, **{k: min(v, system[k]) for k, v in QUICK_SYSTEM.items() if k in system}}
    if "train" in system:
        made["train"] = {**system["train"], **QUICK_TRAINING}
    return made
