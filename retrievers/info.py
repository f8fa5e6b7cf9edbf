"""Description of an index, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intrex.retrievers.base import open_index


def describe(path: Path) -> dict[str, Any]:
    """Return kind, parameters, encoder and sizes of an index by name; raises `BadInput` when it is not one."""
    index = open_index(path)
    manifest, facts = index.manifest, index.describe()
    size = sum(entry["bytes"] for entry in manifest.files.values())
    encoder = manifest.encoder or {}
    documents = facts.pop("documents", len(index.ids))
    params = facts.pop("params", manifest.params)
    return {
        "kind": manifest.kind,
        "documents": documents,
        "bytes": size,
        "bytes per document": round(size / max(documents, 1), 1),
        **facts,
        **{f"encoder {k}": v for k, v in encoder.items() if v not in (None, "", {})},
        **_flat(params),
        "corpus fingerprint": manifest.collection,
        "fingerprint": manifest.fingerprint,
        "made by": ", ".join(f"{k} {v}" for k, v in manifest.versions.items()),
    }


def _flat(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters, those of a group under the names of the group and their own."""
    flat: dict[str, Any] = {}
    for name, value in params.items():
        group = value if isinstance(value, dict) else {"": value}
        flat |= {f"{name} {key}".strip(): entry for key, entry in group.items()}
    return flat
