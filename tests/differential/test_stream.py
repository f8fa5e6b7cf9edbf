"""Streaming a run file gives what reading it whole gives, field for field, or nothing."""

import dataclasses
import gzip
import random
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intrex.data.errors import BadInput
from intrex.data.growth import FLOAT32_END
from intrex.data.qrels import Qrels
from intrex.data.runformats import read_any_run
from intrex.eval.scoring.matching import RunHits, match
from intrex.eval.scoring.stream import match_file

SIZES = (64, 80, 200, 1000, 1 << 13, 8 << 20)


def plain(qrels: Qrels, path: Path, drop_self: bool = False) -> RunHits | None:
    try:
        return match(qrels, read_any_run(path), drop_self)
    except BadInput:
        return None


def same(one: RunHits, two: RunHits) -> None:
    for field in dataclasses.fields(RunHits):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype and a.tolist() == b.tolist(), field.name
        else:
            assert type(a) is type(b) and a == b, field.name


def check(qrels: Qrels, path: Path, odd: bool = False, sizes: tuple[int, ...] = SIZES) -> None:
    """Streaming equals the plain path for every piece size and thread count; ``odd``: it gives nothing."""
    for drop_self in (False, True):
        expected = plain(qrels, path, drop_self)
        for size in sizes:
            for threads in (1, 2):
                got = match_file(qrels, path, drop_self, digest=True, threads=threads, piece=size)
                if odd:
                    assert got is None, (size, threads)
                else:
                    assert expected is not None and got is not None, (size, threads)
                    same(got, expected)
    if not odd:
        got = match_file(qrels, path)
        assert got is not None and got.run_sha256 is None


IDS = [
    "d",
    "d1",
    "d10",
    "d100",
    "D1",
    "1",
    "2",
    "10",
    "01",
    "q1",
    "q2",
    "é",
    "éa",
    "東京",
    "x" * 60,
    "x" * 61,
]
IDS += ["-", "a,b", "~", "d\u00ad", "🙂"] + [f"msmarco_{i}" for i in range(40)]
SCORES = [
    "1",
    "1.0",
    "+1",
    ".5",
    "5.",
    "0.5",
    "-0.0",
    "0",
    "-1",
    "1e5",
    "1E+5",
    "1e-5",
    "100000",
    "-1e-45",
    "1e-46",
]
SCORES += [
    "1.00000001",
    "1.0000001",
    "16777217",
    "16777216",
    "16777219",
    "3.4028235e38",
    "-3.4028234e38",
    "1e-400",
]
SCORES += [
    "0.1",
    "0.10000000149011612",
    "0.1000000014901161",
    "123456789012345678901234567890",
    "0e999",
    "00012",
]
SCORES += [
    "1.000000059604644775390625",
    "1.00000005960464477539062500000000000000000000001",
    "7.0064923216240853e-46",
]
SCORES += ["1.00000017881393432617187499999999999999999999999999", "9007199254740993", "9007199254740993e-10"]
SCORES += [
    "0.00000000000000000000000000000000000000000000000001e50",
    "17.384100",
    "17.384099960327148",
    "1e0000000038",
]
PADDED = [score for score in SCORES if abs(float(score)) >= FLOAT32_END]
SCORES = [score for score in SCORES if score not in PADDED]
SCORES += ["1.17549429e-38", "1.1754943508222875e-38", "5.877471754111438e-39", "000000000000000000000000.5"]


