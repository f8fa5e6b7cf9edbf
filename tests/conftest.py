"""Shared fixtures: a command runner, a small collection, the folder of real collections."""

import json
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from intrex.cli.app import run as run_cli
from intrex.data.collection import Collection
from intrex.data.writer import CollectionWriter, RecordSource, write_collection

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("INTREX_SHARED_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def intrex(capfd: pytest.CaptureFixture[str]) -> Callable[[str], Said]:
    """Run a command line in this process; returns exit code, stdout and stderr."""

    def call(line: str) -> Said:
        capfd.readouterr()
        code = run_cli(shlex.split(line))
        captured = capfd.readouterr()
        return Said(code, captured.out, captured.err)

    return call


@pytest.fixture
def all_well(intrex) -> Callable[..., None]:
    """Run command lines one after another; each must succeed."""

    def call(*lines: str) -> None:
        for line in lines:
            said = intrex(line)
            assert said.code == 0, f"{line}\n{said.err}"

    return call


@pytest.fixture
def shared() -> Path:
    """The folder of real collections; the test is skipped where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("the folder of shared collections is not here (INTREX_SHARED_DATA)")
    return SHARED


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


DOCUMENTS = {
    "d1": ("Wings", "the lift of a wing in a slipstream"),
    "d2": ("", "boundary layers on a flat plate"),
    "d3": ("Heat", "heat transfer through a boundary layer"),
    "d4": ("", ""),
    "d5": ("", "boundary layers on a flat plate"),
    "ünï-6": ("Größe", "the size of Straße and 東京 in one document"),
}
QUERIES = {"q1": "lift of wings", "q2": "flat boundary layer", "q3": "heat", "q4": "of the and"}
JUDGED = {
    "test": {"q1": {"d1": 2}, "q2": {"d2": 1, "d3": 1, "d1": 0}, "q3": {"d3": 1}},
    "train": {"q4": {"d2": 1}},
}


def fill(writer: CollectionWriter) -> None:
    for i, (id_, (title, text)) in enumerate(DOCUMENTS.items(), 1):
        writer.document(id_, title, text, RecordSource("corpus", i))
    for i, (id_, text) in enumerate(QUERIES.items(), 1):
        writer.query(id_, text, RecordSource("queries", i))
    for name, judged in JUDGED.items():
        for query, docs in judged.items():
            for doc, grade in docs.items():
                writer.judgement(name, query, doc, grade, RecordSource("qrels"))


@pytest.fixture
def small(tmp_path: Path) -> Collection:
    """Six documents (one empty, two alike, one not ASCII), four queries, two sets."""
    return write_collection(tmp_path / "small", "small", {"source": "test"}, fill)


def write_beir(folder: Path) -> Path:
    """The small collection as a BEIR folder."""
    (folder / "qrels").mkdir(parents=True)
    corpus = [
        json.dumps({"_id": i, "title": t, "text": x}, ensure_ascii=False) for i, (t, x) in DOCUMENTS.items()
    ]
    (folder / "corpus.jsonl").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    queries = [json.dumps({"_id": i, "text": x}) for i, x in QUERIES.items()]
    (folder / "queries.jsonl").write_text("\n".join(queries) + "\n", encoding="utf-8")
    for name, judged in JUDGED.items():
        lines = [f"{q}\t{d}\t{g}" for q, docs in judged.items() for d, g in docs.items()]
        (folder / "qrels" / f"{name}.tsv").write_text(
            "query-id\tcorpus-id\tscore\n" + "\n".join(lines) + "\n", encoding="utf-8"
        )
    return folder


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let torch count in one thread, here and in processes that are started: the last bits of a training depend on how many."""
    import torch

    threads = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
