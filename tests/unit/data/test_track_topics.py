"""Topics of the tracks, in TREC's markup and XML: fields, unknown tags, entities, numbers."""

import gzip
import json
from pathlib import Path

import pytest

from intrex.data.errors import BadInput, Problems
from intrex.data.importers.inputs import Input
from intrex.data.importers.topics import read_topics
from intrex.data.importers.tracktopics import track_topics

DOCS = (
    '{"_id": "d1", "text": "horario del ferry de la isla"}\n{"_id": "d2", "text": "summer season weather"}\n'
)
SPANISH = "<top>\n<num> Number: SP901\n<title> Topic: horario del ferry\n<E-title> Topic: summer season\n<desc> Description:\nHorarios.\n</top>\n"


def queries(tmp_path: Path, text: str, field: str | None = None) -> dict[str, str]:
    (tmp_path / "t").write_text(text, encoding="utf-8")
    problems = Problems("t")
    found = {q.id: q.text for q in read_topics(Input(tmp_path / "t", "t"), problems, field)}
    problems.raise_if_any()
    return found


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs.jsonl").write_text(DOCS)
    return tmp_path


def imported(work: Path) -> dict[str, str]:
    lines = (work / "c" / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["_id"]: row["text"] for row in map(json.loads, lines)}


def test_an_unknown_tag_ends_the_title_and_is_named(work: Path, intrex, all_well) -> None:
    """Case BR-03."""
    (work / "t.txt").write_text(SPANISH)
    (work / "t.qrels").write_text("SP901 0 d1 1\n")
    all_well("collection import docs.jsonl c --queries t.txt --qrels test=t.qrels")
    assert imported(work) == {"SP901": "horario del ferry"}
    (work / "u.txt").write_text(SPANISH.replace("E-title", "querytime"))
    for name, tag in (("t.txt", "E-title"), ("u.txt", "querytime")):
        said = intrex(f"check {name} --format csv")
        assert said.code == 0
        assert f"T007,note,{name}:4,1,\"the tag <{tag}> is not known, its text is not read\"" in said.out.replace("4,1,the", '4,1,"the')  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ("<EN-title> Topic: ferry", "ferry"),
        ("<E-title> ferry\n<E-desc> Description: when", "ferry"),
        ("<query> ferry </query>\n<querytime> x </querytime>", "ferry"),
        ("<foo> bar\n<desc> Description:\nferry\nto the island", "ferry to the island"),
        ("<title>ferry\n<!-- no tag -->\n<3 boats", "ferry <!-- no tag --> <3 boats"),
        ("<title lang='es'>ferry</title><narr>long</narr>", "ferry"),
        ("<title>the <b>fast</b> ferry\n</title>", "the <b>fast</b> ferry"),
        ("<title>\nferry\n<subtitle>slow\n<desc>when", "ferry"),
    ],
)
def test_fields_of_trec_topics(tmp_path: Path, fields: str, text: str) -> None:
    assert queries(tmp_path, f"<top>\n<num> Number: 9\n{fields}\n</top>\n") == {"9": text}


def test_imports_and_searches_name_tags_that_they_do_not_read(work: Path, intrex, all_well, caplog) -> None:
    """Case BR-03: where the title has a name that nobody knows, the description was searched without a word."""
    caplog.set_level("INFO", "intrex")
    (work / "t.txt").write_text(SPANISH)
    note = "t.txt: tags whose text is not read, with the topics that have them: <{}> (1); --topic-field reads others"
    all_well("collection import docs.jsonl c --queries t.txt")
    assert note.format("E-title") in caplog.text
    (work / "u.txt").write_text(SPANISH.replace("<title>", "<kopf>").replace("<E-title>", "<narr>"))
    caplog.clear()
    all_well("index bm25 c i", "search i u.txt -o r.txt")
    assert note.format("kopf").replace("t.txt", "u.txt") in caplog.text
    caplog.clear()
    all_well("search i u.txt -o s.txt --topic-field kopf", "search i u.txt -o a.txt --topic-field all")
    assert "not read" not in caplog.text


def test_titles_in_several_languages_and_no_plain_one_are_a_question(tmp_path: Path) -> None:
    text = "<top>\n<num>7</num>\n<EN-title>ferry</EN-title>\n<FR-title>bac</FR-title>\n</top>\n"
    with pytest.raises(BadInput, match=r"no title, but en-title and fr-title \(t:1\)") as caught:
        queries(tmp_path, text)
    assert "--topic-field" in (caught.value.hint or "")
    assert queries(tmp_path, text, "FR-title") == {"7": "bac"}


