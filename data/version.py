"""Version of intrex."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def intrex_version() -> str:
    """Return the installed version of intrex."""
    try:
        return version("intrex")
    except PackageNotFoundError:
        return "unknown"
