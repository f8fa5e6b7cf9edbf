"""Name to class: a static table, extended by entry points of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from intrex.data.errors import IntrexError, UsageError, nearest_name


class Registry:
    """Table from a name to ``"module:Class"``, which is imported when it is looked up.

    Args:
        group: entry point group through which other packages add names, for example ``intrex.encoders``.
        what: what the names are, for messages.
        table: the names that intrex ships.
    """

    def __init__(self, group: str, noun: str, table: Mapping[str, str]) -> None:
        self.group = group
        self.noun = noun
        self._shipped = table

    @cached_property
    def table(self) -> dict[str, str]:
        """All names with their targets; raises `IntrexError` when a name is taken twice."""
        names = dict(self._shipped)
        for point in entry_points(group=self.group):
            if point.name in names:
                raise IntrexError(
                    f"the {self.noun} name {point.name!r} is taken twice: {names[point.name]} and {point.value}",
                    "uninstall one of the two packages",
                )
            names[point.name] = point.value
        return names

    def __contains__(self, name: str) -> bool:
        return name in self.table

    def load(self, name: str) -> Any:
        """Import the class of that name; raises `UsageError` with the nearest name."""
        names = self.table
        if name not in names:
            raise UsageError(f"unknown {self.noun} {name!r}", nearest_name(name, names))
        module, _, attribute = names[name].partition(":")
        return getattr(import_module(module), attribute)
