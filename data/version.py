"""Version of intrex."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version(package: str) -> str | None:
    """Return the version of a package, or None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def intrex_version() -> str:
    """Return the installed version of intrex."""
    return installed_version("intrex") or "unknown"
