"""The folder of what can be made or fetched again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Name the folder of downloads, scores, distilled models and kernels: ``$INTREX_CACHE``, else ``intrex`` in the user's cache."""
    if own := os.environ.get("INTREX_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "intrex"
