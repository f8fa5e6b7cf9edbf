"""Imports of several collections at once: folders of folders, data sets of Hugging Face, and what takes one collection."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.group import CollectionGroup
from intrex.data.importers.sources import import_collection
from intrex.data.store.manifest import read_manifest, verify_artifact
from tests.conftest import Said, contents

FORUMS = ("android", "english", "gis")


def write_beir(folder: Path, name: str, judged: str = "d1") -> None:
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(
        "".join(
            json.dumps({"_id": f"d{i}", "title": name, "text": f"text {i} of {name}"}) + "\n"
            for i in range(4)
        )
    )
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "text"}\n{"_id": "q2", "text": "2"}\n')
    (folder / "qrels/test.tsv").write_text(f"query-id\tcorpus-id\tscore\nq1\t{judged}\t1\nq2\td2\t2\n")


@pytest.fixture
def forums(tmp_path: Path) -> Path:
    """A folder as CQADupStack's is, unpacked."""
    for name in FORUMS:
        write_beir(tmp_path / "forums" / name, name)
    (tmp_path / "forums/README.txt").write_text("twelve of them, in truth")
    return tmp_path / "forums"


def test_each_is_what_it_would_be_alone(forums: Path, tmp_path: Path) -> None:
    group = import_collection(forums, tmp_path / "out")
    assert isinstance(group, CollectionGroup) and group.name == "forums" and list(group.paths) == list(FORUMS)
    alone = import_collection(forums / "gis", tmp_path / "alone")
    assert isinstance(alone, Collection)
    member = Collection.open(group.paths["gis"])
    assert (member.fingerprint, member.name) == (alone.fingerprint, "forums/gis")
    assert group.manifest.params["collections"] == {
        n: Collection.open(p).fingerprint for n, p in group.paths.items()
    }
    verify_artifact(group.path)
    verify_artifact(group.paths["gis"])
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    again = import_collection(forums, tmp_path / "again")
    assert contents(tmp_path / "out") == contents(tmp_path / "again") and again.manifest == group.manifest


def test_a_changed_collection_is_another_group_and_damage_is_found(forums: Path, tmp_path: Path) -> None:
    before = import_collection(forums, tmp_path / "out").manifest
    with (forums / "gis/queries.jsonl").open("a") as stream:
        stream.write('{"_id": "q3", "text": "more"}\n')
    assert (
        import_collection(forums, tmp_path / "out", overwrite=True).manifest.collection != before.collection
    )
    (tmp_path / "out/english/qrels/test.tsv").write_text("gone")
    with pytest.raises(BadInput, match=r"damaged: english/qrels/test\.tsv has 4 bytes"):
        CollectionGroup.open(tmp_path / "out")


