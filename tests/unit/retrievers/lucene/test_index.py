"""The Lucene engine: finding Java, refusing what it cannot read, agreeing with pyserini and with the native engine."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, IntrexError, MissingExtra, UsageError
from intrex.data.run import Run
from intrex.retrievers.base import open_index
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.lucene import jvm
from intrex.retrievers.lucene.build import build_lucene
from intrex.retrievers.lucene.options import LuceneSearch
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.postprocess import strictly_falling
from tests.conftest import DOCUMENTS, Said

needs_lucene = pytest.mark.skipif(
    not (find_spec("jnius") and find_spec("pyserini")), reason="needs the extra lucene"
)


def runtime(folder: Path, version: str) -> Path:
    (folder / "lib" / "server").mkdir(parents=True)
    (folder / "lib" / "server" / "libjvm.so").touch()
    (folder / "bin").mkdir()
    (folder / "bin" / "java").touch(mode=0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n', encoding="utf-8")
    return folder


def test_java_home_is_first_and_an_old_one_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = runtime(tmp_path / "old", "17.0.15"), runtime(tmp_path / "new", "22.0.1")
    monkeypatch.setenv("PATH", str(new / "bin"))
    monkeypatch.setenv("JAVA_HOME", str(old))
    assert [j.major for j in jvm.java_homes()][:2] == [17, 22]
    assert jvm.find_java().home == new
    monkeypatch.setenv("JAVA_HOME", str(runtime(tmp_path / "other", "21")))
    assert jvm.find_java().origin == "JAVA_HOME"


def test_without_java_the_hint_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(runtime(tmp_path / "old", "1.8.0_392")))
    monkeypatch.setattr(jvm, "find_spec", lambda name: None)
    with pytest.raises(IntrexError, match=r"Java 21 or later, found: 1.8.0_392 \(JAVA_HOME\)") as caught:
        jvm.find_java()
    assert "pip install 'intrex[lucene]'" in str(caught.value.hint)
    with pytest.raises(MissingExtra, match="pyserini") as missing:
        jvm.start()
    assert missing.value.hint == "pip install 'intrex[lucene]'"


def test_the_jar_was_compiled_from_the_source_beside_it() -> None:
    with zipfile.ZipFile(jvm.HELPER / "bulk.jar") as jar:
        sources = {n: jar.read(n) for n in jar.namelist() if n.endswith(".java")}
    assert sources == {p.name: p.read_bytes() for p in jvm.HELPER.glob("*.java")}, "run make java"


def test_scores_fall_by_the_fewest_steps() -> None:
    scores = np.array([3, 3, 3, np.nextafter(np.float32(3), np.float32(0)), 1, 0, 0, -1, -1], np.float32)
    docs = np.array([b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h", b"i"])
    run = strictly_falling(Run(np.array([b"q", b"r"]), np.array([0, 5, 9]), docs, scores))
    assert (np.diff(run.scores[:5]) < 0).all() and (np.diff(run.scores[5:]) < 0).all()
    assert run.scores[0] == 3 and run.scores[4] == 1 and run.scores[5] == 0 and run.scores[7] == -1
    assert run.scores[3] == np.float32(3) - 3 * (np.float32(3) - scores[3])


@pytest.fixture
def lucene(small: Collection, tmp_path: Path) -> Path:
    pytest.importorskip("pyserini", reason="needs the extra lucene")
    build_lucene(
        small,
        BuildTask(tmp_path / "i"),
        Bm25Build(engine="lucene", store_positions=True, store_docvectors=True, store_raw=True),
    )
    return tmp_path / "i"


def test_the_same_run_as_the_native_engine(small: Collection, lucene: Path, tmp_path: Path) -> None:
    native = build_bm25(small, BuildTask(tmp_path / "n"))
    for k1, b in ((0.9, 0.4), (0, 1), (1.2, 0.75)):
        native = build_bm25(small, BuildTask(tmp_path / "n", overwrite=True), Bm25Build(k1=k1, b=b))
        for k in (1, 2, 1000):
            for ties in ("trec_eval", "anserini"):
                ours = native.search(small.queries(), SearchOptions(k=k, ties=ties))
                theirs = open_index(lucene).search(small.queries(), LuceneSearch(k=k, ties=ties, k1=k1, b=b))
                assert list(ours.doc_ids) == list(theirs.doc_ids)
                assert np.array_equal(ours.scores, theirs.scores) and np.array_equal(
                    ours.offsets, theirs.offsets
                )


def test_statistics_leave_the_empty_document_out(lucene: Path) -> None:
    index = open_index(lucene)
    assert index.manifest.params["documents"] == len(DOCUMENTS) - 1
    assert index.manifest.params["empty_documents_left_out"] == 1


def test_an_index_without_manifest_is_searched_and_said_so(
    lucene: Path, small: Collection, tmp_path: Path, intrex: Callable[[str], Said]
) -> None:
    assert intrex(f"search {lucene} {small.path}:test -o {tmp_path}/r1 --tag t").code == 0
    shutil.copytree(lucene, tmp_path / "foreign", ignore=shutil.ignore_patterns("manifest.json"))
    said = intrex(f"search {tmp_path}/foreign {small.path}:test -o {tmp_path}/r2 --tag t")
    assert said.code == 0 and "a Lucene index that intrex did not build, of 5 documents" in said.err
    assert (tmp_path / "r1").read_bytes() == (tmp_path / "r2").read_bytes()
    assert "not built by intrex" in intrex(f"index info {tmp_path}/foreign").out


@pytest.mark.parametrize(("version", "words"), [(5, "too old for Lucene"), (99, "too new for Lucene")])
def test_other_versions_of_lucene_are_refused(lucene: Path, tmp_path: Path, version: int, words: str) -> None:
    shutil.copytree(lucene, tmp_path / "f", ignore=shutil.ignore_patterns("manifest.json"))
    file = next((tmp_path / "f").glob("segments_*"))
    raw = bytearray(file.read_bytes())
    at = raw.index(b"segments") + len(b"segments")  # CodecUtil's header: magic, name, version
    raw[at : at + 4] = version.to_bytes(4, "big")
    file.write_bytes(raw)
    with pytest.raises(BadInput, match=f"not supported, {words}"):
        open_index(tmp_path / "f")


def test_damage_is_an_error_with_a_hint(lucene: Path, tmp_path: Path) -> None:
    shutil.copytree(lucene, tmp_path / "f", ignore=shutil.ignore_patterns("manifest.json", "*.tim"))
    with pytest.raises(BadInput, match="Lucene cannot read the index"):
        open_index(tmp_path / "f")
    next(lucene.glob("*.tim")).unlink()
    with pytest.raises(BadInput, match="damaged"):
        open_index(lucene)


def test_k1_and_b_are_of_the_search_or_of_the_build(
    small: Collection, tmp_path: Path, intrex: Callable[[str], Said]
) -> None:
    build_bm25(small, BuildTask(tmp_path / "n"))
    said = intrex(f"search {tmp_path}/n {small.path}:test --k1 1.2")
    assert said.code == 2 and "intrex index bm25 COLLECTION OUT --k1" in said.err
    said = intrex(f"search {tmp_path}/n {small.path}:test --tie-order ascending")
    assert said.code == 2 and "--tie-order is 'ascending'" in said.err
    said = intrex(f"index bm25 {small.path} {tmp_path}/x --store-docvectors")
    assert said.code == 2 and "--engine lucene" in said.err
    said = intrex(f"index bm25 {small.path} {tmp_path}/x --engine tantivy")
    assert said.code == 2 and "--engine is 'tantivy'" in said.err


@needs_lucene
def test_stdout_is_the_run_alone(lucene: Path, small: Collection) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "intrex.cli", "search", str(lucene), f"{small.path}:test", "--k", "1"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert said.returncode == 0 and said.stderr == ""
    assert [line.split()[0] for line in said.stdout.splitlines()] == ["q1", "q2", "q3"]


def test_k_below_one(lucene: Path, small: Collection) -> None:
    with pytest.raises(UsageError, match="--k is 0, needed"):
        open_index(lucene).search(small.queries(), SearchOptions(k=0))


def test_many_documents_multiple_shards(tmp_path: Path) -> None:
    """Several threads and files, equal scores by the hundred, k from few to many: as the native engine."""
    pytest.importorskip("pyserini", reason="needs the extra lucene")
    from intrex.data.writer import CollectionWriter, RecordSource, write_collection

    def fill(writer: CollectionWriter) -> None:
        for i in range(12_000):
            words = ["wing"] * (i % 7) + ["flow"] * (i % 11 == 0) + ["heat"] * (i % 501 == 0)
            writer.document(f"d{i}", "", " ".join(words), RecordSource("corpus", i))
        for i, text in enumerate(["wing", "flow heat", "heat wing flow", "heat"]):
            writer.query(f"q{i}", text, RecordSource("queries", i))
        writer.judgement("test", "q0", "d1", 1, RecordSource("qrels"))

    collection = write_collection(tmp_path / "c", "c", {"source": "test"}, fill)
    lucene = build_lucene(collection, BuildTask(tmp_path / "l"), Bm25Build(engine="lucene", threads=2))
    native = build_bm25(collection, BuildTask(tmp_path / "n"))
    for k in (1, 7, 200, 100_000):
        for ties in ("trec_eval", "anserini"):
            ours = native.search(collection.queries(), SearchOptions(k=k, ties=ties))
            theirs = lucene.search(collection.queries(), SearchOptions(k=k, ties=ties, threads=3))
            assert np.array_equal(ours.doc_ids, theirs.doc_ids) and np.array_equal(ours.scores, theirs.scores)
