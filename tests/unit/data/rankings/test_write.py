"""Lines of run files: the kernel writes what numpy writes, for every float32; what is packed is what was read."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.packed import pack_file, read_packed
from intrex.data.rankings import write
from intrex.data.rankings.pieces import LIBRARY
from intrex.data.rankings.write import LineWriter, Rankings, write_run
from intrex.data.run import Run
from intrex.data.runformats import read_any_run


def texts(scores: np.ndarray) -> list[bytes]:
    """The scores as the kernel writes them, in lines of one query."""
    kernels = LIBRARY.kernels()
    assert kernels is not None
    docs, rows = np.frombuffer(b"d\0\0\0\0\0\0\0", np.uint8).copy(), np.zeros(len(scores), np.int32)
    found = LineWriter(kernels, "t").text(
        Rankings(np.array([b"q"]), np.array([0, len(scores)]), docs, 8, rows, scores)
    )
    return [line.split()[4] for line in bytes(found).splitlines()]


def test_a_number_is_the_shortest_that_reads_back_the_same() -> None:
    random = np.random.default_rng(7)
    edges = [
        0,
        1,
        -1,
        0.1,
        1e-4,
        9.9999e-5,
        1e6,
        999999.94,
        1e-45,
        3.4028235e38,
        2.0**24,
        2.0**-126,
        1.1754942e-38,
        1e10,
    ]
    scores = np.concatenate([
        np.array(edges, np.float32), (2.0 ** np.arange(-149, 128)).astype(np.float32),
        random.integers(0, 2**32, 100_000, dtype=np.uint64).astype(np.uint32).view(np.float32),
        random.normal(9, 2, 20_000).astype(np.float32), (1 / np.arange(60, 2000)).astype(np.float32),
    ])  # fmt: skip
    scores = scores[np.isfinite(scores)] + np.float32(0)
    found = texts(scores)
    assert (np.array(found).astype(np.float64).astype(np.float32) == scores).all()
    shortest = scores.astype("S32").tolist()
    digits = [
        [text.lower().partition(b"e")[0].strip(b"-").replace(b".", b"").strip(b"0") for text in one]
        for one in (found, shortest)
    ]
    assert digits[0] == digits[1]
    if (
        np.array([1234567.0], np.float32).astype("S32")[0] == b"1.234567e+06"
    ):  # numpy's layout was another before 2.4
        assert found == shortest


def test_both_ways_write_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    run = Run.from_dict(
        {f"q{'é' * (i % 3)}{i}": {f"d{j}": float(random.normal()) for j in range(i)} for i in range(1, 90)},
        "tägg",
    )
    for name, worth in (("kernel", 0), ("plain", 10**9)):
        monkeypatch.setattr(write, "WORTH_LOADING", worth)
        monkeypatch.setattr(write, "ROWS", 100)
        write_run(run, tmp_path / name)
    assert (tmp_path / "kernel").read_bytes() == (tmp_path / "plain").read_bytes()
    assert read_any_run(tmp_path / "kernel").to_dict() == run.to_dict()


def test_packed_is_what_is_read_whatever_the_order(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    lines = [
        f"q{q} Q0 doc{'x' * (d % 9)}{d} {d + 1} {s} t\n"
        for q in (10, 9, 2)
        for d, s in enumerate(random.integers(0, 9, 40))
    ]
    (tmp_path / "r").write_text("".join(lines))
    plain = read_any_run(tmp_path / "r").to_dict()
    for by_column in (False, True):
        for packed in (
            pack_file(tmp_path / "r", by_column, piece=700),
            read_packed(tmp_path / "r", by_column),
        ):
            assert packed is not None and packed.tag == "t"
            for query, ranking in plain.items():
                part, low, high = packed.rows(query.encode())
                docs = part.docs.view(f"S{part.width}")[low:high].tolist()
                found = dict(zip([d.decode() for d in docs], part.scores[low:high].tolist(), strict=True))
                assert found == ranking
                if by_column:
                    assert part.ranks[low:high].tolist() == list(range(1, 41))
                else:
                    assert list(found) == list(ranking)


def test_what_is_out_of_the_ordinary_is_left_to_the_plain_path(tmp_path: Path) -> None:
    sound = "q Q0 d1 1 2.0 t\nq Q0 d2 2 1.0 t\n"
    for text in (
        sound + "q Q0 d2 3 0.5 t\n",
        sound + "q Q0 d3\n",
        sound + "p Q0 d 1 1 t\nq Q0 d9 1 1 t\n",
        "",
    ):
        (tmp_path / "r").write_text(text)
        assert pack_file(tmp_path / "r") is None
    (tmp_path / "r").write_text(sound.replace(" 2 1.0", " x 1.0"))
    assert pack_file(tmp_path / "r") is not None and pack_file(tmp_path / "r", by_column=True) is None
    with pytest.raises(BadInput, match=r"the rank is 'x'.*\(r:2\)"):
        read_packed(tmp_path / "r", by_column=True)
    (tmp_path / "r").write_text(sound + "q Q0 d2 3 0.5 t\n")
    for by_column in (False, True):
        with pytest.raises(BadInput, match="lists document d2 twice"):
            read_packed(tmp_path / "r", by_column)
    (tmp_path / "r").write_text("q d1 1\nq d2 2\n")
    with pytest.raises(UsageError, match="TREC's six columns"):
        read_packed(tmp_path / "r", by_column=True)
