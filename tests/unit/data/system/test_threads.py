"""Threads that draw their work from one iterator."""

import threading
from itertools import count

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from intrex.data.system.threads import on_threads


@pytest.mark.parametrize("threads", [1, 3])
def test_every_item_is_taken_once_with_blas_at_one_thread(threads):
    np.ones((2, 2)) @ np.ones((2, 2))  # BLAS is loaded
    seen = []

    def work(items):
        # numpy's own: what torch and faiss bring counts for each thread, and multiplies nothing here
        pools = [p for p in threadpool_info() if p["user_api"] == "blas" and "numpy" in p["filepath"]]
        seen.extend(pool["num_threads"] for pool in pools)
        return list(items)

    parts = on_threads(work, range(1000), threads)
    assert len(parts) == threads and sorted(i for part in parts for i in part) == list(range(1000))
    assert set(seen) == {1}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_ends_an_endless_work(error):
    turn = threading.Lock()

    def work(items):
        for item in items:
            with turn:
                if item == 50:
                    raise error("enough")

    with pytest.raises(error, match="enough"):
        on_threads(work, count(), 3)
