"""Corpora: one reader for each layout, each yielding records in file order and in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from intrex.data.errors import Problems
from intrex.data.importers.inputs import Input, Record, text_id
from intrex.data.importers.records import json_documents, table_documents
from intrex.data.importers.trecdocuments import trec_documents

_BEIR, _PYSERINI = frozenset({"_id", "title", "text", "metadata"}), frozenset({"id", "contents"})


def beir_documents(file: Input, problems: Problems) -> Iterator[Record]:
    """Read BEIR's layout: one object a line with ``_id``, ``text``, and perhaps ``title`` and ``metadata``."""
    for line, row in file.objects(problems):
        if "_id" not in row or not row.keys() & {"title", "text"}:
            missing = "'_id'" if "_id" not in row else "'text'"
            problems.add(file.at(line), f"the document has no {missing}", "a line is: _id, title, text")
        else:
            file.note_unread(row.keys() - _BEIR)
            yield Record(row["_id"], row.get("title"), row.get("text"), file.at(line), row.get("metadata"))


def pyserini_documents(file: Input, problems: Problems) -> Iterator[Record]:
    """Read Pyserini's layout: objects with ``id`` and ``contents``, one a line or in an array.

    ``contents`` becomes the text, whole, and the title stays empty: Pyserini has no rule that says where a title
    would end. An id may be a number, as Anserini allows. Other fields are not read.
    """
    for line, row in file.objects(problems):
        missing = [repr(key) for key in ("id", "contents") if key not in row]
        if missing:
            problem = f"the document has no {' and no '.join(missing)}"
            problems.add(file.at(line), problem, "a line is: id, contents")
        else:
            file.note_unread(row.keys() - _PYSERINI)
            yield Record(text_id(row["id"]), "", row["contents"], file.at(line))


def colbert_documents(file: Input, problems: Problems) -> Iterator[Record]:
    """Read ColBERT's layout: ``pid TAB passage``, perhaps ``TAB title``; a first line that starts with ``id`` or ``pid`` is a header."""
    for line, text in file.lines(problems):
        fields = text.split("\t")
        if line == 1 and fields[0] in ("id", "pid"):
            continue
        if len(fields) not in (2, 3):
            problem = f"the line has {len(fields)} columns, 2 or 3 are needed"
            problems.add(file.at(line), problem, "a line is: id TAB text, or id TAB text TAB title")
        else:
            yield Record(fields[0], fields[2] if len(fields) == 3 else "", fields[1], file.at(line))


Reader = Callable[[Input, Problems], Iterator[Record]]

READERS: dict[str, Reader] = {
    "beir": beir_documents,
    "pyserini": pyserini_documents,
    "colbert": colbert_documents,
    "sgml": trec_documents,
    "json": json_documents,
    "table": table_documents,
    "dpr": table_documents,  # its passages are TSV with the quotes of CSV
}
"""Corpus layouts by name: what ``format`` accepts besides ``auto``."""
NAMED = ("json", "table", "dpr")
"""Layouts whose keys or columns a user may name."""
