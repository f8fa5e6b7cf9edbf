"""An index that was changed is an index that was built: whatever was added, removed and merged, to the bit."""

import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from intrex.data.collection import Collection, Queries
from intrex.data.ids import as_bytes
from intrex.data.native.library import Library
from intrex.data.store.manifest import verify_artifact
from intrex.data.writer import CollectionWriter, RecordSource, write_collection
from intrex.retrievers.bm25 import change as bm25_change
from intrex.retrievers.bm25 import merge as segment_merge
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.change import add, merge, plan, remove
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.bm25.options import Bm25Build, Bm25Search
from intrex.retrievers.inverted import build as postings_build
from intrex.retrievers.inverted import postings
from intrex.retrievers.inverted.native import INDEXING
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.prf.bm25prf import BM25PRF
from intrex.retrievers.prf.rm3 import RM3
from tests.conftest import contents
from tests.support.feedback import flat_values

WORDS = st.sampled_from(["cat", "dog", "the", "bird", "été", "fish", "cow", "東京", "ox " * 300, "rare"])
TEXT = st.lists(WORDS, max_size=8).map(" ".join)
DOCUMENT = st.tuples(st.sampled_from([f"d{i}" for i in range(8)] + ["é9"]), TEXT, TEXT)
DOCUMENTS = st.lists(DOCUMENT, min_size=1, max_size=5, unique_by=lambda d: d[0])
CHANGE = st.one_of(
    DOCUMENTS, st.lists(st.integers(0, 20), min_size=1, max_size=4), st.just("merge"), st.just("apart")
)
ASKED = Queries(
    ["a", "b", "c", "d"], ["cat dog the", "ox rare fish cow fish", "été 東京 bird dog", "rare unknown"]
)


def collect(folder: Path, documents: list[tuple[str, str, str]]) -> Collection:
    def fill(writer: CollectionWriter) -> None:
        for i, (id_, title, text) in enumerate(documents, 1):
            writer.document(id_, title, text, RecordSource("corpus", i))

    return write_collection(folder, folder.name, {"source": "toy"}, fill)


def check_rescoring(index: BM25Index) -> None:
    """Rescoring all documents gives what the search of them gives, to the bit, and nothing to those that it does not find."""
    searched = index.search(ASKED, Bm25Search(threads=1)).to_dict()
    names = [f"d{i}" for i in range(8)] + ["é9"]
    places = index.ids.find(as_bytes(names))
    there = [name for name, row in zip(names, places, strict=True) if row >= 0]
    rows = [places[places >= 0]] * len(ASKED)
    for query, scores in zip(ASKED.ids, index.rescore(ASKED.texts, rows, SearchOptions()), strict=True):
        scored = dict(zip(there, scores.tolist(), strict=True))
        assert {n: s for n, s in scored.items() if s > -np.inf} == searched.get(query, {})


def found(index: BM25Index) -> list[object]:
    """What searches give in all ways: rankings with scores, ties, a cut, feedback, fields."""
    check_rescoring(index)
    every = []
    fields = [{}, {"title": 2.5}, {"contents": 0.3, "title": 0.7}] if len(index.fields) > 1 else [{}]
    for options in [Bm25Search(threads=1, fields=one) for one in fields] + [
        SearchOptions(k=2, threads=2),
        SearchOptions(k=3, threads=1, ties="anserini"),
    ]:
        every.append({q: list(docs.items()) for q, docs in index.search(ASKED, options).to_dict().items()})
    for method in (RM3(fb_docs=3), BM25PRF(fb_docs=2)):
        every.append(index.search(ASKED, Bm25Search(threads=1, **flat_values(method))).to_dict())
    return every