def test_what_a_topic_has_instead_of_a_title_is_named(tmp_path: Path) -> None:
    text = "<top>\n<num> Number: 321 </num>\n<docid>9171</docid>\n<url>x</url>\n</top>\n"
    with pytest.raises(BadInput, match="no title and no description; it has docid, url"):
        queries(tmp_path, text)
    assert queries(tmp_path, text, "docid") == {"321": "9171"}
    with pytest.raises(BadInput, match="has no field narr; it has docid, url"):
        queries(tmp_path, text, "narrative")


def test_entities_are_decoded(work: Path, all_well) -> None:
    (work / "t.txt").write_text(
        "<top>\n<num>176</num>\n<title>ferry &amp; harbour &lt;north&gt;</title>\n</top>\n"
    )
    all_well("collection import docs.jsonl c --queries t.txt")
    assert imported(work) == {"176": "ferry & harbour <north>"}


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("AT&T", "AT&T"),
        ("a&copyright", "a&copyright"),
        ("caf&eacute; &#233;&#xe9;", "café éé"),
        ("R&D;x", "R&D;x"),
    ],
)
def test_an_ampersand_alone_stays(tmp_path: Path, text: str, decoded: str) -> None:
    assert queries(tmp_path, f"<top>\n<num>1\n<title>{text}\n</top>\n") == {"1": decoded}


ZEROS = "<top>\n<num>007</num>\n<title>ferry</title>\n</top>\n"


def test_zeros_stay_where_the_judgements_have_them(work: Path, intrex, caplog) -> None:
    caplog.set_level("INFO", "intrex")
    (work / "t.txt").write_text(ZEROS)
    (work / "t.qrels").write_text("007 0 d1 1\n")
    said = intrex("collection import docs.jsonl c --queries t.txt --qrels test=t.qrels")
    assert said.code == 0 and "zeros" not in caplog.text
    assert imported(work) == {"007": "ferry"}
    said = intrex("check t.txt t.qrels")
    assert said.code == 0 and "X00" not in said.out


def test_zeros_go_where_the_judgements_are_without_them_and_that_is_said(work: Path, intrex, caplog) -> None:
    caplog.set_level("INFO", "intrex")
    (work / "t.txt").write_text(ZEROS)
    (work / "t.qrels").write_text("7 0 d1 1\n")
    said = intrex("collection import docs.jsonl c --queries t.txt --qrels test=t.qrels")
    assert said.code == 0 and "leading zeros of 1 topic numbers were dropped" in caplog.text
    assert "(007 is 7)" in caplog.text
    assert imported(work) == {"7": "ferry"}
    said = intrex("check t.txt t.qrels")
    assert said.code == 0 and "T006" in said.out and "X00" not in said.out, "an import reads them as they are"


def test_zeros_stay_where_nothing_tells(work: Path, intrex) -> None:
    """No judgements; or another topic already has the short number."""
    (work / "t.txt").write_text(ZEROS)
    assert intrex("collection import docs.jsonl c --queries t.txt").code == 0
    assert imported(work) == {"007": "ferry"}
    (work / "t.txt").write_text(ZEROS + ZEROS.replace("007", "7").replace("ferry", "weather"))
    (work / "t.qrels").write_text("7 0 d1 1\n")
    said = intrex("collection import docs.jsonl c --queries t.txt --qrels test=t.qrels --overwrite")
    assert said.code == 0 and imported(work) == {"007": "ferry", "7": "weather"}


def test_a_search_keeps_zeros_unless_told(work: Path, intrex, all_well, caplog) -> None:
    caplog.set_level("INFO", "intrex")
    (work / "t.txt").write_text(ZEROS)
    all_well("collection import docs.jsonl c", "index bm25 c i")
    said = intrex("search i t.txt")
    assert said.out.startswith("007 Q0 d1 1 ") and "1 topic numbers have leading zeros" in caplog.text
    assert "--strip-zeros" in caplog.text
    assert intrex("search i t.txt --strip-zeros").out.startswith("7 Q0 d1 1 ")
    (work / "q.tsv").write_text("007\tferry\n")
    said = intrex("search i q.tsv --strip-zeros")
    assert said.code == 2 and "--strip-zeros is for topics" in said.err
    assert intrex("search i q.tsv --topic-field title").code == 2


