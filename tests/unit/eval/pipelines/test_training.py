"""Training on a tiny model: learns, resumes with the same weights, survives a checkpoint that was cut off."""

import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.judgedset import Unknown
from intrex.data.store.manifest import read_manifest
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.encoders.base import make_encoder, make_sparse_encoder, make_token_encoder
from intrex.encoders.cross.scorer import make_pair_scorer
from intrex.encoders.options import EncoderOptions
from intrex.encoders.training.examples import Example, columns
from intrex.encoders.training.options import KINDS, options_for
from intrex.encoders.training.trainer import WHOLE, last_checkpoint
from intrex.eval.overlap.options import OverlapOptions, Thresholds
from intrex.eval.pipelines.auditing import audit
from intrex.eval.pipelines.training.examples import TrainingSource, prepare_training
from intrex.eval.pipelines.training.options import SourceOptions
from intrex.eval.pipelines.training.train import train_model
from intrex.eval.pipelines.training.uses import NAME, read_uses
from intrex.eval.splits.split import Fold, Split
from tests.support.lastmoments import CODE, MOMENTS, exit_code
from tests.support.tinymodel import save_tokenizer, write_tiny_model

pytest.importorskip("accelerate")
pytest.importorskip("datasets")
WORDS = [f"word{i}" for i in range(40)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny"), WORDS)


def fill(writer: CollectionWriter) -> None:
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS, 6, replace=False)) for _ in range(60)]
    for i, text in enumerate(texts):
        writer.document(f"d{i:02}", "", text, RecordSource("c", i + 1))
    for i in range(40):
        writer.query(f"q{i:02}", " ".join(texts[i].split()[:2]), RecordSource("q", i + 1))
    for i in range(40):
        writer.judgement("train" if i < 30 else "dev", f"q{i:02}", f"d{i:02}", 1, RecordSource("j"))


@pytest.fixture
def toy(tmp_path: Path) -> Collection:
    return write_collection(tmp_path / "toy", "toy", {"source": "test"}, fill)


def settings(tiny: Path, **more: object) -> dict[str, object]:
    return {
        "base": str(tiny),
        "epochs": 4,
        "batch_size": 6,
        "lr": 5e-3,
        "max_length": 16,
        "eval_steps": 4,
        "device": "cpu",
        **more,
    }


def test_no_dev_query_is_one_that_the_fold_is_tested_on(toy: Collection, tiny: Path, caplog) -> None:
    """Else the test queries would choose the model; where none is left that is an error."""
    caplog.set_level("INFO", "intrex")
    options = options_for("dense", **settings(tiny))
    train = tuple(f"q{i:02}" for i in range(10))
    tests = {"interpolation": ("q30", "q31"), "extrapolation": ("q32",)}
    split = Split("x", (Fold("1", train, tests),), {})
    data = prepare_training(TrainingSource(toy, SourceOptions(dev="dev"), split, "1"), options)
    assert data.pool is not None and len(data.pool.queries) == 7
    assert "3 of 10 dev queries are test queries of fold 1, they are left out" in caplog.text
    whole = {"extrapolation": tuple(f"q{i}" for i in range(30, 40))}
    split = Split("x", (Fold("1", train, whole),), {})
    with pytest.raises(BadInput, match="fold 1 is tested on every query of the dev set dev"):
        prepare_training(TrainingSource(toy, SourceOptions(dev="dev"), split, "1"), options)


def test_no_negative_is_relevant_to_a_query_to_spare(toy: Collection, tiny: Path) -> None:
    """The model would be taught to push away what it is tested for; half of all negatives here are of that kind."""
    options = options_for("dense", **settings(tiny, negatives=20))
    tested = {f"d{i}" for i in range(30, 40)}
    plain = prepare_training(TrainingSource(toy), options)
    spared = prepare_training(TrainingSource(toy, SourceOptions(spare="dev")), options)
    assert {d for d, (_, negative) in plain.uses.items() if negative} & tested
    assert not {d for d, (_, negative) in spared.uses.items() if negative} & tested
    assert sum(n for _, n in spared.uses.values()) == sum(n for _, n in plain.uses.values()) == 600
    assert [spared.uses[f"d{i:02}"][0] for i in range(30)] == [1] * 30


