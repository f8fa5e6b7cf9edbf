"""Parquet and Arrow: columns that are read as dictionaries say what their text says, faults with their rows."""

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.data.io.parquet import read_batches
from intrex.data.qrels import read_qrels
from intrex.data.runformats import read_any_run

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def long_run(queries, docs=50):
    """Rows of a run whose queries repeat: read as a dictionary; scores equal here and there."""
    rng = np.random.default_rng(0)
    return {
        "query": np.repeat(queries, docs).tolist(),
        "document": [f"d{i}" for _ in queries for i in rng.permutation(docs)],
        "score": rng.integers(0, 20, docs * len(queries)).astype(float).tolist(),
    }


def expected(rows):
    run = {}
    for query, document, score in zip(rows["query"], rows["document"], rows["score"], strict=True):
        run.setdefault(query, {})[document] = score
    return run


@pytest.mark.parametrize("queries", [["q2", "q10", "q1"], ["ä", "b"], [7, 12, 3]])
def test_queries_that_repeat_are_read_as_numbers_of_a_dictionary(tmp_path, queries):
    rows = long_run(queries, 2_000)
    pq.write_table(pa.table(rows), tmp_path / "r.parquet", row_group_size=1_500)
    batches = list(read_batches(tmp_path / "r.parquet", ["query", "document"]))
    if isinstance(queries[0], str):
        assert all(pa.types.is_dictionary(batch.column("query").type) for batch in batches)
    assert not any(pa.types.is_dictionary(batch.column("document").type) for batch in batches)
    run = read_any_run(tmp_path / "r.parquet").to_dict()
    assert run == expected({**rows, "query": list(map(str, rows["query"]))})


def test_an_id_that_cannot_be_is_named_with_every_row_that_has_it(tmp_path):
    rows = long_run(["q1", "q 2"], 1_000)
    pq.write_table(pa.table(rows), tmp_path / "r.parquet")
    with pytest.raises(BadInput, match=r"1,000 problems(.|\n)*r\.parquet:1001\)"):
        read_any_run(tmp_path / "r.parquet")
    rows["query"][1_500:] = [None] * 500
    rows["query"][1_000:1_500] = ["q3"] * 500
    pq.write_table(pa.table(rows), tmp_path / "r.parquet")
    with pytest.raises(BadInput, match=r"500 problems(.|\n)*r\.parquet:1501\)"):
        read_any_run(tmp_path / "r.parquet")


def test_judgements_and_arrow_dictionaries(tmp_path):
    rows = {"query": ["q1"] * 600, "document": [f"d{i}" for i in range(600)], "grade": [1] * 600}
    pq.write_table(pa.table(rows), tmp_path / "q.parquet")
    table = pa.table({**rows, "query": pa.array(rows["query"]).dictionary_encode()})
    with pa.OSFile(str(tmp_path / "q.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    for name in ("q.parquet", "q.arrow"):
        assert read_qrels(tmp_path / name).to_dict() == {"q1": {f"d{i}": 1 for i in range(600)}}
