"""Packages and files that the stages of a recipe need, asked for before the first of them runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from intrex.data.locate import read_id_file
from intrex.data.options import options_of
from intrex.data.store.manifest import read_manifest
from intrex.encoders.training.trainer import check_packages
from intrex.eval.pipelines.experiment.stages import Stage
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.fusion.ranx import require_engine
from intrex.retrievers.options import INDEXES
from intrex.retrievers.rerank.options import OUTSIDE, RerankOptions
from intrex.retrievers.rerank.scorer import open_scorer
from intrex.retrievers.vectors.options import AnnConfig


def check_needs(stages: Iterable[Stage]) -> None:
    """Ask for what a stage would miss after those before it ran.

    Args:
        stages: those that are to run; one that is done needs nothing.

    Raises:
        MissingExtra: an optional package is not installed.
        UsageError: there is no program of a scorer, or its key is not in the environment.
        BadInput: the file of ids that a search is of is not there, or is none; or the index that it begins with.
    """
    for stage in stages:
        if stage.kind == "train":
            check_packages()
        if stage.kind == "search" and "within" in stage.params:
            read_id_file(Path(stage.params["within"]))
        if stage.kind == "rerank" and str(stage.params.get("with", "")).startswith(OUTSIDE):
            declared = options_of(RerankOptions)
            with open_scorer(RerankOptions.read({k: v for k, v in stage.params.items() if k in declared})):
                pass  # a program is started, and a server called, with the first pairs
        if stage.kind == "search" and "first_stage" in stage.params:
            read_manifest(Path(stage.params["first_stage"]), rebuild="intrex index KIND COLLECTION OUT")
        if stage.kind == "fuse":
            require_engine(FuseOptions.read({k: v for k, v in stage.params.items() if k != "tag"}))
        build = INDEXES.load(stage.kind).build if stage.kind in INDEXES else None
        if build is not None and issubclass(build, AnnConfig) and "engine" in stage.params:
            AnnConfig(engine=stage.params["engine"]).require_engine()
