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
        is_ours = os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except OSError:
        is_ours = False
    if not is_ours:
        raise IntrexError(f"another process is {doing}", "wait for it to end, then try again")
