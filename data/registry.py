"""Name to object: a static table, extended by entry points of other packages."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from intrex.data.errors import IntrexError, UsageError, nearest_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
_log = logging.getLogger(__name__)


PLUGINS: dict[str, tuple[str, Any]] = {}
"""Distributions of other packages that `load_target` read: where their code is, and its state then."""
_DISTRIBUTIONS: dict[str, str] = {}
"""Distribution of each package that adds names."""


def plugin_state(distribution: str, code: str) -> Any:
    """Return version, and inode, size and times of change of the Python files of another package, by name."""
    from importlib.metadata import PackageNotFoundError, version

    path = Path(code)
    states = {}
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        with contextlib.suppress(OSError):
            status = file.stat()
            numbers = [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
            states[file.relative_to(path).as_posix()] = numbers
    try:
        return [version(distribution), states]
    except PackageNotFoundError:
        return [None, states]


def _note_plugin(package: str) -> None:
    distribution, module = _DISTRIBUTIONS[package], sys.modules[package]
    if distribution not in PLUGINS:
        folders = list(getattr(module, "__path__", ()))
        code = str(Path(folders[0] if folders else str(module.__file__)).absolute())
        PLUGINS[distribution] = code, plugin_state(distribution, code)


def load_target(target: str) -> Any:
    """Import ``module:attribute``; raises `IntrexError` where another package's fails."""
    module, _, attribute = target.partition(":")
    package = module.partition(".")[0]
    try:
        loaded = getattr(import_module(module), attribute)
    except IntrexError:
        raise
    except Exception as error:
        if module.startswith("intrex."):
            raise
        raise IntrexError(
            f"the package {package} names {target}, which cannot be imported: {error!r}",
            f"mend or uninstall {package}",
        ) from error
    if package in _DISTRIBUTIONS:
        _note_plugin(package)
    return loaded


def _entry_points(group: str) -> Iterable[EntryPoint]:
    """Find the entry points of a group.

    The library that reads them takes 20 ms to import, so the files are searched for the group's name first.
    """
    files = (file for folder in sys.path for file in Path(folder).glob("*.*-info/entry_points.txt"))
    if not any(f"[{group}]".encode() in file.read_bytes() for file in files):
        return ()
    from importlib.metadata import entry_points

    return entry_points(group=group)


class Registry(Generic[T]):
    """Looks up ``module:attribute`` by name and imports it only then.

    Args:
        group: entry point group through which other packages add names, for example ``intrex.encoders``.
        what: what the names are, for messages.
        table: the names that intrex ships.
    """

    def __init__(self, group: str, noun: str, table: Mapping[str, str]) -> None:
        self.group = group
        self.noun = noun
        self._shipped = table
        self._told: set[str] = set()

    @cached_property
    def plugins(self) -> dict[str, EntryPoint]:
        """Entry points of other packages by name; raises `IntrexError` when a name is taken twice."""
        targets = dict(self._shipped)
        points = {}
        for point in _entry_points(self.group):
            if point.name in targets:
                raise IntrexError(
                    f"the {self.noun} name {point.name!r} is taken twice: {targets[point.name]} and {point.value}",
                    "uninstall one of the two packages",
                )
            targets[point.name] = point.value
            points[point.name] = point
            if point.dist is not None:
                _DISTRIBUTIONS[point.module.partition(".")[0]] = point.dist.name
        return points

    @cached_property
    def table(self) -> dict[str, str]:
        """All names with their targets."""
        return {**self._shipped, **{name: point.value for name, point in self.plugins.items()}}

    def __contains__(self, name: object) -> bool:
        return name in self._shipped or name in self.table

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def load_all(self) -> dict[str, T]:
        """Import what every name stands for; what another package names and cannot be imported is left out, with a note."""
        loaded = {}
        for name in self:
            try:
                loaded[name] = self.load(name)
            except IntrexError as error:
                if name not in self.plugins:
                    raise
                if name not in self._told:
                    _log.warning("the %s %r is left out: %s", self.noun, name, error)
                    self._told.add(name)
        return loaded

    def load(self, name: str) -> T:
        """Import what a name stands for; raises `UsageError` with the nearest name."""
        target = self._shipped.get(name) or self.table.get(name)
        if target is None:
            raise UsageError(f"unknown {self.noun} {name!r}", nearest_name(name, self.table))
        loaded: T = load_target(target)
        return loaded
