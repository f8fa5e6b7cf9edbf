"""The hashing encoders: same bits everywhere, bounded memory, sizes from the command line's spelling."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from intrex.data.errors import UsageError
from intrex.data.specs import EncoderSpec
from intrex.encoders import hashing
from intrex.encoders.base import load_encoder, make_encoder, make_token_encoder
from intrex.encoders.options import EncoderOptions

TEXTS = ["the lift of a wing in a slipstream", "", "Größe 東京", "  ", "a a a b", "the lift of a wing"]
# recorded once; a change of it makes every index built with this encoder another one
DIGEST = "42821f9e8f606531d4f33f5fc638c1f69e9421a4352b4842d0ffc9f3cc4663b8"
TOKEN_DIGEST = "b8c5dce54dba95ca5ec0ab292c37f8973bb5e39b38ed083391d99d93644d8f0a"


def digest(name: str) -> str:
    vectors = make_encoder(name, EncoderOptions()).encode(TEXTS, "document")
    return hashlib.sha256(vectors.astype("<f4").tobytes()).hexdigest()


def token_digest() -> str:
    packed = make_token_encoder("hashing", EncoderOptions()).encode(TEXTS, "document")
    return hashlib.sha256(packed.vectors.astype("<f4").tobytes() + packed.offsets.tobytes()).hexdigest()


def test_vectors_are_the_recorded_bits():
    assert digest("hashing") == DIGEST
    assert token_digest() == TOKEN_DIGEST


def test_another_process_gives_the_same_bits():
    code = f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); import test_hashing as t; print(t.digest('hashing'), t.token_digest())"
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    ).stdout
    assert out.split() == [DIGEST, TOKEN_DIGEST]


def test_shape_length_and_the_empty_text():
    vectors = make_encoder("hashing:64", EncoderOptions()).encode(TEXTS, "query")
    assert vectors.shape == (6, 64) and vectors.dtype == np.float32
    norms = np.linalg.norm(vectors, axis=1)
    assert norms == pytest.approx([1, 0, 1, 0, 1, 1], abs=1e-6)


def test_a_text_has_one_vector_in_any_batch_and_role(monkeypatch):
    encoder = make_encoder("hashing:32", EncoderOptions())
    whole = encoder.encode(TEXTS, "document")
    monkeypatch.setattr(hashing, "AT_ONCE", 2)
    assert np.array_equal(encoder.encode(TEXTS, "document"), whole)
    assert np.array_equal(np.concatenate([encoder.encode([t], "query") for t in TEXTS]), whole)


def test_shared_words_bring_texts_together():
    wing, _, tokyo, *_, prefix = make_encoder("hashing", EncoderOptions()).encode(TEXTS, "document")
    assert wing @ prefix > 0.6 > abs(wing @ tokyo)


def test_no_text_at_all():
    assert make_encoder("hashing:8", EncoderOptions()).encode([], "document").shape == (0, 8)


def test_the_token_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(hashing, "CACHED_TOKENS", 100)
    encoder = make_encoder("hashing:16", EncoderOptions())
    encoder.encode([f"word{i}" for i in range(1000)], "document")
    assert encoder._code.cache_info().currsize == 100


@pytest.mark.parametrize(
    ("name", "dim", "expected"),
    [("hashing", None, 256), ("hashing:7", None, 7), ("hashing", 9, 9), ("hashing:9", 9, 9)],
)
def test_dimensions_from_the_name_or_the_option(name, dim, expected):
    assert make_encoder(name, EncoderOptions(dim=dim)).spec.dim == expected


@pytest.mark.parametrize(
    ("name", "dim"),
    [("hashing:0", None), ("hashing:x", None), ("hashing:-3", None), ("hashing:8", 9), ("hashing", 0)],
)
def test_impossible_dimensions_are_refused(name, dim):
    with pytest.raises(UsageError, match="dimensions"):
        make_encoder(name, EncoderOptions(dim=dim))


@pytest.mark.parametrize(
    "options", [{"dtype": "bfloat16"}, {"query_prompt": "q: "}, {"max_length": 3}, {"revision": "main"}]
)
def test_options_that_it_could_only_ignore_are_refused(options):
    with pytest.raises(UsageError, match="hashing encoder has no --"):
        make_encoder("hashing", EncoderOptions(**options))


def test_comes_back_from_its_spec_alone(tmp_path):
    encoder = make_encoder("hashing:24", EncoderOptions())
    encoder.save(tmp_path / "encoder")
    assert not (tmp_path / "encoder").exists()
    again = load_encoder(EncoderSpec(**encoder.spec.to_dict()), tmp_path, EncoderOptions(batch_size=1))
    assert again.spec.fingerprint == encoder.spec.fingerprint
    assert np.array_equal(again.encode(TEXTS, "query"), encoder.encode(TEXTS, "query"))


def test_one_vector_a_token_equal_for_equal_tokens():
    vectors, offsets, single = make_token_encoder("hashing", EncoderOptions()).encode(TEXTS, "query")
    assert offsets.tolist() == [0, 8, 8, 10, 10, 14, 19] and single is None
    assert vectors.shape == (19, 128) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(vectors[10:14], vectors[[3, 3, 3, 13]]), "a a a b, and the a of 'of a wing'"
    assert np.array_equal(vectors[14:19], vectors[:5]), "the lift of a wing"
    distinct = np.unique(vectors, axis=0)
    assert len(distinct) == 10
    assert np.abs(distinct @ distinct.T - np.eye(10)).max() < 0.4, "four standard deviations"


@pytest.mark.parametrize("dim", [1, 7, 8, 9, 200])
def test_token_vectors_of_any_dimension(dim):
    encoder = make_token_encoder(f"hashing:{dim}", EncoderOptions())
    assert encoder.encode(["one two"], "query").vectors.shape == (2, dim)
    with pytest.raises(UsageError, match="hashing encoder has no --dtype"):
        make_token_encoder("hashing", EncoderOptions(dtype="int8"))
