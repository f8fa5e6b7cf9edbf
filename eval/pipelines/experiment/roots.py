"""Modules behind the names that stages load by: kinds of indexes, of encoders, of scorers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from intrex.encoders.options import CROSS, FAMILIES
from intrex.eval.pipelines.experiment.stages import Stage
from intrex.retrievers.options import INDEXES


def index_roots(stage: Stage, earlier: Sequence[Stage]) -> Iterator[str]:
    """Name what the indexes among a stage and those before it are built and searched by, their encoders too."""
    for one in (stage, *earlier):
        if one.kind in INDEXES:
            kind = INDEXES.load(one.kind)
            yield from (*filter(None, (kind.builder, *kind.engines.values())), *kind.code)
            if kind.build is not None:
                yield kind.build.__module__
            if one is not stage:
                yield from (kind.index, kind.search.__module__)
            yield from encoder_roots((kind.encoder,) if kind.encoder else ())


def encoder_roots(families: Iterable[str] = FAMILIES) -> Iterator[str]:
    """Name the encoders of some families, all by default."""
    for family in families:
        for kind in FAMILIES[family].registry.load_all().values():
            yield kind.target


def scorer_roots(stage: Stage, earlier: Sequence[Stage]) -> Iterator[str]:
    """Name what pairs can be scored by: cross-encoders, encoders of every family, and the indexes before a stage."""
    yield CROSS.target
    yield from encoder_roots()
    yield from index_roots(stage, earlier)


def training_roots(stage: Stage, earlier: Sequence[Stage]) -> Iterator[str]:
    """Name the encoders that a model is trained for, and compared with."""
    yield CROSS.target
    yield from encoder_roots()
