"""The order of a run's rows and the check of many ids at once, each against its plain definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from intrex.data.errors import Problems
from intrex.data.ids import id_problem
from intrex.data.io.idarrays import id_array, span_array
from intrex.data.run import Run

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["q1", "q10", "q2", "q", "Q"]),
        st.integers(0, 30).map("d{}".format),
        st.sampled_from([0.0, 1.0, 1.5, 2.0, -1.0]),
    ),
    unique_by=lambda row: row[:2],
    max_size=60,
)


LAYOUTS = {
    "any": lambda row: 0,
    "grouped": lambda row: row[0],
    "ranked but for ties": lambda row: (row[0], -row[2]),
    "ranked, queries in another order": lambda row: (len(row[0]), row[0][::-1], -row[2]),
}


@given(ROWS, st.sampled_from(sorted(LAYOUTS)))
def test_queries_ascending_scores_and_documents_descending(rows, layout):
    rows = sorted(rows, key=LAYOUTS[layout])
    columns = ([row[i].encode() for row in rows] or np.empty(0, "S1") for i in (0, 1))
    queries, docs = (np.array(column, np.bytes_) for column in columns)
    problems = Problems("r")
    run = Run.from_columns(queries, docs, np.array([row[2] for row in rows], np.float64), "t", problems)
    expected = sorted(rows, key=lambda row: (row[2], row[1].encode()), reverse=True)
    expected.sort(key=lambda row: row[0].encode())
    assert not problems.count
    assert run.doc_ids.tolist() == [row[1].encode() for row in expected]
    assert run.scores.tolist() == [row[2] for row in expected]
    assert run.query_ids.tolist() == sorted({row[0].encode() for row in rows})


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["d1", "d2", "d3"]))))
def test_each_repeated_document_is_reported_once_for_each_time(pairs):
    columns = (np.array([pair[i].encode() for pair in pairs] or np.empty(0, "S1"), np.bytes_) for i in (0, 1))
    problems = Problems("r")
    Run.from_columns(*columns, np.arange(len(pairs), dtype=np.float64), "t", problems)
    assert problems.count == len(pairs) - len(set(pairs))


IDS = st.lists(st.one_of(
    st.text("ab1é\u4e2d", min_size=1, max_size=4), st.text(max_size=3), st.sampled_from(['"a', "a b", "", "x" * 513, "\x9b", "a\nb", "\ud800"]),
), max_size=8)  # fmt: skip


@given(IDS)
def test_many_ids_at_once_are_checked_as_one_is(ids):
    reported = []
    array = id_array(ids, lambda at, reason: reported.append((at, reason)))
    assert reported == [(at, problem) for at, i in enumerate(ids) if (problem := id_problem(i))]
    assert [i for i in array.tolist() if i != b"?"] == [
        i.encode() for i in ids if not id_problem(i) and i != "?"
    ]
    if any("\ud800" in i for i in ids):
        return
    text = "".join(ids).encode()
    sizes = np.array([len(i.encode()) for i in ids], np.int64)
    spans = np.frombuffer(text, np.uint8), np.cumsum(sizes) - sizes, sizes
    again = []
    same = span_array(spans, ids, lambda at, reason: again.append((at, reason)))
    assert again == reported and same.tolist() == array.tolist()
