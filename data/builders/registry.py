"""Builders by name."""

from __future__ import annotations

from collections.abc import Callable

from intrex.data.collection import Collection
from intrex.data.registry import Registry

BUILDERS: Registry[Callable[..., Collection]] = Registry(
    "intrex.collections", "collection builder", {"stdlib": "intrex.data.builders.stdlib:build_stdlib"}
)
