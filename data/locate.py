"""QUERIES and QRELS of the command line: an existing path (or - for stdin) first, else COLLECTION:SET."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, Problems, UsageError, json_type
from intrex.data.exclusions import Exclusions
from intrex.data.group import refuse_group
from intrex.data.ids import id_problem
from intrex.data.importers.inputs import Input, Record
from intrex.data.importers.options import TopicOptions
from intrex.data.importers.records import is_table
from intrex.data.importers.topics import (
    describe_unread_tags,
    has_zeros,
    is_markup,
    read_topics,
    without_zeros,
)
from intrex.data.importers.weights import Weights, has_weights, read_weights
from intrex.data.io.files import STDIO, read_lines, require_file, spooled
from intrex.data.qrels import Qrels, read_qrels
from intrex.data.store.manifest import manifest_path

_log = logging.getLogger("intrex")


@dataclass(frozen=True)
class Judged:
    """Judgements and where they are from: a collection's name and set, or a file's name and no set.

    Attributes:
        qrels: the judgements.
        collection: see above.
        query_set: see above.
        removed: judgements that the collection's import left out.
        exclusions: documents that are left out of the rankings, and were of the judgements.
        corpus: steps by which the collection was made of another one, joined by ``+``.
    """

    qrels: Qrels
    collection: str
    query_set: str
    removed: int = 0
    exclusions: Exclusions | None = None
    corpus: str = ""

    @property
    def name(self) -> str:
        """COLLECTION:SET, or the file's name."""
        return f"{self.collection}:{self.query_set}" if self.query_set else self.collection

    def without(self, exclusions: Exclusions) -> Judged:
        """Return the judgements without the documents that are left out; raises `BadInput` where none is left."""
        return replace(self, qrels=exclusions.thin_qrels(self.qrels), exclusions=exclusions)


def find_queries(
    text: str, weighted: bool = False, topics: TopicOptions | None = None
) -> tuple[Queries, Collection | None]:
    """Read queries from a file (JSON lines, ``id TAB text``, TREC or XML topics), or from ``COLLECTION:SET``.

    Args:
        text: what the user typed.
        weighted: whether a file may hold term weights instead of texts.
        topics: how topics of the tracks are read.

    Raises:
        BadInput: neither exists, the set does not (the message names those that do), or the file is malformed.
    """
    with spooled(Path(text)) as path:
        if path.is_file():
            return read_query_file(path, weighted, topics), None
    if topics is not None and topics.given:
        raise UsageError("--topic-field and --strip-zeros are for files of topics", f"{text} is no file")
    collection, name = _collection(text, "queries")
    return collection.queries(name), collection


def find_qrels(text: str, subtopics: bool = False) -> Judged:
    """Read judgements from a file or from ``COLLECTION:SET``; see `find_queries`, and `read_qrels` for ``subtopics``."""
    with spooled(Path(text)) as path:
        if path.is_file():
            return Judged(read_qrels(path, subtopics), path.name, "")
    collection, name = _collection(text, "qrels")
    qrels, corpus = collection.qrels(name), "+".join(collection.derivation)
    return Judged(qrels, collection.name, name, collection.sets[name].get("removed", 0), corpus=corpus)


def _collection(text: str, noun: str) -> tuple[Collection, str]:
    folder, _, name = text.rpartition(":") if ":" in text and not Path(text).is_dir() else (text, "", "")
    path = Path(folder)
    if not path.is_dir():
        raise BadInput(
            f"{noun} not found: {text}",
            "name a file, or a collection and one of its sets, as COLLECTION:test",
        )
    if manifest_path(path) is None and not (path / "corpus.jsonl").exists():
        raise BadInput(
            f"neither a file nor a collection: {path}",
            "intrex collection import SOURCE OUT makes a collection",
        )
    refuse_group(path, name)
    collection = Collection.open(path)
    if not name:
        if len(collection.sets) != 1:
            sets = ", ".join(f"{path}:{s}" for s in collection.sets) or "none"
            raise BadInput(
                f"{collection.name} has {len(collection.sets)} query sets, name one", f"there are: {sets}"
            )
        name = next(iter(collection.sets))
    return collection, name


def read_query_file(path: Path, weighted: bool = False, options: TopicOptions | None = None) -> Queries:
    """Read a query file: JSON lines, ``id TAB text``, TREC or XML topics; plain or compressed, told by the first line.

    With ``weighted``, JSON lines with a ``vector`` are read as term weights.

    Raises:
        BadInput: every malformed line and repeated id is counted.
    """
    problems = Problems(path.name)
    places: dict[str, str] = {}
    texts: list[str] = []
    file = Input(path, path.name)
    weighted = weighted and not is_table(file) and has_weights(file)
    rows = list(read_weights(file, problems)) if weighted else None
    options = options or TopicOptions()
    tracks, padded = is_markup(file), 0
    if options.strip_zeros and not tracks:
        raise UsageError(f"--strip-zeros is for topics of TREC and in XML ({path})", "leave it out")
    topics: Iterable[Record | Weights] = (
        read_topics(file, problems, options.topic_field) if rows is None else rows
    )
    for topic in topics:
        id_, text, source = topic.id, topic.text, topic.source
        if tracks and has_zeros(id_):
            padded += 1
            id_ = without_zeros(id_) if options.strip_zeros else id_
        if problem := id_problem(id_):
            problems.add(source, problem)
        elif not isinstance(text, str):
            problems.add(source, f"the text of query {id_} is {json_type(text)}, a string is needed")
        elif id_ in places:
            problems.add(source, f"the query id {id_} occurred before, at {places[id_]}")
        else:
            places[id_] = str(source)
            texts.append(text)
    problems.raise_if_any()
    for note in describe_unread_tags(file):
        _log.info("%s", note)
    if padded:
        effect = "left out" if options.strip_zeros else "kept; --strip-zeros leaves them out"
        _log.info("%s: %d topic numbers have leading zeros, which are %s", path.name, padded, effect)
    if not places:
        raise BadInput(f"the file has no query ({path})", "a line is: id TAB text, or JSON with _id and text")
    return Queries(list(places), texts, None if rows is None else [row.vector for row in rows])


def read_id_file(path: Path) -> list[str]:
    """Read the ids of a file with one on each line; plain or compressed, ``-`` is stdin.

    Raises:
        BadInput: every line that is no id is counted; or there is no line.
    """
    problems = Problems(path.name)
    ids = []
    with spooled(require_file(path, "file of ids") if path != STDIO else path) as copy:
        for number, line in read_lines(copy, problems):
            ids.append(line.strip(" \t"))
            if problem := id_problem(ids[-1]):
                problems.add(f"{path.name}:{number}", problem)
    problems.raise_if_any()
    if not ids:
        raise BadInput(f"the file has no id ({path})", "a line is: ID")
    return ids
