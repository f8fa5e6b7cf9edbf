"""Multi-vector checkpoints of each layout against sentence-transformers' own output and ColBERT's rules written out."""

import json
import logging
import string
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.encoders.base import load_token_encoder, make_token_encoder
from intrex.encoders.options import EncoderOptions, TokenEncoderOptions
from intrex.encoders.runtime import models
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.options import BuildTask, SearchOptions
from tests.support import checkpoints
from tests.support.needs import MINILM_PACKAGES, needs

pytestmark = [pytest.mark.model, needs(*MINILM_PACKAGES)]

CPU = EncoderOptions(device="cpu")
TEXTS = [
    "lift of a wing, in a slipstream!",
    "",
    "boundary layers on a flat plate (heated) " * 20,
    "heat",
    "Größe, 東京 and Straße 🚀.",
    "what is a very long query that has more tokens than twelve, and goes on?",
    "heat",
    "...",
]
LAYOUTS = {
    "colbert": checkpoints.stanford,
    "colbert, attending": lambda f: checkpoints.stanford(
        f, attend_to_mask_tokens=True, mask_punctuation=False
    ),
    "pylate": checkpoints.pylate,
    "pylate, attending": lambda f: checkpoints.pylate(f, attend_to_expansion_tokens=True),
    "pylate, no expansion": lambda f: checkpoints.pylate(f, do_query_expansion=False),
    "sentence-transformers": checkpoints.native,
    "sentence-transformers, min": lambda f: checkpoints.native(
        f, query_expansion={"strategy": "min", "length": 12}
    ),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made: dict[str, str] = {}

    def folder(name: str) -> str:
        if name not in made:
            made[name] = LAYOUTS[name](tmp_path_factory.mktemp("model"))
        return made[name]

    return folder


def assert_equal(packed, expected, atol=1e-5):
    assert np.diff(packed.offsets).tolist() == [len(e) for e in expected]
    np.testing.assert_allclose(packed.vectors, np.concatenate(expected), atol=atol)


@pytest.mark.parametrize("name", LAYOUTS)
def test_equals_sentence_transformers(folders, name):
    from sentence_transformers import MultiVectorEncoder

    theirs = MultiVectorEncoder(folders(name), device="cpu", local_files_only=True)
    ours = make_token_encoder(folders(name), CPU)
    assert ours.spec.params["layout"] == name.split(",")[0]
    for batch_size in (1, 3, 32):
        assert_equal(
            ours.encode(TEXTS, "query"),
            theirs.encode_query(TEXTS, convert_to_numpy=True, batch_size=batch_size),
        )
    assert_equal(ours.encode(TEXTS, "document"), theirs.encode_document(TEXTS, convert_to_numpy=True))
    again = load_token_encoder(ours.spec, Path(), CPU)
    assert again.spec.fingerprint == ours.spec.fingerprint
    assert np.array_equal(again.encode(TEXTS, "query").vectors, ours.encode(TEXTS, "query").vectors)


def colbert(folder: str, texts: list[str], role: str, length: int, attend: bool = False) -> list[np.ndarray]:
    """ColBERT's encoding as its paper and configuration say, a text at a time, with transformers alone."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoTokenizer, BertConfig, BertModel

    weights = load_file(folder + "/model.safetensors")
    bert = BertModel(BertConfig.from_pretrained(folder)).eval()
    bert.load_state_dict({k.removeprefix("bert."): v for k, v in weights.items() if k.startswith("bert.")})
    tokenizer = AutoTokenizer.from_pretrained(folder)
    marker = tokenizer.convert_tokens_to_ids("[unused0]" if role == "query" else "[unused1]")
    found = []
    for text in texts:
        inside = tokenizer(text, add_special_tokens=False)["input_ids"][: length - 3]
        ids = [tokenizer.cls_token_id, marker, *inside, tokenizer.sep_token_id]
        mask = [1] * len(ids)
        if role == "query":
            mask += [int(attend)] * (length - len(ids))
            ids += [tokenizer.mask_token_id] * (length - len(ids))
        with torch.inference_mode():
            hidden = bert(torch.tensor([ids]), attention_mask=torch.tensor([mask])).last_hidden_state[0]
            vectors = torch.nn.functional.normalize(hidden @ weights["linear.weight"].T, dim=1).numpy()
        if role == "document":
            skipped = set(tokenizer.convert_tokens_to_ids(list(string.punctuation)))
            vectors = vectors[[i not in skipped for i in ids]]
        found.append(vectors)
    return found


def test_stanfords_layout_follows_colberts_rules(folders):
    folder = folders("colbert")
    encoder = make_token_encoder(folder, CPU)
    queries, documents = encoder.encode(TEXTS, "query"), encoder.encode(TEXTS, "document")
    assert_equal(queries, colbert(folder, TEXTS, "query", 12))
    assert_equal(documents, colbert(folder, TEXTS, "document", 40))
    assert np.diff(queries.offsets).tolist() == [12] * len(TEXTS), "filled up with [MASK]"
    assert np.diff(documents.offsets)[[1, 3, 7]].tolist() == [3, 4, 3], "[CLS] [D] ... [SEP], no punctuation"
    spec = encoder.spec
    assert (spec.dim, spec.max_length, spec.params["query_length"]) == (16, 40, 12)
    assert dict(spec.prompts) == {"query": "[unused0] ", "document": "[unused1] "}
    assert spec.params["query_expansion"]["attend"] is False and spec.params["normalized"]


def test_lengths_can_be_given(folders):
    folder = folders("colbert")
    encoder = make_token_encoder(folder, TokenEncoderOptions(device="cpu", max_length=9, query_length=7))
    assert_equal(encoder.encode(TEXTS, "query"), colbert(folder, TEXTS, "query", 7))
    assert_equal(encoder.encode(TEXTS, "document"), colbert(folder, TEXTS, "document", 9))
    again = load_token_encoder(encoder.spec, Path(), CPU)
    assert_equal(again.encode(TEXTS, "query"), colbert(folder, TEXTS, "query", 7))
    wide = make_token_encoder(folders("sentence-transformers, min"), TokenEncoderOptions(query_length=8))
    assert set(np.diff(wide.encode(TEXTS, "query").offsets)) == {8}, "filled up to 8, cut at 8"
    plain = make_token_encoder(folders("sentence-transformers"), TokenEncoderOptions(query_length=8))
    assert np.diff(plain.encode(TEXTS, "query").offsets).tolist() == [8, 4, 8, 5, 8, 8, 5, 7]
    with pytest.raises(
        UsageError, match="--query-length 97 does not suit the model, it takes 3 to 96 tokens"
    ):
        make_token_encoder(folder, TokenEncoderOptions(query_length=97))


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_lower_precision_stays_close(folders, dtype):
    exact = make_token_encoder(folders("colbert"), CPU).encode(TEXTS, "query")
    other = make_token_encoder(folders("colbert"), EncoderOptions(device="cpu", dtype=dtype)).encode(
        TEXTS, "query"
    )
    assert np.array_equal(other.offsets, exact.offsets)
    assert np.median((other.vectors * exact.vectors).sum(axis=1)) > 0.99


def test_scores_equal_sentence_transformers(folders):
    from sentence_transformers import MultiVectorEncoder

    theirs = MultiVectorEncoder(folders("colbert"), device="cpu", local_files_only=True)
    expected = theirs.similarity(theirs.encode_query(TEXTS), theirs.encode_document(TEXTS)).numpy()
    encoder = make_token_encoder(folders("colbert"), CPU)
    queries, documents = encoder.encode(TEXTS, "query"), encoder.encode(TEXTS, "document")
    products = queries.vectors @ documents.vectors.T
    best = np.maximum.reduceat(products, documents.offsets[:-1], axis=1)
    scores = np.add.reduceat(best, queries.offsets[:-1], axis=0)
    np.testing.assert_allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"similarity": "l2"}, "has similarity 'l2'"),
        ({"interaction": "flipr"}, "has interaction 'flipr'"),
        ({"query_token_id": "[unheard]"}, r"the query marker \[unheard\] is no token"),
    ],
)
def test_a_colbert_that_scores_otherwise_is_refused(tmp_path, changes, words):
    with pytest.raises(BadInput, match=words):
        make_token_encoder(checkpoints.stanford(tmp_path, **changes), CPU)


def test_a_checkpoint_without_its_projection_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = checkpoints.stanford(tmp_path)
    weights = load_file(folder + "/model.safetensors")
    del weights["linear.weight"]
    save_file(weights, folder + "/model.safetensors", {"format": "pt"})
    with pytest.raises(BadInput, match="cannot be loaded") as caught:
        make_token_encoder(folder, CPU)
    assert "colbert" in caught.value.hint


def test_a_damaged_setting_is_named(tmp_path):
    folder = checkpoints.stanford(tmp_path)
    (tmp_path / "artifact.metadata").write_text("{")
    with pytest.raises(BadInput, match=r"broken JSON: .*artifact\.metadata"):
        make_token_encoder(folder, CPU)


def test_another_projection_is_another_revision(tmp_path):
    """PyLate keeps the projection in a file of its own."""
    from safetensors.torch import save_file

    folder = checkpoints.pylate(tmp_path)
    before = make_token_encoder(folder, CPU).spec
    save_file({"linear.weight": checkpoints.projection(7)}, folder + "/1_Dense/model.safetensors")
    with pytest.raises(BadInput, match="is not the one that the index was built with"):
        load_token_encoder(before, Path(), CPU)


def test_other_settings_are_another_encoder(tmp_path):
    folder = checkpoints.stanford(tmp_path)
    before = make_token_encoder(folder, CPU).spec
    saved = json.loads((tmp_path / "artifact.metadata").read_text())
    (tmp_path / "artifact.metadata").write_text(json.dumps({**saved, "mask_punctuation": False}))
    assert make_token_encoder(folder, CPU).spec.fingerprint != before.fingerprint


def test_whole_words_are_means_of_sub_words(folders):
    text = "slipstreams, and heated slipstreams"
    plain = make_token_encoder(folders("colbert"), CPU)
    words = make_token_encoder(folders("colbert"), TokenEncoderOptions(device="cpu", whole_words=True))
    pieces = plain._model.tokenizer.tokenize(text)
    assert pieces == ["slips", "##tream", "##s", ",", "and", "heated", "slips", "##tream", "##s"]
    v = plain.encode(
        [text], "document"
    ).vectors  # [CLS] [D] slips ##tream ##s and heated slips ##tream ##s [SEP]
    expected = [v[0], v[1], v[[2, 3, 4, 7, 8, 9]].mean(axis=0), v[5], v[6], v[10]]
    assert_equal(words.encode([text], "document"), [np.array(expected)])
    v = plain.encode([text], "query").vectors
    assert len(v) == 12, "cut at 12: [CLS] [Q] slips ##tream ##s , and heated slips ##tream ##s [SEP]"
    expected = [v[0], v[1], v[[2, 3, 4, 8, 9, 10]].mean(axis=0), v[5], v[6], v[7], v[11]]
    assert_equal(words.encode([text], "query"), [np.array(expected)])
    masks = words.encode(["heat"], "query")
    assert_equal(masks, [plain.encode(["heat"], "query").vectors])
    again = load_token_encoder(words.spec, Path(), CPU)
    assert again.spec == words.spec and again.spec.params["whole_words"] is True


def test_words_do_not_depend_on_the_batch(folders):
    options = TokenEncoderOptions(device="cpu", whole_words=True, query_prompt="[unused0] ask: ")
    encoder = make_token_encoder(folders("colbert"), options)
    for role in ("query", "document"):
        whole = encoder.encode(TEXTS, role)
        expected = [encoder.encode([text], role).vectors for text in TEXTS]
        assert_equal(whole, expected)


def test_pooled_documents_equal_sentence_transformers(folders):
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.multi_vector_encoder.modules import HierarchicalTokenPooling

    theirs = MultiVectorEncoder(folders("pylate"), device="cpu", local_files_only=True)
    pooling = HierarchicalTokenPooling(3, num_protected_tokens=1, normalize_embeddings=False)
    expected = theirs.encode_document(TEXTS, convert_to_numpy=True, token_pooling=pooling)
    ours = make_token_encoder(folders("pylate"), TokenEncoderOptions(device="cpu", pool_factor=3))
    found = ours.encode(TEXTS, "document")
    assert np.diff(found.offsets).tolist() == [len(e) for e in expected]
    for a, b in zip(np.split(found.vectors, found.offsets[1:-1]), expected, strict=True):
        np.testing.assert_allclose(a[np.lexsort(a.round(3).T)], b[np.lexsort(b.round(3).T)], atol=1e-4)
    assert_equal(ours.encode(TEXTS, "query"), theirs.encode_query(TEXTS, convert_to_numpy=True))


def test_a_model_that_pools_itself_takes_no_reduction(tmp_path):
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.multi_vector_encoder.modules import HierarchicalTokenPooling

    model = MultiVectorEncoder(checkpoints.native(tmp_path), device="cpu", local_files_only=True)
    model.append(HierarchicalTokenPooling(2.0))
    model.save(str(tmp_path / "pooling"))
    encoder = make_token_encoder(str(tmp_path / "pooling"), CPU)
    assert_equal(encoder.encode(TEXTS, "document"), model.encode_document(TEXTS, convert_to_numpy=True))
    with pytest.raises(UsageError, match="pools its tokens itself"):
        make_token_encoder(str(tmp_path / "pooling"), TokenEncoderOptions(pool_factor=2))


def test_single_vectors_beside_the_tokens(folders):
    encoder = make_token_encoder(folders("colbert"), TokenEncoderOptions(device="cpu", single="cls"))
    found = encoder.encode(TEXTS, "document")
    assert found.single.shape == (len(TEXTS), 16)
    np.testing.assert_allclose(found.single, found.vectors[found.offsets[:-1]], atol=1e-6)
    assert (encoder.spec.params["single"], encoder.spec.params["single_dim"]) == ("cls", 16)
    assert encoder.encode([], "query").single.shape == (0, 16)
    with pytest.raises(UsageError, match="--single is 'middle'"):
        make_token_encoder(folders("colbert"), TokenEncoderOptions(single="middle"))


def test_an_index_whose_checkpoint_is_gone_says_so(folders, small, tmp_path):
    folder = Path(folders("pylate"))
    index = build_multivector(small, BuildTask(tmp_path / "index"), make_token_encoder(str(folder), CPU))
    options = SearchOptions(k=3, device="cpu")
    found = MultiVectorIndex.open(index.path).search(small.queries(), options).to_dict()
    assert found == index.search(small.queries(), options).to_dict() and set(found) == {
        "q1",
        "q2",
        "q3",
        "q4",
    }
    away = folder.rename(tmp_path / "away")
    try:
        assert MultiVectorIndex.open(index.path).search(small.queries(), options).to_dict() == found, "kept"
        with pytest.raises(BadInput, match=folder.name):
            MultiVectorIndex.open(index.path).search(small.queries(), replace(options, query_cache=False))
    finally:
        away.rename(folder)


@pytest.mark.parametrize("layout", ["pylate", "native"])
def test_a_length_beyond_the_positions_is_cut_and_said(tmp_path, caplog, layout):
    folder = Path(getattr(checkpoints, layout)(tmp_path))
    for file in folder.rglob("*.json"):
        text = file.read_text().replace('"document_length": 40', '"document_length": 180')
        file.write_text(text.replace('"query_length": 12', '"query_length": 120'))
    with caplog.at_level(logging.INFO, "intrex"):
        encoder = make_token_encoder(str(folder), CPU)
    assert "reads 180 tokens of documents, more than its transformer has positions for" in caplog.text
    assert "--max-length 96" in caplog.text and encoder.spec.max_length == 96
    assert ("--query-length 96" in caplog.text) == (layout == "pylate")
    encoded = encoder.encode([*TEXTS, "heat " * 200], "document")
    assert np.diff(encoded.offsets).max() <= 96 and len(encoder.encode(TEXTS, "query").offsets) == 9
    models.say_once.cache_clear()
    caplog.clear()
    again = load_token_encoder(encoder.spec, Path(), CPU)
    assert again.spec.fingerprint == encoder.spec.fingerprint and "positions" not in caplog.text


def test_what_is_built_beyond_the_positions_is_searched(tmp_path, intrex, all_well):
    """The length that the index records is not held against the positions as if somebody had asked for it."""
    (tmp_path / "model").mkdir()
    folder = Path(checkpoints.pylate(tmp_path / "model"))
    for file in folder.rglob("*.json"):
        file.write_text(file.read_text().replace('"document_length": 40', '"document_length": 180'))
    (tmp_path / "c.jsonl").write_text(
        json.dumps({"_id": "d1", "text": "cat " * 300})
        + "\n"
        + json.dumps({"_id": "d2", "text": "dog"})
        + "\n"
    )
    (tmp_path / "q.tsv").write_text("q1\tcat\n")
    at = f"{tmp_path}/"
    all_well(
        f"collection import {at}c.jsonl {at}c --queries {at}q.tsv",
        f"index multivector {at}c {at}m --encoder {folder}",
        f"search {at}m {at}q.tsv -o {at}r",
        f"rerank {at}r {at}q.tsv --index {at}m -o {at}s",
        f"index fde {at}m {at}f --reps 2 --k-sim 2",
        f"search {at}f {at}q.tsv -o {at}t",
    )
    assert all((tmp_path / name).read_text().count("\n") == 2 for name in "rst")


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_vector_has_the_name_of_its_token(folders, name):
    """Markers, expansion and skipped tokens included: names stand where their vectors do."""
    encoder = make_token_encoder(folders(name), EncoderOptions())
    for role in ("query", "document"):
        packed, names = encoder.encode(TEXTS, role), encoder.token_names(TEXTS, role)
        assert [len(one) for one in names] == np.diff(packed.offsets).tolist()
        assert any("heat" in one for one in names) and all(isinstance(n, str) for one in names for n in one)
    if name in ("colbert", "pylate"):
        names = encoder.token_names(["heat, of a plate."], "document")
        assert not {",", "."} & set(names[0]), "punctuation has no vector in these checkpoints"
