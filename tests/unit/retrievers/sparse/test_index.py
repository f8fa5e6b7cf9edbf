"""Indexes of term weights: what is kept of them, what files and queries may say, and what is refused."""

import gzip
import json
import logging

import numpy as np
import pytest

from intrex.data.collection import Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.locate import find_queries
from intrex.data.store.manifest import verify_artifact
from intrex.data.store.vectors import SparseVectors
from intrex.encoders.base import make_sparse_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.base import open_index
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.search import check_encoder, run_search
from intrex.retrievers.sparse.build import build_sparse
from intrex.retrievers.sparse.files import build_impact
from intrex.retrievers.sparse.index import ImpactIndex
from intrex.retrievers.sparse.options import Quantized
from intrex.retrievers.sparse.storage import choose_storage
from tests.conftest import DOCUMENTS

VECTORS = {
    "d1": {"wing": 3, "lift": 2, "flow": 1},
    "d2": {"plate": 5, "boundary": 4, "layer": 4},
    "d3": {"heat": 250, "layer": 1, "boundary": 1},
    "d5": {"plate": 5, "boundary": 4, "layer": 4},
    "ünï-6": {"größe": 7, "straße": 2, "wing": 1},
}


def write(path, vectors, key="vector", **more):
    lines = [
        json.dumps({"id": i, "contents": "", key: v, **more}, ensure_ascii=False) for i, v in vectors.items()
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def weights(tmp_path):
    return write(tmp_path / "weights.jsonl", VECTORS)


@pytest.fixture
def index(small, weights, tmp_path):
    return build_impact(small, BuildTask(tmp_path / "index"), weights)


def search(index, queries, **options):
    return index.search(queries, SearchOptions(**options)).to_dict()


def texts(**queries):
    return Queries(list(queries), list(queries.values()))


def weighted(**queries):
    return Queries(list(queries), [""] * len(queries), list(queries.values()))


def test_the_score_is_the_dot_product(index):
    found = search(
        index, weighted(a={"wing": 0.5, "lift": 2.0, "unknown": 9.0}, b={"boundary": 1.0, "heat": 0.01})
    )
    assert found["a"] == {"d1": 5.5, "ünï-6": 0.5}
    assert found["b"] == {"d5": 4.0, "d2": 4.0, "d3": 1 + np.float32(0.01) * np.float32(250)}
    assert list(found["b"])[:2] == ["d5", "d2"], "ties: the higher id first"


def test_text_is_cut_at_white_space_and_repeats_weigh(index):
    again = search(index, weighted(q={"wing": 2, "lift": 1}))
    assert search(index, texts(q="wing  lift\twing")) == again == {"q": {"d1": 8.0, "ünï-6": 2.0}}
    assert search(index, texts(q="Wing")) == {}, "a term is taken as it is"


def test_queries_without_a_known_term_have_no_line_and_are_counted(index, caplog):
    caplog.set_level(logging.INFO, "intrex")
    assert list(search(index, texts(a="", b="nothing known", c="heat"))) == ["c"]
    assert "2 of 3 queries have no term that the index knows" in caplog.text


def test_the_order_of_the_file_and_its_form_do_not_matter(small, index, tmp_path):
    asked = weighted(a={"wing": 1, "boundary": 2, "größe": 1})
    turned = dict(reversed(VECTORS.items()))
    folder = tmp_path / "folder" / "part"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps([{"_id": "d1", "vector": VECTORS["d1"]}]))
    rest = {i: v for i, v in turned.items() if i != "d1"}
    write(folder / "b.jsonl", rest, key="toks")
    (folder / "b.jsonl.gz").write_bytes(gzip.compress((folder / "b.jsonl").read_bytes()))
    (folder / "b.jsonl").unlink()
    (folder / "README.md").write_text("not read")
    other = build_impact(small, BuildTask(tmp_path / "other"), tmp_path / "folder")
    assert [one["file"] for one in other.manifest.params["source"]] == ["part/a.json", "part/b.jsonl.gz"]
    for k in (1, 2, 10):
        assert search(other, asked, k=k) == search(index, asked, k=k)


