"""Search by kernels is search by numpy, to the bit: with and without pruning, for any window, thread count and k."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.arrays import Int64s
from intrex.data.ids import GONE
from intrex.data.native.library import Library
from intrex.retrievers.bm25.searcher import Searcher
from intrex.retrievers.bm25.similarity import encode_lengths, inverse_norms
from intrex.retrievers.inverted import search as lexical
from intrex.retrievers.inverted.build import PostingsWriter
from intrex.retrievers.inverted.native import SEARCH
from intrex.retrievers.inverted.postings import Postings
from intrex.retrievers.inverted.search import Weighted
from intrex.retrievers.inverted.vocabulary import Names

N, VOCABULARY = 3_000, 400
pytestmark = pytest.mark.skipif(SEARCH.kernels() is None, reason="the kernels cannot be compiled here")


def corpus(folder: Path, k1: float = 0.9, b: float = 0.4) -> Searcher:
    draw = np.random.default_rng(3)
    chance = 1 / np.arange(1, VOCABULARY + 1)
    sizes = draw.integers(0, 60, N)
    tokens = draw.choice(VOCABULARY, sizes.sum(), p=chance / chance.sum()).astype(np.int32)
    tokens[1000:1600] = 7  # some counts over 255
    writer = PostingsWriter(folder)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    for low in range(0, N, 500):
        here = offsets[low : low + 501]
        writer.add(tokens[here[0] : here[-1]], here - here[0])
    sizes[0] += 600
    writer.close(Names.of([f"t{i}" for i in range(VOCABULARY)]))
    postings, norms = Postings(folder), encode_lengths(sizes)
    inverse = inverse_norms(k1, b, float(sizes.mean()))
    rank = draw.permutation(N).astype(np.uint32)
    longest = inverse[norms.max()]
    bounds = postings.bounds(norms[None], inverse[None])
    return Searcher(postings, rank, bounds, norms[None], inverse[None], np.array([longest]))


def asked(searcher: Searcher, spread: float = 1.0) -> Weighted:
    draw = np.random.default_rng(4)
    sizes = draw.integers(0, 12, 60)
    terms = np.concatenate([draw.permutation(VOCABULARY)[:size] for size in sizes])
    df = np.diff(searcher.postings.offsets)[terms]
    weights = (np.log(1 + (N - df + 0.5) / (df + 0.5)) * spread ** draw.random(len(terms))).astype(np.float32)
    return Weighted(np.concatenate([[0], np.cumsum(sizes)]), terms.astype(np.int64), weights)


@pytest.mark.parametrize(("k1", "b", "spread"), [(0.9, 0.4, 1), (0, 0, 1), (3, 1, 1), (0.9, 0.4, 1e-30)])
def test_every_path_gives_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, k1: float, b: float, spread: float
) -> None:
    searcher = corpus(tmp_path, k1, b)
    queries = asked(searcher, spread)
    for k in (1, 10, 100, N):
        with monkeypatch.context() as patch:
            patch.setattr(Library, "kernels", lambda *_: None)
            plain = searcher.search(queries, k)
        assert plain.sizes.max() <= k
        for window, prune, threads in (
            (256, True, 1), (512, True, 2), (4096, True, 1), (256, False, 1), (1 << 14, True, 3), (2048, True, 1),
        ):  # fmt: skip
            monkeypatch.setattr(lexical, "WINDOW", window)
            searcher.prune, searcher.whole = prune, window != 512
            found = searcher.search(queries, k, threads)
            for one, other in zip(plain, found, strict=True):
                assert one.tobytes() == other.tobytes(), (k, window, prune, threads)


def test_where_sums_could_be_rounded_is_known(tmp_path: Path) -> None:
    searcher = corpus(tmp_path)
    assert searcher._exact(asked(searcher)).all()
    uneven = searcher._exact(asked(searcher, 1e-30))
    assert 0 < uneven.sum() < len(uneven)


def test_more_results_than_fit_a_buffer_twice(tmp_path: Path) -> None:
    searcher = corpus(tmp_path)
    hits = searcher.search(Weighted(np.array([0, 1]), np.array([0]), np.ones(1, np.float32)), 2)
    whole = searcher.search(Weighted(np.array([0, 1]), np.array([0]), np.ones(1, np.float32)), 10**9)
    assert hits.rows.tolist() == whole.rows[:2].tolist()
    assert whole.sizes.tolist() == [len(searcher.postings.of(0)[0])]


def test_no_query_and_no_document(tmp_path: Path) -> None:
    searcher = corpus(tmp_path)
    nothing = Weighted(np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    assert [len(part) for part in searcher.search(nothing, 5)] == [0, 0, 0]


FIELDS = (np.arange(VOCABULARY) % 5 == 0).astype(np.uint8)
"""Every fifth term is of a second field."""


def parts(folder: Path, cuts: list[int], gone: Int64s) -> list[Searcher]:
    """One corpus of two fields, in parts that begin at some rows, without some rows."""
    draw = np.random.default_rng(6)
    chance = 1 / np.arange(1, VOCABULARY + 1)
    sizes = draw.integers(0, 60, N)
    tokens = draw.choice(VOCABULARY, sizes.sum(), p=chance / chance.sum()).astype(np.int32)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    rank = draw.permutation(N).astype(np.uint32)
    rank[gone] = GONE
    owners = np.repeat(np.arange(N), sizes)
    lengths = np.array([np.bincount(owners[FIELDS[tokens] == f], minlength=N) for f in (0, 1)])
    inverse = np.array([inverse_norms(0.9, 0.4, float(one.mean())) for one in lengths])
    found = []
    for low, high in zip(cuts, [*cuts[1:], N], strict=True):
        where = folder / f"{len(cuts)}.{low}"
        where.mkdir()
        writer = PostingsWriter(where)
        writer.add(tokens[ends[low] : ends[high]], ends[low : high + 1] - ends[low])
        writer.close(Names.of([f"t{i:03}" for i in range(VOCABULARY)]))
        postings, norms = Postings(where), encode_lengths(lengths[:, low:high])
        bounds = postings.bounds(norms, inverse, FIELDS)
        longest = np.array([inverse[f, norms[f].max()] for f in (0, 1)])
        found.append(Searcher(postings, rank[low:high], bounds, norms, inverse, longest, first=low))
    return found


def fielded(boosts: tuple[float, float]) -> Weighted:
    """Queries over both fields, the terms of each together."""
    draw = np.random.default_rng(7)
    terms, offsets, rounds = [], [0], []
    for size in draw.integers(0, 12, 60):
        some = draw.permutation(VOCABULARY)[:size]
        some = some[np.argsort(FIELDS[some], kind="stable")]
        of = FIELDS[some]
        nested = np.array(boosts)[of] != 1
        rounds += np.where(nested, 1 + (np.append(of[1:], 9)[:size] != of), 0).tolist()
        terms += some.tolist()
        offsets.append(len(terms))
    numbers = np.array(terms)
    weights = (draw.random(len(numbers)).astype(np.float32) * 9).astype(np.float32)
    weights *= np.array(boosts, np.float32)[FIELDS[numbers]]
    fields = FIELDS[numbers].astype(np.int64)
    return Weighted(np.array(offsets), numbers, weights, fields, np.array(rounds, np.uint8))


@pytest.mark.parametrize("boosts", [(1, 1), (1, 2.5), (0.3, 0.7), (0, 1)])
def test_parts_fields_and_removed_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, boosts: tuple[float, float]
) -> None:
    gone = np.flatnonzero(np.random.default_rng(8).random(N) < 0.3)
    queries = fielded(boosts)
    monkeypatch.setattr(lexical, "WINDOW", 512)
    with monkeypatch.context() as patch:
        patch.setattr(Library, "kernels", lambda *_: None)
        (whole,) = parts(tmp_path, [0], gone)
        plain = {k: whole.search(queries, k) for k in (1, 10, N)}
    assert not set(plain[N].rows.tolist()) & set(gone.tolist())
    by_hand = _by_hand(whole, queries, 7)
    assert (
        dict(
            zip(
                plain[N].rows[: 10**6][_of(plain[N], 7)].tolist(),
                plain[N].scores[_of(plain[N], 7)].tolist(),
                strict=True,
            )
        )
        == by_hand
    )
    for cuts in ([0], [0, 1], [0, 700, 2_300], [0, 1_000, 1_001, 2_999]):
        some = parts(tmp_path, cuts, gone) if len(cuts) > 1 else [whole]
        for kernels in (Library.kernels, lambda *_: None):
            monkeypatch.setattr(Library, "kernels", kernels)
            for k, prune in ((1, True), (10, True), (10, False), (N, True)):
                for part in some:
                    part.prune = prune
                found = lexical.search(some, [queries] * len(some), k, threads=2)
                for one, other in zip(plain[k], found, strict=True):
                    assert one.tobytes() == other.tobytes(), (cuts, k, prune)


def _of(hits: lexical.Hits, query: int) -> slice:
    ends = np.cumsum(hits.sizes)
    return slice(int(ends[query] - hits.sizes[query]), int(ends[query]))


def _by_hand(searcher: Searcher, queries: Weighted, query: int) -> dict[int, float]:
    """Lucene's nested sums, one document after another."""
    totals: dict[int, float] = {}
    for row in np.flatnonzero(searcher.rank != GONE).tolist():
        sums, seen = {0: 0.0, 1: 0.0}, False
        for t in range(queries.offsets[query], queries.offsets[query + 1]):
            rows, scores = searcher._scores(queries, t)
            at = np.flatnonzero(rows == row)
            if len(at):
                sums[int(queries.fields[t])] += float(scores[at[0]])
                seen = True
        if seen:
            nested = {int(f): r > 0 for f, r in zip(queries.fields, queries.rounds, strict=True)}
            totals[row] = float(
                np.float32(sum(float(np.float32(s)) if nested[f] else s for f, s in sums.items()))
            )
    return totals
