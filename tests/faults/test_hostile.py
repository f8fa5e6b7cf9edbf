"""Hostile files end in one clear error, never in a traceback, whatever the bytes are."""

import random
from pathlib import Path

import pytest

from intrex.data.errors import BadInput
from intrex.data.qrels import read_qrels
from intrex.data.runformats import read_any_run

PIECES = [b"q1", b"Q0", b"d1", b"1", b"0.5", b"t", b" ", b"\t", b"\n", b"\r\n", b"\x00", b"\xff", b"\xc3", b"{", b"}", b'"', b"nan", b"-", b"\x1f\x8b", b"\xef\xbb\xbf", b"1e400", b"\x0b"]  # fmt: skip


@pytest.mark.parametrize("read", [read_any_run, read_qrels])
def test_random_pieces(tmp_path: Path, read) -> None:
    random_ = random.Random(3)
    sound = 0
    for i in range(1500):
        body = b"".join(random_.choice(PIECES) for _ in range(random_.randrange(1, 40)))
        if i % 3 == 0:
            body = b"q1 Q0 d1 1 0.5 t\n" + body
        (tmp_path / "f").write_bytes(body)
        try:
            read(tmp_path / "f")
            sound += 1
        except BadInput as error:
            assert str(error)
    assert sound < 1400


def test_a_line_of_ten_megabytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"q1 Q0 " + b"d" * 10_000_000 + b" 1 0.5 t\nq1 Q0 d 1 0.5 t\n")
    with pytest.raises(BadInput, match="more than 512 bytes"):
        read_any_run(tmp_path / "f")
