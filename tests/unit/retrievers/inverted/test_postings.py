"""The inverted index: what is written is what is found, however long a run is, with and without kernels."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.native.library import Library
from intrex.retrievers.inverted import build as postings_build
from intrex.retrievers.inverted import native
from intrex.retrievers.inverted.build import LEAST_RUN, RUN, Memory, PostingsWriter
from intrex.retrievers.inverted.postings import Postings
from intrex.retrievers.inverted.vocabulary import Names
from intrex.retrievers.sparse.searcher import open_impacts

ROWS = ["b a b", "", "é a zz", "a a a b", "東 a", ""]


def write(folder: Path, rows: list[str] = ROWS) -> Postings:
    folder.mkdir(exist_ok=True)
    writer, vocabulary = PostingsWriter(folder), {}
    for row in rows:
        tokens = [vocabulary.setdefault(term, len(vocabulary)) for term in row.split()]
        writer.add(np.array(tokens, np.int32), np.array([0, len(tokens)]))
    writer.close(Names.of(vocabulary))
    return Postings(folder)


@pytest.fixture(params=["kernels", "numpy"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numpy":
        monkeypatch.setattr(Library, "kernels", lambda *_: None)
    monkeypatch.setattr(native, "WORTH_LOADING", 0 if request.param == "kernels" else 1 << 60)
    assert request.param == "numpy" or (native.SEARCH.kernels() and native.INDEXING.kernels())
    return request.param


@pytest.mark.usefixtures("engine")
def test_round_trip(tmp_path: Path) -> None:
    found = write(tmp_path)
    terms = [found.term(i).decode() for i in range(len(found))]
    assert terms == ["a", "b", "zz", "é", "東"]  # byte order
    for term, number in zip(terms, found.find(terms).tolist(), strict=True):
        rows, tfs = found.of(number)
        want = [(r, row.split().count(term)) for r, row in enumerate(ROWS) if term in row.split()]
        assert list(zip(rows.tolist(), tfs.tolist(), strict=True)) == want
    assert found.find(["", "A", "aa", "zzz", "京", "\ud800", "b"]).tolist() == [-1] * 6 + [0]


@pytest.mark.parametrize("run", [1, 3, 1 << 20])
def test_the_length_of_a_run_changes_no_byte(tmp_path: Path, engine: str, run: int) -> None:
    rows = [*ROWS, " ".join(["b"] * 300), "c", " ".join(["b a"] * 255)]
    write(tmp_path / "one", rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postings_build, "MERGED", 2)
        patch.setattr(postings_build.Memory, "run_length", lambda *_: run)
        write(tmp_path / "two", rows)
    files = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert files == sorted(p.name for p in (tmp_path / "two").iterdir())
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


@pytest.mark.usefixtures("engine")
def test_counts_of_any_size(tmp_path: Path) -> None:
    counts = [1, 254, 255, 256, 70_000, 2]
    found = write(tmp_path, [" ".join(["b"] * 300 + ["a"] * count) for count in counts])
    rows, tfs = found.of(1)
    assert (rows.tolist(), tfs.tolist()) == (list(range(6)), counts)
    assert found.of(0)[1].tolist() == [300] * 6
    inverse = np.zeros((2, 256), np.float32)
    inverse[0, 1], inverse[1, 1], inverse[1, 2] = 0.5, 0.25, 100
    norms = np.ones((2, 6), np.uint8)
    assert found.bounds(norms, inverse).tolist() == [35_000.0]
    norms[1, 5] = 2  # of the term a, once in b's field: 2 * 100 is less
    assert found.bounds(norms, inverse, np.array([1, 0], np.uint8)).tolist() == [35_000.0]
    assert found.bounds(norms, inverse, np.array([0, 1], np.uint8)).tolist() == [17_500.0]


@pytest.mark.usefixtures("engine")
def test_no_term_at_all(tmp_path: Path) -> None:
    found = write(tmp_path / "empty", ["", ""])
    assert len(found) == 0
    assert found.find(["a"]).tolist() == [-1]
    assert write(tmp_path / "none", []).find(["a"]).tolist() == [-1]


def test_memory_decides_the_length_of_a_run() -> None:
    assert Memory().run_length(10**9) == RUN
    assert LEAST_RUN < Memory(256 << 20).run_length() < RUN
    assert Memory(256 << 20).run_length(100_000) < Memory(256 << 20).run_length()
    assert Memory(1 << 30).run_length(1_000_000) == RUN
    assert Memory(256 << 20, 10**6).run_length() > Memory(256 << 20, 10**8).run_length(), (
        "little text, few buffers"
    )
    assert Memory(256 << 20, 10**9).run_length() == Memory(256 << 20).run_length()
    for memory, terms in ((0, 0), (100 << 20, 0), (1 << 30, 10_000_000)):
        with pytest.raises(
            UsageError, match=f"too little to index a vocabulary of {terms:,} terms"
        ) as caught:
            Memory(memory).run_length(terms)
        assert caught.value.hint
        enough = int(caught.value.hint.split()[1].removesuffix("M"))
        assert Memory(enough << 20).run_length(terms) >= LEAST_RUN


def test_a_vocabulary_that_outgrows_the_memory_is_refused(tmp_path: Path) -> None:
    writer = PostingsWriter(tmp_path, Memory(256 << 20))
    writer.add(np.array([0, 10], np.int32), np.array([0, 2]))
    with pytest.raises(UsageError, match="too little"):
        writer.add(np.array([1_000_000], np.int32), np.array([0, 1]))


MADE = {
    "a row too many": ("docs", lambda docs: docs.__setitem__(-1, N)),
    "a far row": ("docs", lambda docs: docs.__setitem__(-1, N + 8)),
    "a row below 0": ("docs", lambda docs: docs.__setitem__(0, -1)),
    "rows that fall": ("docs", lambda docs: docs.__setitem__(slice(0, 2), docs[1::-1].copy())),
    "a row twice": ("docs", lambda docs: docs.__setitem__(1, docs[0])),
    "offsets that fall": ("offsets", lambda offsets: offsets.__setitem__(1, offsets[2] + 1)),
    "an offset beyond the end": ("offsets", lambda offsets: offsets.__setitem__(-1, offsets[-1] + 1)),
    "an offset below 0": ("offsets", lambda offsets: offsets.__setitem__(0, -1)),
    "a place beyond the end": ("big_at", lambda places: places.__setitem__(-1, 1 << 40)),
    "a place below 0": ("big_at", lambda places: places.__setitem__(0, -1)),
    "a place of a small count": ("big_at", lambda places: places.__setitem__(0, places[0] - 1)),
}  # fmt: skip
"""Alterations of a sound index by what it is; the rows and offsets are used as addresses."""
N = 3


@pytest.mark.parametrize("made", MADE)
def test_no_address_of_a_made_index_is_used(tmp_path: Path, made: str) -> None:
    write(tmp_path, [" ".join(["b a"] * 300), "a", "a b"])
    counted = Postings(tmp_path, rows=N)
    assert [counted.of(i)[0].tolist() for i in range(2)] == [[0, 2], [0, 1, 2]]
    name, change = MADE[made]
    file = tmp_path / f"postings.{name}.npy"
    array = np.load(file)
    change(array)
    np.save(file, array)
    with pytest.raises(BadInput, match=r"damaged: .*postings"):
        Postings(tmp_path, rows=N)
    if name == "big_at":
        return
    docs, offsets = (np.load(tmp_path / f"postings.{part}.npy") for part in ("docs", "offsets"))
    np.save(tmp_path / "postings.impacts.npy", np.ones(len(docs), np.uint8))
    np.save(tmp_path / "bounds.npy", np.ones(1, np.float32))
    with pytest.raises(BadInput, match=f"damaged: .*postings.{name}.npy"):
        open_impacts(tmp_path, len(offsets) - 1, N)


def test_sound_postings_are_opened_as_weights(tmp_path: Path) -> None:
    write(tmp_path, ["a b", "a"])
    np.save(tmp_path / "postings.impacts.npy", np.ones(3, np.uint8))
    np.save(tmp_path / "bounds.npy", np.ones(1, np.float32))
    assert open_impacts(tmp_path, 2, 2)[0].docs.tolist() == [0, 1, 0]
