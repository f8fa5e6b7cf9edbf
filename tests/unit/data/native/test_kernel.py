"""Calls of kernels are checked against their declarations; each library has what is declared."""

import threading

import numpy as np
import pytest

from intrex.data.native import library
from intrex.data.native.library import Library
from intrex.data.numeric.rows import LIBRARY, add_rows
from intrex.eval.pipelines.doctor import _KERNELS

ROWS = np.arange(6, dtype=np.float32).reshape(3, 2)
GROUPS, SCALE = np.array([1, 0, 1], np.int32), np.ones(3)


@pytest.mark.parametrize("one", _KERNELS, ids=lambda one: one.name)
def test_every_library_compiles(one: Library) -> None:
    kernels = one.kernels()
    assert kernels is not None and "trial" in kernels and len(kernels) > 1


def test_a_wrong_array_is_refused_before_anything_is_read_or_written() -> None:
    add = LIBRARY.kernels()["add_rows"]
    sums = np.zeros((2, 2))
    for given, error, words in (
        ((ROWS.astype(np.float64), 3, 2, GROUPS, SCALE, sums), TypeError, "rows is float64, not float32"),
        ((ROWS, 3, 2, GROUPS.astype(np.int64), SCALE, sums), TypeError, "groups is int64, not int32"),
        ((ROWS, 3, 2, GROUPS.astype(">i4"), SCALE, sums), TypeError, "groups is >i4, not int32"),
        ((ROWS, 3, 2, GROUPS, SCALE.tolist(), sums), TypeError, "scale is list, not float64"),
        ((ROWS, 3, 2, GROUPS, None, sums), TypeError, "scale is NoneType, not float64"),
        ((np.asfortranarray(ROWS), 3, 2, GROUPS, SCALE, sums), ValueError, "rows is not C-contiguous"),
        ((ROWS, 3, 2, np.repeat(GROUPS, 2)[::2], SCALE, sums), ValueError, "groups is not C-contiguous"),
        ((ROWS, 4, 2, GROUPS, SCALE, sums), ValueError, "rows has 6 of 8 numbers"),
        ((ROWS, 3, 2, GROUPS[:2], SCALE, sums), ValueError, "groups has 2 of 3 numbers"),
        ((ROWS, 3.0, 2, GROUPS, SCALE, sums), TypeError, "integer"),
        ((ROWS, 3, ROWS, GROUPS, SCALE, sums), TypeError, "integer"),
        ((ROWS, 3, 2, GROUPS, SCALE), TypeError, "add_rows takes rows, n, d, groups, scale, sums"),
    ):
        with pytest.raises(error, match=words):
            add(*given)
        assert not sums.any()
    assert add(ROWS, np.int64(3), True + 1, GROUPS, SCALE, sums) == 0
    assert sums.tolist() == [[2, 3], [4, 6]]


def test_what_the_callers_pass_is_checked_too() -> None:
    with pytest.raises(TypeError, match="add_rows: groups is int64, not int32"):
        add_rows(ROWS, GROUPS.astype(np.int64), SCALE, np.zeros((2, 2)))


def test_threads_that_come_at_once_compile_once(
    tmp_path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    one, found = Library("together", ("intrex.data.numeric.kernels:pair_dots",)), []
    threads = [threading.Thread(target=lambda: found.append(one.kernels())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] and found == [found[0]] * 3
    assert caplog.messages == ["compiling the together kernels, once on this machine"]


def test_the_file_depends_on_all_source_that_is_compiled() -> None:
    found = library._sources(Library("x", ("intrex.retrievers.bm25.kernels",)))
    assert {f"intrex.retrievers.inverted.kernels.{name}" for name in ("search", "window", "top")} <= set(
        found
    )
    assert {f"intrex.data.native.{name}" for name in ("jit", "compile", "library", "kernel")} <= set(found)
