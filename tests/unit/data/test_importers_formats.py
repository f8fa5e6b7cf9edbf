"""Pyserini JSON, ColBERT TSV and TREC topics: layouts, discovery in a folder, faults with their lines."""

import gzip
import hashlib
import io
import json
import logging
import re
import tarfile
import zipfile

import pytest

from intrex.data.errors import BadInput, IntrexError
from intrex.data.importers.archive import unpack
from intrex.data.importers.sources import import_collection
from intrex.data.io.files import PIECE
from intrex.data.io.locks import lock_or_refuse

DOCS = [
    {"id": "d1", "contents": "Ships\nof iron"},
    {"id": 2, "contents": "[planes], \\ {and} Grüße", "vector": {}},
]
TOPICS = "q1\tships\nq2\tplanes\n"
QRELS = "q1 0 d1 1\nq2 Q0 2 -1\n"

ROBUST = """\
<top>

<num> Number: 301
<title> International Organized Crime

<desc> Description:
Identify organizations that participate
in crime.

<narr> Narrative:
A relevant document <b>must</b> name one.

</top>
<top>
<num> Number: 051
<title> Topic:  Airbus
Subsidies
<desc> Description:
None.
"""
CLOSED = (
    "<TOP><NUM>301</NUM><TITLE>International Organized Crime</TITLE><DESC>x</DESC></TOP>\n"
    "<top>\n<num>51</num>\n<title>\nAirbus Subsidies</title>\n<narr>y</narr></top>\n"
)


def make(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, bytes) else content.encode("utf-8")
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return folder


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def documents(collection):
    return [(doc.id, doc.title, doc.text) for doc in collection.documents()]


PYSERINI = {
    "lines": {"docs.jsonl": jsonl(DOCS)},
    "lines in .json": {"docs.json": jsonl(DOCS)},
    "gzip": {"docs.jsonl.gz": jsonl(DOCS)},
    "array": {"docs.json": json.dumps(DOCS)},
    "array over lines": {"docs.json": "\ufeff" + json.dumps(DOCS, indent=2, ensure_ascii=False)},
    "array, gzip": {"docs.json.gz": json.dumps(DOCS, indent=1)},
    "one object a file": {"a.json": json.dumps(DOCS[0], indent=1), "b.json": json.dumps(DOCS[1], indent=1)},
    "folders": {"part/00.jsonl": jsonl(DOCS[:1]), "part/01.jsonl": jsonl(DOCS[1:]), "part/.x.jsonl": "{"},
    "named like BEIR's": {"corpus.jsonl": jsonl(DOCS)},
}


@pytest.mark.parametrize("files", PYSERINI.values(), ids=PYSERINI)
def test_pyserini_folders(tmp_path, files):
    source = make(tmp_path / "in", files | {"topics.tsv": TOPICS, "qrels.txt": QRELS})
    made = import_collection(source, tmp_path / "out")
    assert documents(made) == [("d1", "", "Ships\nof iron"), ("2", "", "[planes], \\ {and} Grüße")]
    assert made.manifest.params["origin"]["importer"] == "pyserini"
    assert made.queries().texts == ["ships", "planes"]
    assert made.qrels("test").to_dict() == {"q1": {"d1": 1}, "q2": {"2": -1}}


@pytest.mark.parametrize("name", ["docs.jsonl", "docs.json.gz"])
def test_a_pyserini_file_with_queries_and_judgements_by_option(tmp_path, name):
    make(tmp_path, {name: jsonl(DOCS), "t.tsv.gz": "qid\tquery\n" + TOPICS, "q.gz": QRELS.replace(" ", "\t")})
    made = import_collection(
        tmp_path / name, tmp_path / "out", queries=tmp_path / "t.tsv.gz", qrels={"dev": tmp_path / "q.gz"}
    )
    assert (made.name, made.n_documents, made.sets) == ("docs", 2, {"dev": {"queries": 2, "judgements": 2}})


def test_an_array_larger_than_what_is_read_at_once(tmp_path):
    rows = [{"id": f"d{n}", "contents": 'ü"\\\n' * 20_000 + str(n)} for n in range(40)]
    rows.insert(7, {"id": "long", "contents": "x" * (3 * PIECE)})
    make(tmp_path, {"big.json": json.dumps(rows)})
    made = import_collection(tmp_path / "big.json", tmp_path / "out")
    assert documents(made) == [(row["id"], "", row["contents"]) for row in rows]