def test_a_document_without_text_may_be_missing_one_with_text_may_be_empty(small, tmp_path):
    found = build_impact(small, BuildTask(tmp_path / "i"), write(tmp_path / "w.jsonl", VECTORS | {"d3": {}}))
    assert len(found.ids) == len(DOCUMENTS) and search(found, texts(q="heat")) == {}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"id": "d9", "vector": {}}, "document d9 is not in the collection small"),
        ({"id": "d1", "vector": {}}, "document d1 occurred before, at weights.jsonl:1"),
        ({"id": 7, "vector": {}}, "document 7 is not in the collection"),
        ({"id": "", "vector": {}}, "the id is empty"),
        ({"id": ["d9"], "vector": {}}, "the id is a list"),
        ({"vector": {}}, "no 'id'"),
        ({"id": "d9"}, "no 'vector'"),
        ({"id": "d9", "vector": [1]}, "'vector' is a list"),
        ({"id": "d9", "vector": {"a": -1}}, "weight of 'a' is negative"),
        ({"id": "d9", "vector": {"a": float("nan")}}, "weight of 'a' is not a finite number"),
        ({"id": "d9", "vector": {"a": float("inf")}}, "weight of 'a' is not a finite number"),
        ({"id": "d9", "vector": {"a": 10**39}}, "weight of 'a' is too large for float32"),
        ({"id": "d9", "vector": {"a": "1"}}, "weight of 'a' is a string"),
        ({"id": "d9", "vector": {"a": True}}, "weight of 'a' is a truth value"),
        ({"id": "d9", "vector": {"": 1}}, "a term is empty"),
        ({"id": "d9", "vector": {"a\nb": 1}}, "has a line break"),
        ({"id": "d9", "vector": {"\ud800": 1}}, "unpaired surrogate"),
    ],
)
def test_what_a_line_must_not_say(small, weights, tmp_path, line, words):
    with weights.open("a") as stream:
        stream.write("\n" + json.dumps(line) + "\n")
    with pytest.raises(BadInput) as caught:
        build_impact(small, BuildTask(tmp_path / "index"), weights)
    assert words in caught.value.message and "weights.jsonl:7" in caught.value.message
    assert not (tmp_path / "index").exists() and not list(tmp_path.glob(".index*"))


def test_a_term_that_stands_twice(small, weights, tmp_path):
    with weights.open("a") as stream:
        stream.write('\n{"id": "d9", "vector": {"a": 1, "b": 2, "a": 3}}\n')
    with pytest.raises(BadInput, match=r"'a' stands twice in one object \(weights.jsonl:7\)"):
        build_impact(small, BuildTask(tmp_path / "index"), weights)


def test_every_problem_is_counted(small, tmp_path):
    bad = {"d1": {"a": -1, "b": -2, "c": 1}, "d9": {}, "d2": {}}
    with pytest.raises(BadInput) as caught:
        build_impact(small, BuildTask(tmp_path / "index"), write(tmp_path / "w.jsonl", bad))
    assert "6 problems in w.jsonl" in caught.value.message  # two weights, an unknown document, three missing
    assert "the document d3 has no weights (small/corpus.jsonl:3)" in caught.value.message
    assert '"vector": {}' in caught.value.hint


def test_files_that_are_not_there(small, tmp_path):
    with pytest.raises(BadInput, match="file of weights not found"):
        build_impact(small, BuildTask(tmp_path / "index"), tmp_path / "nothing.jsonl")
    with pytest.raises(BadInput, match=r"no .json or .jsonl file, plain or compressed"):
        build_impact(small, BuildTask(tmp_path / "index"), small.path / "qrels")


