"""Mistakes on the command line: outputs below a file, stdin named twice, endless names, devices that are none."""

import io
import logging
import sys

import pytest

from intrex.data.errors import UsageError
from intrex.encoders.dense import DenseEncoder
from intrex.encoders.options import EncoderOptions
from intrex.encoders.static import StaticEncoder
from intrex.encoders.training.models import start_model
from intrex.encoders.training.options import TrainOptions
from tests.support.tinymodel import write_tiny_model

RUN = "q1 Q0 d1 1 2.0 t\nq1 Q0 d2 2 1.0 t\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r").write_text(RUN)
    (tmp_path / "qrels").write_text("q1 0 d1 1\n")
    return tmp_path / "r"


@pytest.mark.parametrize(
    "line",
    [
        "fuse r r -o FILE/x",
        "convert r FILE/x/y",
        "evaluate qrels r --scores FILE/x",
        "check r --fix FILE/x",
        "index bm25 small FILE/x",
        "collection build stdlib FILE/x --sample 5",
        "experiment run recipe.toml -o FILE/x",
    ],
)
def test_nothing_stands_below_a_file(intrex, run, small, line):
    (run.parent / "FILE").write_text("kept")
    (run.parent / "recipe.toml").write_text(RECIPE.format(source="small"))
    said = intrex(line)
    assert said.code == 1
    assert "error: FILE is a file, no output can stand in it: FILE/x" in said.err
    assert (run.parent / "FILE").read_text() == "kept"


@pytest.mark.parametrize(
    "line", ["fuse - -", "evaluate - -", "compare qrels - -", "check - -", "fuse - r - -o f"]
)
def test_stdin_is_read_once(intrex, run, line, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(RUN.encode())))
    said = intrex(line)
    assert (said.code, said.out) == (2, "")
    assert "standard input (-) is named twice" in said.err


def test_stdin_and_stdout_have_one_name(intrex, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(RUN.encode())))
    said = intrex("fuse - r -o -")
    assert said.code == 0 and said.out.startswith("q1 Q0 d1 1 ")


@pytest.mark.parametrize(
    "measure", ["x" * 6000, f"nDCG(gain='{'x' * 6000}')@10", f"P(rel={'9' * 600})@5", f"utility.{'9' * 6000}"]
)
def test_an_endless_measure_is_not_said_whole(intrex, run, measure):
    said = intrex(f'evaluate qrels r -m "{measure}"')
    assert said.code == 2 and "..." in said.err
    assert len(said.err) < 1200


def test_an_endless_tag_is_not_said_whole(intrex, run):
    said = intrex(f"fuse r r --tag 'a {'b' * 6000}'")
    assert said.code == 2 and "not a tag: 'a bbb" in said.err and len(said.err) < 400


RECIPE = """name = "x"
queries = "test"
measures = ["AP"]
[collection]
import = "{source}"
[[system]]
name = "b"
index = "bm25"
"""


@pytest.mark.parametrize("exists", [False, True])
def test_a_recipe_without_its_collection_leaves_nothing(intrex, run, exists):
    (run.parent / "recipe.toml").write_text(RECIPE.format(source="missing"))
    out = run.parent / "out"
    if exists:
        out.mkdir()
    said = intrex("experiment run recipe.toml -o out")
    assert said.code == 1 and "no such file, folder or data set: missing" in said.err
    assert (list(out.iterdir()) if exists else out.exists()) == ([] if exists else False)


def test_a_recipe_that_fails_later_keeps_what_was_done(intrex, run, small):
    (run.parent / "recipe.toml").write_text(RECIPE.format(source="small").replace('"test"', '"tset"'))
    said = intrex("experiment run recipe.toml -o out")
    assert said.code == 1 and "did you mean test?" in said.err
    assert [path.name.partition("-")[0] for path in (run.parent / "out" / ".stages").glob("*-*")] == [
        "collection"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "index dense small d --encoder hashing:8 --device zzz",
        "index multivector small d --encoder hashing:8 --device zzz",
        "index sparse small d --encoder hashing:8 --device zzz",
        "search known q.tsv --device zzz",
    ],
)
def test_a_device_that_an_encoder_has_no_use_for_is_said_to_be_ignored(intrex, run, small, line, caplog):
    (run.parent / "q.tsv").write_text("q1\twings\n")
    assert intrex("index dense small known --encoder hashing:8").code == 0
    with caplog.at_level(logging.INFO, logger="intrex"):
        assert intrex(line).code == 0
    assert "the hashing encoder computes on the processor, --device zzz is ignored" in caplog.text


def test_a_device_that_is_none_is_refused_where_a_model_computes(tmp_path):
    pytest.importorskip("torch")
    model = str(write_tiny_model(tmp_path, ["cat", "dog"]))
    for make in (StaticEncoder.create, DenseEncoder.create):
        with pytest.raises(UsageError, match="torch has no device 'zzz' here"):
            make(model, EncoderOptions(device="zzz"))
    with pytest.raises(UsageError, match="torch has no device 'zzz' here"):
        start_model("dense", TrainOptions(base=model, device="zzz"))


def test_a_folder_of_collections_that_is_none(intrex, run):
    assert (said := intrex("collection list missing")).code == 1
    assert "no such folder: missing" in said.err and not said.out
    assert intrex("collection list").code == 0


def test_help_of_a_search_is_of_the_index_that_is_named(intrex, run, small):
    assert intrex("index dense small d --encoder hashing:8").code == 0
    assert intrex("index bm25 small b").code == 0
    assert "--fields" not in intrex("search d --help").out
    assert "--fields" in intrex("search b --help").out and "--fields" in intrex("search --help").out
    told = "nowhere is no index of intrex"
    assert told in intrex("search nowhere --help").out
    assert "is no index" not in intrex("search --help").out + intrex("search d --help").out


@pytest.mark.parametrize("name", ["r.parquet", "r.csv.gz"])
def test_a_run_is_not_written_under_the_name_of_a_form_that_is_only_read(tmp_path, intrex, name):
    run = tmp_path / "a.txt"
    run.write_text("q1 Q0 d1 1 2.0 a\n")
    said = intrex(f"convert {run} {tmp_path / name}")
    assert said.code == 2 and "runs are not written as" in said.err and not (tmp_path / name).exists()
    assert intrex(f"convert {run} {tmp_path / name} --to trec").code == 0
