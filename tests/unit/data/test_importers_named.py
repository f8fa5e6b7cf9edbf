"""Data sets by name: BEIR's zip files from a loopback server, ir_datasets over local files, and neither when offline."""

import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from functools import partial
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, IntrexError, MissingExtra, UsageError
from intrex.data.group import CollectionGroup
from intrex.data.importers import irds
from intrex.data.importers.beir_names import BEIR_MD5, beir_names
from intrex.data.importers.sources import import_collection, resolve

FILES = {
    "corpus.jsonl": '{"_id": "d1", "title": "t", "text": "x", "metadata": {}}\n{"_id": "d2", "title": "", "text": "y"}\n',
    "queries.jsonl": '{"_id": "q1", "text": "a", "metadata": {}}\n',
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td2\t1\n",
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder served on the loopback in place of BEIR's server."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("INTREX_BEIR_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path / "cache"))
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


def zip_of(path, *prefixes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for prefix in prefixes:
            for name, content in FILES.items():
                archive.writestr(prefix + name, content)


def test_beir_by_name_is_fetched_once_and_unpacked_by_beir(mirror, tmp_path):
    pytest.importorskip("beir")
    zip_of(mirror / "tiny-set.zip", "tiny-set/")
    made = import_collection("beir:tiny-set", tmp_path / "out")
    assert (made.name, made.n_documents, made.sets) == (
        "tiny-set",
        2,
        {"test": {"queries": 1, "judgements": 1}},
    )
    assert made.manifest.params["origin"]["source"] == "beir:tiny-set"
    assert [path.name for path in (tmp_path / "cache" / "beir").iterdir()] == ["tiny-set.zip"]
    (mirror / "tiny-set.zip").unlink()
    again = import_collection("beir:tiny-set", tmp_path / "again", name="other")
    assert (again.name, again.fingerprint) == ("other", made.fingerprint)


def test_one_forum_of_a_zip_file_with_several(mirror, tmp_path):
    pytest.importorskip("beir")
    zip_of(mirror / "stacks.zip", "stacks/one/", "stacks/two/")
    assert import_collection("beir:stacks/two", tmp_path / "out").name == "stacks/two"
    with pytest.raises(BadInput, match="no folder three") as caught:
        import_collection("beir:stacks/three", tmp_path / "three")
    assert caught.value.hint == "there are: one, two"
    group = import_collection("beir:stacks", tmp_path / "all")
    assert isinstance(group, CollectionGroup) and list(group.paths) == ["one", "two"]
    assert [Collection.open(p).name for p in group.paths.values()] == ["stacks/one", "stacks/two"]
    assert Collection.open(group.paths["two"]).manifest.params["origin"]["source"] == "beir:stacks/two"


def test_a_zip_file_that_is_not_the_published_one_is_refused(mirror, tmp_path):
    pytest.importorskip("beir")
    zip_of(mirror / "scifact.zip", "scifact/")
    with pytest.raises(BadInput, match=f"not the published file, twice: its md5 is .*{BEIR_MD5['scifact']}"):
        import_collection("scifact", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "cache" / "beir").iterdir()) == []


def test_a_name_that_the_server_does_not_have(mirror, tmp_path):
    pytest.importorskip("beir")
    with pytest.raises(IntrexError, match="no such file on the server: 404") as caught:
        import_collection("beir:scifat", tmp_path / "out")
    assert "did you mean scifact?" in caught.value.hint


def test_names_that_cannot_be(tmp_path):
    for name in ("beir:../x", "beir:A B", "beir:", "beir:a/b/c"):
        with pytest.raises(UsageError, match="no name of a BEIR data set"):
            import_collection(name, tmp_path / "out")
    with pytest.raises(UsageError, match="one layout"):
        import_collection("beir:scifact", tmp_path / "out", layout="beir")


def test_every_published_name_has_an_md5_and_an_existing_path_comes_first(tmp_path, monkeypatch):
    assert len(BEIR_MD5) == 15 and all(len(md5) == 32 for md5 in BEIR_MD5.values())
    assert {"cqadupstack/gis", "cqadupstack"} <= set(beir_names())
    assert resolve("cqadupstack") == ("beir", "cqadupstack")
    assert resolve("scifact") == ("beir", "scifact")
    monkeypatch.chdir(tmp_path)
    Path("scifact").mkdir()
    assert resolve("scifact") == ("path", "scifact")


@pytest.fixture
def registered(tmp_path):
    """Data sets of ir_datasets over local files: one with texts only, one with titles."""
    library = pytest.importorskip("ir_datasets")
    files = {
        "docs.tsv": "d1\tShips of iron\nd2\t\n",
        "titled.tsv": "d1\tShips\thttp://x\tof iron\nd2\t\thttp://y\tno title\n",
        "queries.tsv": "q1\tships\nq2\tplanes\n",
        "qrels.txt": "q1 0 d1 2\nq2 0 d2 0\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    make = library.util.LocalDownload
    rest = {"queries_tsv": tmp_path / "queries.tsv", "qrels_trec": tmp_path / "qrels.txt"}
    titled = library.formats.TsvDocs(make(tmp_path / "titled.tsv"), doc_cls=library.formats.TitleUrlTextDoc)
    missing = library.create_dataset(docs_tsv=tmp_path / "gone.tsv")
    sets = {
        "intrex-test/plain/dev": library.create_dataset(docs_tsv=tmp_path / "docs.tsv", **rest),
        "intrex-test-titled": library.datasets.base.Dataset(titled),
        "intrex-test/queries-only": library.create_dataset(queries_tsv=tmp_path / "queries.tsv"),
        "intrex-test/gone": missing,
        "intrex-many/one": library.create_dataset(docs_tsv=tmp_path / "docs.tsv", **rest),
        "intrex-many/two": library.create_dataset(docs_tsv=tmp_path / "docs.tsv", **rest),
        "intrex-many/two/dev": library.create_dataset(docs_tsv=tmp_path / "docs.tsv", **rest),
    }
    for name, data in sets.items():
        library.registry.register(name, data)
    yield tmp_path
    for name in sets:
        del library.registry._registered[name]


@pytest.mark.parametrize("source", ["irds:intrex-test/plain/dev", "intrex-test/plain/dev"])
def test_ir_datasets_by_id(registered, tmp_path, source):
    told = []
    made = import_collection(source, tmp_path / "out", progress=told.append)
    assert told == [2]
    assert [(doc.id, doc.title, doc.text) for doc in made.documents()] == [
        ("d1", "", "Ships of iron"),
        ("d2", "", ""),
    ]
    assert made.queries().texts == ["ships", "planes"]
    assert made.name == "intrex-test/plain/dev"
    assert made.qrels("dev").to_dict() == {"q1": {"d1": 2}, "q2": {"d2": 0}}
    assert made.manifest.params["origin"]["source"] == "irds:intrex-test/plain/dev"


def test_an_id_above_several_data_sets_of_ir_datasets_is_their_group(registered, tmp_path):
    group = import_collection("irds:intrex-many", tmp_path / "out")
    assert isinstance(group, CollectionGroup) and group.name == "intrex-many"
    names = {name: Collection.open(path) for name, path in group.paths.items()}
    assert {name: (c.name, list(c.sets)) for name, c in names.items()} == {
        "one": ("intrex-many/one", ["one"]),
        "two": ("intrex-many/two", ["two"]),
    }
    assert resolve("intrex-many") == ("irds", "intrex-many")
    assert len(irds.members_of("nano-beir")) == 13 and len(irds.members_of("beir/cqadupstack")) == 12
    assert not irds.members_of("vaswani") and not irds.members_of("intrex-test")


def test_titles_of_ir_datasets(registered, tmp_path):
    made = import_collection("intrex-test-titled", tmp_path / "out")
    assert [(doc.title, doc.text) for doc in made.documents()] == [("Ships", "of iron"), ("", "no title")]
    assert (len(made.queries()), made.sets) == (0, {})


def test_title_and_text_agree_with_what_ir_datasets_would_index():
    formats = pytest.importorskip("ir_datasets").formats
    parsed = formats.TrecParsedDoc("d", "A title", " the body ", b"")
    assert irds.title_and_text(parsed) == ("A title", "the body")
    assert irds.title_and_text(formats.TitleUrlTextDoc("d", "A title", "u", " text ")) == (
        "A title",
        " text ",
    )
    assert irds.title_and_text(formats.TitleUrlTextDoc("d", None, "u", "text")) == ("", "text")
    assert irds.title_and_text(formats.GenericDoc("d", "text")) == ("", "text")


def test_query_sets_of_ids():
    names = ["antique/test", "msmarco-passage/dev/small", "cranfield", "a/b c"]
    assert [irds.set_of(name) for name in names] == ["test", "small", "test", "test"]


def test_faults_of_ir_datasets_are_one_line(registered, tmp_path):
    with pytest.raises(BadInput, match="no data set 'intrex-test/plain/dve'") as caught:
        import_collection("irds:intrex-test/plain/dve", tmp_path / "out")
    assert caught.value.hint == "did you mean intrex-test/plain/dev?"
    with pytest.raises(BadInput, match="has no documents"):
        import_collection("intrex-test/queries-only", tmp_path / "out")
    with pytest.raises(IntrexError, match=r"is not public; its file is needed at .*gone.tsv"):
        import_collection("intrex-test/gone", tmp_path / "out")
    with pytest.raises(UsageError, match="brings its own queries"):
        import_collection("intrex-test/plain/dev", tmp_path / "out", queries=registered / "queries.tsv")
    (registered / "docs.tsv").write_text("d1\tone\ttoo many\n", encoding="utf-8")
    with pytest.raises(
        BadInput, match="cannot read the documents of irds:intrex-test/plain/dev: RuntimeError"
    ):
        import_collection("intrex-test/plain/dev", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_records_that_cannot_be_say_which(registered, tmp_path):
    (registered / "docs.tsv").write_text("d1\tone\nd1\ttwo\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"at irds:intrex-test/plain/dev document:1 \(irds:.* document:2\)"):
        import_collection("intrex-test/plain/dev", tmp_path / "out", allow_unknown=True)


def test_a_source_that_is_nothing_gets_a_suggestion():
    pytest.importorskip("ir_datasets")
    with pytest.raises(BadInput, match="no such file, folder or data set: beir/scifact/tset") as caught:
        resolve("beir/scifact/tset")
    assert "did you mean beir/scifact/test?" in caught.value.hint
    with pytest.raises(BadInput) as caught:
        resolve("./corpus.jsonl")
    assert "did you mean" not in caught.value.hint


TIMED = """
import json, sys, time
from pathlib import Path
from intrex.data.errors import IntrexError
from intrex.data.importers.sources import import_collection
start = time.monotonic()
try:
    import_collection(sys.argv[1], Path(sys.argv[2]))
except IntrexError as error:
    print(json.dumps([error.message, error.hint, time.monotonic() - start]))
"""


@pytest.mark.parametrize(
    "source", ["scifact", "beir/scifact/test", "irds:antique/test", "irds:mr-tydi/ar/dev"]
)
def test_offline_it_fails_in_about_a_second_and_says_what_to_do(tmp_path, source):
    pytest.importorskip("ir_datasets")
    closed = "http://127.0.0.1:9"  # a proxy that refuses: as far from the network as any machine can be
    offline = {
        "http_proxy": closed,
        "https_proxy": closed,
        "no_proxy": "",
        "IR_DATASETS_HOME": str(tmp_path / "irds"),
    }
    command = [sys.executable, "-c", TIMED, source, str(tmp_path / "out")]
    environment = os.environ | offline | {"INTREX_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    message, hint, seconds = json.loads(done.stdout)
    assert "cannot be reached" in message or "cannot reach" in message
    assert "intrex collection import" in hint
    assert seconds < 3
    assert done.stderr == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("source", "package"), [("beir:scifact", "beir"), ("irds:antique/test", "ir_datasets")]
)
def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch, source, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=f"needs the package {package}") as caught:
        import_collection(source, tmp_path / "out")
    assert caught.value.hint == "pip install 'intrex[beir]'"
