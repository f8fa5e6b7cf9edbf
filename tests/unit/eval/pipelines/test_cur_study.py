"""Parts of the CUR study: the division of queries, and AXN's vectors."""

from pathlib import Path

import numpy as np

from intrex.eval.pipelines.studies.cur.reproduce import SIZES, divide
from intrex.eval.pipelines.studies.cur.study import MixedRounds
from intrex.retrievers.cur.options import CurSearch
from intrex.retrievers.cur.rounds import Scored
from intrex.retrievers.vectors.nearest import FlatSearch


def sets(folder: Path) -> dict[str, set[str]]:
    files = (folder / "qrels").glob("*.tsv")
    return {f.stem: {line.split("\t")[0] for line in f.read_text().splitlines()[1:]} for f in files}


def test_queries_are_divided_without_overlap(tmp_path: Path) -> None:
    for name, count in (("one", 0), ("two", 300)):
        (tmp_path / name / "qrels").mkdir(parents=True)
        for file in ("corpus.jsonl", "queries.jsonl"):
            (tmp_path / name / file).write_text("")
        for part, size in (("train", count), ("test", 260)):
            if size:
                lines = ["query-id\tcorpus-id\tscore", *(f"{part}{i}\td{i}\t1" for i in range(size))]
                (tmp_path / name / "qrels" / f"{part}.tsv").write_text("\n".join(lines) + "\n")
        divide(tmp_path / name, tmp_path / f"{name}-divided")
        found = sets(tmp_path / f"{name}-divided")
        assert {part: len(ids) for part, ids in found.items()} == {
            **SIZES,
            "train": (count or 260 - SIZES["test"]) - SIZES["dev"],
        }
        assert not (
            found["dev"] & found["test"] or found["dev"] & found["train"] or found["test"] & found["train"]
        )
        assert all(i.startswith("test") for i in found["test"])


def test_a_mixed_vector_repeats_the_exact_scores_and_is_the_own_one_where_that_does() -> None:
    rng = np.random.default_rng(2)
    vectors, own = (
        rng.standard_normal((60, 16)).astype(np.float32),
        rng.standard_normal((2, 16)).astype(np.float32),
    )
    nearest = FlatSearch(vectors, 10.0, np.arange(60, dtype=np.uint32))
    scored = [Scored(), Scored()]
    rows = np.arange(5, 13)
    scored[0].add(rows, 3 * (vectors[rows] @ own[0]))
    scored[1].add(rows, rng.standard_normal(8).astype(np.float32))
    found = MixedRounds(nearest, CurSearch(tolerance=1e-5, threads=1), own).vectors(scored)
    np.testing.assert_allclose(found[0], 3 * own[0], atol=1e-3)
    np.testing.assert_allclose(vectors[rows] @ found[1], scored[1].scores, atol=1e-3)
