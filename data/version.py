"""Version of intrex."""

from __future__ import annotations

import platform
import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version


def installed_version(package: str) -> str | None:
    """Return the version of a package, or None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def intrex_version() -> str:
    """Return the installed version of intrex."""
    return installed_version("intrex") or "unknown"


def packages_text() -> str:
    """List intrex and every installed package that it needs, directly or not, in the form that pip installs.

    Returns:
        ``NAME==VERSION`` a line, in the order of the names, after a comment with the version of Python. Packages of
        extras are listed where they are installed.
    """
    found: dict[str, str] = {}
    names = ["intrex"]
    while names:
        name = _canonical(names.pop())
        if name in found or (package := _installed(name)) is None:
            continue
        found[name] = package.version
        names += [re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0] for line in package.requires or []]
    lines = [f"{name}=={found[name]}" for name in sorted(found)]
    return "\n".join([f"# {platform.python_implementation()} {platform.python_version()}", *lines, ""])


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None
