"""Topics of the tracks in markup: TREC's ``<top>`` and the XML of later years."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from intrex.data.errors import BadInput, Problems
from intrex.data.importers.inputs import Input
from intrex.data.io.files import reading

ALL = "all"
"""Name by which the whole text of a topic is asked for."""
OWN = "text"
"""Name of the text that stands directly in a topic."""
DEFAULT_FIELDS = ("title", "query", "question", "desc", OWN)
"""Fields that are searched unless told: the first of them that a topic has."""
_LONG = {"number": "num", "description": "desc", "narrative": "narr"}
_NUMBERS = ("num", "id", "qid", "query_id", "topic_id", "identifier")
_UNSEARCHED = "narr dom smry con fac def nat time head date note disclaimer stance evidence subtopic type"
_KNOWN = {*DEFAULT_FIELDS, *_NUMBERS, *_UNSEARCHED.split()}
_NAME = r"[A-Za-z][\w.-]*"
_LANGUAGE = re.compile(r"[a-z]{1,3}-(title|query|question|desc|narr|num)")
_INLINE = {"top", "title", "query", "question", "desc", "narr", "num", *_UNSEARCHED.split()}
"""Tags that end a field wherever they stand; others do at the beginning of a line."""
_TAG = re.compile(rf"<(?P<end>/?)(?P<name>{_NAME})(?P<rest>(?:\s[^<>]*)?)/?>")
_ATTRIBUTE = re.compile(rf"({_NAME})\s*=\s*[\"']?([^\"'>]*)")
_LABEL = re.compile(r"\s*(?:number|topic|description|narrative)\s*:", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TOPIC = re.compile(r"topic|.*_topic|top|query", re.IGNORECASE)


@dataclass
class Topic:
    """Topic as its file has it: texts by the name of their field.

    Attributes:
        line: where it begins.
        fields: texts by field, in lower case and short (``desc``), in the order of the file.
        tags: the fields as they are spelled, each with the line of its first tag.
    """

    line: int
    fields: dict[str, list[str]] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)

    def open(self, name: str, line: int) -> list[str]:
        """Begin a field, or go on with one; return its texts."""
        self.tags.setdefault(name, line)
        return self.fields.setdefault(short_name(name), [])

    def __getitem__(self, name: str) -> str:
        """Return a field without its label (``Number:``), on one line; empty where there is none."""
        text = " ".join(" ".join(self.fields.get(name, ())).split())
        bare = name.rpartition("-")[2]
        return _LABEL.sub("", text, count=1).strip() if bare in ("num", "title", "desc", "narr") else text

    @property
    def number(self) -> str:
        """Number as it is written, or what stands for it."""
        return next((self[name] for name in _NUMBERS if self[name]), "")

    @property
    def number_line(self) -> int:
        """Line of the number."""
        return next((line for tag, line in self.tags.items() if short_name(tag) in _NUMBERS), self.line)

    def text(self, wanted: tuple[str, ...]) -> str:
        """Return what is searched: the fields asked for, joined by a blank, or the first of `DEFAULT_FIELDS`.

        Raises:
            ValueError: with what the topic has instead.
        """
        if ALL in wanted:
            return " ".join(filter(None, (self[name] for name in self.fields if name not in _NUMBERS)))
        if wanted:
            if missing := [name for name in wanted if name not in self.fields]:
                raise ValueError(f"the topic has no field {missing[0]}; {self._there()}")
            return " ".join(filter(None, map(self.__getitem__, wanted)))
        for name in DEFAULT_FIELDS:
            if text := self[name]:
                return text
            others = [other for other in self.fields if self[other] and other.endswith("-" + name)]
            if len(others) > 1:
                raise ValueError(f"the topic has no {name}, but {' and '.join(others)}")
            if others:
                return self[others[0]]
        raise ValueError(f"the topic has no title and no description; {self._there()}")

    def _there(self) -> str:
        names = [tag for tag in self.tags if self[short_name(tag)] and short_name(tag) not in _NUMBERS]
        return f"it has {', '.join(names)}" if names else "it has no text"

    def unread(self) -> Iterator[tuple[str, int]]:
        """Yield the tags that nobody knows, and titles in further languages, each with its line."""
        for tag, line in self.tags.items():
            name = short_name(tag)
            other = _LANGUAGE.fullmatch(name)
            if name not in _KNOWN and (other is None or self[other[1]]):
                yield tag, line


def short_name(tag: str) -> str:
    """Return the name of a field: in lower case, ``desc`` for ``description`` and the like."""
    name = tag.lower()
    return _LONG.get(name, name)


def parse_fields(text: str | None) -> tuple[str, ...]:
    """Split ``title,description`` into names of fields."""
    return tuple(short_name(name.strip()) for name in (text or "").split(",") if name.strip())


def track_topics(file: Input, problems: Problems) -> Iterator[Topic]:
    """Yield the topics of a file in TREC's ``<top>``, or in XML; the first tag of a topic tells which.

    Raises:
        BadInput: there is no topic in it.
    """
    none = True
    for topic in trec_topics(file, problems) if is_trec(file) else xml_topics(file, problems):
        none = False
        yield topic
    if none and not problems.count:
        raise BadInput(
            f"no <top> and no <topic> in the topics ({file.label})",
            "read are TREC's <top>, XML of <topic>, JSON lines, and lines of: id TAB text",
        )


def is_trec(file: Input) -> bool:
    """Tell ``<top>`` from XML, whose topics are ``<topic>`` or the like."""
    for _, line in file.lines(Problems(file.label)):
        for tag in re.finditer(rf"<({_NAME})(?=[\s>/])", line):
            if tag[1].lower() in ("top", "num") or _TOPIC.fullmatch(tag[1]):
                return tag[1].lower() in ("top", "num")
    return False


def trec_topics(file: Input, problems: Problems) -> Iterator[Topic]:
    """Yield the topics in TREC's own markup, which is no XML: closing tags may be left out.

    A field ends at its closing tag, at any tag that begins a line, and at a known one anywhere. Entities are decoded.
    """
    topic: Topic | None = None
    texts: list[str] | None = None
    current = ""
    for line, text in file.lines(problems):
        at = 0
        for tag in _TAG.finditer(text):
            name = short_name(tag["name"])
            if text[: tag.start()].strip() and not _is_inline(name) and not (tag["end"] and name == current):
                continue
            if texts is not None:
                texts.append(_decode(text[at : tag.start()]))
            at = tag.end()
            if name == "top":
                if topic:
                    yield topic
                topic, texts = (None if tag["end"] else _begun(line, tag["rest"])), None
            else:
                texts = None if tag["end"] or topic is None else topic.open(tag["name"], line)
                current = name
        if texts is not None:
            texts.append(_decode(text[at:]))
    if topic:
        yield topic


def _is_inline(name: str) -> bool:
    return name in _INLINE or _LANGUAGE.fullmatch(name) is not None


def _begun(line: int, attributes: str) -> Topic:
    topic = Topic(line)
    _take_number(topic, dict(_ATTRIBUTE.findall(attributes)))
    return topic


def _take_number(topic: Topic, attributes: dict[str, str]) -> None:
    for name, value in attributes.items():
        if short_name(name) in _NUMBERS:
            topic.open(name, topic.line).append(value)


def _decode(text: str) -> str:
    """Replace entities that end in a semicolon; an ``&`` that stands alone stays."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text


