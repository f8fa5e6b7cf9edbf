"""Packages and files that the stages of a recipe need, asked for before the first of them runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from intrex.data.locate import read_id_file
from intrex.data.store.manifest import read_manifest
from intrex.encoders.training.trainer import check_packages
from intrex.eval.pipelines.experiment.stages import Stage
from intrex.retrievers.fusion.fuse import require_engine
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.options import INDEXES
from intrex.retrievers.vectors.options import AnnConfig


def check_needs(stages: Iterable[Stage]) -> None:
    """Ask for what a stage would miss after those before it ran.

    Args:
        stages: those that are to run; one that is done needs nothing.

    Raises:
        MissingExtra: an optional package is not installed.
        BadInput: the file of ids that a search is of is not there, or is none; or the index that it begins with.
    """
    for stage in stages:
        if stage.kind == "train":
            check_packages()
        if stage.kind == "search" and "within" in stage.params:
            read_id_file(Path(stage.params["within"]))
        if stage.kind == "search" and "first_stage" in stage.params:
            read_manifest(Path(stage.params["first_stage"]), rebuild="intrex index KIND COLLECTION OUT")
        if stage.kind == "fuse":
            require_engine(FuseOptions.read({k: v for k, v in stage.params.items() if k != "tag"}))
        build = INDEXES.load(stage.kind).build if stage.kind in INDEXES else None
        if build is not None and issubclass(build, AnnConfig) and "engine" in stage.params:
            AnnConfig(engine=stage.params["engine"]).require_engine()
