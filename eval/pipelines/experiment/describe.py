"""Words for a recipe's systems: what a figure of theirs depends on beside the queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from intrex.eval.leaderboard.by_split import SEED
from intrex.eval.pipelines.experiment.variants import UNTRAINED
from intrex.retrievers.fusion.options import FuseOptions

QUICK = "quick"
"""Word in signatures of what ``experiment generalize --quick`` made, and key of its recipe."""


def describe(system: Mapping[str, Any]) -> dict[str, str]:
    """Return how a system is fused and trained, by ``fuse`` and ``train``, as signatures spell it: without commas and blanks."""
    words = {}
    if "fuse" in system:
        options = {
            "method": FuseOptions().method,
            **{k: v for k, v in system.items() if k not in ("name", "fuse", "train")},
        }
        method = options.pop("method")
        words["fuse"] = f"{method}({_pairs({'runs': system['fuse'], **options})})"
    if "train" in system:
        words["train"] = _pairs({"pairs": "all", **_with_pairs(system["train"])})
    return words


def _with_pairs(train: Mapping[str, Any]) -> dict[str, Any]:
    return {"pairs" if key == "max_pairs" else key: value for key, value in train.items()}


def _pairs(values: Mapping[str, Any]) -> str:
    return ";".join(f"{key}:{_word(value)}" for key, value in values.items())


def _word(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value).replace(" ", "")


def description_of(name: str, descriptions: Mapping[str, Mapping[str, str]]) -> str:
    """Return the end of the signature of a system of the leaderboard; its untrained form has no training."""
    base = name.removesuffix(UNTRAINED)
    words = descriptions.get(base) or descriptions.get(base.rpartition(SEED)[0]) or {}
    return "".join(f"|{key}={value}" for key, value in words.items() if key != "train" or base == name)
