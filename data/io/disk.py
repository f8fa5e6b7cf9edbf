"""Errors of a disk, whoever met them: libraries say them in words of their own, often without the file's name."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from intrex.data.errors import IntrexError

_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
_RUST = re.compile(r"\(os error (\d+)\)")
_TORCH = re.compile(r"inline_container\.cc|ios(_base)?::clear")
"""Where torch finds out that less was written than it asked for, when it writes or when it closes; it forgets why."""
_NUMPY = re.compile(r"\d+ requested and \d+ written")


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Make of every error of a disk inside an `OSError` that names a file, or else ``folder``."""
    try:
        yield
    except IntrexError:
        raise
    except Exception as error:
        code = error.errno if isinstance(error, OSError) else None
        code = code or _code(str(error))
        if code is None or (isinstance(error, OSError) and error.errno and error.filename):
            raise
        raise OSError(code, os.strerror(code), str(folder)) from error


def _code(text: str) -> int | None:
    """Find the number of an error in what numpy, torch, faiss, safetensors and tokenizers say of it."""
    if match := _RUST.search(text):
        return int(match.group(1))
    if _NUMPY.search(text):
        return errno.ENOSPC
    named = next((code for code in _CODES if os.strerror(code) in text), None)
    return named or (errno.EIO if _TORCH.search(text) else None)
