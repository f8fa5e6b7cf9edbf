"""One process at a time: a lock on an open file that ends with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, Any

from intrex.data.errors import IntrexError


def lock_or_refuse(stream: IO[Any], path: Path, doing: str) -> None:
    """Lock the file ``stream``, opened at ``path``, until it is closed.

    Raises `IntrexError` at once if another process holds it, or has just replaced or removed it.
    """
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise refusal(doing) from None
    if not is_at(stream, path):
        raise refusal(doing)


def lock_or_wait(stream: IO[Any], path: Path) -> bool:
    """Lock the file ``stream`` until it is closed, once no other process does; return False if it left ``path`` meanwhile."""
    fcntl.flock(stream, fcntl.LOCK_EX)
    return is_at(stream, path)


def is_at(stream: IO[Any], path: Path) -> bool:
    """Tell whether an open file is the one at ``path``."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except OSError:
        return False


def refusal(doing: str) -> IntrexError:
    """Return the error that another process is doing what this one wants to do."""
    return IntrexError(f"another process is {doing}", "wait for it to end, then try again")
