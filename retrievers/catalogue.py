"""What an index holds, for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from intrex.data.artifact import Manifest
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
        **_per_token(manifest),
        **{f"encoder {k}": v for k, v in encoder.items() if v not in (None, "", {})},
        **manifest.params,
        "corpus fingerprint": manifest.collection,
        "fingerprint": manifest.fingerprint,
        "made by": ", ".join(f"{k} {v}" for k, v in manifest.versions.items()),
    }


def _per_token(manifest: Manifest) -> dict[str, float]:
    """How many tokens a document has, and the bytes of one, of an index that has any; ids and encoder are not counted."""
    tokens = manifest.params.get("tokens", 0)
    others = ("ids.", "encoder/")
    size = sum(entry["bytes"] for name, entry in manifest.files.items() if not name.startswith(others))
    if not tokens:
        return {}
    documents = manifest.params["documents"]
    return {"tokens per document": round(tokens / documents, 1), "bytes per token": round(size / tokens, 1)}
