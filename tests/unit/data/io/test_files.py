"""Files in pieces that end at a line's end, however long a line is."""

import gzip
import time

import pytest

from intrex.data.io.files import read_pieces

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
