"""stub."""

from pathlib import Path
from collections.abc import Sequence


def fix_file(paths: Sequence[Path], out: Path, kind: str | None, overwrite: bool = False) -> list[str]:
    """Stub."""
    return []
