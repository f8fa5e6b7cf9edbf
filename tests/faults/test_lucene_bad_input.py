"""Lucene and what it cannot read or write: a full disk, damaged indexes, huge documents, empty queries."""

import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, IntrexError
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.base import open_index
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.lucene import indexer
from intrex.retrievers.lucene.build import build_lucene
from intrex.retrievers.lucene.options import LuceneSearch
from intrex.retrievers.options import BuildTask, SearchOptions
from tests.conftest import DOCUMENTS, Said
from tests.faults.test_disk import limited
from tests.support.feedback import flat_values

pytestmark = pytest.mark.skipif(
    not (find_spec("jnius") and find_spec("pyserini")), reason="needs the extra lucene"
)


def corpus(folder: Path, texts: list[str]) -> Collection:
    def fill(writer: CollectionWriter) -> None:
        for i, text in enumerate(texts):
            writer.document(f"d{i}", "", text, RecordSource("corpus", i))
        writer.query("q", "wing", RecordSource("queries", 1))
        writer.judgement("test", "q", "d0", 1, RecordSource("qrels"))

    return write_collection(folder, "c", {"source": "test"}, fill)


@pytest.mark.parametrize("size", [100, 40_000])
def test_indexing_on_a_full_disk(tmp_path: Path, size: int) -> None:
    """Anserini logs that nothing could be written and ends as if all were well."""
    collection = corpus(tmp_path / "c", [f"wing{i} lift{i % 7} " + "drag " * (i % 50) for i in range(3000)])
    said = limited(
        size, "index", "bm25", str(collection.path), str(tmp_path / "i"),
        "--engine", "lucene", "--store-raw", "--store-docvectors",
    )  # fmt: skip
    assert said.returncode == 1 and "File too large" in said.stderr and "hint: free some space" in said.stderr
    assert "Traceback" not in said.stderr and "\tat " not in said.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def test_what_anserini_wrote_is_told_by_its_innermost_cause() -> None:
    trace = "java.lang.RuntimeException: outer\n\tat x\nCaused by: java.io.IOException: inner\n\tat y\n"
    error = indexer._failure("Anserini indexed 1 of 2 documents", trace)
    assert isinstance(error, IntrexError)
    assert error.message == "Anserini indexed 1 of 2 documents: java.io.IOException: inner"
    full = indexer._failure("x", f"java.io.IOException: {os.strerror(28)}")
    assert isinstance(full, OSError) and full.errno == 28
    memory = indexer._failure("x", "java.lang.OutOfMemoryError: Java heap space")
    assert isinstance(memory, IntrexError) and "-Xmx" in str(memory.hint)


def test_a_document_of_50_mb(tmp_path: Path) -> None:
    collection = corpus(tmp_path / "c", ["wing " + "aerodynamically " * 3_200_000, "wing"])
    index = build_lucene(collection, BuildTask(tmp_path / "i"))
    assert index.manifest.params["tokens"] == 3_200_002
    assert set(index.search(collection.queries(), SearchOptions()).to_dict()["q"]) == {"d0", "d1"}


def test_k_over_the_corpus_and_queries_of_stop_words(small: Collection, tmp_path: Path) -> None:
    index = build_lucene(small, BuildTask(tmp_path / "i"), Bm25Build(engine="lucene", store_docvectors=True))
    queries = Queries(["a", "b", "c"], ["of the and", "", "boundary"])
    found = index.search(queries, SearchOptions(k=10**9)).to_dict()
    assert list(found) == ["c"] and len(found["c"]) <= len(DOCUMENTS)
    from intrex.retrievers.prf.bm25prf import BM25PRF
    from intrex.retrievers.prf.rm3 import RM3
    from intrex.retrievers.prf.rocchio import Rocchio

    for method in (RM3(), Rocchio(use_negative=True), BM25PRF()):
        options = LuceneSearch(k=10**9, **flat_values(method))
        assert list(index.search(queries, options).to_dict()) == ["c"]


def test_stop_words_only_are_said_once(
    small: Collection, tmp_path: Path, intrex: Callable[[str], Said]
) -> None:
    build_lucene(small, BuildTask(tmp_path / "i"))
    (tmp_path / "q.tsv").write_text("1\tof the\n2\tand\n3\twing\n", encoding="utf-8")
    said = intrex(f"search {tmp_path}/i {tmp_path}/q.tsv -o {tmp_path}/r")
    assert said.code == 0 and said.err.count("found nothing") == 1 and "2 of 3 queries" in said.err


@pytest.mark.parametrize("part", ["empty", "half", "less"])
def test_a_truncated_index_is_an_error_with_a_hint(small: Collection, tmp_path: Path, part: str) -> None:
    """Each file of an index that intrex did not build, cut off."""
    index = build_lucene(
        small, BuildTask(tmp_path / "i"), Bm25Build(engine="lucene", store_docvectors=True)
    ).path
    for file in sorted(index.glob("*")):
        if file.name == "manifest.json":
            continue
        shutil.copytree(index, tmp_path / "f", ignore=shutil.ignore_patterns("manifest.json"))
        size = file.stat().st_size
        os.truncate(tmp_path / "f" / file.name, {"empty": 0, "half": size // 2, "less": size - 1}[part])
        with pytest.raises(BadInput, match=r"Lucene cannot read the index|Lucene failed") as caught:
            open_index(tmp_path / "f").search(small.queries(), SearchOptions())
        assert "intrex index bm25" in str(caught.value.hint), file.name
        shutil.rmtree(tmp_path / "f")


def test_a_folder_with_nothing_but_a_segments_file(tmp_path: Path, small: Collection) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "segments_1").write_bytes(b"not Lucene's")
    with pytest.raises(BadInput, match=r"not supported, too old for Lucene .*, or damaged"):
        open_index(tmp_path / "f")
