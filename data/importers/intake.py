"""Intake of a layout's files: documents, then queries, then judgements, into a collection."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

from intrex.data.errors import Problems
from intrex.data.importers.documents import READERS
from intrex.data.importers.inputs import Input, count_items
from intrex.data.importers.judgements import read_judgements
from intrex.data.importers.layout import Layout
from intrex.data.importers.records import describe_unread, looks_quoted
from intrex.data.importers.topics import (
    describe_unread_tags,
    has_zeros,
    is_markup,
    numbers_as_judged,
    read_topics,
)
from intrex.data.importers.trecdocuments import trec_documents
from intrex.data.progress import Progress
from intrex.data.rankings.options import Columns
from intrex.data.writer import CollectionWriter

_log = logging.getLogger("intrex")


def fill_collection(
    layout: Layout,
    writer: CollectionWriter,
    topic_field: str | None = None,
    columns: Columns | None = None,
    progress: Progress | None = None,
) -> None:
    """Stream documents, then queries, then judgements into a collection."""
    unread = Counter[str]()
    reader = partial(trec_documents, unread=unread) if layout.format == "sgml" else READERS[layout.format]
    documents = (record for file in layout.corpus for record in reader(file, writer.problems))
    for record in count_items(documents, progress):
        writer.document(record.id, record.title, record.text, record.source, record.metadata)
    if unread:
        tags = ", ".join(f"<{tag.upper()}> of {n:,}" for tag, n in unread.most_common(8))
        _log.info("text that is not read, by tag and number of documents: %s", tags)
    for note in (*describe_unread(layout.corpus), *_quoted(layout)):
        _log.info("%s", note)
    judged, names = cache(lambda: _judged_queries(layout, columns)), _QueryNames()
    for file in layout.queries:
        _fill_queries(file, writer, topic_field, judged, names)
    for set_, file in layout.qrels.items():
        by_text = 0
        for judgement in read_judgements(file, writer.problems, columns):
            query = names.id_of(judgement.query)
            by_text += query != judgement.query
            writer.judgement(
                set_, query, judgement.document, judgement.grade, judgement.source, judgement.subtopic
            )
        if by_text:
            _log.info("%s: %s judgements name their query by its text", file.label, f"{by_text:,}")


class _QueryNames:
    """Ids of queries by their texts: Quepid's judgements, and those of logs, name a query by what was typed."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._by_text: dict[str, str | None] = {}

    def add(self, id_: Any, text: Any) -> None:
        """Take in a query; a text that two queries have names none."""
        if isinstance(id_, str) and isinstance(text, str):
            self._ids.add(id_)
            words = text.strip()
            self._by_text[words] = None if words in self._by_text else id_

    def id_of(self, name: str) -> str:
        """Return the id of a query that is no known id and the text of one query; else the name itself."""
        return name if name in self._ids else self._by_text.get(name) or name


def _quoted(layout: Layout) -> Iterator[str]:
    """Yield a note on each tab-separated corpus whose quotes stay in the text though they look like those of CSV."""
    for file in layout.corpus if layout.format == "colbert" else ():
        if looks_quoted(file.path):
            yield f"{file.label}: fields look quoted, as in CSV; the quotes stay in the text (--layout dpr reads them)"


def _fill_queries(
    file: Input,
    writer: CollectionWriter,
    topic_field: str | None,
    judged: Callable[[], set[str]],
    names: _QueryNames,
) -> None:
    before = writer.problems.count
    queries = list(read_topics(file, writer.problems, topic_field))
    for note in describe_unread_tags(file):
        _log.info("%s", note)
    numbers: dict[str, str] = {}
    if is_markup(file) and any(has_zeros(query.id) for query in queries):
        numbers = numbers_as_judged([query.id for query in queries], judged())
    for query in queries:
        id_ = numbers.get(query.id, query.id) if numbers else query.id
        names.add(id_, query.text)
        writer.query(id_, query.text, query.source)
    if numbers:
        example = next(iter(numbers.items()))
        _log.info(
            "%s: leading zeros of %d topic numbers were dropped, the judgements are without them (%s is %s)",
            file.label, len(numbers), *example,
        )  # fmt: skip
    if not queries and writer.problems.count == before:
        hint = "a line is: _id, text (JSON), or: id TAB text"
        writer.problems.add(file.label, "the file has no query", hint)


def _judged_queries(layout: Layout, columns: Columns | None) -> set[str]:
    """Return the ids of all judged queries; faults are reported when the judgements are taken in."""
    problems = Problems("judgements")
    return {
        judgement.query
        for file in layout.qrels.values()
        for judgement in read_judgements(file, problems, columns)
    }