JSON_FAULTS = {
    "no contents": ('{"id": "a"}\n', r"the document has no 'contents' \(x.jsonl:1\)"),
    "neither": ('{"id": "a", "contents": ""}\n{}\n', r"no 'id' and no 'contents' \(x.jsonl:2\)"),
    "true as id": ('{"id": true, "contents": ""}\n', r"the id is a truth value.*\(x.jsonl:1\)"),
    "broken array": ('[\n{"id": "a", "contents": ""},\n{"id": "b" "c"}]', r"broken JSON: .*\(x.jsonl:3\)"),
    "twice in an array": (
        '[\n{"id": "a", "contents": ""},\n{"id": "b", "contents": "", "id": "c"}]',
        r"'id' stands twice in one object \(x.jsonl:3\)",
    ),
    "cut array": ('[{"id": "a", "contents": ""},\n', r"the array does not end.*\(x.jsonl:2\)"),
    "cut object": ('[{"id": "a", "contents": ""},\n{"id": "b', r"broken JSON: Unterminated.*\(x.jsonl:2\)"),
    "number in array": ('[{"id": "a", "contents": ""}, 7]', r"this is an integer \(x.jsonl:1\)"),
    "deep array": ('[{"id": "a", "contents": ""},\n' + '{"a":[' * 99999, "nested too deeply"),
    "latin-1 array": (b'[\n{"id": "a",\n"contents": "\xe9"}]', r"not UTF-8: byte 0xe9 \(x.jsonl:3\)"),
    "other keys": ('{"sku": "a", "blurb": ""}\n', r"has the keys blurb, sku; needed: .*\(x.jsonl\)"),
}


@pytest.mark.parametrize("fault", JSON_FAULTS)
def test_faults_in_json(tmp_path, fault):
    content, message = JSON_FAULTS[fault]
    make(tmp_path / "in", {"x.jsonl": content})
    with pytest.raises(BadInput, match=message):
        import_collection(
            tmp_path / "in", tmp_path / "out", layout="auto" if "other" in fault else "pyserini"
        )
    assert not (tmp_path / "out").exists()


def test_colbert_folders(tmp_path):
    files = {
        "collection.tsv": "0\tfirst passage\r\n1\t\r\n2\tthird\tA title\r\n",
        "queries.train.tsv": "10\twhat is first\n",
        "queries.dev.tsv": "20\twhat is third\n",
        "qrels.train.tsv": "10\t0\t0\t1\n",
        "qrels.dev.small.tsv": "20\t0\t2\t1\n",
    }
    made = import_collection(make(tmp_path / "in", files), tmp_path / "out")
    assert documents(made) == [("0", "", "first passage"), ("1", "", ""), ("2", "A title", "third")]
    assert made.queries().ids == ["20", "10"]
    assert list(made.sets) == ["dev.small", "train"]
    assert made.manifest.params["empty_documents"] == 1


def test_a_colbert_file_with_a_header(tmp_path):
    make(tmp_path, {"psgs.tsv.gz": "id\ttext\ttitle\n1\tx\ty\n"})
    assert documents(import_collection(tmp_path / "psgs.tsv.gz", tmp_path / "out")) == [("1", "y", "x")]


def test_colbert_lines_with_the_wrong_columns(tmp_path):
    make(tmp_path, {"collection.tsv": "1\ta\n2\n3\ta\tb\tc\n"})
    with pytest.raises(
        BadInput, match=r"1 columns, 2 or 3.*collection.tsv:2\)\n.*4 columns.*collection.tsv:3"
    ):
        import_collection(tmp_path / "collection.tsv", tmp_path / "out")


BEIR_CORPUS = jsonl([{"_id": "FT-1", "title": "t", "text": "x"}, {"_id": "FT-2", "title": "", "text": "y"}])
TREC_QRELS = "301 0 FT-1 1\n301 0 FT-2 0\n51 0 FT-2 2\n"


@pytest.mark.parametrize(
    "topics", [ROBUST, CLOSED, ROBUST.replace("\n", "\r\n")], ids=["open", "closed", "CRLF"]
)
@pytest.mark.parametrize("name", ["topics.301-450", "topics.robust04.txt", "topics_adhoc.trec.gz"])
def test_trec_topics_and_judgements_beside_a_corpus(tmp_path, topics, name):
    files = {"corpus.jsonl": BEIR_CORPUS, name: topics, "qrels.trec7.adhoc.part1-5": TREC_QRELS}
    made = import_collection(make(tmp_path / "in", files), tmp_path / "out")
    assert (made.queries().ids, made.queries().texts) == (
        ["301", "51"],
        ["International Organized Crime", "Airbus Subsidies"],
    )
    assert made.sets == {"trec7.adhoc.part1-5": {"queries": 2, "judgements": 3}}


