"""Keys of a recipe: its own, and those that kinds of indexes, fusion, reranking, training and splits declare."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from intrex.data.builders.options import BuildOptions
from intrex.data.options import Option, Options, declare, option, options_of
from intrex.encoders.training.options import TrainOptions
from intrex.eval.pipelines.training.options import SourceOptions
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.options import IndexKind
from intrex.retrievers.rerank.options import RerankOptions

SEARCH_TABLE = "search"
"""Table of a system that takes every option of the search of its index."""
LONGEST_NAME = 200  # bytes: it becomes a file name, with a suffix


@declare
class RecipeKeys(Options):
    """Keys of the top level."""

    name: str = option(help="Its name.")
    queries: str = option(help="The query set that is searched.")
    train: str | None = option(default=None, help="The training set of a split.")
    split: Mapping[str, Any] | None = option(default=None, help="A protocol and its options.")
    measures: tuple[str, ...] = option(help="As evaluate takes them.")
    groups: str | None = option(default=None, help="Queries that are one observation, as compare takes them.")
    k: int = option(default=1000, low=1, help="Documents for each query.")
    quick: bool = option(
        default=False, help="Its figures are of a shortened recipe, and their signatures say so."
    )
    collection: Mapping[str, Any] = option(help="Where it comes from.")
    system: tuple[dict[str, Any], ...] = option(help="What is compared.")


@declare
class BuildKeys(BuildOptions):
    """Keys of a collection that is made here."""

    build: str = option(help="As collection build takes it.")


@declare
class ImportKeys(Options):
    """Keys of a collection that is imported."""

    source: str = option(key="import", help="As collection import takes it.")


@declare
class SystemKeys(Options):
    """Keys of every system."""

    name: str = option(help="Its name.")
    train: Mapping[str, Any] | None = option(
        default=None, blank=True, help="How it is trained for each fold."
    )


@declare
class IndexKeys(SystemKeys):
    """Keys of a system with an index, beside those that the kind of index declares."""

    index: str = option(help="The kind of index.")
    search: Mapping[str, Any] | None = option(default=None, blank=True, help="How it is searched.")
    tokens: str | None = option(default=None, help="An earlier system that it is built of.")


@declare
class FuseKeys(SystemKeys):
    """Keys of a system that fuses others, beside the options of fusion."""

    fuse: tuple[str, ...] = option(help="Earlier systems.")


@declare
class RerankKeys(SystemKeys):
    """Keys of a system that reranks another, beside the options of reranking."""

    rerank: str = option(help="An earlier system.")


@declare
class SeedKeys(Options):
    """Keys of a table ``train``, beside the options of training."""

    seeds: int = option(default=1, low=1, help="Models of each fold, which differ by the seed.")


ORIGINS = {"build": options_of(BuildKeys), "import": options_of(ImportKeys)}
TOP = options_of(RecipeKeys)
_OF_FOLDS = ("base", "seed", "set", "split")
"""Options of `intrex train` that a recipe says by its systems, its split and ``seeds``."""
_OF_STAGES = ("collection", "cache", "no_cache")
"""Options of `intrex rerank` that a recipe does not have: its collection is its own, and its stages keep scores."""

_OF_TRAINING_QUERIES = ("train_on", "train_runs")
"""Options of `intrex fuse` for methods that learn from queries which a recipe does not search."""


def _without(options: Mapping[str, Option], keys: Container[str]) -> dict[str, Option]:
    return {key: option for key, option in options.items() if key not in keys}


TRAINED = {
    **options_of(SeedKeys),
    **_without({**options_of(TrainOptions), **options_of(SourceOptions)}, _OF_FOLDS),
}
FUSED = {**options_of(FuseKeys), **_without(options_of(FuseOptions), _OF_TRAINING_QUERIES)}
RERANKED = {**options_of(RerankKeys), **_without(options_of(RerankOptions), _OF_STAGES)}


def _build_options(kind: IndexKind) -> dict[str, Option]:
    return options_of(kind.build) if kind.build is not None else {}


def _search_options(kind: IndexKind) -> dict[str, Option]:
    """Return the options of a search that a system says at its top: those that are no options of the build too."""
    return _without(options_of(kind.search), _build_options(kind))


def system_keys(kind: IndexKind) -> dict[str, Option]:
    """Return every key of a system with an index of a kind."""
    top = _without(options_of(IndexKeys), ("tokens",) if kind.sources == ("collection",) else ())
    return {**_search_options(kind), **_build_options(kind), **top}


def search_values(kind: IndexKind, system: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a system says of its search, at its top and in its table ``search``."""
    keys = _without(_search_options(kind), ("name",))
    top = {key: value for key, value in system.items() if key in keys}
    table = system.get(SEARCH_TABLE)
    return {**top, **(table if isinstance(table, dict) else {})}


def build_values(kind: IndexKind, system: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a system says of the build of its index."""
    return {key: value for key, value in system.items() if key in _build_options(kind)}
