"""Inputs of the importers: files under the name that messages call them by, and the records in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from intrex.data.errors import Problems
from intrex.data.importers.jsonstream import read_json_objects
from intrex.data.io.containers import plain_name
from intrex.data.io.files import BOM, file_sha256, read_lines, reading
from intrex.data.io.lines import BEGINNING
from intrex.data.progress import Progress
from intrex.data.writer import RecordSource

_EVERY = 1000
_Item = TypeVar("_Item")


class Record(NamedTuple):
    """Document or query, without a title, as its file has it; the collection writer says what is wrong with it."""

    id: Any
    title: Any
    text: Any
    source: RecordSource
    metadata: Any = None


class LabelledProblems(Problems):
    """Problems passed on under the file's label: the readers below know only the bare file name."""

    def __init__(self, problems: Problems, label: str) -> None:
        super().__init__(label)
        self._problems = problems

    def add(self, where: object, message: str, hint: str | None = None) -> None:
        """Record a problem, with the line of ``where``."""
        self._problems.add(f"{self.subject}:{str(where).rpartition(':')[2]}", message, hint)


@dataclass(frozen=True)
class Fields:
    """Names of the keys or columns that a record is read from, where the user gave them.

    Attributes:
        id: of the id.
        texts: of the text, joined by a blank; one called ``title`` is the title.
    """

    id: str | None = None
    texts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.id is not None or bool(self.texts)


NO_FIELDS = Fields()


@dataclass(frozen=True)
class Input:
    """File with the name that messages call it by: its path below the source folder, or as it was typed.

    Attributes:
        path: where it is.
        label: its name.
        fields: names of keys or columns to read.
        unread: counts of the keys that were not read, by their names.
    """

    path: Path
    label: str
    fields: Fields = NO_FIELDS
    unread: Counter[str] = field(default_factory=Counter, compare=False)

    def at(self, line: int) -> RecordSource:
        """Return a line of this file as a source."""
        return RecordSource(self.label, line)

    def head(self) -> str:
        """Return the beginning of the text, without blanks in front: to tell forms apart, however long the first line is."""
        with reading(self.path) as stream:
            return stream.read(BEGINNING).removeprefix(BOM).decode("utf-8", "replace").lstrip()

    def lines(self, problems: Problems) -> Iterator[tuple[int, str]]:
        """Yield line numbers and lines; plain or compressed."""
        return read_lines(self.path, LabelledProblems(problems, self.label))

    def objects(self, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield line numbers and JSON objects: one a line, or an array of them; plain or compressed."""
        return read_json_objects(self.path, LabelledProblems(problems, self.label))

    def note_unread(self, keys: Iterable[str]) -> None:
        """Count keys of a record that nothing is read from."""
        self.unread.update(keys)

    def record(self) -> dict[str, Any]:
        """Return size and hash for the manifest; only the file's name, so that equal files give equal manifests."""
        return {"file": self.path.name, "bytes": self.path.stat().st_size, "sha256": file_sha256(self.path)}


def text_id(value: Any) -> Any:
    """Return an id that some tools write as a JSON number as the string that they read it as."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def bare_name(path: Path) -> str:
    """Return the file name without what names a container or a format at its end."""
    return re.sub(r"\.(jsonl|json|tsv|txt|trec|qrels|zip|csv|parquet|parq|arrow)$", "", plain_name(path))


def count_items(items: Iterable[_Item], progress: Progress | None) -> Iterator[_Item]:
    """Yield the items, and tell ``progress`` how many went by: every thousand, and the rest."""
    n = 0
    for n, item in enumerate(items, 1):
        yield item
        if progress and n % _EVERY == 0:
            progress(_EVERY)
    if progress and n % _EVERY:
        progress(n % _EVERY)
