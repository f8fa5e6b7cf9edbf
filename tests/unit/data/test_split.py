"""Documents cut into passages: texts, ids, judgements, and what is refused."""

import json
from pathlib import Path

import pytest

from intrex.data.builders.options import SampleOptions, SplitOptions
from intrex.data.builders.pool import pool_collections
from intrex.data.builders.sample import sample_collection
from intrex.data.builders.split import prepare_split, split_collection, unit_cutter
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.importers.sources import import_collection
from intrex.data.judgedset import Unknown
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from tests.conftest import contents

LONG = "one two three four five six seven"
PLACE = RecordSource("x")


def documents_of(collection: Collection) -> list[dict[str, object]]:
    return [json.loads(line) for line in (collection.path / "corpus.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture
def long(tmp_path: Path) -> Collection:
    """A long document with metadata, one of a title alone, an empty one; a judgement on one that is not there."""

    def fill(writer: CollectionWriter) -> None:
        writer.document("d1", "Numbers", LONG, PLACE, {"year": 2001})
        writer.document("d2", "Only a title", "", PLACE)
        writer.document("d3", "", "", PLACE)
        writer.query("q1", "five", PLACE)
        writer.removed("test", 3, 1)
        for document, grade in (("d1", 2), ("d2", 0), ("gone", 1)):
            writer.judgement("test", "q1", document, grade, PLACE)

    return write_collection(tmp_path / "long", "long", {"source": "test"}, fill, unknown=Unknown.keep)


def cut(collection: Collection, out: Path, **options: object) -> Collection:
    chosen = SplitOptions(**options)  # type: ignore[arg-type]
    prepare_split(collection, out, chosen, overwrite=False)
    return split_collection(collection, out, unit_cutter(chosen), chosen)


def test_passages_queries_and_judgements(long: Collection, tmp_path: Path) -> None:
    made = cut(long, tmp_path / "p", size=3, stride=2)
    assert documents_of(made) == [
        {"_id": "d1#0", "title": "Numbers", "text": "one two three", "metadata": {"year": 2001}},
        {"_id": "d1#1", "title": "", "text": "three four five", "metadata": {"year": 2001}},
        {"_id": "d1#2", "title": "", "text": "five six seven", "metadata": {"year": 2001}},
        {"_id": "d2#0", "title": "Only a title", "text": ""},
        {"_id": "d3#0", "title": "", "text": ""},
    ]
    assert made.name == "long-words-3" and made.delimiter == "#"
    assert made.derivation == ("passages:words:3:2",)
    assert contents(made.path)["qrels/test.tsv"] == contents(long.path)["qrels/test.tsv"]
    assert contents(made.path)["queries.jsonl"] == contents(long.path)["queries.jsonl"]
    counts = {"queries": 1, "judgements": 3, "unknown": 1, "removed": 3, "removed_queries": 1}
    assert made.sets == {"test": counts}, "judgements of documents that were cut are not of unknown ones"


def test_titles_in_front_of_every_passage(long: Collection, tmp_path: Path) -> None:
    made = cut(long, tmp_path / "p", size=4, title=True, delimiter="@@", name="mine")
    rows = [(row["_id"], row["title"], row["text"]) for row in documents_of(made)]
    assert rows[:2] == [("d1@@0", "Numbers", "one two three four"), ("d1@@1", "Numbers", "five six seven")]
    assert made.name == "mine" and made.derivation == ("passages:words:4:title",)


def test_the_same_bytes_again(long: Collection, tmp_path: Path) -> None:
    first = cut(long, tmp_path / "p", unit="sentences", size=1)
    assert contents(cut(long, tmp_path / "q", unit="sentences", size=1).path) == contents(first.path)


def test_every_word_of_a_real_collection_is_in_a_passage(shared: Path, tmp_path: Path) -> None:
    source = import_collection(shared / "cranfield", tmp_path / "c")
    for number, options in enumerate(({"size": 40}, {"unit": "sentences", "size": 2, "stride": 1})):
        made = cut(source, tmp_path / f"p{number}", **options)
        parts: dict[str, list[str]] = {}
        for document in made.documents():
            parts.setdefault(document.id.split("#")[0], []).append(document.text)
        for document in source.documents():
            text = " ".join(document.text.split())
            assert all(" ".join(part.split()) in text for part in parts[document.id])
            joined = set(" ".join(parts[document.id]).split())
            assert joined == set(text.split())
        assert {d.id.split("#")[0] for d in made.documents()} == {d.id for d in source.documents()}


def test_refusals(long: Collection, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--stride 4 is more than a passage has"):
        SplitOptions(size=3, stride=4)
    with pytest.raises(UsageError, match="--stride 101 is more"):
        SplitOptions(stride=101)
    with pytest.raises(UsageError, match="tokens are those of a model"):
        SplitOptions(unit="tokens")
    with pytest.raises(UsageError, match="--encoder is for --unit tokens"):
        SplitOptions(encoder="all-MiniLM-L6-v2")
    with pytest.raises(UsageError, match="cannot stand in an id"):
        SplitOptions(delimiter="a b")
    with pytest.raises(BadInput, match=r"the id d1 has the delimiter 1 \(corpus.jsonl:1\)"):
        cut(long, tmp_path / "p", delimiter="1")
    made = cut(long, tmp_path / "p")
    with pytest.raises(BadInput, match="are passages already"):
        cut(made, tmp_path / "pp")
    with pytest.raises(BadInput, match="whose judgements name whole documents"):
        sample_collection(made, tmp_path / "s", SampleOptions(documents=1))
    with pytest.raises(BadInput, match="the documents of long-words-100 are passages"):
        pool_collections([long, made], tmp_path / "both")
    assert not {"pp", "s", "both"} & {path.name for path in tmp_path.iterdir()}


def test_a_pool_keeps_metadata_and_says_what_its_parts_are_of(long: Collection, small: Collection, tmp_path: Path) -> None:  # fmt: skip
    part = sample_collection(small, tmp_path / "s", SampleOptions(queries=1))
    made = pool_collections([long, part], tmp_path / "both")
    assert documents_of(made)[0]["metadata"] == {"year": 2001}
    assert made.derivation == part.derivation == ("sample:queries-1:seed-0",)
