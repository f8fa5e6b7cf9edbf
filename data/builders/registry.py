"""Builders by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.progress import Progress
from intrex.data.registry import Registry

BUILDERS: Registry[Callable[..., Collection]] = Registry(
    "intrex.collections", "collection builder", {"stdlib": "intrex.data.builders.stdlib:build_stdlib"}
)


def build_named(
    name: str,
    out: Path,
    *,
    sample: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Collection:
    """Build the collection ``name`` at ``out``; raises `UsageError` for an unknown name."""
    return BUILDERS.load(name)(out, sample=sample, seed=seed, overwrite=overwrite, progress=progress)
