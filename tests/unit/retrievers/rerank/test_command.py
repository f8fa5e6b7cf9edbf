"""Scores of a child process: real programs that answer, die, hang, and answer wrongly."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.run import Run
from intrex.data.store.scorecache import ScoreCache
from intrex.retrievers.rerank.command import command_words
from intrex.retrievers.rerank.options import RerankOptions
from intrex.retrievers.rerank.pairs import rerank_pairs
from intrex.retrievers.rerank.scorer import open_scorer

LENGTH = """
import json, sys
for line in sys.stdin:
    pair = json.loads(line)
    {before}
    print(len(pair["text"]) + len(pair["query"]) / 1000)
"""
DIES_ONCE = """
import json, os, sys
from pathlib import Path
mark = Path({mark!r})
for n, line in enumerate(sys.stdin):
    if n == 3 and not mark.exists():
        mark.touch()
        print("out of memory", file=sys.stderr)
        sys.exit(9)
    print(len(json.loads(line)["text"]) + len(json.loads(line)["query"]) / 1000)
"""


def everything(small):
    ids = [d.id for d in small.documents()]
    return Run.from_dict(
        {q: {d: float(len(ids) - i) for i, d in enumerate(ids)} for q in small.queries().ids}
    )


def by_length(small):
    texts = dict(zip(small.queries().ids, small.queries().texts, strict=True))
    lengths = {d.id: len(d.passage) for d in small.documents()}
    return {
        q: {d: pytest.approx(n + len(text) / 1000) for d, n in lengths.items()} for q, text in texts.items()
    }


@pytest.fixture
def rerank(small, tmp_path):
    """Rerank all documents of the small collection by a program's text."""

    def call(program, cache=None, name="score.py", **options):
        path = tmp_path / name
        path.write_text(program)
        options = {"retries": 0, "time_limit": 20.0, **options}
        chosen = RerankOptions(model=f"command:{sys.executable} {path}", **options)
        with open_scorer(chosen) as scorer:
            run = rerank_pairs(everything(small), small.queries(), small, scorer, 10, "t", cache)
        return run.to_dict()

    return call


def test_each_pair_gets_its_score_in_batches_of_any_size(small, rerank):
    for size in (1, 3, 32):
        assert rerank(LENGTH.format(before=""), batch_size=size) == by_length(small)


def test_a_program_sees_query_after_query_best_first_and_the_rest_of_its_batch(small, tmp_path, rerank):
    log = tmp_path / "log"
    rerank(LENGTH.format(before=f"print(line, end='', file=open({str(log)!r}, 'a'))"), batch_size=4)
    pairs = [json.loads(line) for line in log.read_text().splitlines()]
    assert {tuple(pair) for pair in pairs} == {("qid", "query", "docid", "text", "left")}
    assert [p["qid"] for p in pairs] == sorted(p["qid"] for p in pairs) and len(pairs) == 4 * 5
    of_q1 = [p["docid"] for p in pairs if p["qid"] == "q1"]
    assert of_q1 == ["d1", "d2", "d3", "d4", "ünï-6"], "d2 and d5 have one text, and so one score"
    assert [p["left"] for p in pairs] == [3, 2, 1, 0] * 5
    assert pairs[-1]["text"] == "Größe the size of Straße and 東京 in one document"


def test_a_program_may_answer_a_whole_batch_at_its_end(small, rerank):
    program = """
import json, sys
batch = []
for line in sys.stdin:
    batch.append(json.loads(line))
    if batch[-1]["left"] == 0:
        print("\\n".join(str(len(p["text"]) + len(p["query"]) / 1000) for p in batch), flush=True)
        batch = []
"""
    assert rerank(program, batch_size=7) == by_length(small)


def test_one_that_dies_is_started_again(small, tmp_path, rerank, caplog):
    caplog.set_level("INFO", "intrex")
    program = DIES_ONCE.format(mark=str(tmp_path / "mark"))
    assert rerank(program, retries=1, batch_size=10) == by_length(small)
    assert "gave 3 of 10 answers and ended with exit code 9" in caplog.text and "out of memory" in caplog.text


def test_one_that_always_dies_is_an_error_that_names_the_pair_and_its_last_words(rerank):
    program = "import sys; sys.stdin.readline(); print(1); sys.exit('no model here')"
    with pytest.raises(IntrexError) as raised:
        rerank(program, retries=2, batch_size=4)
    assert "gave 1 of 4 answers and ended with exit code 1" in raised.value.message
    assert "(4 pairs from query q1 and document d1 on)" in raised.value.message
    assert "no model here" in raised.value.message and "tried 3 times" in raised.value.message


def test_one_that_hangs_is_killed_with_its_children(tmp_path, rerank):
    program = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(tmp_path / "pids")!r}, "a").write(f"{{child.pid}}\\n")
