"""ColBERTer checkpoints against the paper's steps written out with torch, a text at a time."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.encoders.base import load_token_encoder, make_token_encoder
from intrex.encoders.options import EncoderOptions, TokenEncoderOptions
from tests.support import checkpoints
from tests.support.needs import MINILM_PACKAGES, needs

pytestmark = [pytest.mark.model, needs(*MINILM_PACKAGES)]

CPU = EncoderOptions(device="cpu")
TEXTS = [
    "The slipstreams, and the heated slipstreams of a wing!",
    "",
    "boundary layers on a flat plate (heated) " * 3,
    "heat Heat HEAT",
]


def colberter(folder: str, text: str, role: str, words: bool) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of a text's words (or tokens) and of its [CLS]."""
    import torch
    from safetensors.torch import load_file
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from transformers import AutoTokenizer, BertConfig, BertModel

    base = str(Path(folder).parent / "bert")
    weights = load_file(folder + "/model.safetensors")
    bert = BertModel(BertConfig.from_pretrained(base)).eval()
    own = {k.removeprefix("bert_model."): v for k, v in weights.items() if k.startswith("bert_model.")}
    bert.load_state_dict(own)

    def linear(name, x):
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    tokens = AutoTokenizer.from_pretrained(base)(text, return_tensors="pt", return_offsets_mapping=True)
    spans = tokens.pop("offset_mapping")[0].tolist()
    with torch.inference_mode():
        hidden = bert(**tokens).last_hidden_state[0]
        single, vectors = linear("compressor_retrieval", hidden[0]), linear("compressor", hidden)
        if words:
            groups: dict[str, list[int]] = {}
            for word, (start, stop) in BertPreTokenizer().pre_tokenize_str(text):
                inside = [i for i, (a, b) in enumerate(spans) if a < b and start <= a and b <= stop]
                groups.setdefault(word.lower(), []).extend(inside)
            means = [vectors[at].mean(dim=0) for at in groups.values()]
            vectors = torch.stack(means) if means else vectors[:0]
        if role == "document" and "stop_word_reducer.weight" in weights:
            gate = torch.relu(linear("stop_word_reducer", vectors))
            vectors = (vectors * gate)[gate[:, 0] > 0]
        if "mini_compressor.weight" in weights:
            vectors = linear("mini_compressor", vectors)
    return vectors.numpy(), single.numpy()


@pytest.mark.parametrize(
    ("settings", "dim"),
    [
        ({}, 4),
        ({"second_compress_dim": -1}, 16),
        ({"use_contextualized_stopwords": False, "second_compress_dim": -1}, 16),
        ({"aggregate_unique_ids": False}, 4),
    ],
)
def test_encodes_as_the_paper_says(tmp_path, settings, dim):
    folder = checkpoints.colberter(tmp_path, **settings)
    encoder = make_token_encoder(folder, CPU)
    for role in ("query", "document"):
        found = encoder.encode(TEXTS, role)
        expected = [colberter(folder, t, role, settings.get("aggregate_unique_ids", True)) for t in TEXTS]
        assert np.diff(found.offsets).tolist() == [len(v) for v, _ in expected]
        np.testing.assert_allclose(found.vectors, np.concatenate([v for v, _ in expected]), atol=1e-5)
        np.testing.assert_allclose(found.single, [s for _, s in expected], atol=1e-5)
    spec = encoder.spec
    assert (spec.dim, spec.params["layout"], spec.params["normalized"]) == (dim, "colberter", False)
    assert (spec.params["single"], spec.params["single_dim"]) == ("cls", 24)
    assert spec.params["gamma"] == pytest.approx(0.7)
    again = load_token_encoder(spec, Path(), CPU)
    assert again.spec == spec
    assert np.array_equal(again.encode(TEXTS, "query").vectors, encoder.encode(TEXTS, "query").vectors)


def test_the_gate_drops_some_words_and_not_all(tmp_path):
    folder = checkpoints.colberter(tmp_path)
    encoder = make_token_encoder(folder, CPU)
    words = np.diff(encoder.encode(TEXTS, "query").offsets)
    left = np.diff(encoder.encode(TEXTS, "document").offsets)
    assert words.tolist() == [9, 0, 9, 1]
    assert 0 < left.sum() < words.sum(), "queries have no gate"


def test_reductions_come_after_its_own(tmp_path):
    encoder = make_token_encoder(
        checkpoints.colberter(tmp_path),
        TokenEncoderOptions(device="cpu", pool_factor=100, protected_tokens=0),
    )
    assert np.diff(encoder.encode(TEXTS, "document").offsets).max() == 1
    assert np.diff(encoder.encode(TEXTS, "query").offsets).max() == 9


def test_what_cannot_be_is_refused(tmp_path):
    folder = checkpoints.colberter(tmp_path)
    with pytest.raises(UsageError, match=r"single vectors of its own, from \[CLS\]"):
        make_token_encoder(folder, TokenEncoderOptions(single="mean"))
    (tmp_path / "exact").mkdir()
    exact = checkpoints.colberter(tmp_path / "exact", compress_to_exact_mini_mode=True)
    with pytest.raises(BadInput, match="scores exact matches of words only"):
        make_token_encoder(exact, CPU)
    (tmp_path / "lost").mkdir()
    lost = checkpoints.colberter(tmp_path / "lost", bert_model=str(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match="nowhere"):
        make_token_encoder(lost, CPU)


def test_missing_weights_are_named(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = checkpoints.colberter(tmp_path)
    weights = load_file(folder + "/model.safetensors")
    del weights["bert_model.encoder.layer.1.output.dense.weight"]
    save_file(weights, folder + "/model.safetensors")
    with pytest.raises(BadInput, match=r"lacks 1 weights of its transformer, first encoder\.layer\.1"):
        make_token_encoder(folder, CPU)
