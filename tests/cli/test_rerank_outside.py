"""``intrex rerank`` and recipes with a program or a server as the scorer: the run, its tag, and what is refused."""

import gzip
import sys
from pathlib import Path

import pytest

from tests.cli.test_rerank import RUN
from tests.conftest import write_beir
from tests.support.rerankserver import rerank_server

SCORE = """
import json, sys
for line in sys.stdin:
    print({sign}len(json.loads(line)["text"]))
"""
RECIPE = """
name = "r"
queries = "test"
measures = ["AP"]
[collection]
import = "beir"
[[system]]
name = "bm25"
index = "bm25"
[[system]]
name = "outside"
rerank = "bm25"
depth = 10
with = "{scorer}"
{more}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, intrex) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path / "cache"))
    write_beir(tmp_path / "beir")
    Path("a.txt").write_text(RUN)
    Path("score.py").write_text(SCORE.format(sign=""))
    (tmp_path / "python").symlink_to(sys.executable)
    assert intrex("collection import beir c").code == 0
    return tmp_path


def ranking(file):
    rows = [line.split() for line in Path(file).read_text().splitlines()]
    return [row[2] for row in rows if row[0] == "q1"], rows[0][-1]


def test_a_program_ranks_and_its_whole_line_is_the_tag(folder, intrex):
    line = "rerank a.txt c:test --with 'command:./python score.py' -o r.txt"
    assert intrex(line).code == 0
    assert ranking("r.txt") == (["d3", "d1", "d2"], "bm25+command:./python%20score.py")
    said = intrex(line)
    assert said.code == 0 and "as this command wrote it" in said.err
    Path("score.py").write_text(SCORE.format(sign="-"))
    assert intrex(f"{line} --overwrite").code == 0
    assert ranking("r.txt")[0] == ["d2", "d1", "d3"], (
        "another program: what was kept of the first does not count"
    )
    said = intrex("rerank a.txt c:test --with 'command:./python score.py' --scorer-version 2 -o v.txt")
    assert "were in" not in said.err and ranking("v.txt")[1].endswith("score.py(scorer_version=2)")


def test_a_server_ranks_and_its_address_and_model_are_the_tag(folder, intrex, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with rerank_server() as server:
        assert intrex(f"rerank a.txt c:test --with {server.url} --model m -o r.txt").code == 0
    assert ranking("r.txt") == (["d1", "d3", "d2"], f"bm25+{server.url}(model=m)")
    assert intrex(f"rerank a.txt c:test --with {server.url} --model m -o again.txt").code == 0, "all is kept"


def test_an_error_leaves_no_run(folder, intrex):
    Path("bad.py").write_text(
        "import sys\nfor n, line in enumerate(sys.stdin): print('nan' if n == 7 else n)"
    )
    said = intrex("rerank a.txt c:test --with 'command:./python bad.py' --batch-size 2 -o r.txt")
    assert said.code == 1 and "the score of query q3 and document d2 is nan" in said.err
    assert not Path("r.txt").exists() and not list(folder.glob(".r*"))


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("--with command:no-such-program", 2, "there is no program 'no-such-program'"),
        ("--with command:", 2, "names no program"),
        ("--with http:nowhere", 2, "not an http or https address"),
        (
            "--with 'command:./python score.py' --max-length 9",
            2,
            "--max-length is for models that intrex loads",
        ),
        ("--with 'command:./python score.py' --model m", 2, "--model is for --with http:... or https:..."),
        ("--with 'command:./python score.py' --time-limit 0", 2, "--time-limit"),
        ("--with http://127.0.0.1:9 --listwise", 2, "--listwise is for --with command:..."),
        ("--with 'command:./python score.py' --window 4", 2, "--window is for --listwise"),
        ("--with 'command:./python score.py' --listwise --window 4 --stride 5", 2, "leaves out passages"),
        ("--with hashing --retries 2", 2, "--retries is for --with command:... or http:... or https:..."),
        ("--with http://127.0.0.1:9 --key-env NO_SUCH_KEY", 2, "NO_SUCH_KEY is not set"),
    ],
)
def test_what_is_refused(folder, intrex, monkeypatch, line, code, words):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    said = intrex(f"rerank a.txt c:test {line}")
    assert said.code == code and words in said.err and not said.out


def test_a_recipe_runs_a_program_only_where_that_is_allowed(folder, intrex):
    Path("r.toml").write_text(RECIPE.format(scorer="command:./python score.py", more="time_limit = 30.0"))
    said = intrex("experiment run r.toml")
    assert said.code == 2 and "names a scorer outside of intrex: command:./python score.py" in said.err
    assert not Path("out").exists()
    assert intrex("experiment plan r.toml").code == 0
    said = intrex("experiment run r.toml --allow-commands")
    assert said.code == 0, said.err
    first = Path("out/r/leaderboard.csv").read_bytes()
    assert "0 of 6 stages ran" in intrex("experiment run r.toml --allow-commands").err
    Path("score.py").write_text(SCORE.format(sign="-"))
    said = intrex("experiment run r.toml --allow-commands")
    assert "3 of 6 stages ran" in said.err and Path("out/r/leaderboard.csv").read_bytes() != first


def test_a_recipe_orders_by_a_program(folder, intrex):
    Path("order.py").write_text(
        "import json, sys\nfor line in sys.stdin: "
        "print(json.dumps(sorted(p['docid'] for p in json.loads(line)['passages'])))"
    )
    Path("r.toml").write_text(
        RECIPE.format(scorer="command:./python order.py", more="listwise = true\nwindow = 4")
    )
    assert intrex("experiment run r.toml --allow-commands").code == 0
    (made,) = Path("out/r/run").glob("outside*")
    rows = [line.split() for line in gzip.decompress(made.read_bytes()).decode().splitlines()]
    ranked = [row[2] for row in rows if row[0] == "q2"]
    assert (
        ranked == sorted(ranked)
        and len(ranked) > 1
        and [row[4] for row in rows if row[0] == "q2"][-1] == "1.0"
    )


@pytest.mark.parametrize(
    ("scorer", "more", "words"),
    [
        ("bm25:idx", "", "name an earlier system by index"),
        ("http:nowhere", "", "with: not an http or https address"),
        ("command:python 'x", "", "with: the command cannot be read"),
        ("command:python x", "max_length = 9", "--max-length is for models that intrex loads"),
        ("hashing", "retries = 9", "retries is for"),
        ("command:python x", "listwise = true\nstride = 30", "--stride 30 leaves out passages"),
        ("http://a.b", "listwise = true", "listwise is for"),
    ],
)
def test_what_a_recipe_cannot_say(folder, intrex, scorer, more, words):
    Path("r.toml").write_text(RECIPE.format(scorer=scorer, more=more))
    said = intrex("experiment run r.toml --allow-commands")
    assert said.code == 1 and words in said.err, said.err


def test_a_recipe_asks_for_the_program_before_anything_runs(folder, intrex):
    Path("r.toml").write_text(RECIPE.format(scorer="command:no-such-program", more=""))
    said = intrex("experiment run r.toml --allow-commands")
    assert said.code == 2 and "there is no program" in said.err and "[1/6]" not in said.err
