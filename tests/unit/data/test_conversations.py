"""Conversational topics and segment documents of the tracks; forms after the documentation that the module names, texts our own."""

import json

import pytest

from intrex.data.errors import BadInput
from intrex.data.importers.options import TopicOptions
from intrex.data.importers.sources import import_collection
from intrex.data.locate import read_query_file

# TREC CAsT 2019 to 2021: daltonj/treccastweb, README
CAST = [
    {"number": 31, "title": "Ferries", "description": "To the island.", "turn": [
        {"number": 1, "raw_utterance": "When does the ferry go?", "manual_rewritten_utterance": "When does the ferry to Islay go?", "passage": "At nine."},
        {"number": 2, "raw_utterance": "And back?", "manual_rewritten_utterance": "When does the ferry from Islay go?"},
    ]},
]  # fmt: skip
# TREC CAsT 2022: turns of a tree, of the user and of the system
TREE = [
    {"number": 132, "turn": [
        {"number": "1-1", "participant": "User", "utterance": "ferries"},
        {"number": "1-2", "parent": "1-1", "participant": "System", "response": "Which?"},
        {"number": "1-3", "parent": "1-2", "participant": "User", "utterance": "to Islay"},
        {"number": "2-1", "parent": "1-1", "participant": "User", "utterance": "prices"},
    ]},
]  # fmt: skip
# TREC iKAT 2023: trecikat.com, data
IKAT = [
    {"number": "9-1", "title": "Ferries", "ptkb": {"1": "I live in Oban."}, "turns": [
        {"turn_id": 1, "utterance": "Which ferry?", "resolved_utterance": "Which ferry from Oban?", "response": "Many."},
        {"turn_id": 2, "utterance": "And tomorrow?", "resolved_utterance": "Which ferry from Oban tomorrow?"},
    ]},
]  # fmt: skip


def read(path, value, field=None):
    path.write_text(json.dumps(value, indent=2))
    queries = read_query_file(path, options=TopicOptions(topic_field=field))
    return dict(zip(queries.ids, queries.texts, strict=True))


def test_turns_are_queries_and_their_utterance_is_searched_which_is_said(tmp_path, caplog):
    caplog.set_level("INFO", "intrex")
    assert read(tmp_path / "t.json", CAST) == {"31_1": "When does the ferry go?", "31_2": "And back?"}
    assert (
        "queries are the raw_utterance of each turn; --topic-field takes another: manual_rewritten_utterance"
        in caplog.text
    )
    assert read(tmp_path / "t.json", IKAT) == {"9-1_1": "Which ferry?", "9-1_2": "And tomorrow?"}


def test_another_utterance_and_the_history_are_fields(tmp_path):
    path = tmp_path / "t.json"
    assert read(path, CAST, "manual_rewritten_utterance")["31_2"] == "When does the ferry from Islay go?"
    assert read(path, IKAT, "resolved_utterance")["9-1_1"] == "Which ferry from Oban?"
    assert read(path, CAST, "history,raw_utterance") == {
        "31_1": "When does the ferry go?",
        "31_2": "When does the ferry go? And back?",
    }
    assert (
        read(path, CAST, "title,dialogue,raw_utterance")["31_2"]
        == "Ferries When does the ferry go? At nine. And back?"
    )
    with pytest.raises(
        BadInput, match="turn 1 of conversation 9-1 has no manual_rewritten_utterance"
    ) as error:
        read(path, IKAT, "manual_rewritten_utterance")
    assert "utterance, resolved_utterance" in error.value.hint


def test_the_history_of_a_tree_follows_the_parents_and_the_system_asks_nothing(tmp_path):
    path = tmp_path / "t.json"
    assert read(path, TREE) == {"132_1-1": "ferries", "132_1-3": "to Islay", "132_2-1": "prices"}
    with_history = read(path, TREE, "dialogue,utterance")
    assert (with_history["132_1-3"], with_history["132_2-1"]) == ("ferries Which? to Islay", "ferries prices")


def test_conversations_without_numbers_and_turns_without_text_are_errors(tmp_path):
    with pytest.raises(BadInput, match="the conversation has no number"):
        read(tmp_path / "t.json", [{"turn": [{"number": 1, "raw_utterance": "x"}]}])
    with pytest.raises(BadInput, match="turn 2 of conversation 1 has no number"):
        read(
            tmp_path / "t.json",
            [{"number": 1, "turn": [{"number": 1, "raw_utterance": "x"}, {"raw_utterance": "y"}]}],
        )
    with pytest.raises(BadInput, match="turn 7 of conversation 1 has no raw_utterance or utterance"):
        read(tmp_path / "t.json", [{"number": 1, "turn": [{"number": 7, "text": "x"}]}])


def test_a_key_of_json_queries_can_be_named(tmp_path):
    rows = [{"id": 3, "title": "ferries", "narrative": "Ferries to the island."}]
    assert read(tmp_path / "t.json", rows, "narrative") == {"3": "Ferries to the island."}
    assert read(tmp_path / "t.json", rows, "title,narrative") == {"3": "ferries Ferries to the island."}
    with pytest.raises(BadInput, match="the query has no 'gone'"):
        read(tmp_path / "t.json", rows, "gone")


def test_check_and_import_take_conversations(tmp_path, monkeypatch, intrex):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.json").write_text(json.dumps(CAST, indent=1))
    (tmp_path / "d.jsonl").write_text('{"_id": "d1", "text": "x"}\n')
    (tmp_path / "q.qrels").write_text("31_2 0 d1 1\n")
    assert intrex("collection import d.jsonl c --queries t.json --qrels q.qrels").code == 0
    said = intrex("check t.json")
    assert said.code == 0, said.out


# MS MARCO v2.1, segmented documents: the track's page (trec-rag.github.io), and v2 passages (microsoft.github.io/msmarco)
SEGMENT = {
    "docid": "msmarco_v2.1_doc_00_0#0_0", "url": "https://example.org/ferry", "title": "Ferry", "headings": "Summer",
    "segment": "Timetable.", "start_char": 0, "end_char": 10,
}  # fmt: skip
PASSAGE = {
    "pid": "msmarco_passage_00_0",
    "passage": "Timetable.",
    "spans": "(0,10)",
    "docid": "msmarco_doc_00_0",
}


def test_segments_of_ms_marco_keep_their_url_as_metadata(tmp_path):
    (tmp_path / "s.jsonl").write_text(json.dumps(SEGMENT) + "\n")
    (doc,) = import_collection(tmp_path / "s.jsonl", tmp_path / "out").documents()
    assert (doc.id, doc.title, doc.text) == ("msmarco_v2.1_doc_00_0#0_0", "Ferry", "Timetable.")
    assert json.loads((tmp_path / "out" / "corpus.jsonl").read_text())["metadata"] == {
        "url": "https://example.org/ferry"
    }
    named = ("title", "headings", "segment")
    (doc,) = import_collection(tmp_path / "s.jsonl", tmp_path / "all", text_fields=named).documents()
    assert (doc.title, doc.text) == ("Ferry", "Summer Timetable.")


def test_passages_of_ms_marco_are_named_by_their_own_id_not_by_their_document(tmp_path):
    rows = [PASSAGE, {**PASSAGE, "pid": "msmarco_passage_00_9"}]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = import_collection(tmp_path / "p.jsonl", tmp_path / "out")
    assert [doc.id for doc in made.documents()] == ["msmarco_passage_00_0", "msmarco_passage_00_9"]