@pytest.mark.parametrize(
    ("values", "bits", "dtype", "scale"),
    [
        ([1, 255], None, "uint8", 1),
        ([1, 255], 16, "uint8", 1),
        ([1, 256], None, "uint16", 1),
        ([1, 65535], 16, "uint16", 1),
        ([1, 65536], None, "float32", 1),
        ([0.5, 3], None, "float32", 1),
        ([0.5, 3], 8, "uint8", 2.0**-6),
        ([0.5, 3.99], 8, "uint8", 2.0**-6),  # 255.36 steps
        ([0.5, 3.999], 8, "uint8", 2.0**-5),  # at 2**-6 it would be 256
        ([0.5, 3.99], 16, "uint16", 2.0**-14),
        ([1, 256], 8, "uint8", 2.0),
        ([], None, "uint8", 1),
    ],
)
def test_how_weights_are_kept(values, bits, dtype, scale):
    weights = np.array(values, np.float32)
    found = choose_storage(SparseVectors(np.array([0, len(weights)]), np.arange(len(weights)), weights), bits)
    assert (found.dtype, found.scale) == (dtype, scale)
    assert (
        np.abs(found.stored(weights) * found.scale - weights).max(initial=0)
        <= (dtype != "float32") * scale / 2
    )


def test_quantised_weights_are_the_nearest_multiples_and_are_searched_exactly(small, tmp_path):
    vectors = {i: {t: w * 0.3 + 0.001 for t, w in v.items()} for i, v in VECTORS.items()}
    vectors["d1"]["gone"] = 1e-4
    source = write(tmp_path / "w.jsonl", vectors)
    with pytest.raises(UsageError, match="--quantize is 7"):
        build_impact(small, BuildTask(tmp_path / "7"), source, Quantized(quantize=7))
    for bits, dtype in ((8, "uint8"), (16, "uint16")):
        found = build_impact(small, BuildTask(tmp_path / str(bits)), source, Quantized(quantize=bits))
        scale = found.manifest.params["scale"]
        assert found.manifest.params["weights"] == dtype and np.log2(scale) % 1 == 0
        kept = {i: {t: np.rint(w / scale) * scale for t, w in v.items()} for i, v in vectors.items()}
        assert search(found, weighted(q={"plate": 0.7, "layer": 0.1}))["q"]["d2"] == np.float32(
            float(np.float32(0.7)) * kept["d2"]["plate"] + float(np.float32(0.1)) * kept["d2"]["layer"]
        )
        assert search(found, texts(q="gone")) == ({} if scale > 2e-4 else {"q": {"d1": kept["d1"]["gone"]}})


def test_scores_that_float32_cannot_hold_are_refused(index):
    with pytest.raises(BadInput, match="query b are so large"):
        search(index, weighted(a={"wing": 1e38 / 250}, b={"wing": 3e38}))


def test_an_index_of_nothing(small, tmp_path):
    found = build_impact(
        small, BuildTask(tmp_path / "i"), write(tmp_path / "w.jsonl", {i: {} for i in VECTORS})
    )
    assert search(found, texts(q="wing")) == search(found, Queries([], [])) == {}
    assert verify_artifact(tmp_path / "i").params["postings"] == 0


def test_encoded_as_the_encoder_does(small, tmp_path):
    encoder = make_sparse_encoder("hashing:1000", EncoderOptions())
    found = build_sparse(small, BuildTask(tmp_path / "i", block=4), encoder)
    assert isinstance(open_index(tmp_path / "i", small), ImpactIndex)
    documents = encoder.encode([d.contents for d in small.documents()], "document")
    queries = small.queries()
    asked = encoder.encode(queries.texts, "query")

    def dense(sparse):
        out = np.zeros((len(sparse.offsets) - 1, 1000), np.float64)
        out[np.repeat(np.arange(len(out)), np.diff(sparse.offsets)), sparse.terms] = sparse.weights
        return out

    scores = (dense(asked) @ dense(documents).T).astype(np.float32)
    ids = [d.id for d in small.documents()]
    for row, name in zip(scores, queries.ids, strict=True):
        expected = {i: s for i, s in zip(ids, row.tolist(), strict=True) if s > 0}
        assert search(found, queries)[name] == pytest.approx(expected, rel=1e-6)
    other = make_sparse_encoder("hashing:500", EncoderOptions())
    with pytest.raises(BadInput, match="is not the index's"):
        found.search(queries, SearchOptions(), other)


