"""Arrays with any header open, or are damaged: nothing else comes of a file that somebody else wrote or that a disk spoiled."""

import io
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.data.npy import HEADER, open_array

MAGIC = 6
NUMBERS = np.arange(40, dtype=np.int32).reshape(20, 2)


def saved(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:Data type alias")
def test_any_bit_of_a_header(tmp_path: Path) -> None:
    file, sound = tmp_path / "a.npy", saved(NUMBERS)
    assert sound.index(b"\n") == HEADER - 1
    opened = 0
    for bit in range(HEADER * 8):
        raw = bytearray(sound)
        raw[bit // 8] ^= 1 << bit % 8
        file.write_bytes(bytes(raw))
        try:
            opened += isinstance(open_array(file), np.ndarray)
            assert bit >= MAGIC * 8
        except BadInput as error:
            assert error.message.startswith("damaged: ") and "a.npy" in error.message, (bit, error.message)
    assert 0 < opened < HEADER * 4, "another type or shape of as many bytes"


@pytest.mark.parametrize(
    "raw",
    [
        saved(np.zeros(3, [("a", "i4")])),
        saved(np.asfortranarray(np.arange(60, dtype=np.int32).reshape(20, 3))),
        saved(np.arange(40, dtype=np.int64)),
        saved(NUMBERS).replace(b"'<i4', ", b"'S4294967298', "),
        saved(NUMBERS).replace(b"'<i4'", b"'|O'  "),
        saved(NUMBERS).replace(b"(20, 2)", b"(2**40,)"),
        saved(NUMBERS)[:-1],
        saved(NUMBERS)[:100],
        b"",
        b"PK\x03\x04",
    ],
    ids=["record", "fortran", "int64", "huge", "object", "power", "cut", "cut header", "empty", "zip"],
)
def test_another_array_than_what_was_written(tmp_path: Path, raw: bytes) -> None:
    """Objects above all: they would be unpickled, which runs what the file says."""
    (tmp_path / "a.npy").write_bytes(raw)
    with pytest.raises(BadInput, match=r"damaged: .*a\.npy") as caught:
        open_array(tmp_path / "a.npy", np.int32, (None, 2))
    assert caught.value.hint == "rebuild the index"
