"""Import of several collections at once: a folder of folders, or one whose files are named after their sets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.group import GROUP, CollectionGroup
from intrex.data.importers.inputs import NO_FIELDS, Fields
from intrex.data.importers.layout import Layout, check_set, find_layout, has_corpus, split_layouts
from intrex.data.io.files import fingerprint
from intrex.data.judgedset import Unknown
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest
from intrex.data.store.siblings import sweep
from intrex.data.writer import CollectionWriter, write_collection

_log = logging.getLogger("intrex")


@dataclass(frozen=True)
class Member:
    """Collection of a group before it is made: where it comes from, and what streams its records into a writer."""

    origin: dict[str, Any]
    fill: Callable[[CollectionWriter], None]


def member_layouts(folder: Path, layout: str = "auto", fields: Fields = NO_FIELDS) -> dict[str, Layout]:
    """Return the layouts of the collections in a folder by name; none where it is one collection, or holds fewer than two.

    The collections are folders with a corpus of their own, as CQADupStack's forums are, or a data set of Hugging Face whose
    splits are the sets, as NanoBEIR has them: ``corpus/NanoNQ-00000-of-00001.parquet`` beside ``queries`` and ``qrels``.

    Raises:
        BadInput: one of the folders holds collections in its turn, or is none after all.
    """
    if splits := split_layouts(folder, layout, fields):
        return splits
    if has_corpus(folder):
        return {}
    inside = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "__MACOSX")))
    members = [path for path in inside if has_corpus(path)]
    if len(members) < 2:
        return {}
    for path in (p for p in inside if p not in members):
        if any(has_corpus(below) for below in path.iterdir() if below.is_dir()):
            raise BadInput(
                f"{path.name} holds collections itself: {folder}",
                f"import {path} as a group of its own, and the others without it",
            )
        _log.info("%s is no collection and is not read", path.name)
    return {check_set(path.name, path): find_layout(path, layout, fields=fields) for path in members}


def write_group(
    out: Path,
    name: str,
    origin: dict[str, Any],
    members: Mapping[str, Member],
    *,
    unknown: Unknown = Unknown.refuse,
    overwrite: bool = False,
) -> CollectionGroup:
    """Make a group of collections at ``out``, whole or not at all; after a kill it goes on behind the last whole collection.

    Args:
        out: the folder to make; each collection stands in it under its name.
        name: the group's name, which begins those of its collections: ``cqadupstack/android``.
        origin: where it came from; recorded.
        members: the collections.
        unknown: see `write_collection`.
        overwrite: replace an existing group.

    Raises:
        BadInput: with the problems of the first collection that has any.
        UsageError: the name cannot be one.
    """
    if not name.isprintable() or not name:
        raise UsageError(
            f"a group's name is one line of printable characters, not {name!a}", "name it with --name"
        )

    def make(build: Build) -> Manifest:
        build.save_state(begun=True)
        fingerprints: dict[str, str] = {}
        for member, source in members.items():
            folder = build.path / member
            if folder.exists():  # whole: it was renamed to this name
                sweep(folder)  # the marks of its build are no files of it
                collection = Collection.open(folder)
            else:
                try:
                    collection = write_collection(
                        folder, f"{name}/{member}", source.origin, source.fill, unknown=unknown
                    )
                except BadInput:  # with other inputs it would be another build
                    build.forget_state()
                    raise
            fingerprints[member] = collection.fingerprint
            build.take_entries(collection.manifest.files, member)
        params = {"name": name, "collections": fingerprints, "origin": origin}
        return Manifest(GROUP, fingerprint(list(fingerprints.items())), params=params)

    inputs = fingerprint([name, unknown, {member: source.origin for member, source in members.items()}])
    build_artifact(out, inputs, make, overwrite=overwrite)
    return CollectionGroup.open(out)
