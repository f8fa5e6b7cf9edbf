"""index add, remove and merge: what is refused, what is kept as it is, what is said."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.ids import GONE, IdTable, IdWriter, as_bytes
from intrex.data.store.manifest import read_manifest, verify_artifact
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.base import open_index
from intrex.retrievers.bm25 import change as bm25_change
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.change import add, merge, remove
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.inverted import search as lexical
from intrex.retrievers.options import BuildTask, SearchOptions
from tests.conftest import Said, contents
from tests.unit.retrievers.bm25.test_index import collect

MANY = {f"d{i}": f"word common w{i}" for i in range(100)}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    build_bm25(collect(tmp_path / "c", MANY), BuildTask(tmp_path / "i"))
    return tmp_path / "i"


def ask(index: BM25Index, text: str) -> list[str]:
    run = index.search(Queries(["q"], [text]), SearchOptions(threads=1)).to_dict()
    return list(run.get("q", {}))


def test_files_that_stay_are_linked_and_not_read(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.stat().st_ino for path in (index / "0").iterdir()}
    hashed: list[str] = []
    real = bm25_change.build_artifact.__globals__["file_sha256"]

    def watch(path: Path) -> str:
        hashed.append(f"{path.parent.name}/{path.name}")
        return real(path)

    monkeypatch.setitem(bm25_change.build_artifact.__globals__, "file_sha256", watch)
    opened = BM25Index.open(index)
    add(index, collect(tmp_path / "new", {"n": "word fresh"}))
    remove(index, ["d7"])
    assert {p.name: p.stat().st_ino for p in (index / "0").iterdir() if p.name in before} == before
    assert not [name for name in hashed if name.startswith("0/") and name != "0/df.npy"]
    assert ask(opened, "w7") == ["d7"], "what is open stays as it was"
    assert ask(BM25Index.open(index), "w7 fresh") == ["n"]
    verify_artifact(index)


def test_where_nothing_can_be_linked_files_are_copied(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert ask(remove(index, ["d7"]), "w7 w8") == ["d8"]
    verify_artifact(index)


def test_what_is_there_already_is_named(index: Path, tmp_path: Path) -> None:
    before = contents(index)
    again = collect(tmp_path / "again", {"x": "x", "d3": "word", "d5": "word"})
    with pytest.raises(BadInput, match=r"2 problems.*\n.*'d3' already \(corpus.jsonl:2\)") as caught:
        add(index, again)
    assert "--replace" in str(caught.value.hint)
    assert contents(index) == before
    changed = add(index, again, replace_old=True)
    assert sorted(ask(changed, "w3 w4 x")) == ["d4", "x"] and len(ask(changed, "word")) == 100


def test_unknown_ids_are_counted(index: Path) -> None:
    before = contents(index)
    with pytest.raises(BadInput, match="7 problems"):
        remove(index, ["d1", *(f"z{i}" for i in range(7))])
    with pytest.raises(UsageError, match="no document is named"):
        remove(index, [])
    assert contents(index) == before
    remove(index, ["d1"])
    with pytest.raises(BadInput, match="no document 'd1'"):
        remove(index, ["d1"])


def test_queries_of_every_source_are_accepted(index: Path, tmp_path: Path) -> None:
    other = collect(tmp_path / "other", {"n": "word"})
    with pytest.raises(BadInput, match="another collection"):
        open_index(index, other)
    before = read_manifest(index)
    add(index, other)
    open_index(index, other)
    open_index(index, Collection.open(tmp_path / "c"))
    assert read_manifest(index).collection != before.collection
    with pytest.raises(BadInput, match="another collection"):
        open_index(index, collect(tmp_path / "third", {"m": "word"}))


def test_the_order_of_ties_is_of_all_segments(index: Path, tmp_path: Path) -> None:
    new = collect(tmp_path / "new", {"d05": "common word v", "e": "common word v", "a": "common word v"})
    changed = add(index, new)
    assert len(changed.segments) == 2
    wanted = sorted([*MANY, "d05", "e", "a"], reverse=True)
    assert ask(changed, "common") == wanted
    assert ask(remove(index, ["d10", "e"]), "common") == [d for d in wanted if d not in ("d10", "e")]


def test_a_merge_of_one_whole_segment_changes_nothing(index: Path) -> None:
    before = contents(index)
    merge(index)
    assert contents(index) == before
    remove(index, ["d1"])
    assert len(merge(index).ids) == 99 and sorted(p.name for p in index.iterdir() if p.is_dir()) == ["0"]


def test_segments_with_many_removed_rows_are_written_anew(index: Path) -> None:
    assert remove(index, [f"d{i}" for i in range(25)]).segments[0].record.removed == 25
    found = remove(index, ["d30"])
    assert found.segments[0].record.removed == 0 and len(found.ids) == 74


def test_other_kinds_and_layouts_are_refused(index: Path, tmp_path: Path, small: Collection) -> None:
    build_dense(small, BuildTask(tmp_path / "dense"), make_encoder("hashing:8", EncoderOptions()))
    for path, message in ((tmp_path / "dense", "kind dense"), (small.path, "kind collection")):
        for change in (lambda p: add(p, small), lambda p: remove(p, ["d1"]), merge):
            with pytest.raises(BadInput, match=message):
                change(path)
    manifest = index / "manifest.json"
    old = read_manifest(index)
    old.params["layout"] = 2
    manifest.write_text(old.to_json())
    with pytest.raises(BadInput, match="another layout") as caught:
        merge(index)
    assert caught.value.hint == "intrex index bm25 COLLECTION OUT --overwrite"
    manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 9'))
    with pytest.raises(BadInput, match="schema 9"):
        remove(index, ["d1"])


def test_files_of_others_are_not_lost(index: Path) -> None:
    (index / "notes.txt").write_text("mine")
    with pytest.raises(IntrexError, match=r"not its own: notes\.txt"):
        remove(index, ["d1"])
    assert (index / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder(index: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OSError, match="denied"):
            remove(index, ["d1"])
    finally:
        tmp_path.chmod(0o700)
    verify_artifact(index)


def test_ranks_of_changed_ids(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    names = [f"{n:x}" for n in draw.permutation(300).tolist()]
    writer = IdWriter(tmp_path)
    writer.extend(names)
    writer.close()
    for many, new in ((0, []), (30, ["zz", "0!", "7f!"]), (300, ["q"]), (299, [])):
        table = IdTable(tmp_path)
        before = np.array(table.rank)
        gone = draw.permutation(300)[:many]
        rank = table.updated_ranks(gone, as_bytes(new))
        every = [*names, *new]
        live = [i for i in range(len(every)) if i not in set(gone.tolist())]
        order = sorted(live, key=lambda i: every[i])
        assert [int(rank[i]) for i in order] == list(range(len(live)))
        assert (rank[gone] == GONE).all()
        if not new:
            np.save(tmp_path / "ids.rank.npy", rank)
            found = IdTable(tmp_path).find(as_bytes([*names, "none"]))
            assert found.tolist() == [i if i in set(live) else -1 for i in range(300)] + [-1]
            np.save(tmp_path / "ids.rank.npy", before)


def test_from_the_command_line(index: Path, tmp_path: Path, intrex: Callable[[str], Said]) -> None:
    collect(tmp_path / "new", {"n": "word fresh"})
    said = intrex(f"index add {index} {tmp_path}/new")
    assert said.code == 0 and said.out == "" and "101 documents, 2 segments" in said.err
    (tmp_path / "ids").write_text("d1\n\n d2 \r\n")
    said = intrex(f"index remove {index} --ids {tmp_path}/ids")
    assert said.code == 0 and "99 documents, 2 segments" in said.err and "2 removed, not yet" in said.err
    info = intrex(f"index info {index} --format csv").out
    assert "\nsegments,2\n" in info and "\nremoved documents,2\n" in info and "\ndocuments,99\n" in info
    assert intrex(f"index merge {index}").err.count("99 documents, 1 segment,") == 1
    assert intrex(f"index remove {index} d5 --ids {tmp_path}/ids").code == 2
    (tmp_path / "ids").write_text("a b\n\n")
    assert "(ids:1)" in intrex(f"index remove {index} --ids {tmp_path}/ids").err
    (tmp_path / "ids").write_text("\n")
    assert "no id" in intrex(f"index remove {index} --ids {tmp_path}/ids").err
    assert intrex(f"index remove {index} --ids {tmp_path}/none").code == 1
    assert intrex(f"index add {index} {tmp_path}/none").code == 1
    assert intrex(f"index merge {tmp_path}/none").code == 1


def test_bounds_hold_when_the_mean_length_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long documents that are added lift the scores of short ones, which pruning must not miss.

    Documents with a rare word come first and set the k-th best score. Those with many common words, further on, reach it
    only by what they score now, not by what they scored when their bounds were computed.
    """
    monkeypatch.setattr(lexical, "WINDOW", 512)
    draw = np.random.default_rng(4)
    common = np.array([f"c{i}" for i in range(16)])
    first = {f"r{i}": "rare a b c d e f g" for i in range(6)}
    first |= {f"s{i:04}": " ".join(common[draw.random(16) < 0.5]) for i in range(3_000)}
    first |= {f"t{i}": " ".join(common) for i in range(8)}
    long = {f"l{i}": " ".join(["filler"] * 300) for i in range(900)}
    build_bm25(collect(tmp_path / "c", first), BuildTask(tmp_path / "i"))
    changed = add(tmp_path / "i", collect(tmp_path / "d", long))
    rebuilt = build_bm25(collect(tmp_path / "e", first | long), BuildTask(tmp_path / "j"))
    assert len(changed.segments) == 2
    queries = Queries(
        [f"q{i:02}" for i in range(16)], [" ".join(["rare", *common[:i]]) for i in range(1, 17)]
    )
    for k in (1, 5):
        options = SearchOptions(k=k, threads=1)
        assert changed.search(queries, options).to_dict() == rebuilt.search(queries, options).to_dict()