def test_precomputed_queries_and_an_encoder_for_texts(small, tmp_path):
    """Weights that were written down by an encoder are searched as those that it makes now."""
    encoder = make_sparse_encoder("hashing:1000", EncoderOptions())
    built = build_sparse(small, BuildTask(tmp_path / "built"), encoder)
    documents = list(small.documents())
    names = encoder.terms()

    def vectors(texts, role):
        offsets, terms, weights = encoder.encode(texts, role)
        rows = [slice(offsets[i], offsets[i + 1]) for i in range(len(texts))]
        return [dict(zip([names[t] for t in terms[r]], weights[r].tolist(), strict=True)) for r in rows]

    lines = dict(
        zip([d.id for d in documents], vectors([d.contents for d in documents], "document"), strict=True)
    )
    read = build_impact(small, BuildTask(tmp_path / "read"), write(tmp_path / "w.jsonl", lines))
    queries = small.queries()
    expected = search(built, queries)
    write(tmp_path / "q.jsonl", dict(zip(queries.ids, vectors(queries.texts, "query"), strict=True)))
    written, collection = find_queries(str(tmp_path / "q.jsonl"), weighted=True)
    assert collection is None and search(read, written) == expected == search(built, written)
    check_encoder(read, "hashing:1000")
    by_encoder = SearchOptions(encoder="hashing:1000")
    assert read.search(queries, by_encoder).to_dict() == expected
    words = build_impact(small, BuildTask(tmp_path / "words"), write(tmp_path / "v.jsonl", VECTORS))
    with pytest.raises(BadInput, match="none of the 32,768 terms of the encoder hashing"):
        words.search(queries, SearchOptions(encoder="hashing"))
    with pytest.raises(BadInput, match="'splade-tiny' was asked for") as caught:
        check_encoder(built, "splade-tiny")
    assert "intrex index sparse COLLECTION OUT --encoder splade-tiny" in caught.value.hint
    check_encoder(built, "hashing")


def test_query_files(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text(
        '{"qid": 7, "query": "heat flow", "query_toks": {"heat": 1.5, "the": 0}}\n{"id": "b", "vector": {}}\n'
    )
    found, _ = find_queries(str(path), weighted=True)
    assert found == Queries(["7", "b"], ["heat flow", ""], [{"heat": 1.5}, {}])
    assert found.only({"b"}) == Queries(["b"], [""], [{}])
    with pytest.raises(BadInput, match="no 'text'"):
        find_queries(str(path))
    path.write_text(
        '{"id": "a", "vector": {"x": -1}}\n{"id": "a", "vector": {"x": 1}}\n{"id": "b", "text": "x"}\n'
    )
    with pytest.raises(BadInput, match=r"3 problems in q\.jsonl"):
        find_queries(str(path), weighted=True)


def test_other_indexes_do_not_take_weights(small, tmp_path):
    from intrex.retrievers.bm25.build import build_bm25

    with pytest.raises(BadInput, match="term weights, a bm25 index takes texts"):
        run_search(
            build_bm25(small, BuildTask(tmp_path / "i")), weighted(q={"heat": 1}), SearchOptions(), tag="t"
        )


def test_an_index_of_another_layout_is_refused(small, weights, tmp_path, monkeypatch):
    from intrex.retrievers.sparse import files as impact_files
    from intrex.retrievers.sparse import index as impact

    later = impact.LAYOUT + 1
    for module in (impact, impact_files):
        monkeypatch.setattr(module, "LAYOUT", later)
    build_impact(small, BuildTask(tmp_path / "i"), weights)
    monkeypatch.undo()
    with pytest.raises(BadInput, match="another layout"):
        ImpactIndex.open(tmp_path / "i")


def test_k_is_at_least_one(index):
    with pytest.raises(UsageError, match="--k is 0, needed"):
        search(index, texts(q="wing"), k=0)
