from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.errors import BadInput
from intrex.data.locate import find_qrels, find_queries
from intrex.data.run import Run
from intrex.retrievers.postprocess import max_passage, remove_query


def test_remove_query() -> None:
    run = Run.from_dict({"a": {"a": 3.0, "b": 2.0}, "b": {"b": 1.0}, "c": {"a": 1.0}})
    assert remove_query(run).to_dict() == {"a": {"b": 2.0}, "c": {"a": 1.0}}


def test_max_passage_takes_the_best_and_sorts_again() -> None:
    run = Run.from_dict(
        {"q": {"d1#9": 1.0, "d2#0": 1.0, "d1#1": 3.0, "x#y#2": 0.5, "x#z": 0.25, "plain": 1.0}}
    )
    assert list(max_passage(run).to_dict()["q"].items()) == [
        ("d1", 3.0),
        ("plain", 1.0),
        ("d2", 1.0),
        ("x", 0.5),  # cut at the first delimiter, as pyserini's output_writer does
    ]
    assert max_passage(Run.from_dict({"q": {"a@1": 1.0}}), "@").to_dict() == {"q": {"a": 1.0}}


def test_a_passage_without_a_document_is_named() -> None:
    with pytest.raises(BadInput, match=r"query q: the passage '#x' has no document before '#'"):
        max_passage(Run.from_dict({"q": {"d#1": 2.0, "#x": 1.0}}))


def test_search_options_of_pyserini(intrex, small: Collection, tmp_path: Path) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path}/i").code == 0
    (tmp_path / "q.tsv").write_text("d2\tflat plate\n")
    plain = intrex(f"search {tmp_path}/i {tmp_path}/q.tsv --k 1")
    assert plain.out.split()[2] == "d5"
    assert [line.split()[2] for line in intrex(f"search {tmp_path}/i {tmp_path}/q.tsv").out.splitlines()] == [
        "d5",
        "d2",
    ]
    assert [
        line.split()[2]
        for line in intrex(f"search {tmp_path}/i {tmp_path}/q.tsv --remove-query --k 2").out.splitlines()
    ] == ["d5"]


def test_a_query_of_stop_words_is_said_once(intrex, small: Collection, tmp_path: Path) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path}/i").code == 0
    said = intrex(f"search {tmp_path}/i {small.path}:train")
    assert said.code == 0 and said.out == "" and "found nothing" in said.err


def test_queries_and_qrels_are_found(small: Collection, tmp_path: Path) -> None:
    queries, collection = find_queries(f"{small.path}:test")
    assert queries.ids == ["q1", "q2", "q3"] and collection is not None
    assert find_qrels(f"{small.path}:train").qrels.to_dict() == {"q4": {"d2": 1}}
    with pytest.raises(BadInput, match="2 query sets"):
        find_queries(str(small.path))
    (tmp_path / "topics").write_text("<top>\n<num> Number: 301\n<title> wing lift\n</top>\n")
    assert find_queries(str(tmp_path / "topics"))[0].texts == ["wing lift"]


def test_the_query_goes_first_then_passages_then_hits(intrex, tmp_path: Path) -> None:
    """Else the query's own document would take the place of a hit, or passages would be cut before they are one document."""
    texts = {
        "q": "wing wing wing",
        "d1#1": "wing wing flow",
        "d1#2": "wing wing flat",
        "d2#1": "wing flow flat heat",
    }
    lines = "".join(f'{{"_id": "{i}", "text": "{text}"}}\n' for i, text in texts.items())
    (tmp_path / "c.jsonl").write_text(lines)
    (tmp_path / "q.tsv").write_text("q\twing\n")
    (tmp_path / "t.tsv").write_text("d1\twing\n")
    for line in (
        f"collection import {tmp_path}/c.jsonl {tmp_path}/c",
        f"index bm25 {tmp_path}/c {tmp_path}/i",
    ):
        assert intrex(line).code == 0

    def found(options: str, queries: str = "q") -> list[str]:
        return [
            x.split()[2]
            for x in intrex(f"search {tmp_path}/i {tmp_path}/{queries}.tsv {options}").out.splitlines()
        ]

    assert found("") == ["q", "d1#2", "d1#1", "d2#1"]
    assert found("--remove-query --max-passage --k 3 --max-passage-hits 1") == ["d1"]
    assert found("--remove-query --max-passage --k 4 --max-passage-hits 2") == ["d1", "d2"]
    assert found("--remove-query --max-passage --k 3 --max-passage-hits 9") == ["d1", "d2"]
    assert found("--remove-query --max-passage --k 2 --max-passage-hits 9") == ["d1"], "k counts passages"
    assert found("--remove-query --max-passage --k 4", "t") == ["q", "d1", "d2"], (
        "d1 is an id of documents, not of rows"
    )
