"""Every BEIR tool reads an intrex collection as it is: BEIR's own loader must see what was imported."""

import gzip
import json

import pytest

from intrex.data.collection import Collection
from intrex.data.importers.sources import import_collection
from tests.conftest import SHARED

loader = pytest.importorskip("beir.datasets.data_loader", reason="needs the extra beir")

TEXTS = [
    "plain",
    "",
    "  blanks  ",
    'a "quote"',
    "tab\tand\nline\u2028ends\r\x85",
    "北京 Grüße \U0001f600",
    "back\\slash",
    "\x00\x1f",
]


def awkward(folder):
    """A BEIR folder whose texts and ids go wrong where a reader or writer is careless."""
    rows = [
        {"_id": f"d {n}", "title": title, "text": text}
        for n, (title, text) in enumerate(zip(TEXTS, TEXTS[::-1], strict=True))
    ]
    rows += [{"_id": 'in"side', "title": "", "text": "x"}, {"_id": "Zürich-北", "text": "no title"}]
    queries = [{"_id": f"q{n}", "text": text} for n, text in enumerate(TEXTS)]
    (folder / "qrels").mkdir(parents=True)
    for name, objects in (("corpus", rows), ("queries", queries)):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in objects)
    pairs = [
        (q["_id"], d["_id"], n % 4 - 1) for n, (q, d) in enumerate((q, d) for q in queries[:5] for d in rows)
    ]
    (folder / "qrels" / "dev.tsv").write_text(
        "".join(f"{q}\t{d}\t{g}\n" for q, d, g in pairs), encoding="utf-8"
    )
    return folder


def check(collection: Collection):
    documents = {doc.id: {"text": doc.text, "title": doc.title} for doc in collection.documents()}
    for name in collection.sets:
        corpus, queries, qrels = loader.GenericDataLoader(str(collection.path)).load(split=name)
        ours = collection.queries(name)
        assert corpus == documents
        assert queries == dict(zip(ours.ids, ours.texts, strict=True))
        assert qrels == collection.qrels(name).to_dict()
    assert collection.sets


def test_beir_reads_awkward_texts_and_ids(tmp_path):
    collection = import_collection(awkward(tmp_path / "in"), tmp_path / "out")
    check(collection)
    assert collection.document(4).title == TEXTS[4]


@pytest.mark.parametrize("name", ["scifact", "limit-small", "drcd-zh"])
def test_beir_reads_shared_collections(name, tmp_path):
    if not (SHARED / name).is_dir():
        pytest.skip(f"no {name} in {SHARED}; INTREX_SHARED_DATA names another folder")
    collection = import_collection(SHARED / name, tmp_path / "out")
    check(collection)
    if not collection.manifest.params["encoded_ids"]:
        check_equal_to_the_source(collection, SHARED / name)


def check_equal_to_the_source(collection, source):
    """BEIR reads the same from our folder and from the one that it was imported from."""
    for name in collection.sets:
        ours, theirs = (
            loader.GenericDataLoader(str(path)).load(split=name) for path in (collection.path, source)
        )
        assert ours == theirs
