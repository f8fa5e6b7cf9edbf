"""Groups of collections: a folder that holds one for each query set, such as CQADupStack's forums."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from intrex.data.errors import BadInput
from intrex.data.io.files import read_json
from intrex.data.io.folder import MANIFEST
from intrex.data.store.manifest import Manifest, read_manifest

GROUP = "collections"
"""Kind of a group's manifest."""
SHOWN = 5


@dataclass(frozen=True)
class CollectionGroup:
    """Collections that were imported together.

    On disk: a folder for each collection, and the manifest ``manifest.json``. See docs/formats.md.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> CollectionGroup:
        """Open a group; raises `BadInput` when it is missing, damaged or something else."""
        return cls(path, read_manifest(path, (GROUP,), "intrex collection import SOURCE OUT --overwrite"))

    @property
    def name(self) -> str:
        """Name of the group, as given when it was made."""
        return str(self.manifest.params["name"])

    @property
    def paths(self) -> dict[str, Path]:
        """Folders of the collections by their names in the group, in the order of those."""
        return {name: self.path / name for name in self.manifest.params["collections"]}


def is_group(path: Path) -> bool:
    """Tell whether a folder is a group of collections, damaged or not."""
    try:
        return bool((path / MANIFEST).is_file() and read_json(path / MANIFEST).get("kind") == GROUP)
    except BadInput:
        return False


def refuse_group(path: Path, query_set: str = "") -> None:
    """Raise `BadInput` where a folder is a group and one collection is needed; ``query_set`` is for the example."""
    if not is_group(path):
        return
    names = [
        f"{folder}{query_set and ':' + query_set}" for folder in CollectionGroup.open(path).paths.values()
    ]
    more = " ..." if len(names) > SHOWN else ""
    raise BadInput(
        f"{path} is a group of {len(names)} collections, one is needed here",
        f"name one of them: {', '.join(names[:SHOWN])}{more}; evaluate and compare take the group",
    )
