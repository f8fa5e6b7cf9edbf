"""Builders by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from intrex.data.builders.options import BuildOptions
from intrex.data.collection import Collection
from intrex.data.progress import Progress
from intrex.data.registry import Registry

BUILDERS: Registry[Callable[..., Collection]] = Registry(
    "intrex.collections",
    "collection builder",
    {
        "stdlib": "intrex.data.builders.stdlib:build_stdlib",
        "limit": "intrex.data.builders.limit:build_limit",
    },
)
DESCRIPTIONS = {
    "stdlib": "code search, from this Python's own library",
    "limit": "LIMIT: who likes what, made by rule",
}


def build_collection(
    name: str, out: Path, options: BuildOptions, *, overwrite: bool = False, progress: Progress | None = None
) -> Collection:
    """Build a collection by the builder of a name.

    Raises:
        UsageError: there is no such builder, or it has not one of the options that were chosen.
        IntrexError: as the builder.
    """
    build = BUILDERS.load(name)
    return build(out, **options.of_builder(name), overwrite=overwrite, progress=progress)
