"""Writer of collections, into which every importer and builder streams."""

from __future__ import annotations

import contextlib
import json
from array import array
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from intrex.data.collection import Collection
from intrex.data.errors import SHOWN, Problems, UsageError, json_type
from intrex.data.ids import IdRegistry, encode_id, id_problem, needs_encoding
from intrex.data.io.files import file_sha256, fingerprint
from intrex.data.io.folder import COLLECTION_MANIFEST
from intrex.data.judgedset import JudgedSet, Unknown
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest


@dataclass(frozen=True)
class RecordSource:
    """Place that a record came from, for messages: a file name and a line from 1 (0 when there are no lines)."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class _Places:
    """Sources by ordinal: runs of consecutive lines in one file share an entry, so that memory stays small."""

    def __init__(self) -> None:
        self._files: list[str] = []
        self._starts = array("q")
        self._lines = array("q")
        self._owners = array("I")
        self._count = 0

    def add(self, source: RecordSource) -> None:
        if not self._files or self._files[-1] != source.file:
            self._files.append(source.file)
        elif source.line == self._line(len(self._starts) - 1, self._count):
            self._count += 1
            return
        self._starts.append(self._count)
        self._lines.append(source.line)
        self._owners.append(len(self._files) - 1)
        self._count += 1

    def _line(self, at: int, ordinal: int) -> int:
        first = self._lines[at]
        return first + ordinal - self._starts[at] if first else 0

    def __getitem__(self, ordinal: int) -> RecordSource:
        at = bisect_right(self._starts, ordinal) - 1
        return RecordSource(self._files[self._owners[at]], self._line(at, ordinal))


class CollectionWriter:
    """Writer of documents, then queries, then judgements, which are checked on the way; see `write_collection`.

    Ids with white space are percent-encoded and counted in ``encoded``. Records that cannot be are reported to
    ``problems``; of judgements that name an unknown document or query ``unknown`` decides.
    """

    def __init__(self, folder: Path, problems: Problems, unknown: Unknown = Unknown.refuse) -> None:
        self.folder = folder
        self.problems = problems
        self.unknown = unknown
        self.encoded = 0
        self._complete: bool | None = None
        self.n_empty = 0
        self._ids = {"document": IdRegistry(), "query": IdRegistry()}
        self._parents: IdRegistry | None = None
        self._places = {"document": _Places(), "query": _Places()}
        self._offsets = array("q", [0])
        self._corpus = (folder / "corpus.jsonl").open("wb")
        self._queries = (folder / "queries.jsonl").open("wb")
        self._sets: dict[str, JudgedSet] = {}
        (folder / "qrels").mkdir()

    def document(self, id_: Any, title: Any, text: Any, source: RecordSource, metadata: Any = None) -> None:
        """Add a document; ``title`` and ``text`` are strings or None."""
        row = {"_id": self._id("document", id_, source), "title": title or "", "text": text or ""}
        if not self._strings(row, source):
            return
        if metadata:
            row["metadata"] = metadata
        self.n_empty += not (row["title"] + row["text"]).strip()
        self._offsets.append(self._offsets[-1] + self._write(self._corpus, row, source))

    def parent(self, id_: str) -> None:
        """Add the id of a document whose passages are the documents here: judgements name it, and none of them."""
        if self._parents is None:
            self._parents = IdRegistry()
        self._parents.add(id_)

    def query(self, id_: Any, text: Any, source: RecordSource) -> None:
        """Add a query."""
        row = {"_id": self._id("query", id_, source), "text": text or ""}
        if self._strings(row, source):
            self._write(self._queries, row, source)

    def judgement(
        self, set_: str, query: str, document: str, grade: int, source: RecordSource, subtopic: str = ""
    ) -> None:
        """Add a judgement to the query set ``set_``; documents and queries must have been added before.

        Of a document that is judged by ``subtopic`` the highest grade is kept.
        """
        query, document = encode_id(query), encode_id(document)
        judged = self._sets.setdefault(set_, JudgedSet())
        if not self._is_judged(judged, query, document, source):
            return
        if not judged.add(query, document, grade, subtopic):
            self.problems.add(
                source, f"judged twice: query {query}, document {document}", "keep one line for each"
            )

    def leave_out(self, set_: str, query: str) -> None:
        """Count a judgement that is left out of a query set."""
        self._sets.setdefault(set_, JudgedSet()).leave_out(encode_id(query))

    def removed(self, set_: str, judgements: int, queries: int, merged: int = 0) -> None:
        """Record what was left out of a query set, and of how many queries nothing is left, or merged, where it is taken over."""
        self._sets.setdefault(set_, JudgedSet()).take_over(judgements, queries, merged)

    def _is_judged(self, judged: JudgedSet, query: str, document: str, source: RecordSource) -> bool:
        """Tell whether a judgement is taken in; those of unknown names are counted or reported."""
        if self._complete is None:  # after a lost record, unknown names would be the same problem said again
            self._complete = not self.problems.count and len(self._ids["document"]) > 0
        documents = self._ids["document"] if self._parents is None else self._parents
        ids = (("query", query, self._ids["query"]), ("document", document, documents))
        unknown = [f"{kind} {i!r}" for kind, i, known in ids if i not in known]
        if not unknown:
            return True
        if problem := id_problem(query) or id_problem(document):
            self.problems.add(source, problem)
            return False
        if self.unknown is Unknown.refuse:
            if self._complete:
                hint = "--allow-unknown keeps such judgements (they count, and can never be found), --drop-unknown removes them"
                self.problems.add(source, f"the judgement names an unknown {' and '.join(unknown)}", hint)
            return False
        if self.unknown is Unknown.keep:
            judged.unknown += 1
            return True
        judged.leave_out(query)
        return False

    def _id(self, kind: str, value: Any, source: RecordSource) -> str:
        if isinstance(value, str) and needs_encoding(value):
            value = encode_id(value)
            self.encoded += 1
        if problem := id_problem(value):
            self.problems.add(source, problem)
            value = ""
        self._ids[kind].add(str(value) or f"\n{len(self._ids[kind])}")
        self._places[kind].add(source)
        return str(value)

    def _strings(self, row: dict[str, Any], source: RecordSource) -> bool:
        for key, value in row.items():
            if not isinstance(value, str):
                self.problems.add(source, f"{key!r} is {json_type(value)}, a string is needed")
                return False
        return True

    def _write(self, stream: IO[bytes], row: dict[str, Any], source: RecordSource) -> int:
        """Write a record, and return its bytes; one that cannot be written is reported."""
        try:
            return stream.write(record_line(row))
        except ValueError as error:
            self.problems.add(source, str(error))
            return 0

    def close(self) -> None:
        """Close the files."""
        self._corpus.close()
        self._queries.close()

    def finish(self, name: str, origin: dict[str, Any]) -> Manifest:
        """Check what only the whole shows, write the judgements, and return the manifest."""
        self.close()
        for kind in self._ids:
            self._report_repeats(kind)
        if not len(self._ids["document"]):
            self.problems.add(self.problems.subject, "there is no document")
        for set_ in (s for s, entry in self._sets.items() if not entry.judged and entry.removed):
            self.problems.add(
                self.problems.subject, f"every judgement of the set {set_} names an unknown document or query",
                "without them nothing would be left of it; --allow-unknown keeps them",
            )  # fmt: skip
        self.problems.raise_if_any()
        np.save(self.folder / "corpus.offsets.npy", np.frombuffer(self._offsets, np.int64))
        folder = self.folder / "qrels"
        sets = {s: j.write(folder / f"{s}.tsv") for s, j in sorted(self._sets.items()) if j.judged}
        params = {
            "name": name,
            "documents": len(self._ids["document"]),
            "queries": len(self._ids["query"]),
            "empty_documents": self.n_empty,
            "sets": sets,
            "encoded_ids": self.encoded,
            "origin": origin,
        }
        content = [
            file_sha256(self.folder / f)
            for f in ("corpus.jsonl", "queries.jsonl", *(f"qrels/{s}.tsv" for s in sets))
        ]
        return Manifest("collection", fingerprint([content, list(sets)]), params=params)

    def _report_repeats(self, kind: str) -> None:
        """Report ids that occur twice; their text is read back where every record was written."""
        repeats, places = self._ids[kind].duplicates(), self._places[kind]
        rows = {repeat for _, repeat in repeats[:SHOWN]} if not self.problems.count else set()
        file = self.folder / ("corpus.jsonl" if kind == "document" else "queries.jsonl")
        names = {}
        if rows:
            with file.open("rb") as stream:
                names = {i: f" {json.loads(line)['_id']}" for i, line in enumerate(stream) if i in rows}
        for first, repeat in repeats:
            message = f"the {kind} id{names.get(repeat, '')} occurred before, at {places[first]}"
            self.problems.add(places[repeat], message, "ids must be unique")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def record_line(row: dict[str, Any]) -> bytes:
    """Return a record as a line of JSON; raises ValueError with what JSON in UTF-8 has no form for."""
    try:
        return _encode(row).encode("utf-8") + b"\n"
    except UnicodeEncodeError as error:
        raise ValueError("the text has an unpaired surrogate (a broken \\u escape)") from error
    except RecursionError as error:
        raise ValueError("the metadata are nested too deeply") from error
    except ValueError as error:
        raise ValueError(
            "the metadata have a number that is not finite, for which JSON has no form"
        ) from error


def write_collection(
    out: Path,
    name: str,
    origin: dict[str, Any],
    fill: Callable[[CollectionWriter], None],
    *,
    unknown: Unknown = Unknown.refuse,
    overwrite: bool = False,
) -> Collection:
    """Make a collection at ``out``: ``fill`` streams the records into a writer.

    Args:
        out: the folder to make; nothing stands there unless all went well.
        name: the collection's name.
        origin: where it came from (importer, source, options); recorded, and part of the build's fingerprint.
        fill: adds documents first, then queries, then judgements.
        unknown: whether judgements that name unknown documents or queries fail, stay or go.
        overwrite: replace an existing collection.

    Raises:
        BadInput: with every problem found, counted; nothing is written.
        UsageError: the name has control characters.
    """
    if not name.isprintable() or not name:
        raise UsageError(
            f"a collection's name is one line of printable characters, not {name!a}", "name it with --name"
        )

    def make(build: Build) -> Manifest:
        problems = Problems(str(origin.get("source", name)))
        with contextlib.closing(CollectionWriter(build.path, problems, unknown)) as writer:
            fill(writer)
            return writer.finish(name, origin)

    build_artifact(
        out, fingerprint([origin, name, unknown]), make, overwrite=overwrite, name=COLLECTION_MANIFEST
    )
    return Collection.open(out)
