"""What cannot be done is refused before a model is loaded: each command names one that is nowhere, and does not say so."""

import sys
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, MissingExtra
from intrex.encoders.training.options import options_for
from intrex.eval.pipelines.experiment.needs import check_needs
from intrex.eval.pipelines.experiment.stages import Stage
from intrex.eval.pipelines.training import examples
from intrex.eval.pipelines.training.examples import TrainingSource, prepare_training
from intrex.eval.pipelines.training.options import SourceOptions

NOWHERE = "./no-such-model"


@pytest.fixture
def sides(tmp_path: Path) -> str:
    """60 training and 40 test queries."""
    for name, count in (("train", 60), ("test", 40)):
        lines = "".join(f"{name}{i}\twhat is number {i}\n" for i in range(count))
        (tmp_path / f"{name}.tsv").write_text(lines)
    return f"{tmp_path / 'train.tsv'} {tmp_path / 'test.tsv'}"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("resttest {s} {o}", 1, "5 folds with 30 of their own each need 150, there are 40"),
        ("resttest {s} {o} --k 101", 2, "101 buckets of 100 queries"),
        ("resttest {t} {t} {o}", 1, "40 queries are in training and test"),
        ("restrain {s} {o} --per-query 1", 2, "use split resttest"),
        ("restrain {t} {s} --per-query 1", 1, "are in training and test"),
        ("shift {s} {o} --by topic", 2, "two groups of 30 test queries or more, there are 40"),
        ("shift {t} {t} {o} --by topic", 1, "40 queries are in training and test"),
    ],
)
def test_splits(sides: str, tmp_path: Path, intrex, arguments: str, code: int, message: str) -> None:
    test = tmp_path / "test.tsv"
    line = arguments.format(s=sides, t=test, o=tmp_path / "o")
    if line.startswith(f"restrain {test}"):
        line = f"restrain {test} {test} {tmp_path / 'o'} --per-query 1 --min-queries 1"
    said = intrex(f"split {line} --encoder {NOWHERE}")
    assert said.code == code and message in said.err, said.err
    assert NOWHERE not in said.err
    possible = intrex(f"split shift {sides} {tmp_path / 'o'} --by topic --min-queries 2 --encoder {NOWHERE}")
    assert "the model folder does not exist" in possible.err, (
        "the encoder is asked for where a split could be"
    )


def test_the_protocol_that_can_is_named(tmp_path: Path, intrex) -> None:
    """As many test queries as one fold needs, and enough training queries for restrain, which then works."""
    (tmp_path / "a").write_text("".join(f"a{i}\tword{i} of {i % 7}\n" for i in range(90)))
    (tmp_path / "b").write_text("".join(f"b{i}\tword{i} at {i % 5}\n" for i in range(30)))
    said = intrex(f"split resttest {tmp_path / 'a'} {tmp_path / 'b'} {tmp_path / 'o'} --encoder {NOWHERE}")
    assert "split restrain" in said.err and "--per-query 1 at most" in said.err and NOWHERE not in said.err
    sides = f"{tmp_path / 'a'} {tmp_path / 'b'} {tmp_path / 'o'}"
    assert intrex(f"split restrain {sides} --per-query 1 --encoder bm25").code == 0
    (tmp_path / "few").write_text("f1\tone\nf2\ttwo\n")
    said = intrex(f"split resttest {tmp_path / 'a'} {tmp_path / 'few'} {tmp_path / 'p'} --encoder bm25")
    assert "more test queries" in said.err and "restrain" not in said.err, "restrain cannot do it either"
    said = intrex(f"split resttest {tmp_path / 'a'} {tmp_path / 'b'} {tmp_path / 'p'} --min-queries 10")
    assert "--k 3 at most" in said.err


@pytest.mark.parametrize(
    "line",
    [
        "index dense {c} {c} --encoder {m}",
        "index multivector {c} {c} --encoder {m}",
        "index sparse {c} {c} --encoder {m}",
        "index fde {c} {c} --encoder {m}",
        "split resttest {c}:test {c}:test {c} --encoder {m}",
        "train dense {c} {c} --base {m}",
        "overlap {c}:test {c}:test --encoder {m} --output {c}",
    ],
)
def test_outputs_that_exist(small: Collection, intrex, line: str) -> None:
    said = intrex(line.format(c=small.path, m=NOWHERE))
    assert said.code in (1, 2) and NOWHERE not in said.err, said.err
    assert "exists" in said.err or "--overwrite" in said.err or "is an input" in said.err, said.err