@settings(max_examples=25, deadline=None, derandomize=True, phases=(Phase.generate,))
@given(DOCUMENTS, st.lists(CHANGE, min_size=1, max_size=6), st.booleans(), st.booleans())
def test_changes_are_a_rebuild(first, changes, titles, compiled) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder, fields = Path(name), ("title",) if titles else ()
        for module in (postings, postings_build, segment_merge):
            patch.setattr(module, "MERGED", 128)
        for building in (postings_build, segment_merge):
            patch.setattr(building, "kernels_for", lambda _: INDEXING.kernels() if compiled else None)
        if not compiled:
            patch.setattr(Library, "kernels", lambda *_: None)
        index = build_bm25(collect(folder / "c", first), BuildTask(folder / "i"), Bm25Build(fields=fields))
        left, only_added = list(first), True
        for i, change in enumerate(changes):
            if change == "merge":
                index = merge(folder / "i")
            elif change == "apart":
                patch.setattr(
                    bm25_change,
                    "plan",
                    lambda sizes, removed, whole: [([i], False) for i in range(len(sizes))],
                )
            elif isinstance(change[0], tuple):
                ids = {d[0] for d in change}
                only_added &= not ids & {d[0] for d in left}
                left = [d for d in left if d[0] not in ids] + change
                index = add(folder / "i", collect(folder / f"c{i}", change), replace_old=True)
            else:
                ids = list(dict.fromkeys(left[at % len(left)][0] for at in change if left))
                if not ids:
                    continue
                only_added = False
                left = [d for d in left if d[0] not in ids]
                index = remove(folder / "i", ids)
        verify_artifact(folder / "i")
        assert [p.name for p in folder.iterdir() if p.name.startswith(".")] == []
        if not left:
            assert found(index)[0] == {}
            return
        rebuilt = build_bm25(
            collect(folder / "r", left), BuildTask(folder / "rebuilt"), Bm25Build(fields=fields)
        )
        # The longest document may be a removed one.
        for name, counts in index.statistics.items():
            assert replace(counts, longest=0) == replace(rebuilt.statistics[name], longest=0)
        assert found(index) == found(rebuilt)
        patch.undo()
        merged = merge(folder / "i")
        assert found(merged) == found(rebuilt)
        same_content(merged, rebuilt)
        if only_added:
            one, other = contents(folder / "i"), contents(folder / "rebuilt")
            del one["manifest.json"], other["manifest.json"]
            assert one == other


def same_content(one: BM25Index, other: BM25Index) -> None:
    """Equal rows, lengths and postings of every term, whatever the terms' numbers."""
    (a,), (b,) = one.segments, other.segments
    assert np.array_equal(a.norms, b.norms) and one.ids.all().tolist() == other.ids.all().tolist()
    assert np.array_equal(one.ids.rank, other.ids.rank)
    assert a.postings.text.tobytes() == b.postings.text.tobytes()
    for place in range(len(a.postings)):
        pairs = (one.postings.of(int(one.postings.ids[place])) for one in (a, b))
        (docs, tfs), (other_docs, other_tfs) = pairs
        assert np.array_equal(docs, other_docs) and np.array_equal(tfs, other_tfs)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12), st.booleans())
@settings(derandomize=True)
def test_a_plan_keeps_the_order_and_few_segments(counts, whole) -> None:
    sizes, removed = [a for a, _ in counts], [b for _, b in counts]
    groups = plan(sizes, removed, whole)
    flat = [i for group, _ in groups for i in group]
    assert flat == sorted(set(flat)) and all(sizes[i] == 0 for i in set(range(len(sizes))) - set(flat))
    totals = [sum(sizes[i] for i in group) for group, _ in groups]
    assert sum(totals) == sum(sizes)
    assert all(before > 2 * last for before, last in pairwise(totals))
    assert not whole or len(groups) == 1


def test_segments_stay_few(tmp_path: Path) -> None:
    index = build_bm25(
        collect(tmp_path / "c", [(f"a{i}", "", "x y") for i in range(64)]), BuildTask(tmp_path / "i")
    )
    most = 0
    for i in range(20):
        index = add(tmp_path / "i", collect(tmp_path / f"c{i}", [(f"b{i}", "", f"x w{i}")]))
        most = max(most, len(index.segments))
    assert len(index.ids) == 84 and 2 <= most <= 7
