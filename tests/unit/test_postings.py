"""The inverted index: what is written is what is found, whatever the size of a block."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from intrex.retrievers import postings
from intrex.retrievers.postings import Postings, PostingsWriter

ROWS = ["b a b", "", "é a zz", "a a a b", "東 a", ""]


def write(folder: Path) -> Postings:
    folder.mkdir(exist_ok=True)
    writer = PostingsWriter(folder)
    for row in ROWS:
        writer.add(Counter(row.split()))
    writer.close()
    return Postings(folder)


def test_round_trip(tmp_path: Path) -> None:
    found = write(tmp_path)
    terms = [found.term(i).decode() for i in range(len(found))]
    assert terms == ["a", "b", "zz", "é", "東"]  # byte order
    for i, term in enumerate(terms):
        rows, tfs = found.of(i)
        want = [(r, row.split().count(term)) for r, row in enumerate(ROWS) if term in row.split()]
        assert list(zip(rows.tolist(), tfs.tolist(), strict=True)) == want
        assert found.find(term) == i
    assert [found.find(t) for t in ("", "A", "aa", "zzz", "京", "\ud800")] == [None] * 6


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_block_size_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    write(tmp_path / "one")
    monkeypatch.setattr(postings, "BLOCK", block)
    write(tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_counts_take_the_narrowest_type(tmp_path: Path) -> None:
    for count, dtype in ((255, np.uint8), (256, np.uint16), (70_000, np.uint32)):
        folder = tmp_path / str(count)
        folder.mkdir()
        writer = PostingsWriter(folder)
        writer.add({"a": 1})
        writer.add({"a": count, "b": 1})
        writer.close()
        rows, tfs = Postings(folder).of(0)
        assert tfs.dtype == dtype
        assert (rows.tolist(), tfs.tolist()) == ([0, 1], [1, count])


def test_no_term_at_all(tmp_path: Path) -> None:
    writer = PostingsWriter(tmp_path)
    writer.add({})
    writer.close()
    assert len(Postings(tmp_path)) == 0
    assert Postings(tmp_path).find("a") is None
