"""Collections: documents, query sets and judgements in BEIR's own layout, opened and read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Int64s
from intrex.data.errors import BadInput, Problems
from intrex.data.group import refuse_group
from intrex.data.ids import as_strings
from intrex.data.io.files import read_jsonl
from intrex.data.io.folder import COLLECTION_MANIFEST
from intrex.data.npy import check_offsets, open_array
from intrex.data.qrels import Qrels, read_qrels
from intrex.data.store.manifest import Manifest, read_manifest

PASSAGES = "passages:"
"""Beginning of the step in `Collection.derivation` that cut documents."""
_METADATA = b', "metadata": '
"""How the writer spells the key. Inside a string a quote has a backslash before it, so this begins no text."""


@dataclass(frozen=True)
class Document:
    """Document of a collection; either of title and text may be empty."""

    id: str
    title: str
    text: str

    @property
    def contents(self) -> str:
        """Title and text joined by a blank: what is indexed."""
        return f"{self.title} {self.text}" if self.title and self.text else self.title or self.text

    @property
    def passage(self) -> str:
        """Contents without outer white space: what models get, as from beir and mteb."""
        return self.contents.strip()


@dataclass(frozen=True)
class Queries:
    """Queries in file order: ids and texts of equal length, and term weights where they were computed beforehand."""

    ids: list[str]
    texts: list[str]
    weights: list[dict[str, float]] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, ids: set[str]) -> Queries:
        """Return the queries whose id is in ``ids``, in the same order."""
        rows = [at for at, i in enumerate(self.ids) if i in ids]
        weights = None if self.weights is None else [self.weights[at] for at in rows]
        return Queries([self.ids[at] for at in rows], [self.texts[at] for at in rows], weights)


@dataclass(frozen=True)
class Collection:
    """Imported collection.

    On disk: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/<set>.tsv``, ``corpus.offsets.npy`` and the manifest
    ``collection.json``. See docs/formats.md.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> Collection:
        """Open a collection; raises `BadInput` when it is missing, damaged or something else."""
        if path.is_dir() and (path / "corpus.jsonl").exists() and not (path / COLLECTION_MANIFEST).exists():
            raise BadInput(
                f"a BEIR folder that was not imported yet: {path}", f"intrex collection import {path} NAME"
            )
        refuse_group(path)
        manifest = read_manifest(path, ("collection",), "intrex collection import SOURCE OUT --overwrite")
        return cls(path, manifest)

    @property
    def name(self) -> str:
        """Name of the collection, as given when it was made."""
        return str(self.manifest.params["name"])

    @property
    def n_documents(self) -> int:
        """Number of documents, empty ones included."""
        return int(self.manifest.params["documents"])

    @property
    def sets(self) -> dict[str, dict[str, int]]:
        """Judged query sets by name, with their counts of queries and judgements."""
        return dict(self.manifest.params["sets"])

    @property
    def derivation(self) -> tuple[str, ...]:
        """Steps by which it was made of another collection, such as ``passages:words:100``; none of one that was imported."""
        return tuple(self.manifest.params["origin"].get("derivation", ()))

    @property
    def delimiter(self) -> str | None:
        """Mark between document and passage in the ids, where the documents are passages and judgements name whole ones."""
        delimiter = self.manifest.params["origin"].get("delimiter")
        return None if delimiter is None else str(delimiter)

    @property
    def corpus_fingerprint(self) -> str:
        """Fingerprint of the documents alone: what an index depends on (sha256 of ``corpus.jsonl``)."""
        return str(self.manifest.files["corpus.jsonl"]["sha256"])

    @property
    def fingerprint(self) -> str:
        """Fingerprint of documents, queries and judgements."""
        return self.manifest.collection

    def documents(self, start: int = 0) -> Iterator[Document]:
        """Yield the documents in order, from row ``start``, in constant memory.

        Raises:
            BadInput: a line is no document; or, after the last, the file is not what was written.
        """
        with (self.path / "corpus.jsonl").open("rb") as stream:
            for row, line in enumerate(self.checked(stream)):
                if row >= start:
                    yield parse_document(line, row)

    def checked(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces of ``corpus.jsonl``, from its first byte on.

        Raises:
            BadInput: after the last, where they are not what was written: an index of them would name another corpus.
        """
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
            yield piece
        if digest.hexdigest() != self.corpus_fingerprint:
            raise BadInput(
                f"damaged: corpus.jsonl differs from what was written ({self.path})",
                f"intrex collection verify {self.path}; then import it again",
            )

    def document(self, row: int) -> Document:
        """Return the document of a row, in constant time."""
        with (self.path / "corpus.jsonl").open("rb") as stream:
            stream.seek(int(self.offsets[row]))
            return parse_document(stream.readline(), row)

    @cached_property
    def offsets(self) -> Int64s:
        """[documents + 1] the byte where each line of ``corpus.jsonl`` begins, memory-mapped."""
        path, rebuild = self.path / "corpus.offsets.npy", "intrex collection verify COLLECTION"
        offsets: Int64s = open_array(path, np.int64, (self.n_documents + 1,), rebuild)
        check_offsets(offsets, (self.path / "corpus.jsonl").stat().st_size, path, rebuild)
        return offsets

    def queries(self, name: str | None = None) -> Queries:
        """Return all queries, or those with a judgement in the set ``name``."""
        queries = read_queries(self.path / "queries.jsonl")
        return queries if name is None else queries.only(set(as_strings(self.qrels(name).query_ids)))

    def qrels(self, name: str) -> Qrels:
        """Return the judgements of a set; raises `BadInput` that names the sets there are."""
        if name not in self.sets:
            sets = ", ".join(f"{self.path}:{s}" for s in self.sets) or "none"
            raise BadInput(f"the collection {self.name} has no query set {name!r}", f"there are: {sets}")
        qrels = read_qrels(self.path / "qrels" / f"{name}.tsv")
        return replace(qrels, merged=self.sets[name].get("merged", 0))


def parse_document(line: bytes, row: int) -> Document:
    """Parse a line of ``corpus.jsonl``, that of ``row``; raises `BadInput` when it is damaged."""
    try:
        raw = json.loads(line)
        document = Document(raw["_id"], raw["title"], raw["text"])
        for value in (document.id, document.title, document.text):
            if not value.isascii():
                value.encode("utf-8")  # json lets surrogates pass
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        hint = "intrex collection verify COLLECTION"
        raise BadInput(f"damaged: no document ({error}) (corpus.jsonl:{row + 1})", hint) from error
    return document


def read_queries(path: Path) -> Queries:
    """Read queries: BEIR's ``queries.jsonl`` (``_id``, ``text``) as intrex writes it."""
    problems = Problems(path.name)
    ids, texts = list[str](), list[str]()
    for number, row in read_jsonl(path, problems):
        name, text = row.get("_id"), row.get("text")
        if isinstance(name, str) and isinstance(text, str):
            ids.append(name)
            texts.append(text)
        else:
            problems.add(f"{path.name}:{number}", "damaged: no query", "intrex collection verify COLLECTION")
    problems.raise_if_any()
    return Queries(ids, texts)


def parse_metadata(line: bytes, row: int) -> dict[str, Any]:
    """Parse the metadata of a line of ``corpus.jsonl``, empty where it has none; raises `BadInput` when it is damaged."""
    at = line.find(_METADATA)
    if at < 0:
        return {}
    try:
        found = json.loads(line[at + len(_METADATA) : line.rindex(b"}")])
    except ValueError as error:
        hint = "intrex collection verify COLLECTION"
        raise BadInput(f"damaged: no metadata ({error}) (corpus.jsonl:{row + 1})", hint) from error
    return found if isinstance(found, dict) else {}
