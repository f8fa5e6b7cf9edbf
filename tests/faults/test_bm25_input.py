"""What a BM25 index meets in the wild: a huge document, none with a term, queries that find nothing, damaged files."""

import json
import random
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, IntrexError
from intrex.data.store.manifest import manifest_path
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.base import open_index
from intrex.retrievers.bm25 import index as bm25
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.change import add, merge, remove
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.bm25.options import Bm25Search
from intrex.retrievers.options import BuildTask, SearchOptions
from tests.faults.test_disk import limited
from tests.faults.test_made_indexes import sign

MEASURED = """
import sys
from pathlib import Path
from intrex.cli.app import run
code = run(sys.argv[1:])
lines = Path("/proc/self/status").read_text().splitlines()
held = {line.split(":")[0]: int(line.split()[1]) >> 10 for line in lines if line.startswith(("VmHWM", "RssFile"))}
print(held["VmHWM"] - held["RssFile"] + 64)
sys.exit(code)
"""
"""Prints the peak in MB, with 64 for the pages of libraries and index: of the same ones 65 to 121 MB are in memory, as the
system has read them. (What getrusage says of a process begins with the memory of the one that started it.)"""


def collect(folder: Path, texts: dict[str, str]) -> Collection:
    def fill(writer: CollectionWriter) -> None:
        for i, (id_, text) in enumerate(texts.items(), 1):
            writer.document(id_, "", text, RecordSource("corpus", i))

    return write_collection(folder, "toy", {"source": "toy"}, fill)


