"""Vectors on disk: what a file holds while and after it is written."""

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.data.store.vectors import (
    PackedVectors,
    PackedWriter,
    RowWriter,
    VectorWriter,
    open_packed,
    open_vectors,
)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64"])
def test_a_number_of_rows_that_is_not_known_in_advance(tmp_path, dtype):
    writer = RowWriter(tmp_path / "a.npy", (None, 3), dtype)
    whole = np.arange(21).reshape(7, 3).astype(dtype)
    writer.append(whole[:4])
    writer.append(whole[4:])
    writer.close()
    found = np.load(tmp_path / "a.npy")
    assert found.dtype == dtype and np.array_equal(found, whole)
    known = RowWriter(tmp_path / "b.npy", (7, 3), dtype)
    known.append(whole)
    known.close()
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_what_follows_the_last_saved_row_is_cut_off(tmp_path):
    path = tmp_path / "a.npy"
    writer = VectorWriter(path, (None, 2), np.float16)
    writer.append(np.ones((5, 2), np.float32))
    writer.flush()
    again = VectorWriter(path, (None, 2), np.float16, resumed=3)
    again.append(np.zeros((1, 2), np.float32))
    again.close()
    assert open_vectors(path, ("float16",)).tolist() == [[1, 1], [1, 1], [1, 1], [0, 0]]


def test_promises_are_kept(tmp_path):
    writer = VectorWriter(tmp_path / "a.npy", (2, 2))
    writer.append(np.ones((1, 2), np.float32))
    with pytest.raises(ValueError, match="1 rows were written, 2 were promised"):
        writer.close()
    with pytest.raises(ValueError, match="do not fit"):
        writer.append(np.ones((1, 3), np.float32))


def test_packed_texts_resume(tmp_path):
    rng = np.random.default_rng(0)
    packed = PackedVectors(rng.standard_normal((9, 4), np.float32), np.array([0, 2, 2, 6, 9]))

    def write(folder, resumed):
        folder.mkdir()
        writer = PackedWriter(folder, 4)
        writer.append(PackedVectors(packed.vectors[:2], packed.offsets[:3]))
        assert writer.written == (2, 2)
        if resumed:
            writer.append(PackedVectors(packed.vectors[:1], np.array([0, 1])))
            writer.flush()
            writer = PackedWriter(folder, 4, resumed=(2, 2))
        writer.append(PackedVectors(packed.vectors[2:], packed.offsets[2:] - 2))
        writer.close()
        found = open_packed(folder)
        assert np.array_equal(found.vectors, packed.vectors)
        assert found.offsets.tolist() == packed.offsets.tolist()

    write(tmp_path / "a", resumed=False)
    write(tmp_path / "b", resumed=True)


def test_offsets_that_do_not_fit_are_refused(tmp_path):
    for i, offsets in enumerate([[0, 2], [1, 3], [0, 4, 3], []]):
        folder = tmp_path / str(i)
        folder.mkdir()
        np.save(folder / "tokens.npy", np.ones((3, 2), np.float32))
        np.save(folder / "tokens.offsets.npy", np.array(offsets, np.int64))
        with pytest.raises(BadInput, match=r"offsets .*tokens\.offsets\.npy"):
            open_packed(folder)
    np.save(tmp_path / "tokens.npy", np.ones((3, 2)))
    with pytest.raises(BadInput, match="float16 or float32 are needed, this is float64"):
        open_packed(tmp_path)