def test_a_kill_between_two_collections_keeps_the_first(
    forums: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = import_collection(forums, tmp_path / "whole", name="f")

    def stop(*_: int) -> None:
        """Stop as a signal would, when the second collection has been read."""
        if Path(hidden() / "android").is_dir():
            raise KeyboardInterrupt

    def hidden() -> Path:
        return next(tmp_path.glob(".out.*.building"))

    with pytest.raises(KeyboardInterrupt):
        import_collection(forums, tmp_path / "out", name="f", progress=stop)
    first = (hidden() / "android/collection.json").stat()
    assert not (tmp_path / "out").exists()
    assert import_collection(forums, tmp_path / "out", name="f").manifest == whole.manifest
    after = (tmp_path / "out/android/collection.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole") and not list(tmp_path.glob(".out.*"))


def test_faults_of_one_leave_nothing_of_any(forums: Path, tmp_path: Path) -> None:
    (forums / "gis/qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tnone\t1\n")
    with pytest.raises(BadInput, match=r"qrels/test\.tsv:2"):
        import_collection(forums, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["forums"]
    kept = import_collection(forums, tmp_path / "out", allow_unknown=True)
    assert len(kept.paths) == 3
    with pytest.raises(UsageError, match="forums holds 3 collections: android, english, gis"):
        import_collection(
            forums,
            tmp_path / "o",
            qrels={"test": forums / "gis/qrels/test.tsv"},
            queries=forums / "gis/queries.jsonl",
        )


def test_what_is_one_collection_stays_one(forums: Path, tmp_path: Path) -> None:
    (forums / "english/corpus.jsonl").unlink()
    (forums / "gis/corpus.jsonl").unlink()
    with pytest.raises(BadInput, match="no corpus in the folder itself") as caught:
        import_collection(forums, tmp_path / "out")
    assert caught.value.hint == f"there is one in {forums / 'android'}; import that folder"
    write_beir(tmp_path / "whole", "whole")
    write_beir(tmp_path / "whole/more", "more")
    write_beir(tmp_path / "whole/further", "further")
    assert isinstance(import_collection(tmp_path / "whole", tmp_path / "one"), Collection)


def test_a_group_in_a_group_is_refused(forums: Path, tmp_path: Path) -> None:
    for name in ("arguana", "fiqa"):
        write_beir(tmp_path / "beir" / name, name)
    forums.rename(tmp_path / "beir/cqadupstack")
    with pytest.raises(BadInput, match="cqadupstack holds collections itself") as caught:
        import_collection(tmp_path / "beir", tmp_path / "out")
    assert "as a group of its own" in caught.value.hint


def write_hugging_face(folder: Path, split: str, name: str) -> None:
    """As NanoBEIR's repositories are: relevant documents without grades."""
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    tables = {
        "corpus": {"_id": ["d1", "d2", "d3"], "text": [f"{name} one", "two", "three"]},
        "queries": {"_id": ["q1", "q2"], "text": ["one", "two"]},
        "qrels": {"query-id": ["q1", "q2", "q2"], "corpus-id": ["d1", "d2", "d3"]},
    }
    for part, columns in tables.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        parquet.write_table(arrow.table(columns), folder / part / f"{split}-00000-of-00001.parquet")


@pytest.mark.parametrize(("layout", "query_set"), [("folders", "train"), ("splits", "test")])
def test_data_sets_of_hugging_face(
    layout: str, query_set: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """NanoBEIR's thirteen are a repository each, or one whose splits are the sets."""
    names = [f"Nano{i:02}" for i in range(13)]
    for name in names:
        folder = tmp_path / "nano" / (name if layout == "folders" else "")
        write_hugging_face(folder, "train" if layout == "folders" else name, name)
    (tmp_path / "nano/README.md").write_text("a card")
    with caplog.at_level("INFO", logger="intrex"):
        group = import_collection(tmp_path / "nano", tmp_path / "out")
    assert list(group.paths) == names
    assert sum("has no grades: each judgement counts as grade 1" in r.message for r in caplog.records) == 13
    for name, path in group.paths.items():
        collection = Collection.open(path)
        assert next(collection.documents()).text == f"{name} one"
        assert collection.qrels(query_set).to_dict() == {"q1": {"d1": 1}, "q2": {"d2": 1, "d3": 1}}


def test_splits_that_are_parts_are_one_collection(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_hugging_face(tmp_path / "one", split, split)
    with pytest.raises(
        BadInput, match="occurred before"
    ):  # both splits have a d1: they were read as one corpus
        import_collection(tmp_path / "one", tmp_path / "out")


def test_commands_say_that_one_collection_is_needed(
    forums: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex: Callable[[str], Said]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = intrex("collection import forums f")
    assert said.code == 0 and "f: a group of 3 collections" in said.err and "f/gis: 4 documents" in said.err
    refused = "f is a group of 3 collections, one is needed here"
    for line in (
        "index bm25 f i",
        "collection pool f f o",
        "rerank r.txt f:test --with hashing",
        "overlap f:test f:test",
    ):
        said = intrex(line)
        assert said.code == 1 and refused in said.err and "name one of them: f/android" in said.err, line
    assert intrex("index bm25 f/gis i").code == 0
    assert "f/android:test, f/english:test, f/gis:test" in intrex("search i f:test").err
    said = intrex("collection info f --format jsonl")
    record = json.loads(said.out)
    assert record["collections"] == 3 and record["documents"] == 12 and record["name"] == "forums"
    assert record["gis"] == "4 documents, 2 queries (test 2)"
    assert record["fingerprint"] == read_manifest(Path("f")).collection
    assert "sound: 15 files of forums" in intrex("collection verify f").err
    assert 'f,here,3 collections,,"android, english, gis"' in intrex("collection list").out
    assert "done already" in intrex("collection import forums f").err
    raw = bytearray(Path("f/gis/corpus.jsonl").read_bytes())
    raw[12] ^= 1
    Path("f/gis/corpus.jsonl").write_bytes(bytes(raw))
    said = intrex("collection verify f")
    assert said.code == 3 and "gis/corpus.jsonl differs from what was written" in said.err


def test_a_recipe_is_of_one_collection(
    forums: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, intrex: Callable[[str], Said]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.toml").write_text(
        'name = "r"\nqueries = "test"\nmeasures = ["AP"]\n[collection]\nimport = "forums"\n[[system]]\nname = "bm25"\nindex = "bm25"\n'
    )
    said = intrex("experiment run r.toml")
    assert said.code == 1 and "forums holds 3 collections, a recipe is of one" in said.err
