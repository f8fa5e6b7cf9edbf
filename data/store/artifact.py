"""Directory artifacts that exist whole or not at all.

An artifact is built in a hidden sibling named by the fingerprint of its inputs, which holds a lock while it is
being built. Its manifest is written last, after every file was hashed and fsynced; then the sibling is renamed.
A killed build leaves nothing at the target, and a sibling that the next build resumes (same fingerprint) or
sweeps away (another one).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, DoneAlready, IntrexError, UsageError
from intrex.data.io.disk import disk_errors
from intrex.data.io.files import file_sha256, fingerprint, fsync_dir, fsync_file, read_json, refuse_existing
from intrex.data.io.folder import MANIFEST, read_whole
from intrex.data.io.hidden import hidden_folder
from intrex.data.io.request import current_request
from intrex.data.store.manifest import SCHEMA, Manifest, parse_manifest, read_manifest
from intrex.data.store.siblings import (
    INTERNAL,
    PART,
    SCRATCH,
    STATE,
    WHOLE,
    clear,
    finish,
    held,
    locked,
    mend,
    put_in_place,
    remove,
    sibling,
    sweep,
)
from intrex.data.version import intrex_version


class Build:
    """Build in progress: its folder, and a small state that survives a kill."""

    def __init__(self, path: Path, inputs: str) -> None:
        self.path = path
        self.inputs = inputs
        self._entries: dict[str, dict[str, Any]] = {}

    @property
    def scratch(self) -> Path:
        """Folder for what a resume needs and the artifact does not have; it goes last, when the artifact is durable."""
        return self.path / SCRATCH

    def clear(self) -> None:
        """Remove what an earlier, killed run wrote, but for its state and `scratch`."""
        clear(self.path, keep=(STATE, SCRATCH))

    @property
    def state(self) -> dict[str, Any]:
        """State that the last `save_state` of a build of the same inputs recorded; empty in a fresh build."""
        file = self.path / STATE
        known = read_json(file) if file.exists() else {}
        return known["state"] if known.get("inputs") == self.inputs else {}

    def save_state(self, **state: Any) -> None:
        """Record progress durably; call after the data it speaks of was fsynced."""
        self._write_durably(STATE, json.dumps({"inputs": self.inputs, "state": state}))

    def forget_state(self) -> None:
        """Remove the recorded progress: the build that fails now leaves nothing."""
        (self.path / STATE).unlink(missing_ok=True)

    def take_entries(self, files: dict[str, dict[str, Any]], folder: str) -> None:
        """Take the entries of an artifact that was built in a folder of this one, which need no second hash."""
        self._entries |= {f"{folder}/{name}": entry for name, entry in files.items()}

    def take_over(self, source: Path, entry: dict[str, Any], name: str) -> None:
        """Take over a file of another artifact, which its manifest has an entry of: a link to it, or where there are none a copy."""
        target = self.path / name
        try:
            target.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, target)
        self._entries[name] = entry

    def _finish(self, manifest: Manifest, name: str) -> None:
        """Hash and fsync every file, then write the manifest."""
        from concurrent.futures import ThreadPoolExecutor

        os.umask(mask := os.umask(0))

        def sync(file: Path) -> tuple[str, dict[str, Any]]:
            file.chmod(0o666 & ~mask)  # libraries make some readable for their owner alone
            fsync_file(file)
            known, size = file.relative_to(self.path).as_posix(), file.stat().st_size
            return known, self._entries.get(known) or {"bytes": size, "sha256": file_sha256(file)}

        internal = {self.path / internal for internal in (*INTERNAL, name)}
        files = sorted(
            p for p in self.path.rglob("*")
            if p.is_file() and p not in internal and self.scratch not in p.parents
        )  # fmt: skip
        with ThreadPoolExecutor(8) as pool:  # a disk takes several in little more time than one
            entries = dict(pool.map(sync, files))
        full = replace(manifest, files=entries, versions={"intrex": intrex_version(), **manifest.versions})
        for folder in {p for file in files for p in file.parents if self.path in p.parents}:
            fsync_dir(folder)  # a name is of its folder
        self._write_durably(name, full.to_json())
        fsync_dir(self.path)

    def _write_durably(self, name: str, text: str) -> None:
        part = self.path / PART
        with part.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(self.path / name)


def build_artifact(
    target: Path,
    inputs: str,
    make: Callable[[Build], Manifest],
    *,
    overwrite: bool = False,
    name: str = MANIFEST,
    base: Manifest | None = None,
) -> Manifest:
    """Build an artifact at ``target``: whole, or not at all.

    Args:
        target: where the artifact will stand.
        inputs: fingerprint of everything it is made from; the same one resumes what a kill left behind.
        make: writes the files into ``build.path`` and returns the manifest without ``files``. It finds what an
            earlier, killed run recorded in ``build.state``; without a state the folder is empty.
        overwrite: replace an existing artifact, which stays valid until the new one takes its place.
        name: the manifest's file name.
        base: what stands at the target, if this build is a change of it; one change is made at a time.

    Raises:
        IntrexError: the target exists, be it that another process built it meanwhile, or another process is
            building the same artifact, or changing it.
    """
    if str(target) == "-":
        raise UsageError("a folder is made, which - is none", "name the folder")
    mend(target)
    if base is None:
        refuse_existing(target, overwrite)
    if target.is_symlink() or target.exists():
        _refuse_foreign(target, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    inputs = fingerprint([SCHEMA, intrex_version(), inputs])  # another version may write other bytes
    request = current_request()
    if base is None and not overwrite and request and target.exists() and request.has_made(target, inputs):
        sweep(target)
        return read_manifest(target)
    key = inputs if base is None else fingerprint("change")
    sweep(target, keep=key)
    hidden = sibling(target, key)
    hidden_folder(hidden)
    with locked(hidden):
        _refuse_changed(target, base)
        if not _is_whole(hidden, inputs):  # else it was killed before it could be put in its place
            try:
                _make(Build(hidden, inputs), make, name)
            finally:  # also after an error: what it read of the base may be gone
                _refuse_changed(target, base)
        # last, for a killed build goes on from there; and of one that was whole already when it was killed
        with disk_errors(hidden.parent), contextlib.suppress(FileNotFoundError):
            shutil.rmtree(Build(hidden, inputs).scratch)
        if request:
            request.record(hidden, target, inputs)
        _place(hidden, target, name, overwrite, base)
    return read_manifest(target)


def refuse_repetition(target: Path) -> None:
    """Raise `DoneAlready` if the artifact is as the current command left it; what its kill left beside it goes."""
    if request := current_request():
        try:
            request.refuse_repetition(target)
        except DoneAlready:
            sweep(target)
            raise


def _refuse_changed(target: Path, base: Manifest | None) -> None:
    if base is not None and read_manifest(target).fingerprint != base.fingerprint:
        raise IntrexError(f"another process has changed {target} meanwhile", "run the same command again")


def _refuse_foreign(target: Path, name: str) -> None:
    """Raise unless ``target`` is an empty folder or an artifact of the same sort with nothing of others in it."""
    if target.is_symlink() or not target.is_dir():
        kind = "a symbolic link" if target.is_symlink() else "not a folder"
        raise IntrexError(f"{kind}, it will not be replaced: {target}", _ELSEWHERE)
    read_whole(target, lambda folder: _refuse_foreign_files(folder, name))


_ELSEWHERE = "choose another name, or remove it yourself"


def _refuse_foreign_files(target: Path, name: str) -> None:
    files = {p.relative_to(target).as_posix() for p in target.rglob("*") if not p.is_dir()}
    if files and not (target / name).is_file():
        raise IntrexError(
            f"not an intrex artifact of this sort, it will not be replaced: {target}", _ELSEWHERE
        )
    try:
        listed = set(parse_manifest(target / name, "").files) if files else set()
    except BadInput:  # damaged, or not ours at all
        raise IntrexError(
            f"its manifest is damaged or not intrex's, it will not be replaced: {target}", _ELSEWHERE
        ) from None
    if foreign := sorted(files - listed - {name, *INTERNAL}):
        raise IntrexError(f"{target} holds files that are not its own: {', '.join(foreign[:3])}", _ELSEWHERE)


def _is_whole(hidden: Path, inputs: str) -> bool:
    """Tell whether a build of these inputs was finished; an artifact that was exchanged out of the target is not it."""
    mark = hidden / WHOLE
    return mark.is_file() and mark.read_text(encoding="utf-8") == inputs


def _make(build: Build, make: Callable[[Build], Manifest], name: str) -> None:
    try:
        if not build.state:
            clear(build.path)
        with disk_errors(build.path.parent):
            build._finish(make(build), name)
        build._write_durably(WHOLE, build.inputs)
    except BaseException:
        if not build.state:  # nothing in it that a resume could use
            with contextlib.suppress(OSError):
                remove(build.path)
        raise


def _place(hidden: Path, target: Path, name: str, overwrite: bool, base: Manifest | None) -> None:
    """Put the finished build at the target in one step, then drop what stood there.

    What another process put there since this build began is looked at again: it is not replaced unasked. The build
    then waits, whole, for the same command with ``overwrite``.
    """
    try:
        hidden.rename(
            target
        )  # onto nothing or an empty folder: one step, whoever else tries it at the same time
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        if not overwrite and base is None:
            refuse_existing(target, overwrite)
        _refuse_foreign(target, name)
        with held(target):
            _refuse_changed(target, base)
            put_in_place(hidden, target)
    finish(target)
