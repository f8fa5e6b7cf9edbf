"""``intrex search`` with lexical feedback, and ``intrex index bm25 --max-memory``."""

from pathlib import Path

import pytest

from intrex.data.collection import Collection


@pytest.fixture
def index(small: Collection, tmp_path: Path, intrex) -> Path:
    assert intrex(f"index bm25 {small.path} {tmp_path}/i --max-memory 1G").code == 0
    return tmp_path / "i"


@pytest.mark.parametrize(
    "flags",
    [
        "--rm3 --rm3-fb-docs 1 --rm3.fbTerms 2",
        "--rocchio --rocchio.beta 1 --rocchio-use-negative",
        "--bm25-prf --bm25prf.newTermWeight 0.5",
    ],
)
def test_each_method_writes_a_run(index: Path, small: Collection, tmp_path: Path, intrex, flags: str) -> None:
    said = intrex(f"search {index} {small.path}:test -o {tmp_path}/run {flags}")
    assert said.code == 0, said.err
    queries = {line.split()[0] for line in (tmp_path / "run").read_text("utf-8").splitlines()}
    assert queries == {"q1", "q2", "q3"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--rm3 --rocchio", "more than one method of feedback: --rm3, --rocchio"),
        ("--rm3-fb-terms 5", "--rm3-fb-terms is for --rm3"),
        ("--rocchio.alpha 2 --rm3", "--rocchio-alpha is for --rocchio"),
        ("--rm3 --rm3-fb-docs 0", "0 is not in the range"),
    ],
)
def test_what_does_not_fit_is_refused(
    index: Path, small: Collection, intrex, flags: str, message: str
) -> None:
    said = intrex(f"search {index} {small.path}:test {flags}")
    assert (said.code, said.out) == (2, "") and message in said.err


def test_feedback_is_for_bm25_indexes(small: Collection, tmp_path: Path, intrex) -> None:
    assert intrex(f"index dense {small.path} {tmp_path}/d --encoder hashing:16").code == 0
    said = intrex(f"search {tmp_path}/d {small.path}:test --rm3")
    assert said.code == 2 and "--rm3 is for bm25 and lucene indexes, this one is dense" in said.err


def test_an_amount_of_memory(small: Collection, tmp_path: Path, intrex) -> None:
    said = intrex(f"index bm25 {small.path} {tmp_path}/i --max-memory much")
    assert said.code == 2 and "not an amount of memory: 'much'" in said.err


def test_an_index_of_an_older_layout_says_how_to_rebuild_it(index: Path, small: Collection, intrex) -> None:
    from dataclasses import replace

    from intrex.data.store.manifest import read_manifest

    manifest = read_manifest(index)
    older = replace(manifest, params={k: v for k, v in manifest.params.items() if k != "layout"})
    (index / "manifest.json").write_text(older.to_json(), encoding="utf-8")
    said = intrex(f"search {index} {small.path}:test")
    assert said.code == 1 and "another layout" in said.err and "intrex index bm25" in said.err


def test_help_of_an_index_has_the_defaults_of_its_kind(
    index: Path, small: Collection, tmp_path: Path, intrex
) -> None:
    """Lexical and vector feedback share the name --rocchio-alpha, not its default: 1 is Anserini's, .9 pyserini's."""
    assert intrex(f"index dense {small.path} {tmp_path}/d --encoder hashing:16").code == 0
    assert "weight of the query. [default: 1.0]" in intrex(f"search {index} --help").out
    assert "weight of the query. [default: 0.9]" in intrex(f"search {tmp_path}/d --help").out
    everything = " ".join(intrex("search --help-all").out.split())
    assert "By default 1.0 for bm25, lucene; 0.9 for dense, fde, impact, sparse." in everything
