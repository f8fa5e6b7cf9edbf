"""TREC's SGML documents: a file, a folder, compressed; what is read of each and what is said of the rest."""

import gzip
import json
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.errors import BadInput
from intrex.data.importers.sources import import_collection

FX = "<DOC>\n<DOCNO> FX-0001 </DOCNO>\n<HEADLINE> Ferry </HEADLINE>\n<TEXT>\nSummer timetable\n</TEXT>\n</DOC>\n"


def documents(tmp_path: Path, text: str, **options) -> list[tuple[str, str, str]]:
    (tmp_path / "fx").write_text(text, encoding="utf-8")
    made = import_collection(tmp_path / "fx", tmp_path / "c", overwrite=True, **options)
    return [(d.id, d.title, d.text) for d in made.documents()]


def test_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_well) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fx1").write_text(FX)
    (tmp_path / "q.tsv").write_text("1\tferry\n")
    (tmp_path / "q.qrels").write_text("1 0 FX-0001 1\n")
    all_well("collection import fx1 c --queries q.tsv --qrels test=q.qrels")
    made = Collection.open(tmp_path / "c")
    assert [(d.id, d.title, d.text) for d in made.documents()] == [("FX-0001", "Ferry", "Summer timetable")]
    assert made.sets == {"test": {"queries": 1, "judgements": 1}}


def test_a_folder_with_compressed_files_topics_and_judgements(tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO", "intrex")
    source = tmp_path / "in"
    (source / "fr94" / "01").mkdir(parents=True)
    (source / "fr94" / "01" / "fr940104.0").write_text(FX)
    (source / "fr94" / "01" / "fr940104.1.gz").write_bytes(gzip.compress(FX.replace("0001", "0002").encode()))
    (source / "fr94" / "readme").write_text("not a document\n")
    (source / "topics.txt").write_text("<top>\n<num> Number: 1\n<title> ferry\n</top>\n")
    (source / "qrels.txt").write_text("1 0 FX-0001 1\n")
    made = import_collection(source, tmp_path / "c")
    assert [d.id for d in made.documents()] == ["FX-0001", "FX-0002"]
    assert made.sets == {"test": {"queries": 1, "judgements": 1}}
    assert "1 files do not begin with <DOC> and are not read: fr94/readme" in caplog.text


@pytest.mark.parametrize(
    ("body", "title", "text"),
    [
        ("<HEAD>Ferry</HEAD>\n<HEAD>Island</HEAD>\n<TEXT>\n  one\n\n  two\n</TEXT>", "Ferry Island", "one two"),
        ("<HL> Ferry </HL>\n<LP>\nLead\n</LP>\n<TEXT>\nmore</TEXT>", "Ferry", "Lead more"),
        ("<HEADLINE><P>\nFerry &amp; boat\n</P></HEADLINE>\n<TEXT>\n<P>one</P><P>AT&T</P></TEXT>", "Ferry & boat", "one AT&T"),
        ("<TEXT><F P=105>Language</F> <!-- PJG 0012 --> one <TI>in</TI></TEXT>", "", "Language one in"),
        ("<HEADER><H3><TI>  Ferry</TI></H3></HEADER><TEXT>one</TEXT>", "Ferry", "one"),
        ("<title>ferry</title>\n<author>x</author>\n<text>one</text>", "ferry", "one"),
        ("<DOCHDR>\nhttp://x\n</DOCHDR>\n<html><body>one <b>two</b></body></html>", "", "one two"),
        ("one line\nand another", "", "one line and another"),
        ("<TEXT><TEXT>in</TEXT> out</TEXT> beyond", "", "in out"),
    ],
    ids=["AP", "WSJ", "LA Times", "comments", "FBIS", "lower case", "web", "no markup", "nested"],
)  # fmt: skip
def test_title_and_text(tmp_path: Path, body: str, title: str, text: str) -> None:
    found = documents(tmp_path, f"<DOC>\n<DOCNO> X-1 </DOCNO>\n{body}\n</DOC>\n")
    assert found == [("X-1", title, text)]


def test_ids_in_an_attribute_and_documents_in_one_line(tmp_path: Path) -> None:
    text = '<?xml version="1.0"?>\n<DOC id="A.1" type="story"><TEXT>one</TEXT></DOC><DOC id=A.2><TEXT>two</TEXT></DOC>\n'
    assert documents(tmp_path, text) == [("A.1", "", "one"), ("A.2", "", "two")]


def test_text_that_is_not_read_is_named(tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO", "intrex")
    byline = FX.replace("<TEXT>", "<BYLINE>By A. Writer</BYLINE><TEXT>")
    documents(tmp_path, byline + FX.replace("0001", "0002") + byline.replace("0001", "0003"))
    assert "text that is not read, by tag and number of documents: <BYLINE> of 2" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FX + "<DOC>\n<TEXT>x</TEXT>\n</DOC>\n", r"the document has no <DOCNO> \(fx:8\)"),
        (FX + "<DOC>\n<DOCNO>a</DOCNO>\n", r"the document does not end: the file was cut off \(fx:8\)"),
        (FX.replace("</DOC>", "") + FX.replace("1", "2"), r"does not end before the next one \(fx:1\)"),
        (FX + FX, r"the document id FX-0001 occurred before, at fx:1 \(fx:8\)"),
        ("<p>\n<b>x</b>\n</p>\n", r"^markup that is no document of TREC's \(fx\)"),
    ],
)
def test_faults(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        documents(tmp_path, text)


def test_check_knows_them(tmp_path: Path, intrex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fx1").write_text(FX.replace("\nSummer", "\n\nSummer"))
    (tmp_path / "q.qrels").write_text("1 0 FX-0001 1\n")
    said = intrex("check fx1 q.qrels")
    assert said.code == 0 and "fx1: corpus (sgml), 8 lines, 1 document" in said.err
    assert "F009" not in said.out and "X00" not in said.out
    (tmp_path / "fx1").write_text(FX + FX)
    said = intrex("check fx1 --format csv")
    assert said.code == 3 and "C003,error,fx1:8" in said.out


def test_what_is_written_is_beirs_form(tmp_path: Path) -> None:
    documents(tmp_path, FX, layout="sgml")
    (row,) = map(json.loads, (tmp_path / "c" / "corpus.jsonl").read_text().splitlines())
    assert row == {"_id": "FX-0001", "title": "Ferry", "text": "Summer timetable"}
