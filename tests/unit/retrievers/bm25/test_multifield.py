"""Fields: each has its own postings and statistics; weights as Lucene applies them."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from intrex.cli.common.parameters import spread
from intrex.data.collection import Collection, Queries
from intrex.data.errors import UsageError
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.bm25 import multifield
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.fields import extra_fields, parse_weights
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.bm25.options import Bm25Build, Bm25Search
from intrex.retrievers.options import BuildTask
from tests.conftest import Said, contents

DOCUMENTS = {
    "both": ("Flying dogs", "dogs fly with dogs"),
    "text": ("", "a dog barks"),
    "title": ("dogs alone", ""),
    "blank": ("dogs before blanks", "\u0001 \t"),
    "other": ("cats", "fly dog dog dog"),
}


def collect(folder: Path) -> Collection:
    def fill(writer: CollectionWriter) -> None:
        for i, (id_, (title, text)) in enumerate(DOCUMENTS.items(), 1):
            writer.document(id_, title, text, RecordSource("corpus", i))
        writer.query("q1", "dog", RecordSource("queries", 1))
        writer.judgement("test", "q1", "both", 1, RecordSource("qrels"))

    return write_collection(folder, "toy", {"source": "toy"}, fill)


@pytest.fixture
def index(tmp_path: Path) -> BM25Index:
    return build_bm25(collect(tmp_path / "c"), BuildTask(tmp_path / "i"), Bm25Build(fields=("title",)))


def ask(index: BM25Index, text: str, **boosts: float) -> dict[str, float]:
    run = index.search(Queries(["q"], [text]), Bm25Search(threads=1, fields=boosts))
    return dict(run.to_dict().get("q", {}))


def part(n: int, df: int, tf: int, length: int, avgdl: float) -> float:
    return math.log(1 + (n - df + 0.5) / (df + 0.5)) * tf / (tf + 0.9 * (0.6 + 0.4 * length / avgdl))


def test_by_hand(index: BM25Index) -> None:
    """The documents without text are left out of both fields, as Anserini does."""
    assert {name: (one.documents, one.tokens) for name, one in index.statistics.items()} == {
        "contents": (3, 9),
        "title": (2, 3),
    }
    text = {"both": part(3, 3, 2, 3, 3), "text": part(3, 3, 1, 2, 3), "other": part(3, 3, 3, 4, 3)}
    title = {"both": part(2, 1, 1, 2, 1.5)}
    assert ask(index, "dog") == pytest.approx(text)
    assert ask(index, "dog", title=2.0) == pytest.approx({"both": 2 * title["both"]})
    every = ask(index, "dog", contents=1.0, title=0.5)
    assert every == pytest.approx({**text, "both": text["both"] + 0.5 * title["both"]})
    assert ask(index, "dog", title=0.0) == {"both": 0.0}
    assert ask(index, "cat") == {} and list(ask(index, "cat", title=1)) == ["other"]


def test_one_field_is_title_and_text(tmp_path: Path) -> None:
    index = build_bm25(collect(tmp_path / "c"), BuildTask(tmp_path / "i"))
    assert index.fields == ("contents",)
    assert set(ask(index, "dog")) == set(DOCUMENTS)


def test_batches_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = collect(tmp_path / "c")
    build_bm25(collection, BuildTask(tmp_path / "1"), Bm25Build(fields=("title",)))
    for many in (1, 2):
        monkeypatch.setattr(multifield, "BATCH", many)
        build_bm25(collection, BuildTask(tmp_path / str(many + 1)), Bm25Build(fields=("title",)))
        assert contents(tmp_path / "1") == contents(tmp_path / str(many + 1))
    segment = BM25Index.open(tmp_path / "1").segments[0]
    terms = [segment.postings.term(int(place)).decode() for place in np.argsort(segment.postings.ids)]
    assert terms[:4] == ["dog", "fly", "title\tfly", "title\tdog"]


def test_names_and_weights() -> None:
    assert extra_fields(["contents,title", "title"]) == ("title",)
    assert (
        parse_weights(["contents=1.0,title=0.5"])
        == parse_weights(["contents=1", "title=.5"])
        == {"contents": 1, "title": 0.5}
    )
    for given in (
        ["title"],
        ["title=x"],
        ["title=-1"],
        ["title=nan"],
        ["title=1e39"],
        ["a=1", "a=2"],
        ["=1"],
    ):
        with pytest.raises(UsageError):
            parse_weights(given)
    with pytest.raises(UsageError, match="no field 'body'"):
        extra_fields(["body"])


def test_values_after_one_option() -> None:
    given = ["i", "--fields", "contents=1.0", "title=1.0", "c:test", "--fields=title=2", "a=b"]
    repeated = ["i", "--fields", "contents=1.0", "--fields", "title=1.0", "c:test", "--fields=title=2", "a=b"]
    assert spread(given) == repeated
    assert spread(["--fields", "a=1", "./b=2"]) == ["--fields", "a=1", "./b=2"]


def test_from_the_command_line(tmp_path: Path, intrex: Callable[[str], Said]) -> None:
    collect(tmp_path / "c")
    assert intrex(f"index bm25 {tmp_path}/c {tmp_path}/i --fields title").code == 0
    found = intrex(f"search {tmp_path}/i {tmp_path}/c --fields contents=1.0 title=1.0 --tag t")
    assert found.code == 0 and "note: only" not in found.err
    alike = intrex(f"search {tmp_path}/i {tmp_path}/c --fields contents=1.0,title=1 --tag t")
    assert found.out == alike.out
    plain = intrex(f"search {tmp_path}/i {tmp_path}/c --tag t")
    assert plain.out != found.out and "--fields contents=1.0 title=1.0" in plain.err
    refused = intrex(f"search {tmp_path}/i {tmp_path}/c --fields body=1")
    assert refused.code == 2 and "no field 'body'" in refused.err


def test_a_field_that_no_document_has_is_named(tmp_path: Path, intrex: Callable[[str], Said], caplog) -> None:
    """pyserini's documented way to index a title; the corpus has none."""
    caplog.set_level("INFO", "intrex")
    rows = {"a": ["", ""], "b": ["", "Harbour"], "c": [" ", ""]}
    for name, titles in rows.items():
        lines = (
            f'{{"_id": "d{i}", "title": "{title}", "text": "ferry"}}\n' for i, title in enumerate(titles)
        )
        (tmp_path / f"{name}.jsonl").write_text("".join(lines))
        assert intrex(f"collection import {tmp_path}/{name}.jsonl {tmp_path}/{name}").code == 0
        caplog.clear()
        assert intrex(f"index bm25 {tmp_path}/{name} {tmp_path}/{name}.i --fields title").code == 0
        assert ("no document of " in caplog.text) == (name != "b")
        if name != "b":
            assert f"no document of {name} has a title: the field title is empty" in caplog.text
    caplog.clear()
    assert intrex(f"index bm25 {tmp_path}/a {tmp_path}/plain").code == 0 and "title" not in caplog.text