XML = {
    "attribute": '<topics task="x">\n<topic number="1">\n<query>ferry timetable</query>\n<question>when?</question>\n</topic>\n</topics>\n',
    "child": "<topics>\n<topic>\n<number>1</number>\n<query>ferry timetable</query>\n</topic>\n</topics>\n",
    "own text": '<topics>\n<topic number="1">\nferry\ntimetable\n</topic>\n</topics>\n',
    "declaration": '<?xml version="1.0" encoding="UTF-8"?>\n<!-- x -->\n<webtrack2012>\n<topic number="1" type="faceted"><query>ferry timetable</query><subtopic number="1">x</subtopic></topic></webtrack2012>',
    "no root": "<topic><num>1</num><title>ferry timetable</title></topic>\n<topic><num>2</num><title>x</title></topic>\n",
    "one line": '<topics><topic number="1"><title>ferry timetable</title></topic></topics>',
    "cdata": '<topics><topic id="1"><title><![CDATA[ferry]]> <i>timetable</i></title></topic></topics>',
    "namespace": '<n:topics xmlns:n="u"><n:topic number="1"><n:title>ferry timetable</n:title></n:topic></n:topics>',
    "inex": '<inex_topic topic_id="1"><title>ferry timetable</title><castitle>x</castitle></inex_topic>',
}  # fmt: skip


@pytest.mark.parametrize("form", XML)
def test_xml_topics(tmp_path: Path, form: str) -> None:
    assert queries(tmp_path, XML[form])["1"] == "ferry timetable"


def test_xml_topics_are_checked_as_what_they_are(work: Path, intrex) -> None:
    for at, form in enumerate(("attribute", "child", "own text")):
        (work / f"{at}.xml").write_text(XML[form])
    said = intrex("check 0.xml 1.xml 2.xml")
    assert said.code == 0, said.out
    assert said.err.count("queries (XML topics)") == 3 and said.err.count("1 query") == 3


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (None, "t"),
        ("query", "q"),
        ("question", "u"),
        ("description", "d"),
        ("narr", "n"),
        ("title,desc", "t d"),
    ],
)
def test_the_field_that_is_searched_can_be_chosen(work: Path, all_well, field: str | None, text: str) -> None:
    body = "<title>t</title><query>q</query><question>u</question><description>d</description><narrative>n</narrative>"
    (work / "t.xml").write_text(f'<topics><topic number="1">{body}</topic></topics>')
    option = f" --topic-field {field}" if field else ""
    all_well(f"collection import docs.jsonl c --queries t.xml{option}")
    assert imported(work) == {"1": text}


def test_search_takes_the_field_too(work: Path, intrex, all_well) -> None:
    (work / "t.xml").write_text(
        '<topics><topic number="1"><title>zebra</title><question>ferry</question></topic></topics>'
    )
    all_well("collection import docs.jsonl c", "index bm25 c i")
    assert intrex("search i t.xml").out == ""
    assert intrex("search i t.xml --topic-field question").out.startswith("1 Q0 d1")


def test_fields_with_names_are_asked_for_by_name(tmp_path: Path) -> None:
    """The form of the Clinical Trials track of 2023."""
    text = '<topics>\n<topic number="1" template="glaucoma">\n<field name="diagnosis">open angle</field>\n<field name="age">60</field>\n</topic></topics>'
    with pytest.raises(BadInput, match=r"it has diagnosis, age \(t:2\)"):
        queries(tmp_path, text)
    assert queries(tmp_path, text, "diagnosis") == {"1": "open angle"}
    assert queries(tmp_path, text, "all") == {"1": "open angle 60"}


def test_encodings_and_gzip(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<topics><topic number="1"><title>Fähre</title></topic></topics>'
    (tmp_path / "t.gz").write_bytes(gzip.compress(text.encode("latin-1")))
    (topic,) = track_topics(Input(tmp_path / "t.gz", "t.gz"), Problems("t"))
    assert (topic.number, topic["title"]) == ("1", "Fähre")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<topics>\n<topic number="1">\n<title>AT&T</title></topic></topics>', r"the XML is broken: .*\(t:3\)"),
        ('<topics>\n<topic number="1"><title>a</title>\n', r"the XML is broken: .*\(t:\d\)"),
        ("<topics>\n<topic><title>a</title></topic></topics>", r"the topic has no number \(t:2\)"),
        ("<topics></topics>", r"no <top> and no <topic>"),
        ('<!DOCTYPE t [<!ENTITY a "b">]>\n<topics><topic number="1"><title>&a;</title></topic></topics>', "entities of its own"),
    ],
)  # fmt: skip
def test_faults_of_xml(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        queries(tmp_path, text)