@pytest.mark.parametrize("line", ["index dense {c} {o} --engine hnsw", "index fde {c} {o} --engine pq"])
def test_an_engine_that_is_not_installed(
    small: Collection, tmp_path: Path, intrex, line: str, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    said = intrex(line.format(c=small.path, o=tmp_path / "o") + f" --encoder {NOWHERE}")
    assert "faiss-cpu, which is not installed" in said.err and NOWHERE not in said.err, said.err


def test_entities_are_looked_for_before_queries_are_encoded(small: Collection, intrex, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    said = intrex(
        f"overlap {small.path}:test {small.path}:test --encoder {NOWHERE} --entities en_core_web_sm"
    )
    assert "spacy, which is not installed" in said.err and NOWHERE not in said.err, said.err


@pytest.mark.parametrize(
    "stage",
    [
        Stage("train/x", "train", {}),
        Stage("index/x", "dense", {"encoder": "hashing:8", "engine": "hnsw"}),
        Stage("index/x", "fde", {"tokens": "y", "engine": "pq"}),
        Stage("run/x", "fuse", {"engine": "ranx", "method": "mnz", "tag": "x"}),
    ],
)
def test_packages_of_a_recipe_are_asked_for_first(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    check_needs([Stage("index/y", "dense", {"encoder": "hashing:8"}), Stage("run/y", "fuse", {"tag": "y"})])
    for name in ("accelerate", "datasets", "faiss", "ranx"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra):
        check_needs([stage])


def test_the_ids_of_a_search_are_read_before_the_first_stage_and_are_no_stream(
    small: Collection, tmp_path: Path, intrex
) -> None:
    recipe, ids = tmp_path / "r.toml", tmp_path / "ids"
    text = f"""name = "r"\nqueries = "test"\nmeasures = ["AP"]\n[collection]\nimport = "{small.path}"
[[system]]\nname = "a"\nindex = "bm25"\n[[system]]\nname = "b"\nindex = "bm25"\nsearch = {{ within = "{ids}" }}\n"""
    recipe.write_text(text)
    said = intrex(f"experiment run {recipe} -o {tmp_path / 'e'}")
    assert said.code == 1 and f"file of ids not found: {ids}" in said.err
    assert not list(tmp_path.glob("e/.stages/*bm25*")), "no index was made"
    recipe.write_text(text.replace(str(ids), "-"))
    said = intrex(f"experiment run {recipe} -o {tmp_path / 'e'}")
    assert said.code == 1 and "within of a recipe is a file of ids, this is none: -" in said.err


def _no_mining(*_: object) -> None:
    raise AssertionError("mined for negatives before the refusal")


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ({}, {"base": NOWHERE}, "the model folder does not exist"),
        ({}, {"base": NOWHERE, "loss": "distill"}, "needs a teacher"),
        ({"teacher": NOWHERE}, {"loss": "distill"}, "the model folder does not exist"),
        ({"teacher": f"static:{NOWHERE}"}, {"loss": "margin-mse"}, "the model folder does not exist"),
        ({"dev": "trian"}, {}, "trian"),
        ({"spare": "trian"}, {}, "trian"),
        ({}, {"negatives": 60}, "no 60 negatives"),
    ],
)
def test_trainings(small: Collection, tmp_path: Path, source, options, message, monkeypatch) -> None:
    from tests.support.tinymodel import write_tiny_model

    base = str(write_tiny_model(tmp_path, ["word"]))
    monkeypatch.setattr(examples, "build_bm25", _no_mining)
    with pytest.raises(BadInput) as caught:
        prepare_training(
            TrainingSource(small, SourceOptions(train_set="test", **source)),
            options_for("dense", **{"base": base, "negatives": 1, **options}),
        )
    assert message in str(caught.value)
