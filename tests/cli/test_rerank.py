"""``intrex rerank --with``: the run it writes, what it says, and what it refuses."""

from pathlib import Path

import pytest

from tests.conftest import write_beir

RUN = "".join(
    f"{q} Q0 {d} {r} {9 - r} bm25\n" for q in ("q1", "q2", "q3") for r, d in enumerate(("d1", "d2", "d3"), 1)
)


@pytest.fixture
def folder(tmp_path, monkeypatch, intrex) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path / "cache"))
    write_beir(tmp_path / "beir")
    Path("a.txt").write_text(RUN)
    assert intrex("collection import beir c").code == 0
    return tmp_path


def test_by_an_encoder_as_by_its_index(folder, intrex):
    assert intrex("index dense c d --encoder hashing:32").code == 0
    assert intrex("rerank a.txt c:test --index d -o i.txt --tag t").code == 0
    said = intrex("rerank a.txt c:test --with hashing:32 -o w.txt --tag t")
    assert said.code == 0 and "were in" not in said.err
    assert Path("w.txt").read_text() == Path("i.txt").read_text()


def test_by_a_bm25_index_as_it_searches(folder, intrex):
    assert intrex("index bm25 c b").code == 0
    assert intrex("search b c:test -o s.txt --tag t").code == 0
    for door in ("--index b", "--with bm25:b"):
        said = intrex(f"rerank s.txt c:test {door} -o r.txt --tag t --overwrite")
        assert said.code == 0 and Path("r.txt").read_bytes() == Path("s.txt").read_bytes(), said.err
    assert intrex("rerank a.txt c:test --with bm25:b").out.split()[5] == "bm25+b"


def test_a_repeat_takes_all_scores_from_the_cache(folder, intrex):
    assert intrex("rerank a.txt c:test --with hashing -o one.txt").code == 0
    said = intrex("rerank a.txt c:test --with hashing -o two.txt")
    assert "scores of 9 pairs were in" in said.err and "0 were computed" in said.err
    assert Path("one.txt").read_bytes() == Path("two.txt").read_bytes()
    assert "bm25+hashing" in Path("one.txt").read_text()
    assert (folder / "cache" / "scores").is_dir()
    other = intrex("rerank a.txt c:test --with hashing --cache kept --depth 2")
    assert other.code == 0 and Path("kept").is_dir() and len(other.out.splitlines()) == 6
    assert intrex("rerank a.txt c:test --with hashing:8 --no-cache").code == 0
    assert len(list((folder / "cache" / "scores").iterdir())) == 1


def test_queries_of_a_file_need_the_collection(folder, intrex):
    Path("q.tsv").write_text("q1\tlift\nq2\theat\nq3\tflat\n")
    said = intrex("rerank a.txt q.tsv --with hashing")
    assert said.code == 2 and "add --collection COLLECTION" in said.err
    said = intrex("rerank a.txt q.tsv --with hashing --collection c")
    assert said.code == 0 and len(said.out.splitlines()) == 9


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("a.txt c:test", 2, "an index or a model is needed"),
        ("a.txt c:test --index d --with hashing", 2, "one of the two"),
        ("a.txt c:test --with bm25:nowhere", 1, "not found: nowhere"),
        ("a.txt c:test --with bm25:d", 2, "bm25:d is an index of kind dense"),
        ("a.txt c:test --with bm25:b --dtype int8", 2, "--dtype is for models that intrex loads"),
        ("a.txt c:test --with bm25:b --no-cache", 2, "--no-cache is for models that intrex loads"),
        ("a.txt c:test --index d --cache x", 2, "--cache is for --with"),
        ("a.txt c:test --with hashing --dtype bfloat16", 2, "the hashing encoder has no --dtype"),
        ("a.txt c:test --with ./nowhere", 1, "the model folder does not exist"),
        ("b.txt c:test --with hashing", 1, "document d9 is not in the collection (query q1)"),
    ],
)
def test_what_is_refused(folder, intrex, line, code, words):
    assert intrex("index dense c d --encoder hashing:32").code == 0
    Path("b.txt").write_text(RUN + "q1 Q0 d9 4 1 bm25\n")
    said = intrex(f"rerank {line}")
    assert said.code == code and words in said.err


def test_the_rest_stays_below_in_its_order(folder, intrex):
    """Depth 1: what is below keeps its order whatever the new score is, and `compare` finds all documents of the first run."""
    first = {line.split()[2]: i for i, line in enumerate(RUN.splitlines()) if line.startswith("q1 ")}
    assert intrex("rerank a.txt c:test --with hashing:32 --depth 1 -o cut.txt").code == 0
    assert intrex("rerank a.txt c:test --with hashing:32 --depth 1 --keep-rest -o whole.txt").code == 0
    cut, whole = (
        [line.split() for line in Path(name).read_text().splitlines()] for name in ("cut.txt", "whole.txt")
    )
    assert (
        len(whole) == len(RUN.splitlines()) > len(cut)
        and whole[0][-1] == "bm25+hashing:32(depth=1,keep_rest)"
    )
    of_q1 = [row for row in whole if row[0] == "q1"]
    assert of_q1[0][:5] == cut[0][:5]
    assert [row[2] for row in of_q1] == sorted((row[2] for row in of_q1), key=first.__getitem__)
    scores = [float(row[4]) for row in of_q1]
    assert scores == sorted(set(scores), reverse=True)
