"""Windows of passages that a program orders: where they lie, what one pass reaches, what is kept, and wrong orders."""

import json
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intrex.data.collection import Queries
from intrex.data.errors import BadInput, IntrexError
from intrex.data.run import Run
from intrex.data.store.scorecache import ScoreCache
from intrex.data.writer import RecordSource, write_collection
from intrex.retrievers.rerank.listwise import count_windows, windows
from intrex.retrievers.rerank.options import RerankOptions
from intrex.retrievers.rerank.scorer import rerank_texts, work_units

COUNT = 30
BY_NUMBER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    {before}
    best = sorted(asked["passages"], key=lambda p: -int(p["text"].split()[0]))
    print(json.dumps([p["docid"] for p in best]))
"""


@pytest.fixture
def collection(tmp_path):
    """Thirty documents: d0 is the worst, d29 the best; the run has them the other way round."""

    def fill(writer):
        for i in range(COUNT):
            writer.document(f"d{i}", "", f"{i} words", RecordSource("made", i))

    return write_collection(tmp_path / "made", "made", {"source": "test"}, fill)


@pytest.fixture
def rerank(collection, tmp_path):
    def call(program, cache=None, progress=lambda _: None, **options):
        path = tmp_path / "order.py"
        path.write_text(program)
        options = {"retries": 0, "time_limit": 20.0, "depth": COUNT, **options}
        chosen = RerankOptions(model=f"command:{sys.executable} {path}", listwise=True, **options)
        queries = Queries(["q1", "q2"], ["which", "one"])
        return rerank_texts(RUN, queries, collection, chosen, "t", cache, progress).to_dict()

    return call


RUN = Run.from_dict({"q1": {f"d{i}": float(-i) for i in range(COUNT)}, "q2": {"d3": 2.0, "d7": 1.0}})


@given(st.integers(0, 200), st.integers(2, 50), st.integers(1, 50))
def test_windows_cover_every_rank_from_the_bottom_to_the_top(count, window, stride):
    stride = min(stride, window)
    found = list(windows(count, window, stride))
    assert all(2 <= end - start <= window for start, end in found)
    alone = stride == window and found[-1:] and found[-1][0] == 1  # rank 1 would be a window by itself
    if count > 1:
        assert found[0][1] == count and (found[-1][0] == 0 or alone)
        covered = {rank for start, end in found for rank in range(start, end)}
        assert covered | ({0} if alone else set()) == set(range(count))
    else:
        assert not found
    assert all(a[1] - b[1] == stride for a, b in pairwise(found))


def test_the_best_of_the_bottom_come_to_the_top(rerank):
    """One pass brings the best ``window - stride`` documents to the top, whatever the ranking was."""
    run = rerank(BY_NUMBER.format(before=""), window=10, stride=4)
    assert list(run["q1"])[:6] == [f"d{i}" for i in range(29, 23, -1)]
    assert sorted(run["q1"]) == sorted(RUN.to_dict()["q1"]) and list(run["q1"])[6:] != [
        f"d{i}" for i in range(23, -1, -1)
    ]
    assert list(run["q1"].values()) == [float(n) for n in range(COUNT, 0, -1)]
    assert run["q2"] == {"d7": 2.0, "d3": 1.0}


def test_a_window_of_the_depth_is_one_question(rerank, tmp_path):
    log, seen = tmp_path / "log", []
    before = f"print(line, end='', file=open({str(log)!r}, 'a'))"
    run = rerank(BY_NUMBER.format(before=before), progress=seen.append, window=COUNT)
    assert list(run["q1"]) == [f"d{i}" for i in range(COUNT - 1, -1, -1)]
    asked = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(a["qid"], a["query"], len(a["passages"])) for a in asked] == [
        ("q1", "which", 30),
        ("q2", "one", 2),
    ]
    assert asked[0]["passages"][0] == {"docid": "d0", "text": "0 words"} and seen == [1, 1]
    assert work_units(RUN, RerankOptions(model="command:x", listwise=True, depth=COUNT, window=COUNT)) == 2


def test_depth_one_asks_nothing(rerank):
    run = rerank("raise SystemExit(1)", depth=1)
    assert run == {"q1": {"d0": 1.0}, "q2": {"d3": 1.0}}


def test_orders_are_kept_window_by_window(rerank, tmp_path):
    log, flag = tmp_path / "log", tmp_path / "flag"
    before = (
        f"from pathlib import Path; print(asked['qid'], file=open({str(log)!r}, 'a')); "
        f"sys.exit(3) if asked['qid'] == 'q2' and not Path({str(flag)!r}).exists() else None"
    )
    program, options = (
        BY_NUMBER.format(before=before),
        RerankOptions(model="command:x", listwise=True, window=10, stride=5),
    )
    with pytest.raises(IntrexError, match="exit code 3"):
        rerank(program, ScoreCache(tmp_path / "kept"), window=10, stride=5)
    assert log.read_text().split() == ["q1"] * 5 + ["q2"] and count_windows(RUN, options) == 6
    flag.touch()
    log.write_text("")
    first = rerank(program, ScoreCache(tmp_path / "kept"), window=10, stride=5)
    assert log.read_text().split() == ["q2"]
    again = ScoreCache(tmp_path / "kept")
    assert rerank(program, again, window=10, stride=5) == first and again.added == 0
    assert log.read_text().split() == ["q2"]
    rerank(program, again, window=10, stride=4)
    assert log.read_text().split().count("q1") > 0, "other windows are other questions"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("ids[:-1]", "order of query q2 lacks document d7"),
        ("ids + ids[:1]", "names document d3 twice"),
        ("ids + ['d99']", "names 'd99', which is not in the window"),
        ("[0, 1]", "names 0, which is not in the window"),
        ("{'order': ids}", "is no list of ids"),
    ],
)
def test_a_wrong_order_is_an_error(rerank, answer, words, tmp_path):
    program = f"""
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    ids = [p["docid"] for p in asked["passages"]]
    print(json.dumps({answer} if asked["qid"] == "q2" else ids))
"""
    cache = ScoreCache(tmp_path / "kept")
    with pytest.raises(BadInput) as raised:
        rerank(program, cache, retries=3)
    assert words in raised.value.message and cache.added == 20 + 20, "the windows of q1"


def test_no_json_and_a_hang(rerank):
    with pytest.raises(BadInput, match="no list of ids: '2 > 1'"):
        rerank("import sys\nfor line in sys.stdin: print('2 > 1')")
    with pytest.raises(IntrexError, match="gave 0 of 1 answers within 1 s"):
        rerank("import sys, time\nfor line in sys.stdin: time.sleep(60)", time_limit=1.0)
