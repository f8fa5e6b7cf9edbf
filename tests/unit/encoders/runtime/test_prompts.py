"""Prompts that a model brings: what sentence-transformers' own encode_query and encode_document put before a text."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.transformer import choose_prompts
from tests.support.needs import MINILM_PACKAGES, needs
from tests.support.tinymodel import write_tiny_model

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
