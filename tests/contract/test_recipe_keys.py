"""What a command can be asked, a recipe can say: the two lists side by side."""

import pytest

from intrex.data.options import options_of
from intrex.encoders.training.options import TrainOptions
from intrex.eval.pipelines.experiment.keys import FUSED, RERANKED, SEARCH_TABLE, TRAINED, system_keys
from intrex.eval.pipelines.training.options import SourceOptions
from intrex.eval.splits.options import PROTOCOLS
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.options import index_kinds
from intrex.retrievers.rerank.options import RerankOptions

ELSEWHERE = {
    "fuse": {
        "train_on": "a recipe does not search training queries",
        "train_runs": "a recipe does not search training queries",
    },
    "train": {
        "base": "the system's encoder, or with",
        "set": "the recipe's train",
        "split": "the recipe's split, fold by fold",
        "seed": "seeds: one model for each of 0, 1, ...",
    },
    "rerank": {
        "collection": "the recipe's own",
        "cache": "scores are kept in the stage",
        "no_cache": "scores are kept in the stage",
    },
}
"""Options of a command that a recipe says by something else."""
KINDS = {name: kind for name, kind in index_kinds().items() if kind.build is not None}


@pytest.mark.parametrize("name", KINDS)
def test_everything_of_an_index_and_its_search(name: str) -> None:
    kind = KINDS[name]
    known = system_keys(kind)
    assert set(options_of(kind.build)) <= set(known)
    searched = set(options_of(kind.search))
    assert SEARCH_TABLE in known, "a table of its own takes every option of a search"
    assert searched - set(known) <= set(options_of(kind.build)), "at the top but for those of the build"
    for key, one in options_of(kind.build).items():
        assert known[key] == one, "one declaration"


def test_everything_of_fusion_reranking_and_training() -> None:
    assert set(options_of(FuseOptions)) - set(FUSED) == set(ELSEWHERE["fuse"])
    assert set(options_of(RerankOptions)) - set(RERANKED) == set(ELSEWHERE["rerank"])
    trained = {**options_of(TrainOptions), **options_of(SourceOptions)}
    assert set(trained) - set(TRAINED) == set(ELSEWHERE["train"])


def test_everything_of_the_splits_of_which_the_folds_are_known() -> None:
    unknown = [name for name, protocol in PROTOCOLS.items() if protocol.folds is None]
    assert unknown == ["shift"], (
        "its folds depend on the queries: intrex split shift, then evaluate --trained-on"
    )