def test_topics_without_a_title_give_their_description(tmp_path):
    topics = "<top>\n<num> Number: 202\n<desc> Description:\nStatus of nuclear\ntreaties.\n</top>\n"
    make(tmp_path / "in", {"corpus.jsonl": BEIR_CORPUS, "topics.txt": topics})
    made = import_collection(tmp_path / "in", tmp_path / "out")
    assert made.queries().texts == ["Status of nuclear treaties."]


@pytest.mark.parametrize(
    ("topics", "message"),
    [
        (
            "<top>\n<num> Number: 1\n<title> x\n</top>\n\n<top>\n<title> y\n</top>",
            r"no number \(topics.txt:6\)",
        ),
        (
            "<top>\n<num> Number: 1\n<narr> x\n</top>\n",
            r"no title and no description; it has narr \(topics.txt:1\)",
        ),
        (
            '<?xml version="1.0"?>\n<topics task="x"></topics>\n',
            r"no <top> and no <topic> in the topics \(topics.txt\)",
        ),
        ("1\tone\n2 two\n", r"the line has 1 column, 2 are needed \(topics.txt:2\)"),
        ('{"qid": 1, "query": "a"}\n{"qid": 1, "query": "b"}\n', r"occurred before, at topics.txt:1"),
    ],
)
def test_faults_in_topics(tmp_path, topics, message):
    make(tmp_path / "in", {"corpus.jsonl": BEIR_CORPUS, "topics.txt": topics})
    with pytest.raises(BadInput, match=message):
        import_collection(tmp_path / "in", tmp_path / "out")


FOLDER_FAULTS = {
    "nothing": ({"README.md": "hello"}, "no corpus in the folder"),
    "two corpora": ({"corpus.jsonl": "", "corpus.jsonl.gz": ""}, r"both corpus.jsonl and corpus.jsonl.gz"),
    "two of a set": (
        {"corpus.jsonl": BEIR_CORPUS, "topics.txt": TOPICS, "qrels/a.tsv": QRELS, "qrels/a.tsv.gz": QRELS},
        "two files are the query set a: qrels/a.tsv and qrels/a.tsv.gz",
    ),
    "no queries": ({"corpus.jsonl": BEIR_CORPUS, "qrels.txt": QRELS}, "there are judgements and no queries"),
    "below": (
        {"one/corpus.jsonl": BEIR_CORPUS},
        "no corpus in the folder itself",
    ),
    "columns": (
        {"corpus.jsonl": BEIR_CORPUS, "topics.txt": TOPICS, "qrels.txt": QRELS + "1 2 3\n"},
        "3 columns",
    ),
}


@pytest.mark.parametrize("fault", FOLDER_FAULTS)
def test_folders_that_cannot_be_told(tmp_path, fault):
    files, message = FOLDER_FAULTS[fault]
    with pytest.raises(BadInput, match=re.escape(message)) as caught:
        import_collection(make(tmp_path / "in", files), tmp_path / "out")
    assert caught.value.hint
    assert ("/one; " in caught.value.hint) == (fault == "below")


def test_comments_of_trec_judgements_are_not_read_and_ids_in_three_columns_may_begin_so(tmp_path):
    beir = "query-id\tcorpus-id\tscore\n#1\tFT-2\t1\n"
    trec = "# x y z\nqid 0 docno rel\nq1 0 FT-1 1\n#1 0 FT-1 1\n"
    files = {
        "corpus.jsonl": BEIR_CORPUS,
        "topics.txt": "q1\ta\n#1\tb\n",
        "qrels/a.tsv": beir,
        "qrels/b.txt": trec,
    }
    made = import_collection(make(tmp_path / "in", files), tmp_path / "out")
    assert {name: made.qrels(name).to_dict() for name in made.sets} == {
        "a": {"#1": {"FT-2": 1}},
        "b": {"q1": {"FT-1": 1}},
    }


def test_a_file_among_the_judgements_that_is_not_read_is_said(tmp_path, caplog):
    caplog.set_level(logging.INFO, "intrex")
    files = {
        "corpus.jsonl": BEIR_CORPUS,
        "topics.txt": TOPICS,
        "qrels/a.qrels": "q1 0 FT-1 1\n",
        "qrels/b.xlsx": "",
    }
    made = import_collection(make(tmp_path / "in", files), tmp_path / "out")
    assert list(made.sets) == ["a"] and "qrels/b.xlsx is not read" in caplog.text


