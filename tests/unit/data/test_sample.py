"""Smaller collections: which documents, queries and judgements stay."""

import json
from pathlib import Path

import pytest

from intrex.data.builders.options import SampleOptions
from intrex.data.builders.sample import sample_collection
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.importers.sources import import_collection
from intrex.data.judgedset import Unknown
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from tests.conftest import contents

PLACE = RecordSource("x")


@pytest.fixture
def source(tmp_path: Path) -> Collection:
    """A hundred documents; ten test queries of two judged documents, one absent; two training queries of fifteen."""

    def fill(writer: CollectionWriter) -> None:
        for i in range(100):
            writer.document(f"d{i}", "", f"text {i}", PLACE, {"number": i})
        for i in range(12):
            writer.query(f"q{i}", f"query {i}", PLACE)
        writer.removed("test", 2, 0)
        for i in range(10):
            writer.judgement("test", f"q{i}", f"d{i}", 1, PLACE)
            writer.judgement("test", f"q{i}", f"d{50 + i}" if i < 9 else "gone", 0, PLACE)
        for i in range(10, 40):
            writer.judgement("train", f"q{10 + i % 2}", f"d{i}", 1, PLACE)

    return write_collection(tmp_path / "c", "c", {"source": "test"}, fill, unknown=Unknown.keep)


def ids(collection: Collection) -> list[str]:
    return [document.id for document in collection.documents()]


def test_judged_documents_are_kept_and_chance_fills_up(source: Collection, tmp_path: Path) -> None:
    made = sample_collection(source, tmp_path / "s", SampleOptions(documents=60, keep_judged=True))
    judged = {f"d{i}" for i in range(40)} | {f"d{50 + i}" for i in range(9)}
    assert made.n_documents == 60 and judged <= set(ids(made))
    assert ids(made) == sorted(ids(made), key=lambda i: int(i[1:])), "in the order that they had"
    lines = (made.path / "corpus.jsonl").read_text().splitlines()
    assert set(lines) <= set((source.path / "corpus.jsonl").read_text().splitlines()), "with their metadata"
    assert contents(made.path)["qrels/test.tsv"] == contents(source.path)["qrels/test.tsv"]
    assert (
        made.sets["test"]
        == source.sets["test"]
        == {"queries": 10, "judgements": 20, "unknown": 1, "removed": 2}
    )
    assert (made.name, made.derivation) == ("c-60d", ("sample:documents-60:keep-judged:seed-0",))
    assert len(made.queries()) == 12


def test_judgements_go_with_their_documents_and_are_counted(source: Collection, tmp_path: Path) -> None:
    made = sample_collection(source, tmp_path / "s", SampleOptions(documents=60, seed=5))
    there, judged = set(ids(made)), source.qrels("test").to_dict()
    expected = {q: {d: g for d, g in docs.items() if d in there or d == "gone"} for q, docs in judged.items()}
    assert made.qrels("test").to_dict() == {q: docs for q, docs in expected.items() if docs}
    lost = 20 - sum(map(len, expected.values()))
    gone = sum(not docs for docs in expected.values())
    assert lost > 0 and made.sets["test"].get("removed", 0) == 2 + lost
    assert made.sets["test"].get("removed_queries", 0) == gone
    assert made.sets["test"]["unknown"] == 1, "a judgement on a document that never was there stays"


def test_queries_are_drawn_from_each_set(source: Collection, tmp_path: Path) -> None:
    made = sample_collection(source, tmp_path / "s", SampleOptions(queries=3))
    assert {name: counts["queries"] for name, counts in made.sets.items()} == {"test": 3, "train": 2}
    assert len(made.queries()) == 5 and made.n_documents == 100
    assert made.sets["test"]["judgements"] == 6 and made.sets["test"]["removed"] == 2, "no more than before"
    more = sample_collection(source, tmp_path / "t", SampleOptions(queries=5))
    assert set(made.queries("test").ids) < set(more.queries("test").ids)
    few = sample_collection(source, tmp_path / "u", SampleOptions(queries=3, documents=40, keep_judged=True))
    judged = {d for docs in few.qrels("test").to_dict().values() for d in docs} - {"gone"}
    assert few.n_documents == 40 and judged <= set(ids(few)) and "removed_queries" not in few.sets["test"]


def test_a_seed_gives_the_same_bytes_and_larger_samples_hold_smaller_ones(source: Collection, tmp_path: Path) -> None:  # fmt: skip
    options = SampleOptions(documents=40, seed=1)
    first = sample_collection(source, tmp_path / "a", options)
    assert contents(sample_collection(source, tmp_path / "b", options).path) == contents(first.path)
    assert ids(sample_collection(source, tmp_path / "d", SampleOptions(documents=40, seed=2))) != ids(first)
    assert set(ids(first)) < set(
        ids(sample_collection(source, tmp_path / "e", SampleOptions(documents=70, seed=1)))
    )


def test_refusals(source: Collection, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a sample of what"):
        SampleOptions(keep_judged=True)
    with pytest.raises(UsageError, match="49 documents are judged, 48 are too few"):
        sample_collection(source, tmp_path / "s", SampleOptions(documents=48, keep_judged=True))
    for options in (
        SampleOptions(documents=100),
        SampleOptions(queries=10),
        SampleOptions(documents=200, queries=99),
    ):
        with pytest.raises(BadInput, match="the sample is all of c: 100 documents"):
            sample_collection(source, tmp_path / "s", options)
    with pytest.raises(BadInput, match="no judgement of the set train would be left"):
        sample_collection(source, tmp_path / "s", SampleOptions(documents=1))
    assert not (tmp_path / "s").exists()
    sample_collection(source, tmp_path / "s", SampleOptions(queries=1))
    with pytest.raises(IntrexError, match="the output exists"):
        sample_collection(source, tmp_path / "s", SampleOptions(queries=2))


def test_a_real_collection(shared: Path, tmp_path: Path) -> None:
    source = import_collection(shared / "scifact", tmp_path / "c")
    made = sample_collection(source, tmp_path / "s", SampleOptions(documents=1000, keep_judged=True))
    assert made.sets == source.sets and made.n_documents == 1000
    held = {json.loads(line)["_id"] for line in (made.path / "corpus.jsonl").read_text("utf-8").splitlines()}
    assert {d for docs in source.qrels("test").to_dict().values() for d in docs} <= held
