"""Tags that commands give by default, and runs that share one."""

from pathlib import Path

import pytest


@pytest.fixture
def at_home(small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_well) -> Path:
    monkeypatch.chdir(tmp_path)
    all_well("index bm25 small .hidden-1", "index multivector small tokens --encoder hashing:32 --nbits 2")
    Path("c.bm25").symlink_to(".hidden-1")
    Path("out.txt").write_text("q1 d1\n")
    return tmp_path


def tag(path: str) -> str:
    (found,) = {line.split()[5] for line in Path(path).read_text().splitlines()}
    return found


def test_each_search_has_a_tag_of_its_own(at_home: Path, all_well) -> None:
    searches = {
        "c.bm25": "c.bm25",
        "c.bm25 --k 1000 --threads 1 --batch-size 3": "c.bm25",
        "c.bm25 --k 2": "c.bm25(k=2)",
        "c.bm25/ --rm3": "c.bm25+rm3",
        "c.bm25 --rm3 --rm3.fbDocs 2": "c.bm25+rm3(fb_docs=2)",
        "./c.bm25 --rocchio": "c.bm25+rocchio",
        "c.bm25 --bm25-prf": "c.bm25+bm25_prf",
        "c.bm25 --remove-query": "c.bm25(remove_query)",
        "c.bm25 --exclude out.txt": "c.bm25(exclude=out.txt)",
        "c.bm25 --max-passage": "c.bm25(max_passage)",
        "tokens": "tokens",
        "tokens --engine plaid": "tokens+plaid",
        "tokens --engine plaid --ncells 3 --encoder hashing": "tokens+plaid(ncells=3)",
        "tokens --engine native": "tokens",
    }
    for i, (line, expected) in enumerate(searches.items()):
        index, _, options = line.partition(" ")
        all_well(f"search {index} small:test {options} -o {i}.txt")
        assert tag(f"{i}.txt") == expected
    Path("t").symlink_to("tokens")
    all_well(
        "rerank 0.txt small:test --index t -o r.txt", "rerank 3.txt small:test --index t --depth 2 -o d.txt"
    )
    assert (tag("r.txt"), tag("d.txt")) == ("c.bm25+t", "c.bm25+rm3+t(depth=2)")
    all_well("fuse 0.txt 3.txt --rrf-k 30 -o f.txt", "fuse 0.txt 3.txt -o g.txt")
    assert (tag("f.txt"), tag("g.txt")) == ("rrf(rrf_k=30)", "rrf")


def test_a_tag_of_several_runs_names_no_baseline(at_home: Path, intrex, all_well) -> None:
    for name in ("a", "b", "c", "d"):
        all_well(f"search c.bm25 small:test --tag c.bm25 -o {name}.txt")
    all_well("search tokens small:test --tag c.bm25+tokens -o e.txt")
    said = intrex("compare small:test a.txt b.txt c.txt d.txt e.txt --baseline c.bm25")
    assert said.code == 2 and "did you mean" not in said.err
    assert "4 runs have the tag 'c.bm25', so it names no baseline: a.txt, b.txt, c.txt, d.txt" in said.err
    assert "--baseline a.txt" in said.err
    assert intrex("compare small:test a.txt b.txt e.txt --baseline a.txt").code == 0
    said = intrex("compare small:test a.txt e.txt --baseline c.bm25+token")
    assert said.code == 2 and "did you mean c.bm25+tokens?" in said.err
