"""Import of a path, a BEIR name or an ir_datasets id as a collection."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.group import CollectionGroup
from intrex.data.importers.archive import is_archive, unpack
from intrex.data.importers.beir import fetch_beir, unzip
from intrex.data.importers.beir_names import BEIR_MD5, beir_names
from intrex.data.importers.groups import Member, member_layouts, write_group
from intrex.data.importers.inputs import Fields, bare_name
from intrex.data.importers.intake import fill_collection
from intrex.data.importers.irds import fill_from_irds, irds_names, is_known, members_of, origin_of
from intrex.data.importers.layout import Layout, find_layout
from intrex.data.io.files import refuse_existing, require_file
from intrex.data.judgedset import Unknown
from intrex.data.progress import Progress
from intrex.data.rankings.options import QRELS_ROLES, Columns, declared_grades, parse_columns
from intrex.data.writer import CollectionWriter, write_collection

_log = logging.getLogger("intrex")
Fill = Callable[[CollectionWriter], None]
Paths = Path | Sequence[Path] | None
Sets = Mapping[str, Path] | Sequence[str | Path] | None


def import_collection(
    source: str | Path,
    out: Path,
    *,
    name: str | None = None,
    layout: str = "auto",
    queries: Paths = None,
    qrels: Sets = None,
    id_field: str | None = None,
    text_fields: Sequence[str] = (),
    qrels_columns: Sequence[str] = (),
    grades: Sequence[str] = (),
    allow_unknown: bool = False,
    drop_unknown: bool = False,
    topic_field: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    downloading: Progress | None = None,
) -> Collection | CollectionGroup:
    """Import a collection, or a group of them, streaming: memory does not grow with the text, only by some bytes a document.

    Args:
        source: an existing file or folder, or a zip or tar archive of a folder; else ``beir:NAME`` or a name of BEIR's, ``irds:ID`` or an
            id of ir_datasets. One that holds several collections (see `member_layouts`) becomes a group.
        out: the folder to make.
        name: the collection's name, or the group's; by default that of the source.
        layout: the corpus layout of a path, one of `intrex.data.importers.options.LAYOUTS`.
        queries: query files, read instead of those in the folder.
        qrels: judgements by query set, read instead of those in the folder; or as typed: ``SET=FILE``, or ``FILE``
            for the set ``test``.
        id_field: key or column of a document's id; the common names are known.
        text_fields: keys or columns of a document's text, joined by a blank; one called ``title`` is the title.
        grades: words that are grades, with their numbers, as in `intrex.data.rankings.options.parse_grades`.
        qrels_columns: what the columns of judgements are, as in `intrex.data.rankings.options.parse_columns`.
        allow_unknown: keep judgements that name unknown documents or queries instead of failing.
        topic_field: the field of TREC or XML topics that is searched, or several with commas between.
        drop_unknown: leave them out; the manifest says how many.
        overwrite: replace an existing collection.
        progress: told how many documents more were read.
        downloading: told how many bytes more were fetched; fewer than none after a restart.

    Raises:
        BadInput: with every problem of the files, counted; nothing is written.
        IntrexError: a download failed, or ``out`` exists.
        UsageError: the options do not fit together.
    """
    refuse_existing(out, overwrite)
    if allow_unknown and drop_unknown:
        raise UsageError(
            "--allow-unknown keeps the judgements that --drop-unknown leaves out", "give one of them"
        )
    unknown = Unknown.keep if allow_unknown else Unknown.remove if drop_unknown else Unknown.refuse
    files = [queries] if isinstance(queries, Path) else list(queries or ())
    sets = dict(qrels) if isinstance(qrels, Mapping) else parse_sets(qrels or ())
    for file in (*files, *sets.values()):
        _regular(require_file(file, "queries" if file in files else "qrels"))
    fields = Fields(id_field, tuple(text_fields))
    columns = parse_columns(tuple(qrels_columns), QRELS_ROLES) if qrels_columns else None
    job = _Job(
        out,
        name,
        layout,
        files,
        sets,
        topic_field,
        unknown,
        overwrite,
        progress,
        downloading,
        fields,
        columns,
    )
    kind, data_set = resolve(source)
    if kind != "path" and layout != "auto":
        raise UsageError(f"{kind}:{data_set} has one layout", "leave --layout out")
    if kind == "irds" and (fields or columns):
        raise UsageError(
            f"irds:{data_set} says itself what its fields are",
            "leave --id-field, --text-fields and --qrels-columns out",
        )
    with declared_grades(tuple(grades)):
        if kind == "irds":
            return job.from_irds(data_set)
        return job.from_beir(data_set) if kind == "beir" else job.from_path(Path(source))


def _regular(path: Path) -> None:
    if not path.is_file():
        hint = "files are read more than once; write a pipe's output to a file first"
        raise UsageError(f"not a regular file: {path}", hint)


def parse_sets(values: Iterable[str | Path]) -> dict[str, Path]:
    """Parse judgement options: ``SET=FILE``, or ``FILE`` (also one with ``=`` in its name) for the set ``test``."""
    sets: dict[str, Path] = {}
    for value in values:
        set_, equals, file = str(value).partition("=")
        if not equals or isinstance(value, Path) or Path(value).exists():
            set_, file = "test", str(value)
        if set_ in sets:
            hint = "give each file its own set: --qrels SET=FILE"
            raise UsageError(f"two files for the query set {set_!r}: {sets[set_]} and {file}", hint)
        sets[set_] = Path(file)
    return sets


def resolve(source: str | Path) -> tuple[str, str]:
    """Tell what a source is: ``("path" | "beir" | "irds", path, name or id)``; an existing path comes first."""
    text = str(source)
    if Path(source).exists():
        return "path", text
    kind, colon, name = text.partition(":")
    if colon and kind in ("beir", "irds"):
        return kind, name
    if text in BEIR_MD5 or text in beir_names():
        return "beir", text
    if is_known(text) or members_of(text):
        return "irds", text
    close = difflib.get_close_matches(text, [*beir_names(), *irds_names()], n=1, cutoff=0.75)
    guess = f"did you mean {close[0]}? " if close else ""
    hint = f"{guess}a source is a file, a folder, beir:NAME or irds:ID; names are in: intrex collection list"
    raise BadInput(f"no such file, folder or data set: {text}", hint)


@dataclass(frozen=True)
class _Job:
    """Import and its options."""

    out: Path
    name: str | None
    layout: str
    queries: list[Path]
    qrels: dict[str, Path]
    topic_field: str | None
    unknown: Unknown
    overwrite: bool
    progress: Progress | None
    downloading: Progress | None
    fields: Fields
    columns: Columns | None

    def from_path(self, path: Path) -> Collection | CollectionGroup:
        """Import a file or folder; an archive is unpacked beside the output."""
        name = bare_name(path.resolve())
        if not path.is_dir():
            _regular(path)
        for source in (path, *self.queries, *self.qrels.values()):
            if source.resolve().is_relative_to(self.out.resolve()):
                raise UsageError(
                    f"the output {self.out} holds what is to be imported: {source}", "choose another output"
                )
        if path.is_file() and is_archive(path):
            with unpack(path, self.out.absolute().parent) as folder:
                return self._files(folder, name, {"source": path.name})
        return self._files(path, name, {"source": path.resolve().name})

    def from_beir(self, name: str) -> Collection | CollectionGroup:
        """Import a data set of BEIR's by name."""
        archive, (_, _, part) = fetch_beir(name, self.downloading), name.partition("/")
        with unpack(archive, archive.parent, unzip) as folder:
            if not (folder / part).is_dir():
                folders = ", ".join(sorted(entry.name for entry in folder.iterdir() if entry.is_dir()))
                raise BadInput(f"{archive.name} has no folder {part}", f"there are: {folders or 'none'}")
            return self._files(folder / part, name, {"source": f"beir:{name}"})

    def from_irds(self, id_: str) -> Collection | CollectionGroup:
        """Import a data set of ir_datasets by id, or those below an id that is none."""
        if self.queries or self.qrels or self.topic_field is not None:
            hint = "leave --queries, --qrels and --topic-field out"
            raise UsageError(f"irds:{id_} brings its own queries and judgements", hint)
        members = {
            member: Member(origin_of(below), partial(fill_from_irds, below, progress=self.progress))
            for member, below in members_of(id_).items()
        }
        if members:
            return self._group(id_, {"importer": "ir_datasets", "source": f"irds:{id_}"}, members)
        fill = partial(fill_from_irds, id_, progress=self.progress)
        return self._write(id_, origin_of(id_), fill)

    def _files(self, path: Path, name: str, origin: dict[str, Any]) -> Collection | CollectionGroup:
        layouts = member_layouts(path, self.layout, self.fields) if path.is_dir() else {}
        if not layouts:
            layout = find_layout(path, self.layout, self.queries, self.qrels, self.fields)
            return self._write(name, *self._read(layout, origin))
        if self.queries or self.qrels:
            raise UsageError(
                f"{origin['source']} holds {len(layouts)} collections: {', '.join(layouts)}",
                "leave --queries and --qrels out: each has its own; or import one of them",
            )
        members = {
            member: Member(*self._read(layout, {"source": f"{origin['source']}/{member}"}))
            for member, layout in layouts.items()
        }
        return self._group(name, {"importer": "group", **origin}, members)

    def _read(self, layout: Layout, origin: dict[str, Any]) -> tuple[dict[str, Any], Fill]:
        """Return the origin of a layout's collection, and what fills it."""
        fill = partial(
            fill_collection,
            layout,
            topic_field=self.topic_field,
            columns=self.columns,
            progress=self.progress,
        )
        return {"importer": layout.format, **origin, **self._named(), **layout.record()}, fill

    def _group(self, name: str, origin: dict[str, Any], members: dict[str, Member]) -> CollectionGroup:
        return write_group(
            self.out, self.name or name, origin, members, unknown=self.unknown, overwrite=self.overwrite
        )

    def _named(self) -> dict[str, Any]:
        """Return what the user named of fields, keys and columns, for the manifest."""
        named = {
            "topic_field": self.topic_field,
            "id_field": self.fields.id,
            "text_fields": list(self.fields.texts),
            "columns": self.columns and str(self.columns),
        }
        return {key: value for key, value in named.items() if value}

    def _write(self, name: str, origin: dict[str, Any], fill: Fill) -> Collection:
        return write_collection(
            self.out, self.name or name, origin, fill, unknown=self.unknown, overwrite=self.overwrite
        )