def judged(rng: random.Random, queries: list[str], ids: list[str] = IDS) -> Qrels:
    return Qrels.from_dict(
        {
            q: {
                d: rng.choice([-2, 0, 1, 3])
                for d in [*rng.sample(ids, rng.randrange(1, len(ids) // 2)), "unseen"]
            }
            for q in queries
            if not q.startswith("!")
        }
    )


def lines(
    rng: random.Random, queries: list[str], blanks: list[str], ends: list[str], ids: list[str] = IDS
) -> str:
    out = []
    for q in queries:
        docs = rng.sample(ids, rng.randrange(1, len(ids)))
        scores = rng.choices(SCORES, k=len(docs))
        if rng.random() < 0.5:
            scores = sorted(scores, key=lambda s: -float(s))
        for d, s in zip(docs, scores, strict=True):
            fields = [q, "Q0", d, str(rng.randrange(9)), s, rng.choice(["t", "tag", "ünï"])]
            blank = rng.choice(blanks)
            out.append(rng.choice(["", "", " "]) * (len(blanks) > 1) + blank.join(fields) + rng.choice(ends))
            if len(ends) > 1 and rng.random() < 0.1:
                out.append(rng.choice(["\n", "\r\n", "  \n", "\t\n"]))
    return "".join(out)


NAMES = ["q1", "q", "q10", "d1", "é", "2", "1", "!unjudged", "q1a", "z" * 30, "10"]


@pytest.mark.parametrize("row", [*(f"q Q0 d 1 {score} t" for score in PADDED), "q Q0 -1 1 0.5 t"])
def test_padded_rows_take_the_plain_path_where_they_are_said(tmp_path: Path, row: str) -> None:
    assert len(PADDED) >= 2
    path = tmp_path / "run"
    path.write_text(f"q Q0 a 1 1 t\n{row}\n")
    qrels = Qrels.from_dict({"q": {"a": 1}})
    check(qrels, path, odd=True)
    assert plain(qrels, path, False) is not None


@pytest.mark.parametrize("seed", range(60))
def test_runs_of_many_shapes(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    queries = rng.sample(NAMES, rng.randrange(1, len(NAMES)))
    mixed = seed % 2
    blanks = [" ", "\t", "  ", " \t", "\v", "\f", "\r "] if mixed else [rng.choice(" \t")]
    text = lines(rng, queries, blanks, ["\n", "\r\n", " \n"] if mixed else [rng.choice(["\n", "\r\n"])])
    text = text.rstrip() if seed % 3 == 0 else text
    data = (b"\xef\xbb\xbf" if seed % 4 == 0 else b"") + text.encode()
    path = tmp_path / "run"
    path.write_bytes(gzip.compress(data) if seed % 5 == 0 else data)
    check(judged(rng, NAMES), path)


def test_every_place_of_a_cut(tmp_path: Path) -> None:
    rng = random.Random(7)
    path = tmp_path / "run"
    path.write_text(lines(rng, NAMES[:6], [" "], ["\n"], IDS[:12]))
    check(judged(rng, NAMES, IDS[:12]), path, sizes=tuple(range(1, 420)))


@pytest.mark.parametrize("seed", range(4))
def test_random_float32_and_float64_scores_are_rounded_as_python_rounds(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    texts = []
    for _ in range(3000):
        single = struct.unpack("<f", struct.pack("<I", rng.randrange(0x7F7FFFFF)))[0]
        following = struct.unpack(
            "<f", struct.pack("<I", struct.unpack("<I", struct.pack("<f", single))[0] + 1)
        )[0]
        middle = (single + following) / 2  # halfway between two float32: exact in a double
        near = np.nextafter(middle, rng.choice([0.0, 1e39]))
        value = rng.choice(
            [
                single,
                middle,
                float(near),
                rng.uniform(0, 50),
                rng.uniform(0, 1) * 10 ** rng.randrange(-45, 38),
            ]
        )
        texts.append(
            rng.choice(
                [
                    repr(value),
                    f"{value:.17e}",
                    f"{value:.25g}",
                    f"{value:f}",
                    f"{value:.60f}",
                    f"{-value:.9g}",
                ]
            )
        )
    path = tmp_path / "run"
    path.write_text(
        "".join(f"{i % 3} Q0 d{i} 1 {s} t\n" for i, s in sorted(enumerate(texts), key=lambda p: p[0] % 3))
    )
    qrels = Qrels.from_dict({str(q): {f"d{i}": 1 for i in range(q, 3000, 3)} for q in range(3)})
    check(qrels, path, sizes=(8 << 20,))


@pytest.mark.parametrize(
    "bad",
    [
        "q Q0 d 1 1", "q Q0 d 1 1 t u", "q d 1", "q", "q ", "q Q0", "q Q0 d 1 ", "# comment", "# a b c 1 d", "#q Q0 d 1 1 t",
        "q Q0 d 1 nan t", "q Q0 d 1 inf t", "q Q0 d 1 -Infinity t", "q Q0 d 1 1e39 t", "q Q0 d 1 1e999 t", "q Q0 d 1 1_0 t",
        "q Q0 d 1 0x1 t", "q Q0 d 1 . t", "q Q0 d 1 e5 t", "q Q0 d 1 1e t", "q Q0 d 1 1e+ t", "q Q0 d 1 --1 t", "q Q0 d 1 + t",
        "q Q0 d 1 1.2.3 t", "q Q0 d 1 1,5 t", "q Q0 d 1 3.4028236e38 t", "q Q0 d 1 ١ t", "q Q0 same 1 1 t\nq Q0 same 2 0.5 t",
        "q Q0 a\x00 1 1 t", "q Q0 a\x1f 1 1 t", "q\x7f Q0 a 1 1 t", "q Q\x01 a 1 1 t", "q Q0 a 1\x02 1 t", "q Q0 a 1 1 t\x03",
        "q Q0 a 1 1 \x1ct", "q Q0 " + "x" * 513 + " 1 1 t", "y" * 513 + " Q0 a 1 1 t", "q Q0 a 1 " + "0" * 513 + " t",
        "q Q0 a 1 1 " + "t" * 513, "q " + "0" * 513 + " a 1 1 t", "q Q0 a " + "0" * 513 + " 1 t", "qid Q0 docno rank score tag", "{q Q0 a 1 1 t",
        "q Q0 a\u0080 1 1 t", "q\u009b Q0 a 1 1 t", "q Q0 a\u202e 1 1 t", "q Q0 a 1 1 t\u2069", "q Q0 a\u0085 1 1 t", "q Q0 a\u3000 1 1 t",
        b"q Q0 \xff 1 1 t", b"q Q0 \xc3 1 1 t", b"q Q0 a\xed\xa0\x80 1 1 t", b"q Q0 a\xc0\x80 1 1 t",
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["first", "middle", "last", "only"])
def test_what_is_wrong_is_left_to_the_plain_path(tmp_path: Path, bad: str | bytes, where: str) -> None:
    raw = bad if isinstance(bad, bytes) else bad.encode()
    good = b"".join(b"p%d Q0 d%d 1 1 t\n" % (i // 3, i) for i in range(12))
    before = good if where in ("middle", "last") else b""
    after = good.replace(b"p", b"r") if where in ("first", "middle") else b""
    path = tmp_path / "run"
    path.write_bytes(before + raw + b"\n" * (where != "last") + after)
    qrels = Qrels.from_dict({"q": {"same": 1, "d": 1}, "p1": {"d3": 1}, "r0": {"d1": 1}})
    check(qrels, path, odd=True)
    assert (
        plain(qrels, path) is None
        or raw[0] in b"#{"
        or (bad, where)
        in (
            ("q d 1", "only"),  # MS MARCO's form
            ("qid Q0 docno rank score tag", "first"),  # a header row
        )
    )


@pytest.mark.parametrize(
    "data", [b"", b"\n", b" \n\t\n", b"\xef\xbb\xbf", b"\xef\xbb", b"q d 1\nq e 2\n", b'{"q": {"d": 1.0}}']
)
def test_files_of_nothing_or_of_another_form(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "run").write_bytes(data)
    check(Qrels.from_dict({"q": {"d": 1}}), tmp_path / "run", odd=True)


def test_a_query_that_comes_back_is_left_to_the_plain_path(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("".join(f"q{i % 40} Q0 d{i} 1 1 t\n" for i in range(41)))
    check(Qrels.from_dict({"q1": {"d1": 1}}), path, odd=True)
    check(Qrels.from_dict({"other": {"d1": 1}}), path, odd=True)


def test_a_gzip_file_cut_short_is_left_to_the_plain_path(tmp_path: Path) -> None:
    path = tmp_path / "run.gz"
    whole = gzip.compress("".join(f"q{i // 9} Q0 d{i} 1 {i / 7} t\n" for i in range(5000)).encode())
    qrels = Qrels.from_dict({"q1": {"d10": 1}})
    path.write_bytes(whole)
    check(qrels, path)
    for data in (whole[:-1], whole[: len(whole) // 2], whole[:20] + b"!" + whole[21:], whole[:5]):
        path.write_bytes(data)
        check(qrels, path, odd=True, sizes=(64, 8 << 20))


@settings(max_examples=150, derandomize=True, deadline=None)
@given(data=st.data())
def test_any_text_of_blanks_digits_and_letters(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    word = st.text("q1.e-+é", min_size=1, max_size=3)
    line = st.tuples(
        st.sampled_from(["q", "q1", "e"]), word, word, word, st.sampled_from([*SCORES, "e", "1.e", "-"]), word
    )
    blank = st.sampled_from([" ", "\t", " \r", "\f"])
    made = data.draw(st.lists(st.tuples(line, blank, st.sampled_from(["\n", "\r\n", "\n\n"])), max_size=12))
    path = tmp_path_factory.mktemp("any") / "run"
    path.write_bytes("".join(b.join(fields) + end for fields, b, end in made).encode())
    qrels = Qrels.from_dict({"q": {"q": 1, "1": 0}, "e": {"e": 1}})
    for drop_self in (False, True):
        expected = plain(qrels, path, drop_self)
        for size in (1, 30, 1000):
            got = match_file(qrels, path, drop_self, digest=True, piece=size)
            if got is not None:
                assert expected is not None
                same(got, expected)
            elif expected is not None:
                names = [fields[0] for (fields, _, _) in made]
                assert len(set(names)) < 1 + sum(a != b for a, b in pairwise(names))


def test_long_lists_and_one_query_larger_than_a_piece(tmp_path: Path) -> None:
    rng = random.Random(3)
    rows = [
        f"q{q} Q0 d{d} 1 {rng.choice([rng.random(), 0.5]):.4f} t\n"
        for q in range(3)
        for d in rng.sample(range(9000), 4000)
    ]
    path = tmp_path / "run"
    path.write_text("".join(rows))
    qrels = Qrels.from_dict({f"q{q}": {f"d{d}": d % 3 for d in range(0, 9000, 7)} for q in (2, 0, 5)})
    check(qrels, path, sizes=(64, 50_000, 8 << 20))
