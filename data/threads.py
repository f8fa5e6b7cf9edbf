"""How many threads matrix products take."""

from __future__ import annotations

from contextlib import AbstractContextManager


def blas_threads(count: int) -> AbstractContextManager[object]:
    """Limit the threads of numpy's matrix products, in the whole process, while the context lasts."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(count, user_api="blas")
    return limits
