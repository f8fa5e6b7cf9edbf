"""`check --fix`: a damaged run is refused, or mended into a clean one with the same rows."""

import gzip
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from intrex.data.check.check import check_file, check_paths
from intrex.data.check.codes import ERROR
from intrex.data.check.fix import fix_file
from intrex.data.check.kinds import KINDS
from intrex.data.errors import CheckFailed
from intrex.data.locate import read_query_file
from intrex.data.qrels import read_qrels
from intrex.data.runformats import read_any_run
from intrex.data.runformats import read_any_run as read_run

SCORES = st.sampled_from(["1", "2.5", "-3", "1e-3", "2.50", "7", "nan", "x", "0.1", "0.10000000001"])
ROWS = st.tuples(
    st.sampled_from(["q1", "q2", "Q1", "07"]),
    st.integers(0, 12),
    st.integers(-1, 4),
    SCORES,
    st.sampled_from(["t", "t", "t", "u"]),
)
BETWEEN = st.sampled_from([" ", " ", "\t", "   ", " \t"])
OTHER = st.sampled_from(
    [
        "",
        "  ",
        "# a comment",
        "#9 Q0 d1 1 2 t",
        "q1 Q0 d77 9 0.25 my tag",
        "q1 Q0 d1",
        "qid Q0 docno rank score tag",
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    rows = []
    for q, d, rank, score, tag in draw(st.lists(ROWS, min_size=1, max_size=14)):
        score = score if score not in ("nan", "x") or draw(st.integers(0, 9)) == 0 else "4"
        rows.append(draw(BETWEEN).join([q, "Q0", f"d{d}", str(rank), score, tag]))
    for extra in draw(st.lists(OTHER, max_size=2)):
        rows.insert(draw(st.integers(0, len(rows))), extra)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(rows) + draw(st.sampled_from(["", end]))
    return (draw(st.sampled_from(["", "\ufeff"])) + text).encode()


def rows_of(raw: bytes) -> set[tuple[str, str, float]]:
    rows = [line.split() for line in raw.decode("utf-8-sig").splitlines()]
    rows = [r for r in rows if r and not r[0].startswith("#") and r[0] != "qid"]
    return {(r[0], r[2], float(r[4])) for r in rows}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(damaged())
def test_a_damaged_run_is_refused_or_mended(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "a.run", Path(folder) / "b.run"
        path.write_bytes(raw)
        try:
            fix_file([path], out, "run")
        except CheckFailed as refused:
            assert not out.exists() and "nothing was written" in refused.message
            return
        assert path.read_bytes() == raw
        again = check_file(out, "b", "run").findings.found
        assert not [c for c, f in again.items() if f.severity == ERROR]
        assert not {"R005", "R006", "R007", "R013", "F002", "F003", "F007", "F009", "F010"} & set(again)
        assert rows_of(out.read_bytes()) == rows_of(raw)
        assert sum(map(len, read_run(out).to_dict().values())) == len(rows_of(raw))
        fix_file([out], Path(folder) / "c.run", "run")
        assert (Path(folder) / "c.run").read_bytes() == out.read_bytes(), "mended twice is mended once"


GRADES = st.sampled_from(["0", "1", "2", "1.0", "2.00", "-1"])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.sampled_from(["q1", "q2", "q3"]), st.integers(0, 9), GRADES), min_size=1, max_size=12
    ),
    st.booleans(),
    st.booleans(),
)
def test_damaged_judgements_are_refused_or_mended(rows, header: bool, crlf: bool) -> None:
    end = "\r\n" if crlf else "\n"
    text = ("query-id\tcorpus-id\tscore" + end) * header + end.join(f"{q}\td{d}\t{g}" for q, d, g in rows)
    wanted = {(q, f"d{d}"): float(g) for q, d, g in rows}
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "a.qrels", Path(folder) / "b.qrels"
        path.write_bytes(text.encode())
        try:
            fix_file([path], out)
        except CheckFailed:
            assert {(q, f"d{d}", float(g)) for q, d, g in rows} != {(*k, v) for k, v in wanted.items()}
            assert not out.exists()
            return
        got = {(q, d): float(g) for q, docs in read_qrels(out).to_dict().items() for d, g in docs.items()}
        assert got == wanted


SEEDS = st.sampled_from(
    [
        b"q1 Q0 d1 1 2.0 t\nq1 Q0 d2 2 1.0 t\n",
        b"q1 0 d1 1\nq2 0 d2 0\n",
        b"query-id\tcorpus-id\tscore\nq1\td 1\t1\n",
        b'{"_id": "d1", "title": "a", "text": "b"}\n{"_id": "d2", "title": "", "text": "c"}\n',
        b'[{"_id": "q1", "text": "one"}, {"_id": "q2", "text": "two"}]\n',
        b'{"q1": {"d1": 2.0, "d2": 1.0}, "q2": {"d1": 3}}\n',
        b"<top>\n<num> Number: 051\n<title> one\n</top>\n",
        b"q1\tone\nq2\ttwo\n",
        gzip.compress(b"q1 Q0 d1 1 2.0 t\n" * 50),
    ]
)
JUNK = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [
            b"\n",
            b"\r",
            b"\t",
            b"#",
            b"\0",
            b"{",
            b"]",
            b'"',
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            "\u200b".encode(),
            b"<top>",
            b"9" * 30,
        ]
    ),
)


def write_cut(raw: bytes, cuts: list[tuple[int, int, bytes]], path: Path) -> Path:
    """Write bytes with some of them replaced."""
    for at, length, junk in cuts:
        at %= len(raw) + 1
        raw = raw[:at] + junk + raw[at + length :]
    path.write_bytes(raw)
    return path


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    SEEDS,
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 3), JUNK), max_size=4),
    st.sampled_from([None, *KINDS]),
)
def test_no_file_is_too_broken_to_be_checked(raw: bytes, cuts, kind: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_cut(raw, cuts, Path(folder) / "x")
        checked = check_paths([path], kind)
        assert checked.rows(every_line=True) == check_paths([path], kind).rows(every_line=True)
        try:
            fix_file([path], Path(folder) / "y", kind)
        except CheckFailed:
            assert not (Path(folder) / "y").exists()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(SEEDS, st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3), JUNK), max_size=3))
def test_what_has_no_error_can_be_read(raw: bytes, cuts) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_cut(raw, cuts, Path(folder) / "x")
        checked = check_paths([path])
        found = checked.findings[0].found
        if {"F010", "F011"} & set(found) or any(f.severity == ERROR for f in found.values()):
            return
        readers = {"run": read_any_run, "qrels": read_qrels, "queries": read_query_file}
        if (kind := checked.files[0].kind) in readers:
            readers[kind](path)
