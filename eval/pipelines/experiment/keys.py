"""The keys of a recipe: its own, and those that kinds of indexes, fusion, reranking, training and splits declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from intrex.data.builders.options import BuildOptions
from intrex.data.options import Option, Options, declare, option, options_of
from intrex.encoders.training.options import TrainOptions
from intrex.eval.pipelines.training.options import SourceOptions
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.options import IndexKind
from intrex.retrievers.rerank.options import RerankOptions

SEARCH_TABLE = "search"
"""The table of a system that takes every option of the search of its index."""
LONGEST_NAME = 200  # bytes: it becomes a file name, with a suffix


@declare
class RecipeKeys(Options):
    """The top level."""

    name: str = option(help="Its name.")
    queries: str = option(help="The query set that is searched.")
    train: str | None = option(default=None, help="The training set of a split.")
    split: Mapping[str, Any] | None = option(default=None, help="A protocol and its options.")
    measures: tuple[str, ...] = option(help="As evaluate takes them.")
    k: int = option(default=1000, low=1, help="Documents for each query.")
    collection: Mapping[str, Any] = option(help="Where it comes from.")
    system: tuple[dict[str, Any], ...] = option(help="What is compared.")


@declare
class BuildKeys(BuildOptions):
    """A collection that is made here."""

    build: str = option(help="As collection build takes it.")


@declare
class ImportKeys(Options):
    """A collection that is imported."""

    source: str = option(key="import", help="As collection import takes it.")


@declare
class SystemKeys(Options):
    """What every system has."""

    name: str = option(help="Its name.")
    train: Mapping[str, Any] | None = option(
        default=None, blank=True, help="How it is trained for each fold."
    )


@declare
class IndexKeys(SystemKeys):
    """What a system with an index has beside what the kind of index declares."""

    index: str = option(help="The kind of index.")
    search: Mapping[str, Any] | None = option(default=None, blank=True, help="How it is searched.")
    tokens: str | None = option(default=None, help="An earlier system that it is built of.")


@declare
class FuseKeys(SystemKeys):
    """What a system that fuses others has beside the options of fusion."""

    fuse: tuple[str, ...] = option(help="Earlier systems.")


@declare
class RerankKeys(SystemKeys):
    """What a system that reranks another has beside the options of reranking."""

    rerank: str = option(help="An earlier system.")


@declare
class SeedKeys(Options):
    """What a table ``train`` has beside the options of training."""

    seeds: int = option(default=1, low=1, help="Models of each fold, which differ by the seed.")


ORIGINS = {"build": options_of(BuildKeys), "import": options_of(ImportKeys)}
TOP = options_of(RecipeKeys)
_OF_FOLDS = ("base", "seed", "set", "split")
"""Options of `intrex train` that a recipe says by its systems, its split and ``seeds``."""
TRAINED = {
    key: one
    for key, one in {**options_of(SeedKeys), **options_of(TrainOptions), **options_of(SourceOptions)}.items()
    if key not in _OF_FOLDS
}
FUSED = {**options_of(FuseKeys), **options_of(FuseOptions)}
RERANKED = {
    **options_of(RerankKeys),
    **{
        key: one
        for key, one in options_of(RerankOptions).items()
        if key not in ("collection", "cache", "no_cache")
    },
}
"""A recipe has its own collection, and keeps scores in its own stages."""


def searched(kind: IndexKind) -> dict[str, Option]:
    """Return the options of a search that a system says at its top: those that are no options of the build too."""
    own = options_of(kind.build) if kind.build is not None else {}
    return {key: one for key, one in options_of(kind.search).items() if key not in own}


def system_keys(kind: IndexKind) -> dict[str, Option]:
    """Return every key of a system with an index of a kind."""
    own = options_of(IndexKeys)
    if kind.sources == ("collection",):
        own = {key: one for key, one in own.items() if key != "tokens"}
    return {**searched(kind), **(options_of(kind.build) if kind.build is not None else {}), **own}


def search_values(kind: IndexKind, system: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a system says of its search, at its top and in its table ``search``."""
    top = {key: value for key, value in system.items() if key in searched(kind) and key != "name"}
    table = system.get(SEARCH_TABLE)
    return {**top, **(table if isinstance(table, dict) else {})}


def build_values(kind: IndexKind, system: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a system says of the build of its index."""
    own = options_of(kind.build) if kind.build is not None else {}
    return {key: value for key, value in system.items() if key in own}
