"""The manifest of an artifact: what it is and was made from, with the size and sha256 of each of its files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, CheckFailed
from intrex.data.io.files import file_sha256, fingerprint, read_json
from intrex.data.io.folder import MANIFESTS, read_whole
from intrex.data.store.siblings import mend

SCHEMA = 1


@dataclass(frozen=True)
class Manifest:
    """Record of what an artifact is and was made from, with the size and sha256 of each of its files."""

    kind: str
    collection: str
    """Fingerprint of the corpus that it was built from; of a collection, its own."""
    encoder: dict[str, Any] | None = None
    params: dict[str, Any] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def fingerprint(self) -> str:
        """sha256 over kind, inputs, parameters and file hashes; not over versions."""
        files = {name: entry["sha256"] for name, entry in self.files.items()}
        return fingerprint([self.schema, self.kind, self.collection, self.encoder, self.params, files])

    def to_json(self) -> str:
        """Return readable JSON with a stable key order."""
        body = {"schema": self.schema, "kind": self.kind}
        body |= {"fingerprint": self.fingerprint, "collection": self.collection}
        content = {
            "encoder": self.encoder,
            "params": self.params,
            "files": self.files,
            "versions": self.versions,
        }
        check = {"check": fingerprint([body, content])}
        return json.dumps({**body, **content, **check}, indent=2, ensure_ascii=False) + "\n"


def manifest_path(path: Path) -> Path | None:
    """Return the path of an artifact folder's manifest, or None if there is none."""
    return next((path / name for name in MANIFESTS if (path / name).is_file()), None)


def read_manifest(path: Path, kinds: tuple[str, ...] = (), rebuild: str = "rebuild it") -> Manifest:
    """Read and check an artifact's manifest; the sizes of its files are compared, their hashes are not.

    Raises `BadInput` when the folder, its manifest or a file is missing or damaged, when the schema is one
    that this version does not know, or when the kind is not among ``kinds``.
    """
    if not path.exists():
        mend(path)
    if not path.exists():
        raise BadInput(f"not found: {path}", f"to make it: {rebuild.removesuffix(' --overwrite')}")
    if not path.is_dir():
        raise _no_manifest(path, rebuild)
    manifest = read_whole(path, lambda folder: _read(folder, rebuild))
    if kinds and manifest.kind not in kinds:
        raise BadInput(f"{path} holds an artifact of kind {manifest.kind}, needed here: {' or '.join(kinds)}")
    return manifest


def _read(path: Path, rebuild: str) -> Manifest:
    file = manifest_path(path)
    if file is None:
        raise _no_manifest(path, rebuild)
    manifest = parse_manifest(file, rebuild)
    for name, entry in manifest.files.items():
        size = (path / name).stat().st_size if (path / name).is_file() else None
        if size != entry["bytes"]:
            state = "is missing" if size is None else f"has {size:,} bytes, {entry['bytes']:,} were written"
            raise BadInput(f"damaged: {name} {state} ({path / name})", rebuild)
    return manifest


def _no_manifest(path: Path, rebuild: str) -> BadInput:
    hint = f"a build that was cut off leaves none; {rebuild}"
    return BadInput(f"not an intrex artifact (no manifest): {path}", hint)


def parse_manifest(path: Path, rebuild: str) -> Manifest:
    """Read a manifest file and check it alone; raises `BadInput` when it is damaged or of another schema."""
    raw = read_json(path)
    if raw.get("schema") != SCHEMA:
        raise BadInput(
            f"schema {raw.get('schema')!r} is not one this intrex reads ({SCHEMA}) ({path})", rebuild
        )
    try:
        manifest = Manifest(**{key: raw[key] for key in Manifest.__dataclass_fields__})
        sound = json.loads(manifest.to_json()) == raw
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"damaged manifest: {error!r} ({path})", rebuild) from error
    if not sound:
        raise BadInput(f"damaged manifest: its content does not match its check sum ({path})", rebuild)
    return manifest


def verify_artifact(path: Path, rebuild: str = "rebuild it") -> Manifest:
    """Read the manifest and compare the sha256 of every file; raises `CheckFailed` naming those that differ."""
    if not path.is_dir():
        return read_manifest(path, rebuild=rebuild)  # raises

    def verify(folder: Path) -> Manifest:
        manifest = read_manifest(folder, rebuild=rebuild)
        verify_files(folder, manifest, manifest.files, rebuild)
        return manifest

    return read_whole(path, verify)


def verify_files(path: Path, manifest: Manifest, names: Iterable[str], rebuild: str = "rebuild it") -> None:
    """Compare the sha256 of some files of an artifact; raises `CheckFailed` naming those that differ."""
    bad = [name for name in names if file_sha256(path / name) != manifest.files[name]["sha256"]]
    if bad:
        raise CheckFailed(f"damaged: {', '.join(bad)} differs from what was written ({path})", rebuild)
