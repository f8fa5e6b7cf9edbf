"""Documents in TREC's SGML: ``<DOC>`` with ``<DOCNO>``, a title and a text."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from intrex.data.errors import Problems
from intrex.data.importers.inputs import Input, Record

TITLES = frozenset({"headline", "title", "hl", "head", "ttl", "ti", "doctitle"})
"""Fields that are the title: those that Anserini's TrecCollection reads, and FBIS's ``<TI>``."""
TEXTS = frozenset({"text", "lp", "leadpara"})
"""Fields that are the text."""
_NEVER = frozenset({"docno", "docid", "dochdr", "script", "style"})
_BEGIN = re.compile(r"<DOC(?P<attributes>\s[^>]*)?>", re.IGNORECASE)
_END = re.compile(r"</DOC\s*>", re.IGNORECASE)
_TAG = re.compile(r"<!--.*?-->|<(?P<end>/?)(?P<name>[A-Za-z][\w.:-]*)[^<>]*>", re.DOTALL)
_ID = re.compile(r"\bid\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
_DOCNO = re.compile(r"<DOCNO\s*>(.*?)</DOCNO\s*>", re.IGNORECASE | re.DOTALL)
_HINT = "a document is: <DOC> <DOCNO> id </DOCNO> ... </DOC>"


def is_trec_documents(file: Input) -> bool:
    """Tell whether a file begins with ``<DOC>``, behind comments and declarations perhaps."""
    for line in file.head().splitlines():
        text = line.lstrip()
        if text and not text.startswith(("<?", "<!")):
            return _BEGIN.match(text) is not None
    return False


def trec_documents(file: Input, problems: Problems, unread: Counter[str] | None = None) -> Iterator[Record]:
    """Read TREC's layout; memory holds one document.

    The id is the ``<DOCNO>``, or the attribute ``id`` of ``<DOC>``. Title and text are the fields `TITLES` and `TEXTS`,
    without the markup in them and with entities decoded; where a document has none of these, the text is all there is.

    Args:
        file: the file.
        problems: documents without an id or an end.
        unread: counts by tag the documents that have text there which is not read.
    """
    lines: list[str] = []
    begin, attributes = 0, ""
    for number, line in file.lines(problems):
        at = 0
        while at <= len(line):
            if not begin:
                opened = _BEGIN.search(line, at)
                if opened is None:
                    break
                begin, attributes, lines, at = number, opened["attributes"] or "", [], opened.end()
            closed, again = _END.search(line, at), _BEGIN.search(line, at)
            if again and (closed is None or again.start() < closed.start()):
                problems.add(file.at(begin), "the document does not end before the next one", _HINT)
                begin, at = 0, again.start()
                continue
            lines.append(line[at : closed.start()] if closed else line[at:])
            if closed is None:
                break
            yield from _record(file, begin, attributes, "\n".join(lines), problems, unread)
            begin, at = 0, closed.end()
    if begin:
        problems.add(file.at(begin), "the document does not end: the file was cut off", _HINT)


def _record(
    file: Input, line: int, attributes: str, body: str, problems: Problems, unread: Counter[str] | None
) -> Iterator[Record]:
    name = _DOCNO.search(body) or _ID.search(attributes)
    if name is None or not name[1].strip():
        problems.add(file.at(line), "the document has no <DOCNO>", _HINT)
        return
    parts = _Parts()
    parts.read(body)
    if unread is not None and parts.any_field:
        unread.update({tag for tag, texts in parts.others.items() if tag not in _NEVER and _joined(texts)})
    title = _joined(parts.title)
    text = _joined(
        parts.text
        if parts.any_field
        else [t for n, ts in parts.others.items() if n not in _NEVER for t in ts]
    )
    yield Record(name[1].strip(), title, text, file.at(line))


def _joined(texts: list[str]) -> str:
    return " ".join(html.unescape(" ".join(texts)).split())


@dataclass
class _Parts:
    """Texts of a document by what they are; those of no field by the innermost tag around them."""

    title: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=dict)
    any_field: bool = False

    def read(self, body: str) -> None:
        """Cut the body of a document at its tags."""
        region, depth, at = "", 0, 0
        around: list[str] = []
        for tag in _TAG.finditer(body):
            self._take(body[at : tag.start()], region, around)
            at = tag.end()
            name, closing = (tag["name"] or "").lower(), bool(tag["end"])
            if region:
                depth += (not closing) - closing if name == region else 0
                region = region if depth else ""
            elif not closing and name in TITLES | TEXTS:
                region, depth, self.any_field = name, 1, True
            elif closing and name in around:
                del around[len(around) - 1 - around[::-1].index(name) :]
            elif name and not closing:
                around.append(name)
        self._take(body[at:], region, around)

    def _take(self, text: str, region: str, around: list[str]) -> None:
        if region:
            (self.title if region in TITLES else self.text).append(text)
        elif text:
            self.others.setdefault(around[-1] if around else "doc", []).append(text)
