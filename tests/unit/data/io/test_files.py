"""Files in pieces that end at a line's end, however long a line is."""

import gzip
import time

import pytest

from intrex.data.errors import BadInput
from intrex.data.io.files import LONGEST_LINE, read_pieces
from intrex.data.qrels import read_qrels

LONG = 16 << 20


@pytest.mark.parametrize("size", [1, 3, 7, 64])
@pytest.mark.parametrize(
    "content", [b"", b"\n", b"a", b"ab\ncd\n", b"a\n\nlong line here\nb", b"x" * 50 + b"\ny"]
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_pieces_are_whole_lines_and_together_the_file(tmp_path, content, size, mark):
    path = tmp_path / "f"
    path.write_bytes(mark + content)
    pieces = list(read_pieces(path, size))
    assert b"".join(pieces) == content
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])


def test_a_line_of_many_pieces_is_read_in_linear_time(tmp_path):
    path = tmp_path / "long.gz"
    path.write_bytes(gzip.compress(b"x" * LONG + b"\nshort\n", 1))
    start = time.process_time()
    pieces = list(read_pieces(path, 512))  # one copy of the line for each of 32,768 pieces were 256 GiB
    seconds = time.process_time() - start
    assert b"".join(pieces) == b"x" * LONG + b"\nshort\n"
    assert seconds < 3


def test_a_line_of_a_table_has_a_bound(tmp_path):
    """A gzip file of some kilobytes may hold a line of gigabytes, all of which would stand in memory."""
    path = tmp_path / "q.gz"
    line = b"q1 0 d1 1\n"
    path.write_bytes(
        gzip.compress(
            b"q0 0 d1 1\nq2 0 d1 1\nq3 0 d1 1\n" + b"\n\n" + b"x" * (LONGEST_LINE + 1) + b"\n" + line, 1
        )
    )
    with pytest.raises(BadInput, match=r"a line of more than 64 MiB \(q.gz:6\)") as caught:
        read_qrels(path)
    assert caught.value.hint
    path.write_bytes(b"\n\nab\n" + b"x" * 40 + b"\n")
    assert b"".join(read_pieces(path, 7, 41)) == path.read_bytes()
    with pytest.raises(BadInput, match=r"q.gz:4\)"):
        list(read_pieces(path, 7, 30))
