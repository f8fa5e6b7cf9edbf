"""What an index holds, for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from intrex.retrievers.base import open_index


def describe(path: Path) -> dict[str, Any]:
    """Kind, parameters, encoder and sizes of an index; raises `BadInput` when it is not one."""
    index = open_index(path)
    manifest = index.manifest
    size = sum(entry["bytes"] for entry in manifest.files.values())
    encoder = manifest.encoder or {}
    return {
        "kind": manifest.kind,
        "documents": len(index.ids),
        "bytes": size,
        "bytes per document": round(size / max(len(index.ids), 1), 1),
        **{f"encoder {k}": v for k, v in encoder.items() if v not in (None, "", {})},
        **manifest.params,
        "corpus fingerprint": manifest.collection,
        "fingerprint": manifest.fingerprint,
        "made by": ", ".join(f"{k} {v}" for k, v in manifest.versions.items()),
    }
