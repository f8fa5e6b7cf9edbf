"""Listing of the collections below a folder, and of the content of one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from intrex.data.collection import Collection
from intrex.data.errors import BadInput
from intrex.data.group import CollectionGroup, is_group
from intrex.data.io.folder import COLLECTION_MANIFEST
from intrex.data.store.manifest import Manifest


def collections_in(folder: Path) -> Iterator[Collection]:
    """Yield the sound collections in a folder and in the folders directly below it, by name."""
    inside = folder.iterdir() if folder.is_dir() else ()
    for path in (folder, *sorted(p for p in inside if p.is_dir() and not p.name.startswith("."))):
        if (path / COLLECTION_MANIFEST).is_file():
            try:
                yield Collection.open(path)
            except BadInput:
                continue


def merged_judgements(collection: Collection) -> dict[str, str]:
    """Say of each query set how many of its judgements were of another subtopic of the same document."""
    return {
        name: f"{n:,} judgements of the set {name} are of another subtopic of the same document, which has its highest grade; "
        "measures of subtopics take the file of judgements"
        for name, counts in collection.sets.items()
        if (n := counts.get("merged", 0))
    }


def groups_in(folder: Path) -> Iterator[CollectionGroup]:
    """Yield the sound groups of collections in a folder and in the folders directly below it, by name."""
    inside = folder.iterdir() if folder.is_dir() else ()
    for path in (folder, *sorted(p for p in inside if p.is_dir() and not p.name.startswith("."))):
        if is_group(path):
            with contextlib.suppress(BadInput):
                yield CollectionGroup.open(path)


def describe_group(group: CollectionGroup) -> dict[str, Any]:
    """Return what a person wants to know of a group, as a record to print: its collections, a line each."""
    collections = {name: Collection.open(path) for name, path in group.paths.items()}
    lines = {
        name: f"{c.n_documents:,} documents, {c.manifest.params['queries']:,} queries ({describe_sets(c)})"
        for name, c in collections.items()
    }
    return {
        "name": group.name,
        "collections": len(collections),
        **lines,
        "documents": sum(c.n_documents for c in collections.values()),
        "bytes": sum(entry["bytes"] for entry in group.manifest.files.values()),
        "fingerprint": group.manifest.collection,
        **_origin(group.manifest),
    }


def describe_sets(collection: Collection) -> str:
    """List the query sets of a collection with their numbers of queries."""
    return ", ".join(f"{s} {n['queries']:,}" for s, n in collection.sets.items()) or "no judged queries"


def _origin(manifest: Manifest) -> dict[str, Any]:
    origin = manifest.params["origin"]
    return {
        **{k: v for k, v in origin.items() if isinstance(v, (str, int)) and k != "sources_sha256"},
        "made by": f"intrex {manifest.versions.get('intrex')}",
    }


def unknown_judgements(collection: Collection) -> dict[str, str]:
    """Say of each query set how many of its judgements name unknown documents or queries, and what became of them."""
    remarks = {}
    for name, counts in collection.sets.items():
        if n := counts.get("unknown", 0):
            remarks[name] = (
                f"{n:,} judgements of the set {name} name documents or queries that are not there; they count"
            )
        if n := counts.get("removed", 0):
            lost = counts.get("removed_queries", 0)
            gone = f", with all those of {lost:,} {'queries' if lost > 1 else 'query'}" if lost else ""
            left_out = f"{n:,} judgements of the set {name} were left out{gone}: they name documents or queries that are not there"
            remarks[name] = "; ".join(filter(None, (remarks.get(name), left_out)))
    return remarks


def click_remarks(collection: Collection) -> dict[str, str]:
    """Say of each query set whose judgements were made of clicks by which model, and what bias is left."""
    sources = collection.manifest.params["origin"].get("qrels")
    clicks = {
        name: file.get("clicks") for name, file in (sources if isinstance(sources, dict) else {}).items()
    }
    return {
        name: f"made of clicks by the model {made.get('model')}; {made.get('bias')}"
        for name, made in clicks.items()
        if made
    }


def describe_collection(collection: Collection) -> dict[str, Any]:
    """Return what a person wants to know of a collection, as a record to print."""
    params = collection.manifest.params
    sets = {
        f"set {name}": f"{n['queries']:,} queries, {n['judgements']:,} judgements"
        for name, n in collection.sets.items()
    }
    size = sum(entry["bytes"] for entry in collection.manifest.files.values())
    return {
        "name": collection.name,
        "documents": params["documents"],
        "empty documents": params["empty_documents"],
        "queries": params["queries"],
        **sets,
        **{f"unknown in {name}": remark for name, remark in unknown_judgements(collection).items()},
        **{f"judgements of {name}": remark for name, remark in click_remarks(collection).items()},
        **{f"subtopics of {name}": remark for name, remark in merged_judgements(collection).items()},
        "bytes": size,
        **({"derivation": ", ".join(collection.derivation)} if collection.derivation else {}),
        "fingerprint": collection.fingerprint,
        "corpus fingerprint": collection.corpus_fingerprint,
        **_origin(collection.manifest),
    }


def flatten(record: dict[str, Any], joined: bool) -> dict[str, Any]:
    """Return a record without nested ones: their entries joined as one text, or each an entry of its own."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if not isinstance(value, dict):
            flat[key] = value
        elif joined:
            flat[key] = ", ".join(f"{name} {_spell(n)}" for name, n in value.items()) or "none"
        else:
            flat |= {f"{key}: {name}": n for name, n in value.items()}
    return flat


def _spell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)
