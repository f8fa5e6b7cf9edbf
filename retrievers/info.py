"""What an index holds, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intrex.data.store.artifact import Manifest
from intrex.retrievers.base import open_index
from intrex.retrievers.bm25.index import BM25Index


def describe(path: Path) -> dict[str, Any]:
    """Kind, parameters, encoder and sizes of an index; raises `BadInput` when it is not one."""
    index = open_index(path)
    manifest = index.manifest
    size = sum(entry["bytes"] for entry in manifest.files.values())
    encoder = manifest.encoder or {}
    documents, params = len(index.ids), _flat(manifest.params)
    if isinstance(index, BM25Index):
        documents, params = sum(one.record.documents for one in index.segments), _bm25(index)
    return {
        "kind": manifest.kind,
        "documents": documents,
        "bytes": size,
        "bytes per document": round(size / max(documents, 1), 1),
        **_per_token(manifest),
        **{f"encoder {k}": v for k, v in encoder.items() if v not in (None, "", {})},
        **params,
        "corpus fingerprint": manifest.collection,
        "fingerprint": manifest.fingerprint,
        "made by": ", ".join(f"{k} {v}" for k, v in manifest.versions.items()),
    }


def _flat(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, those of a group under its name and theirs."""
    flat: dict[str, Any] = {}
    for name, value in params.items():
        group = value if isinstance(value, dict) else {"": value}
        flat |= {f"{name} {key}".strip(): one for key, one in group.items()}
    return flat


def _bm25(index: BM25Index) -> dict[str, Any]:
    """The parameters of a BM25 index, its fields and its segments."""
    params = {k: v for k, v in index.manifest.params.items() if k not in ("fields", "sources", "segments")}
    for name, field in index.statistics.items():
        params |= {
            f"{name}: documents with terms": field.documents,
            f"{name}: tokens": field.tokens,
            f"{name}: mean length": field.avgdl,
        }
    records = [one.record for one in index.segments]
    return {
        **params,
        "postings": sum(one.postings for one in records),
        "segments": len(records),
        "documents of each": ", ".join(str(one.documents) for one in records),
        "removed documents": sum(one.removed for one in records),
        "collections": ", ".join(index.manifest.params["sources"]),
    }


def _per_token(manifest: Manifest) -> dict[str, float]:
    """How many tokens a document has, and the bytes of one, of an index that keeps each; ids and encoder are not counted."""
    if manifest.kind != "multivector" or not manifest.params["tokens"]:
        return {}
    tokens, documents = manifest.params["tokens"], manifest.params["documents"]
    others = ("ids.", "encoder/")
    size = sum(entry["bytes"] for name, entry in manifest.files.items() if not name.startswith(others))
    return {"tokens per document": round(tokens / documents, 1), "bytes per token": round(size / tokens, 1)}