@pytest.mark.parametrize("entry", ["../escape.txt", "/escape.txt", "a/../../escape.txt", "C:escape.txt"])
def test_a_zip_file_that_points_outside_is_refused(tmp_path, entry):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("corpus.jsonl", BEIR_CORPUS)
        archive.writestr(entry, "x")
    with pytest.raises(BadInput, match="an entry that points outside"):
        import_collection(tmp_path / "bad.zip", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.zip"]


def tar_of(path, *members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            entry = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tarred_folder_is_imported_as_a_zipped_one(tmp_path, mode):
    files = (("set/corpus.jsonl", BEIR_CORPUS), ("set/queries.jsonl", '{"_id": "q1", "text": "a"}\n'),
             ("set/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\tFT-1\t1\n"))  # fmt: skip
    path = tar_of(tmp_path / "set.tar.gz", *files, mode=mode)
    made = import_collection(path, tmp_path / "out")
    assert made.name == "set" and made.qrels("test").to_dict() == {"q1": {"FT-1": 1}}
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    assert import_collection(tmp_path / "set.zip", tmp_path / "zipped").fingerprint == made.fingerprint
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "set.tar.gz", "set.zip", "zipped"]


def test_a_tar_archive_with_entries_outside_links_or_one_place_twice_is_refused(tmp_path):
    corpus = ("corpus.jsonl", BEIR_CORPUS)
    for name in ("../escape.txt", "/escape.txt", "a/../../escape.txt", "C:escape.txt"):
        path = tar_of(tmp_path / "bad.tar", corpus, (name, "x"))
        with pytest.raises(BadInput, match="an entry that points outside"):
            import_collection(path, tmp_path / "out")
    link = tarfile.TarInfo("queries.jsonl")
    link.type, link.linkname = tarfile.SYMTYPE, "corpus.jsonl"
    path = tar_of(tmp_path / "bad.tar", corpus, (link, ""))
    with pytest.raises(BadInput, match=r"no ordinary file: 'queries.jsonl'"):
        import_collection(path, tmp_path / "out")
    path = tar_of(tmp_path / "bad.tar", corpus, corpus)
    with pytest.raises(BadInput, match="two entries in one place"):
        import_collection(path, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_archive_that_ends_early_is_named_wherever_it_ends(tmp_path, mode):
    texts = "".join(f'{{"_id": "d{i}", "text": "{hash_text(i)}"}}\n' for i in range(400))
    whole = tar_of(tmp_path / "whole.tar", ("corpus.jsonl", texts), ("queries.jsonl", "{}"), mode=mode)
    data, cut = whole.read_bytes(), tmp_path / "cut.tar"
    for share in (0.1, 0.5, 0.9):
        size = int(share * (len(data) if mode != "w" else len(texts)))
        cut.write_bytes(data[:size])
        with pytest.raises(BadInput, match=r"cut\.tar"):
            import_collection(cut, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.tar", "whole.tar"]


def hash_text(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


def test_zip_files_that_are_none_or_damaged(tmp_path):
    make(tmp_path, {"text.zip": "hello"})
    with zipfile.ZipFile(tmp_path / "flipped.zip", "w") as archive:
        archive.writestr("corpus.jsonl", BEIR_CORPUS)
    raw = bytearray((tmp_path / "flipped.zip").read_bytes())
    raw[60] ^= 1
    (tmp_path / "flipped.zip").write_bytes(raw)
    for name in ("text.zip", "flipped.zip"):
        with pytest.raises(BadInput, match=f"not a sound zip file: .* \\({name}\\)"):
            import_collection(tmp_path / name, tmp_path / "out")


def test_what_a_killed_import_left_is_swept_and_a_running_one_is_left_alone(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("corpus.jsonl", BEIR_CORPUS)
    make(tmp_path, {".x.zip.unpacked/files/corpus.jsonl": "left over", ".x.zip.unpacked/.lock": ""})
    lock = tmp_path / ".x.zip.unpacked" / ".lock"
    with lock.open() as stream:
        lock_or_refuse(stream, lock, "testing")
        with pytest.raises(IntrexError, match=r"another process is unpacking x\.zip"):
            import_collection(tmp_path / "x.zip", tmp_path / "out")
    with unpack(tmp_path / "x.zip", tmp_path) as folder:
        assert (folder / "corpus.jsonl").read_text("utf-8") == BEIR_CORPUS
    assert not lock.parent.exists()