def test_a_document_of_50_megabytes(tmp_path: Path) -> None:
    """Between two small ones: a minute of one slow core and half a gigabyte are plenty."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not say how much memory a process took")
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(3, 9))) for _ in range(5000)]
    page = " ".join(draw.choices(words, k=100_000))
    huge = " ".join([page] * (1 + (50 << 20) // len(page)))
    assert len(huge) >= 50 << 20
    collection = collect(tmp_path / "c", {"a": "one small text", "huge": huge, "z": "another small text"})
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    command = ["index", "bm25", str(collection.path), str(tmp_path / "i"), "--max-memory", "512M"]
    said = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=True
    )
    assert int(said.stdout) < 512
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 60
    index = BM25Index.open(tmp_path / "i")
    found = index.search(Queries(["q", "r"], ["small", words[0]]), SearchOptions(k=10)).to_dict()
    assert list(found["q"]) == ["z", "a"] and list(found["r"]) == ["huge"]


@pytest.mark.parametrize("texts", [{"a": ""}, {"a": "the", "b": "of and"}, {"a": "", "b": "the", "c": "..."}])
def test_a_corpus_without_a_term(tmp_path: Path, texts: dict[str, str], intrex) -> None:
    collection = collect(tmp_path / "c", texts)
    assert intrex(f"index bm25 {collection.path} {tmp_path}/i").code == 0
    (tmp_path / "q.jsonl").write_text('{"_id": "q", "text": "the cat"}\n')
    said = intrex(f"search {tmp_path}/i {tmp_path}/q.jsonl -o {tmp_path}/run")
    assert said.code == 0 and (tmp_path / "run").read_text() == ""
    assert said.err.count("found nothing") == 1 and "Traceback" not in said.err


def test_queries_of_stop_words_and_of_unknown_terms(tmp_path: Path, small: Collection, intrex) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path}/i").code == 0
    rows = [("s", "the of and"), ("t", ""), ("u", "xylophone"), ("k", "heat xylophone the")]
    lines = [json.dumps({"_id": i, "text": text}) for i, text in rows]
    (tmp_path / "q.jsonl").write_text("\n".join(lines) + "\n")
    said = intrex(f"search {tmp_path}/i {tmp_path}/q.jsonl -o {tmp_path}/run --k 100000")
    assert said.code == 0
    assert [line.split()[0] for line in (tmp_path / "run").read_text().splitlines()] == ["k"]
    assert said.err.count("found nothing") == 1 and "3 of 4 queries found nothing" in said.err


def test_an_index_of_a_newer_schema_or_layout(tmp_path: Path, small: Collection, monkeypatch) -> None:
    build_bm25(small, BuildTask(tmp_path / "i"))
    monkeypatch.setattr(bm25, "LAYOUT", bm25.LAYOUT + 1)
    with pytest.raises(BadInput, match="files of another layout") as caught:
        BM25Index.open(tmp_path / "i")
    assert "index bm25 COLLECTION OUT --overwrite" in str(caught.value.hint)
    path = manifest_path(tmp_path / "i")
    assert path is not None
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 2}))
    with pytest.raises(BadInput, match="schema 2 is not one") as caught:
        open_index(tmp_path / "i")
    assert caught.value.hint


def test_any_file_that_was_cut_off_or_is_missing_is_named(tmp_path: Path, small: Collection) -> None:
    build_bm25(small, BuildTask(tmp_path / "i"))
    files = [
        path
        for path in (tmp_path / "i").rglob("*")
        if path.is_file() and path != manifest_path(tmp_path / "i")
    ]
    assert len(files) > 10
    for path in files:
        whole = path.read_bytes()
        for damaged in (whole[:-1], whole + b"x", None):
            if damaged is None:
                path.unlink()
            else:
                path.write_bytes(damaged)
            with pytest.raises(BadInput, match=f"damaged: .*{path.name}"):
                open_index(tmp_path / "i")
        path.write_bytes(whole)
    open_index(tmp_path / "i")


def test_counts_of_documents_that_do_not_fit_the_postings(tmp_path: Path, small: Collection) -> None:
    """Of an index that somebody altered: no number beyond those of the documents reaches a logarithm."""
    build_bm25(small, BuildTask(tmp_path / "i"))
    remove(tmp_path / "i", ["d1"])
    file = tmp_path / "i" / "0" / "df.npy"
    sound, sizes = np.load(file), np.diff(np.load(file.with_name("postings.offsets.npy")))
    for value in (-(2**31), -1, 2**31 - 1, 6):
        np.save(file, np.where(np.arange(len(sound)) == 3, value, sound).astype(np.int32))
        with pytest.raises(BadInput, match=r"damaged: counts of documents do not fit .*df.npy"):
            BM25Index.open(tmp_path / "i")
    np.save(file, (sizes - 1).astype(np.int32))  # fewer documents have the terms than feedback finds
    search = Bm25Search(k=5, bm25_prf=True)
    with pytest.raises(BadInput, match="damaged: counts of documents do not fit the documents"):
        BM25Index.open(tmp_path / "i").search(small.queries(), search)
    np.save(file, sound)
    assert len(BM25Index.open(tmp_path / "i").search(small.queries(), search)) == 2


@pytest.mark.parametrize("step", [1, -1])
def test_counts_that_could_be_and_are_not_those_of_the_postings(
    tmp_path: Path, small: Collection, step: int
) -> None:
    """Merging and adding write what they count: of an index that somebody altered nothing is written, and nothing lost."""
    build_bm25(small, BuildTask(tmp_path / "i"))
    remove(tmp_path / "i", ["d1"])
    file = tmp_path / "i" / "0" / "df.npy"
    sound, sizes = np.load(file), np.diff(np.load(file.with_name("postings.offsets.npy")))
    moved = sound + step
    fitting = np.flatnonzero((moved <= sizes) & (moved >= np.maximum(sizes - 1, 0)))
    assert len(fitting)
    altered = sound.copy()
    altered[fitting[0]] += step
    np.save(file, altered)
    sign(tmp_path / "i")
    with pytest.raises(BadInput, match="damaged: counts of documents are not those of the postings"):
        merge(tmp_path / "i")
    assert (np.load(file) == altered).all()
    np.save(file, sound)
    sign(tmp_path / "i")
    merge(tmp_path / "i")
    assert len(BM25Index.open(tmp_path / "i").search(small.queries(), Bm25Search(k=5))) == 2


@pytest.mark.parametrize("segment", ["0", "1"])
def test_a_term_that_is_not_utf8_is_merged_with_nothing(
    tmp_path: Path, small: Collection, segment: str
) -> None:
    build_bm25(small, BuildTask(tmp_path / "i"))
    add(tmp_path / "i", collect(tmp_path / "more", {"new": "heat of wings"}))
    file = tmp_path / "i" / segment / "terms.txt"
    sound = file.read_bytes()
    file.write_bytes(b"\xff" + sound[1:])
    sign(tmp_path / "i")
    with pytest.raises(BadInput, match="damaged: a term that is not UTF-8"):
        merge(tmp_path / "i")
    file.write_bytes(sound)
    sign(tmp_path / "i")
    merge(tmp_path / "i")


def test_two_terms_of_one_number_are_merged_with_nothing(tmp_path: Path, small: Collection) -> None:
    build_bm25(small, BuildTask(tmp_path / "i"))
    add(tmp_path / "i", collect(tmp_path / "more", {"new": "heat of wings"}))
    file = tmp_path / "i" / "1" / "terms.ids.npy"
    numbers = np.load(file)
    numbers[0] = numbers[1]
    np.save(file, numbers)
    sign(tmp_path / "i")
    with pytest.raises(BadInput, match="damaged: two terms have one number"):
        merge(tmp_path / "i")


def test_two_ids_of_one_rank(tmp_path: Path, small: Collection) -> None:
    """Of an index that somebody altered: ids are looked up by their order, which repeated ranks do not give."""
    build_bm25(small, BuildTask(tmp_path / "i"))
    file = tmp_path / "i" / "ids.rank.npy"
    ranks = np.load(file)
    ranks[0] = ranks[1]
    np.save(file, ranks)
    index = BM25Index.open(tmp_path / "i")
    assert len(index.search(small.queries(), Bm25Search(k=5))) == 3  # ranks settle ties alone
    with pytest.raises(BadInput, match=r"damaged: two ids have one rank .*ids.rank.npy"):
        remove(tmp_path / "i", ["d1"])


def test_two_builders_at_once(tmp_path: Path) -> None:
    """The second is refused while the first one works; afterwards there is one whole index."""
    collection = collect(tmp_path / "c", {f"d{i}": f"word{i} text " * 50 for i in range(20_000)})
    command = [sys.executable, "-m", "intrex.cli", "index", "bm25", str(collection.path), str(tmp_path / "i")]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    hidden: list[Path] = []
    while first.poll() is None and not hidden:
        hidden = list(tmp_path.glob(".i.*.building/.lock"))
        time.sleep(0.001)
    assert hidden
    with pytest.raises(IntrexError, match=r"another process is building|exists"):
        build_bm25(collection, BuildTask(tmp_path / "i"))
    assert first.wait(120) == 0
    assert len(BM25Index.open(tmp_path / "i").ids) == 20_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "i"]


def test_a_disk_that_fills_up_while_postings_are_set_aside(tmp_path: Path) -> None:
    collection = collect(tmp_path / "c", {f"d{i}": f"w{i % 997} w{i % 13} text " * 60 for i in range(3000)})
    said = limited(20_000, "index", "bm25", str(collection.path), str(tmp_path / "i"), "--max-memory", "117M")
    assert said.returncode == 1
    assert "File too large" in said.stderr and "hint: free some space" in said.stderr
    assert "Traceback" not in said.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_too_little_memory_is_said(tmp_path: Path, small: Collection, intrex) -> None:
    said = intrex(f"index bm25 {small.path} {tmp_path}/i --max-memory 64M")
    assert said.code == 2 and "64 MB are too little" in said.err and "hint: --max-memory" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what a process held")
@pytest.mark.parametrize("fields", ["", "--fields title"])
def test_the_memory_that_is_asked_for_is_what_the_build_takes(tmp_path: Path, fields: str, intrex) -> None:
    """New users were asked for 289 MB where a build took 193."""
    draw = random.Random(3)
    texts = {f"d{i}": " ".join(f"w{draw.randrange(1 << 13)}" for _ in range(150)) for i in range(2000)}
    line = f"index bm25 {collect(tmp_path / 'c', texts).path} {tmp_path}/i {fields} --max-memory"
    refused = intrex(f"{line} 64M")
    assert refused.code == 2
    asked = re.search(r"--max-memory (\d+)M or more", refused.err)
    assert asked is not None
    command = [sys.executable, "-c", MEASURED, *line.split(), f"{asked[1]}M"]
    peak = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert peak <= int(asked[1]) <= 1.25 * peak
