"""Indexes that Anserini wrote otherwise than intrex does: an id twice, vectors in place of text."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intrex.data.arrays import Rows
from intrex.retrievers.lucene import jvm
from intrex.retrievers.lucene.bridge import Hits
from intrex.retrievers.lucene.repeats import best_of_each_id
from tests.conftest import Said

IDS = np.array([b"a", b"b", b"a", b"c", b"b", b"a"])


def hits_of(rankings: list[list[int]]) -> Callable[[int], Hits]:
    """A search whose rankings are known."""

    def call(k: int) -> Hits:
        found = [ranking[:k] for ranking in rankings]
        docs = np.array([doc for ranking in found for doc in ranking], np.int64)
        return np.array([len(f) for f in found]), docs, -docs.astype(np.float32)

    return call


@pytest.mark.parametrize(
    ("k", "docs", "left_out"),
    [
        (1, [0, 3], 0),
        (2, [0, 4, 3, 1], 1),  # the first query is searched again, deeper
        (3, [0, 4, 3, 3, 1, 5], 1),
        (9, [0, 4, 3, 3, 1, 5], 4),
    ],
)
def test_the_best_row_of_each_id_counts(k: int, docs: list[int], left_out: int) -> None:
    def gather(rows: Rows) -> np.ndarray:
        return IDS[rows]

    search = hits_of([[0, 2, 4, 3, 5, 1], [], [3, 1, 5]])
    (sizes, kept, scores), count = best_of_each_id(k, len(IDS), gather, search)
    assert kept.tolist() == docs and scores.tolist() == [-doc for doc in docs]
    assert sizes.tolist() == [min(k, 3), 0, min(k, 3)] and sizes.sum() == len(docs)
    assert count == (3 if k == 9 else left_out)


def anserini(name: str, *words: str) -> None:
    """Run one of Anserini's indexers."""
    autoclass = jvm.start()
    arguments = autoclass(f"io.anserini.index.{name}$Args")()
    autoclass("org.kohsuke.args4j.CmdLineParser")(arguments).parseArgument(*words, "-threads", "1", "-quiet")
    autoclass(f"io.anserini.index.{name}")(arguments).run()


@pytest.fixture
def queries(tmp_path: Path) -> Path:
    pytest.importorskip("pyserini", reason="needs the extra lucene")
    (tmp_path / "in").mkdir()
    (tmp_path / "q.tsv").write_text("q1\tcat\n")
    return tmp_path / "q.tsv"


def test_a_document_id_twice_is_in_the_run_once(
    queries: Path, intrex: Callable[[str], Said], caplog: pytest.LogCaptureFixture
) -> None:
    folder = queries.parent
    texts = {"d1": "cat sat", "d2": "dog cat ran fast here"}
    lines = [f'{{"id": "{name}", "contents": "{text}"}}\n' for name, text in texts.items()]
    (folder / "in" / "t.jsonl").write_text("".join(lines) + '{"id": "d1", "contents": "cat bird fish"}\n')
    anserini(
        "IndexCollection", "-collection", "JsonCollection", "-generator", "DefaultLuceneDocumentGenerator",
        "-input", str(folder / "in"), "-index", str(folder / "i"),
    )  # fmt: skip
    with caplog.at_level(logging.INFO, "intrex"):
        assert intrex(f"search {folder}/i {queries} -o {folder}/r.txt").code == 0
    assert "the best row of each counts, 1 hit was left out" in caplog.text
    documents = [line.split()[2] for line in (folder / "r.txt").read_text().splitlines()]
    assert documents == ["d1", "d2"]
    assert intrex(f"search {folder}/i {queries} --k 2 -o {folder}/r2.txt --tag i").code == 0
    assert (folder / "r2.txt").read_bytes() == (folder / "r.txt").read_bytes()


@pytest.mark.parametrize(
    ("indexer", "words", "content"),
    [
        ("IndexHnswDenseVectors", "", "holds vectors of 3 dimensions, and no text"),
        ("IndexFlatDenseVectors", "", "holds vectors of 3 dimensions, and no text"),
        ("IndexInvertedDenseVectors", "-encoding fw", "holds dense vectors written as terms, and no text"),
    ],
)
def test_an_index_of_vectors_is_refused(
    queries: Path, intrex: Callable[[str], Said], indexer: str, words: str, content: str
) -> None:
    folder = queries.parent
    (folder / "in" / "v.jsonl").write_text('{"docid": "d1", "vector": [1, 0, 0]}\n')
    generator = f"{'Inverted' if words else ''}DenseVectorDocumentGenerator"
    anserini(
        indexer, "-collection", "JsonDenseVectorCollection", "-generator", generator, *words.split(),
        "-input", str(folder / "in"), "-index", str(folder / "i"),
    )  # fmt: skip
    for command in (f"search {folder}/i {queries} -o -", f"index info {folder}/i"):
        said = intrex(command)
        assert said.code == 1 and content in said.err and "no field contents" in said.err
