"""What test queries share with training queries, by hand and by brute force."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.data.qrels import read_qrels
from intrex.eval.overlap import documents
from intrex.eval.overlap.audit import Audit, LeakageFlag, read_audit, write_audit
from intrex.eval.overlap.documents import BINS, jaccard, near_duplicates, shingles, sketches
from intrex.eval.overlap.labels import positives, shared_labels
from intrex.eval.overlap.queries import (
    plain_entities,
    same_text,
    same_words,
    shared_entities,
    shared_ngrams,
    words,
)

TRAIN = [
    "How tall is Mount Everest?",
    "who wrote the Iliad",
    "lift of a wing in a slipstream",
    "heat 3.5 percent",
]


def test_the_same_text_and_the_same_words() -> None:
    test = ["who wrote the Iliad ", "HOW TALL, is mount everest", "", "how tall", "ＷＨＯ wrote the iliad"]
    assert {i: m.train for i, m in same_text(TRAIN, test).items()} == {0: 1}
    assert {i: m.train for i, m in same_words(TRAIN, test).items()} == {0: 1, 1: 0, 4: 1}
    assert words("L'été, x_1!") == ["l", "été", "x_1"]


def test_ngrams() -> None:
    test = ["the lift of a wing in flight", "Iliad", "who wrote it", "a wing in a slipstream of heat"]
    found = shared_ngrams(TRAIN, test, 3, 0.5)
    assert {i: (m.train, round(m.score, 3)) for i, m in found.items()} == {0: (2, 0.6), 3: (2, 0.6)}
    assert shared_ngrams(["Iliad"], ["iliad"], 3, 0.5)[0].score == 1.0
    assert shared_ngrams(TRAIN, ["", "?"], 3, 0.0) == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("How tall is Mount Everest?", {"mount everest"}),
        ("What is NASA's budget in 2020?", {"nasa", "2020"}),
        ("iPhone sales of Apple Inc. rose 3.5 percent", {"apple inc", "3.5"}),
        ("DNA binds", {"dna"}),
        ("Wings", set()),
        ("lower case only", set()),
        ("Élan Vital by Bergson", {"vital", "bergson"}),
        ("", set()),
    ],
)
def test_plain_entities(text: str, names: set[str]) -> None:
    assert plain_entities([text]) == [names]


def test_shared_entities() -> None:
    train = plain_entities(TRAIN)
    test = plain_entities(["the Iliad of Homer", "slopes of Mount Everest", "of Homer", "wings"])
    found = shared_entities(train, test)
    assert {i: (m.train, m.score) for i, m in found.items()} == {0: (1, 0.5), 1: (0, 1.0)}


def test_near_duplicates_against_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    vocabulary = [f"w{i}" for i in range(400)]
    train = [" ".join(random.choice(vocabulary, random.integers(1, 120))) for _ in range(150)]
    test = []
    for i in range(60):
        copied = train[i].split()
        for at in random.integers(0, len(copied), i % 4):
            copied[at] = "changed"
        test.append(" ".join(copied))
    test += ["", "w1", *(" ".join(random.choice(vocabulary, 60)) for _ in range(20))]
    one, other = shingles(train), shingles(test)
    found = near_duplicates(train, test, 0.8)
    wanted = {}
    for j in range(len(test)):
        best = max((jaccard(one, i, other, j), -i) for i in range(len(train)))
        if best[0] >= 0.8:
            wanted[j] = (-best[1], best[0])
    assert found == wanted and 30 < len(found) < 60
    monkeypatch.setattr(documents, "AT_ONCE", 7)
    assert near_duplicates(iter(train), test, 0.8) == wanted, "blocks change nothing"
    assert (sketches(shingles(["a b c d e f"]))[0] != np.uint64(2**64 - 1)).all()
    assert sketches(shingles([""])).shape == (1, BINS)


def test_jaccard_by_hand() -> None:
    both = shingles(["a b c d e f", "b c d e f g", "a a a a a a a a", ""])
    assert np.diff(both.offsets).tolist() == [2, 2, 1, 0]
    assert jaccard(both, 0, both, 1) == pytest.approx(1 / 3)
    short = shingles(["a b", "A, b!", "b a"])
    assert jaccard(short, 0, short, 1) == 1.0 and jaccard(short, 0, short, 2) == 0.0


@pytest.mark.parametrize(
    ("arm", "level", "trec19", "trec20"),
    [
        ("interpolate", 1, 36, 42),
        ("extrapolate", 1, 3, 0),
        ("interpolate", 2, 30, 29),
        ("extrapolate", 2, 1, 0),
    ],
)
def test_label_overlap_of_the_released_files(
    shared: Path, arm: str, level: int, trec19: int, trec20: int
) -> None:
    """algorithms 1.4, the 14k row. The training files of 45k and 200k are not in shared: they cannot be checked."""
    folder = shared / "msmarco-extrapolation-splits"
    train = positives(read_qrels(folder / "restrain_files" / "14k" / f"{arm}.train-qrel.txt"))
    for name, queries, wanted in (("trec19", 43, trec19), ("trec20", 54, trec20)):
        bucket = folder / "resttest_files" / "bucket-1"
        test: dict[str, set[str]] = {}
        for part in ("interpolate", "extrapolate"):
            test |= positives(read_qrels(bucket / f"{part}.{name}-qrel.txt"), level)
        assert len(test) == queries
        assert len(shared_labels(train.values(), test)) == wanted
        if (arm, level) == ("interpolate", 1):  # the authors' script counts from two on
            assert len(shared_labels(train.values(), test, 2)) == {"trec19": 26, "trec20": 33}[name]


def test_flags_are_written_and_read_again(tmp_path: Path) -> None:
    flags = {
        "exact": {"q1": LeakageFlag("t1", 1.0)},
        "label": {"q1": LeakageFlag("t2", 0.5), "q3": LeakageFlag("t1", 1.0)},
    }
    made = Audit(("q1", "q2", "q3"), flags, {"label": 1}, {"train": "a", "test": "b"})
    write_audit(made, tmp_path / "f.jsonl")
    assert read_audit(tmp_path / "f.jsonl") == made
    assert made.flagged() == {"q1", "q3"} and made.flagged(["exact"]) == {"q1"}
    _, rows = made.table()
    assert [(r[0], r[2]) for r in rows] == [("exact", 1), ("label", 2), ("any", 2)]
    lines = (tmp_path / "f.jsonl").read_text().splitlines(keepends=True)
    for broken in (lines[:-1], ["{}\n", *lines[1:]], [*lines[:1], '{"query": "q1"}\n', *lines[2:]], []):
        (tmp_path / "f.jsonl").write_text("".join(broken))
        with pytest.raises(BadInput, match=r"flags|empty"):
            read_audit(tmp_path / "f.jsonl")
