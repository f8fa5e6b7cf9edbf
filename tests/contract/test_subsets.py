"""``search --within`` and ``--filter`` of every kind of index: the ranking of all documents, cut to the subset."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intrex.cli.app import run as run_cli
from intrex.data.collection import Collection
from intrex.data.ids import as_strings
from intrex.data.locate import read_query_file
from intrex.data.run import Run
from intrex.retrievers.base import open_index
from intrex.retrievers.postprocess import cut
from intrex.retrievers.search import prepare_search, remarks, run_search
from tests.support.needs import missing

N = 330
WORDS = [f"w{i}" for i in range(60)]
SUBSETS = {"three": [2, 150, 301], "a tenth": range(5, N, 10), "most": [i for i in range(N) if i % 9]}

INDEXES = {
    "bm25": "bm25 c",
    "title": "bm25 c --fields title",
    "impact": "sparse c --encoder hashing",
    "flat": "dense c --encoder hashing:24",
    **{name: f"dense c --encoder hashing:24 --engine {name}" for name in ("hnsw", "hnsw-sq8", "ivf", "ivf-sq8", "sq8")},
    **{name: f"dense c --encoder hashing:24 --engine {name} --pq-nbits 4" for name in ("pq", "ivf-pq")},
    "cur": "cur c --scorer hashing:24 --anchors 30",
    "tokens": "multivector c --encoder hashing:24",
    "codes": "multivector c --encoder hashing:24 --nbits 4",
    "fde": "fde tokens --reps 5 --k-sim 2",
    **{f"fde-{name}": f"fde tokens --reps 5 --k-sim 2 --engine {name}" for name in ("sq8", "hnsw-sq8", "ivf")},
    "fde-pq": "fde tokens --reps 5 --k-sim 2 --engine pq --pq-nbits 4",
    "lucene": "bm25 c --engine lucene --storeDocvectors --fields title",
}  # fmt: skip
FDES = [name for name in INDEXES if name.startswith("fde")]
BOTH = {"fields": {"contents": 1.0, "title": 0.5}}
SEARCHES: dict[str, tuple[str, dict[str, object], dict[str, object]]] = {
    "cur": ("cur", {"budget": N}, {"budget": N}),
    **{name: (name, {}, {}) for name in ("bm25", "title", "impact", "flat", "tokens", "codes", "fde", "lucene")},
    "fields": ("title", BOTH, BOTH),
    "lucene fields": ("lucene", BOTH, BOTH),
    "anserini": ("bm25", {"tie_order": "anserini"}, {"tie_order": "anserini"}),
    "lucene anserini": ("lucene", {"tie_order": "anserini"}, {"tie_order": "anserini"}),
    "faiss": ("flat", {"engine": "faiss"}, {}),
    **{name: (name, {}, {}) for name in ("hnsw", "ivf", "sq8", "pq", "hnsw-sq8", "ivf-sq8", "ivf-pq")},
    "plaid": ("codes", {"engine": "plaid", "ncells": 1, "ndocs": 4}, {}),
    "sv-heuristic": ("tokens", {"engine": "sv-heuristic", "candidates": 3}, {}),
    "xtr": ("tokens", {"scoring": "xtr", "token_top_k": 90}, {"scoring": "xtr", "token_top_k": 90}),
    "xtr of all tokens": ("tokens", {"scoring": "xtr", "token_top_k": 10**6}, {"scoring": "xtr", "token_top_k": 10**6}),
    **{name: (name, {}, {"nprobe": 10**6} if name == "fde-ivf" else {}) for name in FDES},
    "fde and MaxSim": ("fde", {"candidates": 2}, {"candidates": 10**6}),
}  # fmt: skip
"""Index, how it is searched within a subset, and how all of it is, so that all documents are compared."""
EXACT_OF = dict.fromkeys(("hnsw", "ivf", "sq8", "pq", "hnsw-sq8", "ivf-sq8", "ivf-pq"), "flat")
"""Engines whose vectors are kept beside the codes: the ranking of all documents is that of an exact index."""


def documents() -> Iterator[dict[str, object]]:
    draws = random.Random(7)
    for i in range(N):
        length = draws.choice([0, 3, 8, 8, 15])
        text = " ".join(draws.choices(WORDS[: draws.choice([6, 60])], k=length))
        title = draws.choice(["", draws.choice(WORDS)])
        text = "w1 w2 w2 w3" if i % 40 == 5 else text  # equal scores, at the cut too
        yield {"_id": f"d{i:03}", "title": title, "text": text, "metadata": {"number": i, "tenth": i % 10}}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("subsets")
    (folder / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in documents()))
    texts = ["w1 w2", "w3", "w40 w41 w42 w2", "w5 w59 w1 w1", "", "unknown", "w2 w4 w7 w20 w33"]
    (folder / "q.tsv").write_text("".join(f"q{i}\t{text}\n" for i, text in enumerate(texts)))
    for name, rows in SUBSETS.items():
        (folder / name).write_text("".join(f"d{i:03}\n" for i in rows))
    assert run_cli(["collection", "import", f"{folder}/docs.jsonl", f"{folder}/c"]) == 0
    return folder


@pytest.fixture(scope="module")
def built(work: Path) -> Callable[[str], Path]:
    """Build an index of `INDEXES` when it is first needed."""

    def path_of(name: str) -> Path:
        need = missing(
            ["jnius", "pyserini"] if name == "lucene" else ["faiss"] if "--engine" in INDEXES[name] else []
        )
        if need:
            pytest.skip(f"not installed: {need}")
        kind, source, *options = INDEXES[name].split()
        if source == "tokens":
            path_of("tokens")
        if not (work / name).exists():
            assert run_cli(["index", kind, str(work / source), str(work / name), *options]) == 0
        return work / name

    return path_of  # fmt: skip


def search(work: Path, index: Path, **values: object) -> Run:
    opened = open_index(index)
    options = prepare_search(opened, values, Collection.open(work / "c"))
    return run_search(opened, read_query_file(work / "q.tsv"), options, tag="t")


def only(run: Run, ids: list[str], k: int) -> dict[str, dict[str, float]]:
    return cut(run.select(np.isin(run.doc_ids, np.array(ids, "S"))), k).to_dict()


@pytest.mark.parametrize("name", SEARCHES)
def test_it_is_the_ranking_of_all_cut_to_the_subset(
    work: Path, built: Callable[[str], Path], name: str
) -> None:
    index, within, whole = SEARCHES[name]
    folder = built(index)
    every = search(work, built(EXACT_OF.get(name, index)), k=N, **whole)
    assert len(every) >= 4
    for subset in SUBSETS:
        ids = (work / subset).read_text().split()
        for k in (1, 4, N):
            found = search(work, folder, k=k, within=str(work / subset), **within).to_dict()
            expected = only(every, ids, k)
            assert {q: list(docs) for q, docs in found.items()} == {q: list(d) for q, d in expected.items()}
            if "anserini" not in name:  # whose equal scores are written as steps
                assert found == expected, (subset, k)


@pytest.mark.parametrize("name", ["bm25", "impact", "flat", "tokens", "xtr", "pq", "fde-pq"])
def test_without_kernels_and_in_any_batch_the_same(
    work: Path, built: Callable[[str], Path], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, within, _ = SEARCHES[name]
    values = {"k": 5, "within": str(work / "a tenth"), **within}
    found = search(work, built(index), **values).to_dict()
    assert search(work, built(index), batch_size=1, threads=3, **values).to_dict() == found
    monkeypatch.setattr("intrex.data.native.library.Library.kernels", lambda _: None)
    assert search(work, built(index), **values).to_dict() == found


def test_vectors_are_compared_block_by_block(
    work: Path, built: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["flat", "hnsw-sq8", "fde-pq", "fde-hnsw-sq8"]
    found = [search(work, built(name), k=3, within=str(work / "most")).to_dict() for name in names]
    monkeypatch.setattr("intrex.retrievers.vectors.exact.SCANNED_AT_ONCE", 24 * 7)
    assert [search(work, built(name), k=3, within=str(work / "most")).to_dict() for name in names] == found


@pytest.mark.parametrize("method", ["rm3", "rocchio", "bm25_prf"])
def test_feedback_reads_documents_of_the_subset(
    work: Path, built: Callable[[str], Path], method: str
) -> None:
    """As Lucene does by itself; and otherwise than the ranking of all with feedback of all."""
    values = {"k": 20, "within": str(work / "a tenth"), method: True}
    found = search(work, built("title"), **values)
    by_lucene = search(work, built("lucene"), **values)
    assert found.to_dict() == by_lucene.to_dict()
    whole = search(work, built("title"), k=N, **{method: True})
    assert found.to_dict() != only(whole, (work / "a tenth").read_text().split(), 20)


def test_an_index_that_grew(work: Path, tmp_path: Path) -> None:
    rows = [json.dumps({"_id": f"e{i}", "text": "w1 w2 w3" + " w4" * i}) for i in range(20)]
    (tmp_path / "more.jsonl").write_text("\n".join(rows) + "\n")
    for line in (
        f"collection import {tmp_path}/more.jsonl {tmp_path}/more",
        f"index bm25 {work}/c {tmp_path}/i",
        f"index add {tmp_path}/i {tmp_path}/more",
        f"index remove {tmp_path}/i d005 e3",
    ):
        assert run_cli(line.split()) == 0
    ids = ["d005", "d015", "d045", "e2", "e3", "e4", "e19"]
    (tmp_path / "ids").write_text("\n".join(ids) + "\n")
    found = search(work, tmp_path / "i", k=3, within=str(tmp_path / "ids"))
    assert found.to_dict() == only(search(work, tmp_path / "i", k=N + 20), ids, 3)
    assert set(found.to_dict()["q0"]) <= {"d015", "d045", "e2", "e4", "e19"}
    opened = open_index(tmp_path / "i")
    options = prepare_search(opened, {"within": str(tmp_path / "ids")})
    assert len(options.subset) == 5


def test_a_kind_that_knows_no_subsets_is_searched_whole(
    work: Path, built: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = search(work, built("bm25"), k=4, within=str(work / "a tenth"))
    index = open_index(built("bm25"))
    options = prepare_search(index, {"k": 4, "within": str(work / "a tenth")})
    asked, plain = [], type(index).search

    def deaf(self, queries, options):
        asked.append(options.k)
        return plain(self, queries, replace(options, subset=None))

    monkeypatch.setattr(type(index), "finds_in_subset", False)
    monkeypatch.setattr(type(index), "search", deaf)
    assert run_search(index, read_query_file(work / "q.tsv"), options, tag="t").to_dict() == found.to_dict()
    assert asked == [N]


def test_other_options_count_within_the_subset(
    work: Path, built: Callable[[str], Path], tmp_path: Path
) -> None:
    """``--exclude`` leaves room for others of the subset."""
    ids = (work / "a tenth").read_text().split()
    best = list(search(work, built("bm25"), k=3, within=str(work / "a tenth")).to_dict()["q0"])
    (tmp_path / "x").write_text(f"q0 {best[0]}\n")
    line = f"search {built('bm25')} {work}/q.tsv --k 2 --exclude {tmp_path}/x -o {tmp_path}/r".split()
    assert run_cli([*line, "--within", str(work / "a tenth")]) == 0
    kept = [row.split()[2] for row in (tmp_path / "r").read_text().splitlines() if row.startswith("q0 ")]
    assert kept == best[1:3] and set(kept) <= set(ids)


def test_what_is_approximate_is_said(
    work: Path,
    built: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    index = open_index(built("fde"))
    values = {"within": str(work / "most"), "candidates": 5}
    said = list(remarks(index, prepare_search(index, values)))
    assert "293 of 330 documents are searched, exactly (within=" in said[-1]
    monkeypatch.setattr("intrex.retrievers.fde.index.RANKED_WHOLE", 10)
    said = list(remarks(index, prepare_search(index, values)))
    assert "293 of 330 documents are searched, approximately (within=" in said[-1]
    with caplog.at_level("INFO", logger="intrex"):
        found = search(work, built("fde"), k=2, **values).to_dict()
    ids = (work / "most").read_text().split()
    nearest, by_maxsim = only(search(work, built("fde"), k=N), ids, 5), search(work, built("tokens"), k=N)
    for query, docs in nearest.items():
        assert found[query] == only(by_maxsim, list(docs), 2)[query]
    shares = [len(docs.keys() & found[q].keys()) / 2 for q, docs in only(by_maxsim, ids, 2).items()]
    assert 0 < np.mean(shares) < 1
    assert (
        f"recall@2 of the best by MaxSim: {np.mean(shares):.4f}, measured with 6 queries" in caplog.messages
    )


def test_one_name_for_the_same_documents(work: Path, built: Callable[[str], Path]) -> None:
    names = set()
    for index in ("bm25", "flat", "tokens"):
        opened = open_index(built(index))
        for values in ({"within": str(work / "a tenth")}, {"filter": "tenth = 5"}):
            options = prepare_search(opened, values, Collection.open(work / "c"))
            names.add(options.subset.name)
            assert (
                as_strings(opened.ids.gather(options.subset.rows)) == (work / "a tenth").read_text().split()
            )
    assert len(names) == 1 and names.pop().endswith(":33")
