"""Explicit threads for work that leaves Python's lock: matrix products and compiled kernels."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def blas_threads(count: int) -> AbstractContextManager[object]:
    """Limit the threads of numpy's matrix products, in the whole process, while the context lasts."""
    limits: AbstractContextManager[object] = _controller().limit(limits=count, user_api="blas")
    return limits


@cache
def _controller() -> Any:
    """Find numpy's libraries of products, once: looking through all that the process has loaded takes a millisecond.

    Who limits the threads of products has imported numpy.
    """
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def on_threads(
    worker: Callable[[Iterator[Item]], Result], items: Iterable[Item], threads: int
) -> list[Result]:
    """Run ``worker`` on each of ``threads`` threads; all draw their items from one iterator, matrix products use one thread.

    After an error, or Ctrl-C, there are no more items. The first error is raised.
    """
    shared = _Shared(items)
    with blas_threads(1):
        if threads == 1:
            return [worker(shared)]
        with ThreadPoolExecutor(threads) as executor:
            try:
                running = [executor.submit(worker, shared) for _ in range(threads)]
                return [future.result() for future in running]
            except BaseException:
                shared.stop()
                raise


class _Shared(Generic[Item]):
    """Iterator that several threads may draw from."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        with self._lock:
            return next(self._items)

    def stop(self) -> None:
        with self._lock:
            self._items = iter(())
