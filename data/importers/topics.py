"""Queries: BEIR and Pyserini JSON, tab-separated files, and TREC's classic topics."""

from __future__ import annotations

import re
from collections.abc import Iterator

from intrex.data.errors import BadInput, Problems
from intrex.data.importers.inputs import Input, Record, text_id
from intrex.data.io.lines import HEADERS

_IDS, _TEXTS = ("_id", "id", "qid", "query_id"), ("text", "query", "contents")
_TAG = re.compile(
    r"<(/?)(top|num|title|desc|narr|dom|smry|con|fac|def|nat|time|head|date|note)\s*>", re.IGNORECASE
)
_PREFIX = re.compile(r"\s*(?:number|topic|description)\s*:", re.IGNORECASE)


def read_topics(file: Input, problems: Problems) -> Iterator[Record]:
    """Yield the queries of a file whose format its first line tells.

    ``{`` or ``[``: JSON objects with an id (``_id``, ``id``, ``qid``) and a text (``text``, ``query``, ``contents``).
    ``<``: TREC topics. Anything else: ``id TAB text`` lines, with or without a header.
    """
    first = next((line.lstrip() for _, line in file.lines(Problems(file.label))), "")
    if first.startswith(("{", "[")):
        return _json(file, problems)
    return _trec(file, problems) if first.startswith("<") else _tsv(file, problems)


def _json(file: Input, problems: Problems) -> Iterator[Record]:
    for line, row in file.objects(problems):
        id_ = next((key for key in _IDS if key in row), None)
        text = next((key for key in _TEXTS if key in row), None)
        if id_ is None or text is None:
            missing = "'_id'" if id_ is None else "'text'"
            problems.add(file.at(line), f"the query has no {missing}", "a line is: _id, text")
        else:
            id_value = row[id_] if id_ == "_id" else text_id(row[id_])
            yield Record(id_value, "", row[text], file.at(line))


def _tsv(file: Input, problems: Problems) -> Iterator[Record]:
    for line, text in file.lines(problems):
        fields = text.split("\t")
        if line == 1 and fields[0].lower() in HEADERS:
            continue
        if len(fields) != 2:
            reason = f"the line has {len(fields)} column{'s' * (len(fields) != 1)}, 2 are needed"
            problems.add(file.at(line), reason, "a line is: id TAB text")
        else:
            yield Record(fields[0], "", fields[1], file.at(line))


class _Topic:
    """Topic while it is being read."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.fields: dict[str, list[str]] = {}

    def __getitem__(self, name: str) -> str:
        """Return a field without its label (``Number:``) and on one line."""
        text = " ".join(" ".join(self.fields.get(name, ())).split())
        return _PREFIX.sub("", text, count=1).strip() if name in ("num", "title", "desc") else text


def _trec(file: Input, problems: Problems) -> Iterator[Record]:
    """Read TREC topics; the query is the title, or the description where a track gave no titles (TREC-4).

    Leading zeros of a number go (``Number: 051``): the judgements of those tracks are written without them.
    """
    any_topic = False
    for topic in _split(file, problems):
        any_topic, number, text = True, topic["num"], topic["title"] or topic["desc"]
        if not number or not text:
            missing = "number" if not number else "title and no description"
            problems.add(file.at(topic.line), f"the topic has no {missing}")
        else:
            plain = number.isascii() and number.isdigit()
            yield Record((number.lstrip("0") or "0") if plain else number, "", text, file.at(topic.line))
    if not any_topic:
        raise BadInput(
            f"no <top> in the topics ({file.label})", "other XML is not read; write lines of: id TAB text"
        )


def _split(file: Input, problems: Problems) -> Iterator[_Topic]:
    """Cut a file into topics; a field ends at its closing tag or at the next tag, whichever there is."""
    topic: _Topic | None = None
    field: list[str] | None = None
    for line, text in file.lines(problems):
        parts = _TAG.split(text)
        for words, closing, tag in zip(parts[0::3], ["", *parts[1::3]], ["", *parts[2::3]], strict=True):
            name = tag.lower()
            if name == "top":
                if topic:
                    yield topic
                topic, field = (None if closing else _Topic(line)), None
            elif name:
                field = None if closing or topic is None else topic.fields.setdefault(name, [])
            if field is not None:
                field.append(words)
    if topic:
        yield topic
