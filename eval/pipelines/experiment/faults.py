"""Faults of systems that are made of others: fusions, and scorers elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from intrex.data.errors import UsageError, nearest_name
from intrex.data.options import is_a
from intrex.retrievers.fusion.options import check_weights
from intrex.retrievers.rerank.command import command_words
from intrex.retrievers.rerank.options import BM25_INDEX, COMMAND, OUTSIDE
from intrex.retrievers.rerank.server import address_of


def scorer_faults(name: str, trained: bool) -> Iterator[str]:
    """Say what a scorer elsewhere cannot be: badly spelled, trained, or loaded as a model."""
    if name.startswith(BM25_INDEX):
        yield f"with {name!r} is for the command line: name an earlier system by index"
    try:
        if name.startswith(OUTSIDE):
            command_words(name) if name.startswith(COMMAND) else address_of(name)
    except UsageError as error:
        yield f"with: {error.message}"
    if name.startswith(OUTSIDE) and trained:
        yield "train is for models that intrex loads"


def fusion_faults(table: Mapping[str, Any], earlier: Sequence[str]) -> Iterator[str]:
    """Say which systems cannot be fused, and which weights are none."""
    parts = texts_of(table["fuse"])
    for part in parts:
        if part not in earlier:
            yield f"fuses {part!r}, which is not an earlier system: {hint_of(part, earlier)}"
    if isinstance(table["fuse"], list) and len(table["fuse"]) == 1:
        yield "needs two or more systems to fuse"
    weights = table.get("weights")
    if isinstance(weights, list) and weights and all(is_a(weight, float) for weight in weights):
        if len(weights) != len(parts):
            yield f"has {len(weights)} weights for {len(parts)} systems"
        try:
            check_weights(tuple(weights))
        except UsageError as error:
            yield error.message


def hint_of(name: str, names: Sequence[str]) -> str:
    """Return a hint that names the nearest of some systems, or says that there is none."""
    return nearest_name(name, names) if names else "there is none"


def texts_of(value: object) -> list[str]:
    """Return the strings of a list; of anything else none."""
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []
