"""``intrex experiment generalize``: a shipped recipe of systems and a protocol, put to any collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intrex.data.errors import UsageError, nearest_name
from intrex.data.options import flag_of
from intrex.eval.pipelines.experiment.describe import QUICK
from intrex.eval.pipelines.experiment.options import GeneralizeOptions
from intrex.eval.pipelines.experiment.recipe import Recipe, read_recipe
from intrex.eval.pipelines.experiment.variants import trained_kind

CHEAP = ("static", "dense")
"""Kinds of models that are trained with several seeds when asked for: the others take minutes each."""
QUICK_TRAINING = {"epochs": 1, "max_pairs": 32, "max_length": 32, "batch_size": 8}
QUICK_SYSTEM = {"max_length": 32, "depth": 5}


def generalize_recipe(recipe: str, collection: str, options: GeneralizeOptions) -> Recipe:
    """Read a recipe with a split, and put it to a collection.

    Args:
        recipe: a TOML file, or the name of a shipped recipe.
        collection: the folder to import.
        options: changes of the recipe.

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
        raw |= _set_only(queries=options.queries, train=options.train, groups=options.groups)
        raw["split"] = _change_split(raw["split"], options)
        raw["system"] = _select(raw["system"], options.systems)
        if options.seeds is not None:
            for system in raw["system"]:
                if "train" in system and trained_kind(system) in CHEAP:
                    system["train"] = {**system["train"], "seeds": options.seeds}
        if options.quick:
            raw[QUICK] = True
            raw["system"] = [_shorten(system) for system in raw["system"]]

    return read_recipe(recipe, change)


def _set_only(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _change_split(split: Mapping[str, Any], options: GeneralizeOptions) -> dict[str, Any]:
    """Return the table of the split; keys of another protocol than the one asked for are dropped."""
    shared = {"encoder": options.encoder, "seed": options.seed, "min_queries": options.min_queries}
    merged = {**split, **_set_only(**shared, protocol=options.protocol)}
    size = "k" if merged.get("protocol") == "resttest" else "per_query"
    for key in ("k", "per_query"):
        if key != size and getattr(options, key) is not None:
            raise UsageError(f"{flag_of(key)} is not for {merged.get('protocol')}")
    if options.protocol is not None and options.protocol != split.get("protocol"):
        merged = {k: v for k, v in merged.items() if k in ("protocol", *shared)}
    if options.quick:
        merged |= {"min_queries": 1} | ({"k": 2} if size == "k" else {})
    return {**merged, **_set_only(**{size: getattr(options, size)})}


def _select(systems: Sequence[dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the systems of some names, or all."""
    by_name = {str(system.get("name")): system for system in systems}
    for name in names:
        if name not in by_name:
            raise UsageError(f"the recipe has no system {name!r}", nearest_name(name, by_name))
    return [system for system in systems if not names or system.get("name") in names]


def _shorten(system: Mapping[str, Any]) -> dict[str, Any]:
    short = {**system, **{k: min(v, system[k]) for k, v in QUICK_SYSTEM.items() if k in system}}
    if "train" in system:
        short["train"] = {**system["train"], **QUICK_TRAINING}
    return short
