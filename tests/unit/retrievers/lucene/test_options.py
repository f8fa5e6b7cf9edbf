"""Languages, fields and feedback of Lucene indexes, from the command line."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.runformats import read_any_run as read_run
from intrex.retrievers.base import open_index
from intrex.retrievers.lucene import jvm
from intrex.retrievers.lucene.bridge import analyzer
from intrex.retrievers.text.analyzer import ANALYZERS, ONLY_LUCENE
from tests.conftest import Said

pytestmark = pytest.mark.skipif(
    not (find_spec("jnius") and find_spec("pyserini")), reason="needs the extra lucene"
)

Intrex = Callable[[str], Said]


def foreign(index: Path, to: Path) -> Path:
    shutil.copytree(index, to, ignore=shutil.ignore_patterns("manifest.json"))
    return to


def test_java_leaves_python_its_stack() -> None:
    script = "from intrex.retrievers.lucene import jvm; jvm.start(); import json; json.loads('[' * 100_000)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "RecursionError" in done.stderr


def test_every_language_that_is_named_has_an_analyzer() -> None:
    thai = jvm.start()("org.apache.lucene.analysis.th.ThaiTokenizer").DBBI_AVAILABLE
    for language in {*ONLY_LUCENE, *ANALYZERS} - {"english", "bigrams"} - (set() if thai else {"th"}):
        assert analyzer(language).getClass().getName().endswith("Analyzer")
    with pytest.raises(UsageError, match="no analyzer for the language 'bigrams'"):
        analyzer("bigrams")


def test_thai_needs_a_whole_jdk() -> None:
    if jvm.start()("org.apache.lucene.analysis.th.ThaiTokenizer").DBBI_AVAILABLE:
        assert analyzer("th").getClass().getName().endswith("ThaiAnalyzer")
    else:
        with pytest.raises(Exception, match="does not know where Thai words end"):
            analyzer("th")


def test_queries_get_the_analyzer_of_the_index(small: Collection, tmp_path: Path, intrex: Intrex) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path}/ja --engine lucene --language ja").code == 0
    assert (
        "analyzer,org.apache.lucene.analysis.ja.JapaneseAnalyzer" in intrex(f"index info {tmp_path}/ja").out
    )
    index = open_index(tmp_path / "ja")
    assert index.terms(["東京都に行く"]) == [["東京", "都", "行く"]]  # type: ignore[attr-defined]
    said = intrex(f"search {tmp_path}/ja {small.path}:test --language en")
    assert said.code == 2 and "built for the language 'ja', not 'en'" in said.err
    native = intrex(f"index bm25 {small.path} {tmp_path}/n")
    assert native.code == 0 and intrex(f"search {tmp_path}/n {small.path}:test --language en").code == 0
    assert (
        "built for the language 'english', not 'ja'"
        in intrex(f"search {tmp_path}/n {small.path}:test --language ja").err
    )


def test_language_of_an_index_that_does_not_say_it(small: Collection, tmp_path: Path, intrex: Intrex) -> None:
    intrex(f"index bm25 {small.path} {tmp_path}/de --engine lucene --language de")
    other = foreign(tmp_path / "de", tmp_path / "f")
    said = intrex(f"search {other} {small.path}:test -o {tmp_path}/r1 --language de --tag t")
    assert said.code == 0 and "queries get Anserini's analysis of 'de'" in said.err
    intrex(f"search {tmp_path}/de {small.path}:test -o {tmp_path}/r2 --tag t")
    assert (tmp_path / "r1").read_bytes() == (tmp_path / "r2").read_bytes()
    said = intrex(f"search {other} {small.path}:test -o {tmp_path}/r3 --tag t")
    assert "analysis of 'en' (--language)" in said.err
    assert (tmp_path / "r3").read_bytes() != (tmp_path / "r2").read_bytes()  # wings, wing: other stems
    said = intrex(f"search {other} {small.path}:test --language xx")
    assert (
        said.code == 2
        and "has no analyzer for the language 'xx'" in said.err
        and "it has: ar, bn" in said.err
    )


def test_fields(small: Collection, tmp_path: Path, intrex: Intrex) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path}/i --engine lucene --fields title").code == 0
    search = f"search {tmp_path}/i {small.path}:test -o {tmp_path}/r --overwrite"
    assert intrex(search).code == 0
    assert "q1" in read_run(tmp_path / "r").to_dict() and "d1" in read_run(tmp_path / "r").to_dict()["q1"]
    assert intrex(f"{search} --fields title=1").code == 0
    assert {q: set(docs) for q, docs in read_run(tmp_path / "r").to_dict().items()} == {
        "q1": {"d1"}, "q3": {"d3"}
    }  # fmt: skip
    assert intrex(f"{search} --fields title=2.0,contents=1").code == 0
    both = read_run(tmp_path / "r").to_dict()
    assert set(both) == {"q1", "q2", "q3"}
    said = intrex(f"{search} --fields body=1")
    assert said.code == 2 and "no field 'body'" in said.err and "contents, title" in said.err
    said = intrex(f"index bm25 {small.path} {tmp_path}/x --engine lucene --fields body")
    assert said.code == 2 and "documents have no field 'body'" in said.err


def test_feedback_needs_document_vectors(small: Collection, tmp_path: Path, intrex: Intrex) -> None:
    build = f"index bm25 {small.path} {tmp_path}/i --engine lucene --overwrite"
    assert intrex(build).code == 0
    said = intrex(f"search {tmp_path}/i {small.path}:test --rm3")
    assert said.code == 1 and "keeps no document vectors" in said.err and "--store-docvectors" in said.err
    assert intrex(f"{build} --store-docvectors").code == 0
    assert intrex(f"index bm25 {small.path} {tmp_path}/n").code == 0
    for flags in (
        "--rm3 --rm3-fb-docs 2",
        "--rocchio --rocchio-use-negative",
        "--bm25-prf --bm25-prf-fb-docs 3",
    ):
        for engine in ("i", "n"):
            line = f"search {tmp_path}/{engine} {small.path}:test -o {tmp_path}/r.{engine} {flags} --tag t --overwrite"
            assert intrex(line).code == 0
        assert (tmp_path / "r.i").read_bytes() == (tmp_path / "r.n").read_bytes()
    said = intrex(f"parity bm25 {small.path} --set test --rm3 --rm3-fb-docs 51")
    assert said.code == 2 and "at most 50 documents" in said.err


def test_vectors_of_an_index_that_intrex_did_not_build(
    small: Collection, tmp_path: Path, intrex: Intrex
) -> None:
    intrex(f"index bm25 {small.path} {tmp_path}/i --engine lucene --store-docvectors")
    other = foreign(tmp_path / "i", tmp_path / "f")
    assert intrex(f"search {other} {small.path}:test -o {tmp_path}/r --rm3").code == 0
    with pytest.raises(BadInput, match="Lucene cannot read"):
        next(other.glob("*.tvd")).unlink()
        open_index(other)