def test_the_audit_counts_what_a_model_was_trained_on(toy: Collection, tiny: Path, tmp_path: Path) -> None:
    source = TrainingSource(toy, SourceOptions(max_pairs=8))
    train_model("dense", source, options_for("dense", **settings(tiny, negatives=4)), tmp_path / "m")
    uses = read_uses(tmp_path / "m")
    assert uses == prepare_training(source, options_for("dense", **settings(tiny, negatives=4))).uses
    pushed = {f"q{i}" for i in range(30, 40) if uses.get(f"d{i}", (0, 0))[1]}
    sides = (f"{toy.path}:train", f"{toy.path}:dev")
    found = audit(*sides, OverlapOptions(model=tmp_path / "m"), Thresholds())
    assert set(found.flags["negative"]) == pushed and 0 < len(pushed) < 10 and not found.flags["positive"]
    assert all(flag.score == 1.0 for flag in found.flags["negative"].values())
    trained = audit(sides[0], sides[0], OverlapOptions(model=tmp_path / "m"), Thresholds())
    assert len(trained.flags["positive"]) == 8
    with pytest.raises(UsageError, match="'negative' cannot be looked for"):
        audit(*sides, OverlapOptions(flags=("negative",)), Thresholds())
    (tmp_path / "m" / NAME).write_text("document\tpositive\tnegative\nd1\tone\t2\nd2\t1\t0\nd2\t1\t0\n")
    with pytest.raises(BadInput, match=r"two counts \(documents.tsv:4\)"):
        read_uses(tmp_path / "m")
    (tmp_path / "m" / NAME).unlink()
    with pytest.raises(BadInput, match="does not say which documents"):
        read_uses(tmp_path / "m")


