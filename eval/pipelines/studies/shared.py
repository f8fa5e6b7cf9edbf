"""Folder of the studies' collections: ``INTREX_SHARED_DATA``, else beside the working folder."""

from __future__ import annotations

import os
from pathlib import Path

SHARED = Path(os.environ.get("INTREX_SHARED_DATA", "../shared/data")).absolute()
