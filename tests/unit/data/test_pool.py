"""Several collections as one."""

from pathlib import Path

import pytest

from intrex.data.builders.pool import pool_collections
from intrex.data.collection import Collection
from intrex.data.errors import UsageError
from intrex.data.importers.sources import import_collection
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.score import score
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.options import BuildTask, SearchOptions
from tests.conftest import DOCUMENTS, fill, write_collection


def other(folder: Path) -> Collection:
    return write_collection(folder, "other", {"source": "test"}, fill)


def test_ids_sets_and_counts(small: Collection, tmp_path: Path) -> None:
    made = pool_collections([small, other(tmp_path / "other")], tmp_path / "p")
    assert made.name == "small+other"
    documents = list(made.documents())
    assert [d.id for d in documents] == [f"{c}:{i}" for c in ("small", "other") for i in DOCUMENTS]
    assert [(d.title, d.text) for d in documents[:6]] == list(DOCUMENTS.values())
    assert made.sets == {name: {k: 2 * v for k, v in n.items()} for name, n in small.sets.items()}
    judged = made.qrels("test").to_dict()
    assert judged["other:q2"] == {"other:d2": 1, "other:d3": 1, "other:d1": 0}
    again = pool_collections([small, other(tmp_path / "o2")], tmp_path / "p2")
    assert again.fingerprint == made.fingerprint


def test_refusals(small: Collection, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two or more"):
        pool_collections([small], tmp_path / "p")
    with pytest.raises(UsageError, match="two of the collections are named 'small'"):
        pool_collections([small, small], tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_real_collections(shared: Path, tmp_path: Path) -> None:
    """A larger corpus can only add documents in front of the relevant ones, or change idf: recall stays close."""
    parts = [import_collection(shared / n, tmp_path / n) for n in ("adi", "time", "medline")]
    pooled = pool_collections(parts, tmp_path / "p", name="three")
    assert pooled.n_documents == sum(c.n_documents for c in parts)
    index = build_bm25(pooled, BuildTask(tmp_path / "i"))
    found = score(
        pooled.qrels("test"), index.search(pooled.queries("test"), SearchOptions()), parse_measures(["R@100"])
    )
    assert found.means()["R@100"] > 0.8
