"""Prompts that a model brings: what sentence-transformers' own encode_query and encode_document put before a text."""

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from intrex.encoders.base import make_encoder, make_sparse_encoder, make_token_encoder
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.transformer import choose_prompts
from tests.support import checkpoints
from tests.support.needs import MINILM_PACKAGES, needs
from tests.support.tinymodel import save_tokenizer, write_tiny_model

CPU = EncoderOptions(device="cpu")
TEXTS = ["cat", "cat dog"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("prompts"), ["ask", "text", "cat", "dog"])


@pytest.mark.model
@needs(*MINILM_PACKAGES)
@pytest.mark.parametrize(
    ("prompts", "default", "expected"),
    [
        ({"query": "ask ", "document": ""}, "query", ("ask ", "")),
        ({"query": "", "document": "text "}, "document", ("", "text ")),
        ({"query": "ask "}, "query", ("ask ", "")),
        ({"title": "text "}, "title", ("", "")),
    ],
)
def test_an_empty_prompt_is_one(folder, prompts, default, expected):
    from sentence_transformers import SentenceTransformer

    file = folder / "config_sentence_transformers.json"
    saved = json.loads(file.read_text()) | {"prompts": prompts, "default_prompt_name": default}
    file.write_text(json.dumps(saved))
    encoder, model = make_encoder(str(folder), CPU), SentenceTransformer(str(folder), device="cpu")
    assert (encoder.spec.prompts["query"], encoder.spec.prompts["document"]) == expected
    np.testing.assert_allclose(encoder.encode(TEXTS, "query"), model.encode_query(TEXTS), atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS, "document"), model.encode_document(TEXTS), atol=1e-5)


def sparse_model(folder):
    """A SPLADE model of the vocabulary ``ask text cat dog``."""
    import torch
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import MLMTransformer, SpladePooling
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    BertForMaskedLM(BertConfig(9, 16, 1, 2, 32, max_position_embeddings=64)).save_pretrained(folder / "mlm")
    save_tokenizer(folder / "mlm", ["ask", "text", "cat", "dog"])
    parts = [MLMTransformer(str(folder / "mlm"), max_seq_length=32), SpladePooling()]
    SparseEncoder(modules=parts, device="cpu").save_pretrained(str(folder / "model"))
    return folder / "model"


def token_model(folder):
    """A multi-vector model of sentence-transformers' own layout."""
    return Path(checkpoints.native(folder))


@pytest.mark.model
@needs(*MINILM_PACKAGES)
@pytest.mark.parametrize(
    ("prompts", "default", "expected"),
    [({"query": "ask ", "document": ""}, "query", ("ask ", "")), ({"query": "", "document": "text "}, "document", ("", "text "))],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["sparse", "multivector"])
def test_an_empty_prompt_is_one_for_other_encoders(tmp_path, small, intrex, kind, prompts, default, expected):
    import sentence_transformers

    folder = (sparse_model if kind == "sparse" else token_model)(tmp_path)
    file = folder / "config_sentence_transformers.json"
    saved = json.loads(file.read_text()) | {"prompts": prompts, "default_prompt_name": default}
    file.write_text(json.dumps(saved))
    library = "SparseEncoder" if kind == "sparse" else "MultiVectorEncoder"
    model = getattr(sentence_transformers, library)(str(folder), device="cpu")
    if kind == "sparse":
        encoder = make_sparse_encoder(str(folder), CPU)
        for role, encode in (("query", model.encode_query), ("document", model.encode_document)):
            found, wanted = encoder.encode(TEXTS, role), encode(TEXTS).to_dense().numpy()
            ours = np.zeros_like(wanted)
            for i, (low, high) in enumerate(pairwise(found.offsets.tolist())):
                ours[i, found.terms[low:high]] = found.weights[low:high]
            np.testing.assert_allclose(ours, wanted, atol=1e-5)
    else:
        encoder = make_token_encoder(str(folder), CPU)
        for role, encode in (("query", model.encode_query), ("document", model.encode_document)):
            found, wanted = encoder.encode(TEXTS, role), encode(TEXTS)
            for i, (low, high) in enumerate(pairwise(found.offsets.tolist())):
                np.testing.assert_allclose(found.vectors[low:high], np.asarray(wanted[i].cpu()), atol=1e-5)
    assert (encoder.spec.prompts["query"], encoder.spec.prompts["document"]) == expected
    assert intrex(f"index {kind} {small.path} {tmp_path}/i --encoder {folder} --device cpu").code == 0
    manifest = json.loads((tmp_path / "i" / "manifest.json").read_text())
    assert (manifest["encoder"]["prompts"]["query"], manifest["encoder"]["prompts"]["document"]) == expected


@pytest.mark.parametrize(
    ("prompts", "default", "document"),
    [
        ({"query": "", "document": "", "passage": "p "}, None, "p "),  # as the library fills it in
        ({"query": "", "document": "", "corpus": "c "}, "query", "c "),
        ({"query": "", "passage": "", "corpus": "c "}, "query", ""),
        ({"query": "", "document": "d ", "passage": "p "}, None, "d "),
        ({"query": "", "document": ""}, "query", ""),
        ({"other": "o "}, "other", "o "),
    ],
)
def test_passage_stands_for_an_empty_document(prompts, default, document):
    model = SimpleNamespace(prompts=prompts, default_prompt_name=default)
    assert choose_prompts(model, CPU)["document"] == document
    assert choose_prompts(model, EncoderOptions(document_prompt="x "))["document"] == "x "


def test_the_default_prompt_stands_for_a_query_prompt_that_is_absent():
    model = SimpleNamespace(prompts={"task": "t "}, default_prompt_name="task")
    assert choose_prompts(model, CPU) == {"query": "t ", "document": "t "}