time.sleep(600)
"""
    start = time.monotonic()
    with pytest.raises(IntrexError, match=r"gave 0 of 20 answers within 1\.5 s") as raised:
        rerank(program, time_limit=1.5, retries=1)
    assert time.monotonic() - start < 15 and "flush=True" in raised.value.hint
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    for pid in pids:
        for _ in range(100):
            if not alive(pid):
                break
            time.sleep(0.05)
        assert not alive(pid)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[-1].split()[0] != "Z"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("'relevant'", "gave 'relevant' for query q1 and document d3, not a number"),
        ("''", "gave '' for query q1 and document d3"),
        ("'nan'", "the score of query q1 and document d3 is nan"),
        ("'inf'", "the score of query q1 and document d3 is inf"),
        ("'1e39'", "the score of query q1 and document d3 is inf"),
        ("'1\\n2'", "wrote more lines than it was asked for"),
    ],
)
def test_a_wrong_answer_is_an_error_that_names_its_pair(rerank, answer, words):
    program = f"""
import json, sys
for line in sys.stdin:
    print({answer} if json.loads(line)["docid"] == "d3" else 1)
"""
    with pytest.raises(BadInput) as raised:
        rerank(program, batch_size=3, retries=3)
    assert words in raised.value.message


def test_too_few_scores_are_never_given_to_other_pairs(small, tmp_path, rerank):
    """One line is left out in the middle: what follows would move up, so nothing of the batch counts."""
    program = """
import json, sys
for line in sys.stdin:
    if json.loads(line)["docid"] != "d3":
        print(1)
"""
    cache = ScoreCache(tmp_path / "kept")
    with pytest.raises(IntrexError, match="gave 4 of 5 answers within 1 s"):
        rerank(program, cache, batch_size=5, time_limit=1.0)
    assert cache.added == 0


def test_a_surplus_after_the_last_pair_is_found(rerank):
    program = """
import json, sys
for line in sys.stdin:
    print(1)
print("mean 1.0")
"""
    with pytest.raises(BadInput, match=r"more lines than it was asked for: 'mean 1.0'"):
        rerank(program)


def test_what_was_scored_before_a_death_is_not_asked_again(small, tmp_path, rerank):
    log, cache = tmp_path / "log", tmp_path / "kept"
    before = f"print(pair['qid'], pair['docid'], file=open({str(log)!r}, 'a'))"
    poisoned = LENGTH.format(before=f"{before}; sys.exit(1) if pair['qid'] == 'q3' else None")
    with pytest.raises(IntrexError, match="exit code 1"):
        rerank(poisoned, ScoreCache(cache), batch_size=5, name="a.py")
    done = log.read_text().splitlines()
    assert len(done) == 11, "q1 and q2 with five different texts each, and the first of q3"
    log.write_text("")
    os.rename(tmp_path / "a.py", tmp_path / "b.py")
    (tmp_path / "a.py").write_text(LENGTH.format(before=before))
    kept = ScoreCache(cache)
    assert rerank(LENGTH.format(before=before), kept, batch_size=5, name="a.py") == by_length(small)
    assert kept.hits == 0, "the program has changed: its scores are others"
    again = ScoreCache(cache)
    assert rerank(LENGTH.format(before=before), again, name="a.py") == by_length(small)
    assert again.added == 0 and again.hits == 20
    named = ScoreCache(cache)
    rerank(LENGTH.format(before=before), named, name="a.py", scorer_version="2")
    assert named.hits == 0 and named.added == 20


def test_a_program_of_the_same_words_goes_on_after_a_death(small, tmp_path, rerank):
    log, cache, flag = tmp_path / "log", tmp_path / "kept", tmp_path / "flag"
    before = (
        f"from pathlib import Path; print(pair['qid'], file=open({str(log)!r}, 'a')); "
        f"sys.exit(1) if pair['qid'] == 'q3' and not Path({str(flag)!r}).exists() else None"
    )
    program = LENGTH.format(before=before)
    with pytest.raises(IntrexError, match="exit code 1"):
        rerank(program, ScoreCache(cache), batch_size=5)
    flag.touch()
    log.write_text("")
    kept = ScoreCache(cache)
    assert rerank(program, kept, batch_size=5) == by_length(small)
    assert kept.hits == 10 and set(log.read_text().split()) == {"q3", "q4"}


def test_one_that_is_killed_from_outside(rerank):
    program = f"import os, sys; sys.stdin.readline(); os.kill(os.getpid(), {signal.SIGKILL})"
    with pytest.raises(IntrexError, match="was killed by signal 9"):
        rerank(program)


def test_a_program_that_is_not_there(small):
    with pytest.raises(UsageError, match="there is no program 'no-such-program'"):
        open_scorer(RerankOptions(model="command:no-such-program --x")).__enter__()
    with pytest.raises(UsageError, match="names no program"):
        command_words("command: ")
    with pytest.raises(UsageError, match="cannot be read"):
        command_words("command:python 'x")