def test_judgements_on_absent_documents_are_not_trained_on(tiny: Path, tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO", "intrex")

    def fill_more(writer: CollectionWriter) -> None:
        fill(writer)
        writer.judgement("train", "q00", "gone", 1, RecordSource("j"))
        writer.judgement("train", "q40", "gone", 1, RecordSource("j"))

    kept = write_collection(tmp_path / "kept", "kept", {"source": "test"}, fill_more, unknown=Unknown.keep)
    data = prepare_training(TrainingSource(kept), options_for("dense", **settings(tiny)))
    assert len(data.examples) == 30 and "gone" not in data.uses
    assert "2 relevant judgements of train name documents or queries that the collection lacks" in caplog.text


def test_examples(toy: Collection, tiny: Path) -> None:
    options = options_for("dense", **settings(tiny, negatives=3))
    data = prepare_training(TrainingSource(toy, SourceOptions(dev="dev")), options)
    assert len(data.examples) == 30 and data.queries == 30
    texts = {d.contents: d.id for d in toy.documents()}
    for i, e in enumerate(data.examples):
        assert (
            texts[e.positive] == f"d{i:02}" and len(set(e.negatives)) == 3 and e.positive not in e.negatives
        )
    assert data.examples == prepare_training(TrainingSource(toy, SourceOptions(dev="dev")), options).examples
    assert data.pool is not None and len(data.pool.queries) == 10
    assert data.dev_score is not None
    perfect = [
        np.array([1.0 if texts[t] == f"d{30 + i}" else 0.0 for t in docs], np.float32)
        for i, docs in enumerate(data.pool.documents)
    ]
    assert data.dev_score(perfect) == 1.0
    held = prepare_training(TrainingSource(toy, SourceOptions(dev_share=0.2)), options)
    assert len(held.examples) == 24 and held.pool is not None and len(held.pool.queries) == 6
    few = prepare_training(TrainingSource(toy, SourceOptions(max_pairs=7)), options)
    assert len(few.examples) == 7 and few.pool is None
    fold = Split("resttest", (Fold("1", ("q00", "q05"), {"interpolation": ("q31",)}),))
    assert len(prepare_training(TrainingSource(toy, split=fold, fold="1"), options).examples) == 2
    taught = prepare_training(
        TrainingSource(toy, SourceOptions(teacher="hashing:64")),
        options_for("dense", **settings(tiny, loss="margin-mse")),
    )
    assert all(len(e.scores) == 2 and e.scores[0] >= e.scores[1] for e in taught.examples)


def test_columns() -> None:
    rows = [Example("q", "p", ("n", "m"), (1.0, 0.5, 0.25))]
    assert columns(rows, False) == {
        "query": ["q"],
        "positive": ["p"],
        "negative_1": ["n"],
        "negative_2": ["m"],
        "label": [[1.0, 0.5, 0.25]],
    }
    assert columns(rows, True) == {"query": ["q"] * 3, "document": ["p", "n", "m"], "label": [1.0, 0.0, 0.0]}


@pytest.mark.parametrize("loss", ["mnr", "margin-mse", "distill"])
def test_a_dense_model_learns_and_loads(toy: Collection, tiny: Path, tmp_path: Path, loss: str) -> None:
    options = options_for("dense", **settings(tiny, loss=loss))
    source = TrainingSource(toy, SourceOptions(dev="dev", teacher=None if loss == "mnr" else "hashing:64"))
    plans = []
    manifest = train_model("dense", source, options, tmp_path / "m", announce=plans.append)
    assert plans[0].pairs == 30 and plans[0].steps == 20 and plans[0].done == 0 and plans[0].seconds > 0
    scores = manifest.params["dev_scores"]
    assert max(scores.values()) == scores[str(manifest.params["best_step"])]
    read_manifest(tmp_path / "m", ("model",))
    before, after = (
        make_encoder(str(p), EncoderOptions(device="cpu")).encode(["word1 word2"], "query")
        for p in (tiny, tmp_path / "m")
    )
    assert before.shape == after.shape and np.abs(before - after).max() > 1e-3
    assert "examples_sha256" in (tmp_path / "m" / "README.md").read_text()
    assert not (tmp_path / "m" / "checkpoints").exists()


def test_bfloat16_changes_the_products_not_the_weights(toy: Collection, tiny: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    found = {}
    for dtype in ("float32", "bfloat16"):
        options = options_for("dense", **settings(tiny, dtype=dtype))
        train_model("dense", TrainingSource(toy), options, tmp_path / dtype)
        found[dtype] = load_file(tmp_path / dtype / "model.safetensors")
    base = load_file(tiny / "model.safetensors")
    moved = {
        dtype: np.concatenate([(found[dtype][n] - base[n]).reshape(-1) for n in sorted(base)])
        for dtype in found
    }
    assert {v.dtype for v in found["bfloat16"].values()} == {np.dtype(np.float32)}
    assert not np.array_equal(moved["float32"], moved["bfloat16"])
    one, other = moved.values()
    assert one @ other > 0.9 * np.linalg.norm(one) * np.linalg.norm(other), "the same way"
    with pytest.raises(UsageError, match="--dtype is 'float8'"):
        options_for("dense", dtype="float8")


def test_killed_and_resumed_is_the_same_model(
    toy: Collection, tiny: Path, tmp_path: Path, one_thread: None
) -> None:
    options = options_for("dense", **settings(tiny, eval_steps=2))
    train_model("dense", TrainingSource(toy), options, tmp_path / "whole")
    code = (
        "import sys; from pathlib import Path; from intrex.data.collection import Collection;"
        "from intrex.encoders.training.options import options_for;"
        "from intrex.eval.pipelines.training.train import train_model;"
        "from intrex.eval.pipelines.training.examples import TrainingSource; import json, time;"
        "c, out, given = sys.argv[1:]; options = options_for('dense', **json.loads(given));"
        "train_model('dense', TrainingSource(Collection.open(Path(c))), options, Path(out), progress=lambda n: time.sleep(0.2))"
    )
    given = json.dumps(settings(tiny, eval_steps=2))
    process = subprocess.Popen([sys.executable, "-c", code, str(toy.path), str(tmp_path / "cut"), given])
    deadline = time.monotonic() + 120
    while (
        not list(tmp_path.glob(".cut.*/.scratch/checkpoints/checkpoint-*/" + WHOLE))
        and time.monotonic() < deadline
    ):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert not (tmp_path / "cut").exists()
    (work,) = tmp_path.glob(".cut.*/.scratch/checkpoints")
    kept = last_checkpoint(work)
    assert kept is not None
    half = work / "checkpoint-19"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"cut off")
    plans = []
    train_model("dense", TrainingSource(toy), options, tmp_path / "cut", announce=plans.append)
    assert plans[0].done == int(kept.name.rsplit("-")[-1]) > 0
    weights = [(tmp_path / n / "model.safetensors").read_bytes() for n in ("whole", "cut")]
    assert weights[0] == weights[1]


@pytest.mark.long
def test_a_kill_in_the_last_moments_costs_no_checkpoint(toy: Collection, tiny: Path, tmp_path: Path) -> None:
    """The model is moved to its place file by file; whatever stands there then, the same training ends it."""
    options = options_for("dense", **settings(tiny, epochs=1, eval_steps=2))
    source, out = TrainingSource(toy), tmp_path / "cut"
    train_model("dense", source, options, tmp_path / "whole")
    for moment in MOMENTS:
        assert exit_code(moment, partial(train_model, "dense", source, options, out)) == CODE, moment
        assert not out.exists(), moment
        (work,) = tmp_path.glob(".cut.*/.scratch/checkpoints")
        assert last_checkpoint(work) is not None, moment
    plans = []
    train_model("dense", source, options, out, announce=plans.append)
    assert plans[0].done == plans[0].steps == 5
    weights = [(tmp_path / n / "model.safetensors").read_bytes() for n in ("whole", "cut")]
    assert weights[0] == weights[1]
    assert not list(tmp_path.glob(".cut.*"))


def test_refusals(toy: Collection, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown kind"):
        options_for("denser")
    with pytest.raises(UsageError, match="not for a dense model"):
        options_for("dense", loss="bce")
    with pytest.raises(UsageError, match="needs negatives"):
        options_for("dense", loss="distill", negatives=0)
    assert set(KINDS) == {"dense", "static", "multivector", "sparse", "cross-encoder"}
    fold = Split("resttest", (Fold("1", ("q39",), {"interpolation": ("q31",)}),))
    with pytest.raises(BadInput, match="has no positives"):
        prepare_training(TrainingSource(toy, split=fold, fold="1"), options_for("dense", **settings(tiny)))
    with pytest.raises(BadInput, match="needs a teacher"):
        prepare_training(TrainingSource(toy), options_for("dense", **settings(tiny, loss="distill")))


@pytest.fixture(scope="module")
def sparse(tiny: Path) -> Path:
    """The same vocabulary with a masked language model's head, as a SPLADE model."""
    import torch
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import MLMTransformer, SpladePooling
    from transformers import BertConfig, BertForMaskedLM

    folder = tiny.parent
    torch.manual_seed(0)
    config = BertConfig(len(WORDS) + 5, 16, 1, 2, 32, max_position_embeddings=64)
    BertForMaskedLM(config).save_pretrained(folder / "mlm")
    save_tokenizer(folder / "mlm", WORDS)
    parts = [MLMTransformer(str(folder / "mlm"), max_seq_length=32), SpladePooling()]
    SparseEncoder(modules=parts, device="cpu").save_pretrained(str(folder / "sparse"))
    return folder / "sparse"


@pytest.mark.parametrize("kind", ["static", "multivector", "sparse", "cross-encoder"])
def test_every_kind_trains_and_loads(
    toy: Collection, tiny: Path, sparse: Path, tmp_path: Path, kind: str
) -> None:
    base = sparse if kind == "sparse" else tiny
    if kind == "static":
        base = tmp_path / "static"
        make_encoder(f"static:{tiny}", EncoderOptions(dim=8)).save(base)
    options = options_for(kind, **settings(base, epochs=1, batch_size=15, negatives=1, eval_steps=50))
    manifest = train_model(kind, TrainingSource(toy), options, tmp_path / "m")
    assert manifest.params["steps"] == (4 if kind == "cross-encoder" else 2)
    folder, texts = str(tmp_path / "m"), ["word1 word2", "word3"]
    if kind == "cross-encoder":
        from sentence_transformers import CrossEncoder

        found = CrossEncoder(folder, device="cpu").predict(
            [("word1", t) for t in texts], show_progress_bar=False
        )
        ours = make_pair_scorer(folder, EncoderOptions(device="cpu")).score(["word1"] * 2, texts)
        np.testing.assert_allclose(ours, found, atol=1e-5)
    elif kind == "multivector":
        found = make_token_encoder(folder, EncoderOptions(device="cpu")).encode(texts, "query").vectors
    elif kind == "sparse":
        found = make_sparse_encoder(folder, EncoderOptions(device="cpu")).encode(texts, "query").weights
    else:
        found = make_encoder(f"static:{folder}", EncoderOptions(device="cpu")).encode(texts, "query")
    assert len(found) >= 2 and np.isfinite(found).all()
