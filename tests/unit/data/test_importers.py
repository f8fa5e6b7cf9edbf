"""Importers of files and folders: every layout, its accepted variations, and what is said about broken ones."""

import gzip
import json
import re
import zipfile
from pathlib import Path

import pytest

from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.importers.sources import import_collection, parse_sets
from intrex.data.store.manifest import verify_artifact

DOCUMENTS = [
    {"_id": "d1", "title": "Ships", "text": "naïve Grüße 北京", "metadata": {"year": 1965}},
    {"_id": "d2", "title": "", "text": "", "metadata": {}},
    {"_id": "d3", "title": "Planes", "text": 'a "quoted" text\twith a tab'},
]
QUERIES = [{"_id": "q1", "text": "ships"}, {"_id": "q2", "text": "planes"}]
QRELS = {"test": "q1\td1\t2\nq1\td2\t0\n", "train": "q2\td3\t1\n"}
HEADER = "query-id\tcorpus-id\tscore\n"


def lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def beir_files():
    files = {"corpus.jsonl": lines(DOCUMENTS), "queries.jsonl": lines(QUERIES)}
    return files | {f"qrels/{name}.tsv": HEADER + rows for name, rows in QRELS.items()}


def make(folder, files):
    """Write files; text as UTF-8, names in ``.gz`` compressed."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content.encode("utf-8") if isinstance(content, str) else content
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return folder


@pytest.fixture
def clean(tmp_path):
    """The collection made from the plain, faultless BEIR folder."""
    return import_collection(make(tmp_path / "small", beir_files()), tmp_path / "clean")


def test_a_beir_folder(clean):
    assert clean.name == "small"
    assert [doc.id for doc in clean.documents()] == ["d1", "d2", "d3"]
    assert clean.document(2).text == 'a "quoted" text\twith a tab'
    assert clean.queries().texts == ["ships", "planes"]
    assert clean.queries("train").ids == ["q2"]
    assert clean.qrels("test").to_dict() == {"q1": {"d1": 2, "d2": 0}}
    assert clean.sets == {"test": {"queries": 1, "judgements": 2}, "train": {"queries": 1, "judgements": 1}}
    written = [json.loads(line) for line in (clean.path / "corpus.jsonl").read_text("utf-8").splitlines()]
    assert [row.get("metadata") for row in written] == [{"year": 1965}, None, None]
    verify_artifact(clean.path)


def test_the_manifest_says_what_was_read_and_no_path(clean, tmp_path):
    origin = clean.manifest.params["origin"]
    assert (origin["importer"], origin["source"]) == ("beir", "small")
    assert [entry["file"] for entry in origin["corpus"]] == ["corpus.jsonl"]
    assert sorted(origin["qrels"]) == ["test", "train"]
    assert str(tmp_path) not in json.dumps(origin)


def gz(files):
    return {f"{name}.gz": content for name, content in files.items()}


def marked(files):
    return {name: "\ufeff" + content.replace("\n", "\r\n") for name, content in files.items()}


def bare(files):
    return {name: content.replace(HEADER, "").rstrip("\n") for name, content in files.items()}


def spaced(files):
    return {name: "\n" + content.replace("\n", "\n\n \n") for name, content in files.items()}


@pytest.mark.parametrize("change", [gz, marked, bare, spaced, lambda files: gz(marked(files))])
def test_accepted_variations_give_the_same_fingerprint(clean, tmp_path, change):
    again = import_collection(make(tmp_path / "other", change(beir_files())), tmp_path / "again")
    assert again.fingerprint == clean.fingerprint


@pytest.mark.parametrize("inside", ["", "small/", "outer/small/"])
def test_a_zip_file_of_a_folder(clean, tmp_path, inside):
    with zipfile.ZipFile(tmp_path / "small.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._small", b"x")
        for name, content in beir_files().items():
            archive.writestr(inside + name, content)
    again = import_collection(tmp_path / "small.zip", tmp_path / "made" / "again")
    assert (again.fingerprint, again.name) == (clean.fingerprint, "small")
    assert [entry.name for entry in again.path.parent.iterdir()] == ["again"]


def test_an_intrex_collection_imports_as_itself(clean, tmp_path):
    again = import_collection(clean.path, tmp_path / "again", name="small")
    assert again.fingerprint == clean.fingerprint


def test_only_a_corpus_is_enough_and_progress_counts_its_documents(tmp_path):
    rows, told = [{"_id": f"d{n}", "text": ""} for n in range(2300)], []
    source = make(tmp_path / "in", {"corpus.jsonl": lines(rows)})
    made = import_collection(source, tmp_path / "out", progress=told.append)
    assert (made.n_documents, len(made.queries()), made.sets) == (2300, 0, {})
    assert told == [1000, 1000, 300]


def test_ids_with_blanks_are_encoded_everywhere(tmp_path):
    files = {
        "corpus.jsonl": lines(
            [{"_id": "Geneva Durben", "text": "likes quokkas, 100%"}, {"_id": "50%", "text": "b"}]
        ),
        "queries.jsonl": lines([{"_id": "query 0", "text": "who"}]),
        "qrels/test.tsv": HEADER + "query 0\tGeneva Durben\t1\nquery 0\t50%\t1\n",
    }
    made = import_collection(make(tmp_path / "in", files), tmp_path / "out")
    assert made.qrels("test").to_dict() == {"query%200": {"50%": 1, "Geneva%20Durben": 1}}
    assert made.manifest.params["encoded_ids"] == 2


def test_quoted_ids_are_read_as_beir_reads_them(tmp_path):
    files = beir_files() | {
        "corpus.jsonl": lines([{"_id": 'a"b', "text": "x"}, {"_id": "c", "text": "y"}]),
        "qrels/test.tsv": HEADER + 'q1\t"a""b"\t1\n"q1"\tc\t1\n',
        "qrels/train.tsv": HEADER + 'q2\ta"b\t1\n',
    }
    made = import_collection(make(tmp_path / "in", files), tmp_path / "out")
    assert made.qrels("test").to_dict() == {"q1": {'a"b': 1, "c": 1}}
    assert made.qrels("train").to_dict() == {"q2": {'a"b': 1}}


DOC = '{"_id": "d1", "text": "x"}\n'
Q = '{"_id": "q1", "text": "x"}\n'
FAULTS = {
    "no id": ("corpus.jsonl", DOC + '{"text": "x"}\n', r"the document has no '_id' \(corpus.jsonl:2\)"),
    "no text": ("corpus.jsonl", DOC + '{"_id": "d2"}\n', r"the document has no 'text' \(corpus.jsonl:2\)"),
    "a number as id": (
        "corpus.jsonl",
        DOC + '{"_id": 7, "text": ""}\n',
        r"the id is an integer.*\(corpus.jsonl:2\)",
    ),
    "empty id": ("corpus.jsonl", DOC + '{"_id": "", "text": "x"}\n', r"the id is empty \(corpus.jsonl:2\)"),
    "a list as text": (
        "corpus.jsonl",
        '{"_id": "d1", "text": ["x"]}\n',
        r"'text' is a list.*\(corpus.jsonl:1\)",
    ),
    "broken JSON": ("corpus.jsonl", DOC + '{"_id": "d2", \n', r"broken JSON: .* \(corpus.jsonl:2\)"),
    "deep JSON": ("corpus.jsonl", DOC + "[" * 99999 + "\n", r"nested too deeply \(corpus.jsonl:2\)"),
    "no object": (
        "corpus.jsonl",
        DOC + "7\n",
        r"a JSON object is needed, this is an integer \(corpus.jsonl:2\)",
    ),
    "surrogate": (
        "corpus.jsonl",
        DOC + '{"_id": "d2", "text": "\\ud800"}',
        r"surrogate.* \(corpus.jsonl:2\)",
    ),
    "an id with a C1 control character": (
        "corpus.jsonl",
        DOC + '{"_id": "d\u009b2", "text": "x"}\n',
        r"has the control character U\+009B \(corpus.jsonl:2\)",
    ),
    "an id with an ASCII control character": (
        "corpus.jsonl",
        DOC + '{"_id": "d\\u001b2", "text": "x"}\n',
        r"has the control character U\+001B \(corpus.jsonl:2\)",
    ),
    "a query id that turns the text round": (
        "queries.jsonl",
        Q + '{"_id": "q\u202e2", "text": "x"}\n',
        r"has the control character U\+202E \(queries.jsonl:2\)",
    ),
    "a judged id with a control character": (
        "qrels/test.tsv",
        "q1\td1\t1\nq1\td\u00802\t1\n",
        r"has the control character U\+0080 \(qrels/test.tsv:2\)",
    ),
    "an id twice": (
        "corpus.jsonl",
        DOC + '{"_id": "d2", "_id": "d3", "text": "x"}\n',
        r"'_id' stands twice in one object \(corpus.jsonl:2\)",
    ),
    "a text twice": (
        "corpus.jsonl",
        DOC + '{"_id": "d2", "text": "x", "text": "x"}\n',
        r"'text' stands twice in one object \(corpus.jsonl:2\)",
    ),
    "a key of the metadata twice": (
        "corpus.jsonl",
        DOC + '{"_id": "d2", "text": "x", "metadata": {"a": {"b": 1, "b": 2}}}\n',
        r"'b' stands twice in one object \(corpus.jsonl:2\)",
    ),
    "NaN in the metadata": (
        "corpus.jsonl",
        DOC + '{"_id": "d2", "text": "x", "metadata": {"a": [NaN]}}\n',
        r"the metadata have a number that is not finite.* \(corpus.jsonl:2\)",
    ),
    "an infinite number in the metadata": (
        "corpus.jsonl",
        DOC + '{"_id": "d2", "text": "x", "metadata": {"a": 1e400}}\n',
        r"the metadata have a number that is not finite.* \(corpus.jsonl:2\)",
    ),
    "a query's text twice": (
        "queries.jsonl",
        Q + '{"_id": "q2", "text": "x", "text": "y"}\n',
        r"'text' stands twice in one object \(queries.jsonl:2\)",
    ),
    "latin-1": (
        "corpus.jsonl",
        DOC.encode() + b'{"_id": "d2", "text": "\xe9"}',
        r"not UTF-8: .*\(corpus.jsonl:2\)",
    ),
    "the same id": ("corpus.jsonl", DOC + DOC, r"occurred before, at corpus.jsonl:1 \(corpus.jsonl:2\)"),
    "an empty corpus": ("corpus.jsonl", "", "there is no document"),
    "a blank corpus": ("corpus.jsonl", "\n \n", "there is no document"),
    "no queries": ("queries.jsonl", "", r"the file has no query \(queries.jsonl\)"),
    "query twice": ("queries.jsonl", Q + Q, r"the query id q1 occurred before.* \(queries.jsonl:2\)"),
    "query without id": ("queries.jsonl", Q + '{"text": "x"}', r"the query has no '_id' \(queries.jsonl:2\)"),
    "query without text": (
        "queries.jsonl",
        Q + '{"_id": "q2"}',
        r"the query has no 'text' \(queries.jsonl:2\)",
    ),
    "only a header": ("qrels/test.tsv", HEADER, r"the file has no judgement \(qrels/test.tsv\)"),
    "no judgement": ("qrels/test.tsv", "", r"the file has no judgement \(qrels/test.tsv\)"),
    "half a grade": ("qrels/test.tsv", HEADER + "q1\td1\t0.5\n", r"grade is '0.5'.*\(qrels/test.tsv:2\)"),
    "a word as grade": ("qrels/test.tsv", "q1\td1\tyes\n", r"the grade is 'yes'.*\(qrels/test.tsv:1\)"),
    "a huge grade": ("qrels/test.tsv", "q1\td1\t4294967296\n", r"32 bits .*\(qrels/test.tsv:1\)"),
    "two columns": (
        "qrels/test.tsv",
        "q1\td1\t1\nq1\td1\n",
        r"2 columns between TABs, 3.*\(qrels/test.tsv:2\)",
    ),
    "empty column": ("qrels/test.tsv", "q1\t\t1\n", r"an id is empty \(qrels/test.tsv:1\)"),
    "unknown document": ("qrels/test.tsv", "q1\tdX\t1\n", r"unknown document 'dX' \(qrels/test.tsv:1\)"),
    "unknown query": ("qrels/test.tsv", "qX\td1\t1\n", r"unknown query 'qX' \(qrels/test.tsv:1\)"),
    "judged twice": ("qrels/test.tsv", "q1\td1\t1\nq1\td1\t1\n", r"judged twice.* \(qrels/test.tsv:2\)"),
    "latin-1 qrels": ("qrels/test.tsv", b"q1\td\xe9\t1\n", r"not UTF-8.*\(qrels/test.tsv:1\)"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_faults_are_reported_with_file_and_line_and_nothing_is_left(tmp_path, fault, ending):
    name, content, message = FAULTS[fault]
    files = {"corpus.jsonl": DOC, "queries.jsonl": Q, "qrels/test.tsv": "q1\td1\t1\n"}
    del files[name]
    source = make(tmp_path / "in", files | {name + ending: content})
    with pytest.raises(BadInput, match=message.replace(name, re.escape(name + ending))):
        import_collection(source, tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


def test_all_problems_of_all_files_come_together(tmp_path):
    files = {
        "corpus.jsonl": DOC + '{"text": "x"}\n' * 3 + DOC,
        "queries.jsonl": Q + "{\n",
        "qrels/test.tsv": HEADER + "q1\td1\tx\nq1\td9\t1\n",
    }
    with pytest.raises(BadInput) as caught:
        import_collection(make(tmp_path / "in", files), tmp_path / "out")
    assert caught.value.message.startswith("6 problems in in\n")
    assert "and 1 more" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["corpus.jsonl.gz", "queries.jsonl.gz", "qrels/test.tsv.gz"])
def test_a_gzip_file_that_was_cut_off(tmp_path, name):
    source = make(tmp_path / "in", gz(beir_files()))
    path = source / name
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(BadInput, match=f"the gzip file ends early .*{re.escape(name)}"):
        import_collection(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unknown_judgements_can_be_left_out(tmp_path):
    files = beir_files() | {"qrels/test.tsv": HEADER + "q1\td1\t1\nq1\tdX\t1\n"}
    source = make(tmp_path / "in", files)
    with pytest.raises(BadInput) as caught:
        import_collection(source, tmp_path / "out")
    assert "--allow-unknown" in caught.value.hint and "--drop-unknown" in caught.value.hint
    made = import_collection(source, tmp_path / "out", drop_unknown=True)
    assert made.sets["test"] == {"queries": 1, "judgements": 1, "removed": 1}
    kept = import_collection(source, tmp_path / "kept", allow_unknown=True)
    assert kept.sets["test"] == {"queries": 1, "judgements": 2, "unknown": 1}
    assert kept.qrels("test").to_dict() == {"q1": {"d1": 1, "dX": 1}}
    assert kept.fingerprint != made.fingerprint
    with pytest.raises(UsageError, match="--allow-unknown keeps the judgements that --drop-unknown"):
        import_collection(source, tmp_path / "both", allow_unknown=True, drop_unknown=True)


def test_dropping_the_last_judgement_of_a_set_is_an_error(tmp_path):
    files = beir_files() | {"qrels/dev.tsv": HEADER + "q1\tdX\t1\nqX\td1\t1\n"}
    source = make(tmp_path / "in", files)
    with pytest.raises(BadInput, match="every judgement of the set dev names an unknown"):
        import_collection(source, tmp_path / "out", drop_unknown=True)
    assert not (tmp_path / "out").exists()
    kept = import_collection(source, tmp_path / "kept", allow_unknown=True)
    assert kept.sets["dev"] == {"queries": 2, "judgements": 2, "unknown": 2}


def test_each_problem_of_an_import_keeps_its_own_hint(tmp_path):
    """A document twice is no matter for --allow-unknown, whatever else is wrong."""
    corpus = '{"_id": "d1", "text": "a"}\n{"_id": "d1", "text": "b"}\n'
    files = beir_files() | {"corpus.jsonl": corpus, "qrels/test.tsv": HEADER + "q1\td1\t1\nq1\tdX\t1\n"}
    with pytest.raises(BadInput) as caught:
        import_collection(make(tmp_path / "in", files), tmp_path / "out")
    assert "occurred before" in caught.value.message and "unknown document 'dX'" in caught.value.message
    assert "--allow-unknown" in caught.value.hint
    both = caught.value.hint
    with pytest.raises(BadInput) as caught:
        import_collection(make(tmp_path / "two", beir_files() | {"corpus.jsonl": corpus}), tmp_path / "out")
    twice = caught.value.hint
    assert twice and twice in both, (twice, both)


def test_an_existing_output_is_kept_unless_told(clean, tmp_path):
    files = beir_files() | {"queries.jsonl": lines([*QUERIES, {"_id": "q3", "text": "new"}])}
    source = make(tmp_path / "small", files)
    with pytest.raises(IntrexError, match="the output exists"):
        import_collection(source, clean.path)
    assert len(import_collection(source, clean.path, overwrite=True).queries()) == 3


def test_options_replace_what_the_folder_has(clean, tmp_path):
    make(tmp_path, {"own.tsv": "q9\tboats\n", "own.qrels": "q9 0 d1 1\n"})
    made = import_collection(
        tmp_path / "small",
        tmp_path / "out",
        queries=tmp_path / "own.tsv",
        qrels=[f"dev={tmp_path / 'own.qrels'}"],
    )
    assert (made.queries().ids, made.sets) == (["q9"], {"dev": {"queries": 1, "judgements": 1}})
    assert made.corpus_fingerprint == clean.corpus_fingerprint


def test_judgement_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path, {"a=b.txt": ""})
    assert parse_sets(["dev=x.tsv", "y.tsv"]) == {"dev": Path("x.tsv"), "test": Path("y.tsv")}
    assert parse_sets(["a=b.txt"]) == {"test": Path("a=b.txt")}
    with pytest.raises(UsageError, match="two files for the query set 'test': x and y"):
        parse_sets(["x", "y"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layout": "beer"}, UsageError, "unknown corpus layout 'beer'"),
        ({"qrels": {"a/b": Path("queries.jsonl")}}, UsageError, "cannot be the name of a query set"),
        ({"qrels": {"test": Path("missing")}}, BadInput, "qrels not found: missing"),
        ({"queries": Path("qrels")}, BadInput, "queries is a folder"),
        ({"queries": Path("/dev/null")}, UsageError, "not a regular file"),
    ],
)
def test_options_that_cannot_be(tmp_path, monkeypatch, options, error, message):
    monkeypatch.chdir(make(tmp_path / "in", beir_files()))
    with pytest.raises(error, match=message):
        import_collection(".", tmp_path / "out", **options)
