"""Memory and disk of the machine, to refuse work that cannot fit before it begins."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

from intrex.data.errors import IntrexError


def memory() -> int:
    """Return the bytes of memory that may still be used; the whole memory where the system does not say, 0 if not even that."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1])
    return whole_memory()


def whole_memory() -> int:
    """Return the bytes of memory that the machine has, 0 where the system does not say."""
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0


def resident() -> tuple[int, int]:
    """Return the bytes of memory that this process holds now, mapped files included, and the most it held; 0 if nobody knows.

    Where the system tells only the most (macOS), both are that.
    """
    # Linux: ru_maxrss would count what the parent had at the fork
    with contextlib.suppress(OSError, KeyError):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return 1024 * int(fields["VmRSS"].split()[0]), 1024 * int(fields["VmHWM"].split()[0])
    with contextlib.suppress(ImportError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return peak, peak
    return 0, 0


def forget_peak() -> bool:
    """Let the most memory that `resident` tells begin anew from what is held now; False where the system cannot."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return True
    return False


def require_memory(need: int, noun: str, hint: str) -> None:
    """Raise `IntrexError` if ``noun`` needs more bytes of memory than there are."""
    if need > (available := memory()) > 0:
        raise IntrexError(f"{noun} needs {_size(need)} of memory, there are {_size(available)}", hint)


def require_disk(need: int, target: Path, noun: str, hint: str) -> None:
    """Raise `IntrexError` if ``noun``, to be made at ``target``, needs more bytes of disk than are free."""
    folder = next(p for p in (target, *target.absolute().parents) if p.exists())
    if need > (available := shutil.disk_usage(folder).free):
        raise IntrexError(
            f"{noun} needs {_size(need)} of disk, {_size(available)} are free in {folder}", hint
        )


def _size(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