def xml_topics(file: Input, problems: Problems) -> Iterator[Topic]:
    """Yield the topics of an XML file: elements named ``topic``, ``query``, ``top`` or ``..._topic``.

    The number is an attribute or a child; the children are the fields, ``<field name="x">`` is the field x, and what
    stands directly in the topic is the field ``text``. Several topics without a root around them are read too.
    """
    parser, reader = expat.ParserCreate(), _XmlReader()
    reader.attach(parser)
    with reading(file.path) as stream:
        data = stream.read()
    bare = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    wrapped = not bare.startswith((b"<?", b"<!"))
    if wrapped:
        data = b"<topics>" + data.removeprefix(b"\xef\xbb\xbf") + b"</topics>"
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        hint = "in XML & is written &amp; and < is written &lt;" if "token" in str(error) else None
        reason = expat.errors.messages.get(error.code, str(error))
        problems.add(file.at(error.lineno), f"the XML is broken: {reason}", hint)
    except _EntityDeclared:
        problems.add(file.label, "the XML declares entities of its own, which are not read")
    yield from reader.topics


class _EntityDeclared(Exception):
    """A declaration by which a small file becomes a large one."""


class _XmlReader:
    """Handlers that gather topics."""

    def __init__(self) -> None:
        self.topics: list[Topic] = []
        self._topic: Topic | None = None
        self._depth = 0
        self._own: list[str] = []
        self._texts: list[str] | None = None

    def attach(self, parser: Any) -> None:
        """Set the handlers of a parser."""
        self._parser = parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.EntityDeclHandler = self._refuse
        parser.buffer_text = True

    def _refuse(self, *_: object) -> None:
        raise _EntityDeclared

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if self._topic is None:
            if _TOPIC.fullmatch(name):
                self._topic, self._depth, self._own = Topic(self._parser.CurrentLineNumber), 1, []
                _take_number(self._topic, attributes)
            return
        self._depth += 1
        if self._depth == 2:
            named = attributes.get("name", name) if name == "field" else name
            self._texts = self._topic.open(named, self._parser.CurrentLineNumber)

    def _end(self, _: str) -> None:
        if self._topic is None:
            return
        self._depth -= 1
        if self._depth == 1:
            self._texts = None
        elif self._depth == 0:
            if "".join(self._own).strip():
                self._topic.open(OWN, self._topic.line).extend(self._own)
            self.topics.append(self._topic)
            self._topic = None

    def _characters(self, text: str) -> None:
        if self._topic is not None:
            (self._own if self._depth == 1 else self._texts if self._texts is not None else []).append(text)
