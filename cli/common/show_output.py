"""Output of ``intrex show``."""

from __future__ import annotations

import json
import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from intrex.cli.common.output import printable

if TYPE_CHECKING:
    from intrex.data.collection import Document
    from intrex.eval.pipelines.show.options import ShowOptions
    from intrex.eval.pipelines.show.page import Page, Shown
    from intrex.retrievers.explanation import Part

WIDTH = 80
INDENT = "    "
BEFORE = 40
"""Characters of a text that stand before its first match."""
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
"""What Markdown would read as its own."""
Piece = tuple[str, bool]
"""Part of a text, and whether it matches."""


def show_page(page: Page, options: ShowOptions) -> None:
    """Print a page to stdout in the format asked for."""
    if options.form == "json":
        sys.stdout.write(json.dumps(page.record(), ensure_ascii=False, indent=2) + "\n")
    elif options.form == "jsonl":
        for missed, documents in ((False, page.documents), (True, page.missed or ())):
            for shown in documents:
                record = {"tag": page.tag, "query_id": page.query_id, "missed": missed, **shown.record()}
                sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        lines = _Markdown(options) if options.form == "md" else _Terminal(options)
        sys.stdout.write("\n".join(lines.page(page)) + "\n")


class _Terminal:
    """Lines for a terminal or a pager, no wider than it but for a table of parts."""

    def __init__(self, options: ShowOptions) -> None:
        from rich.console import Console

        self._options = options
        on_terminal = sys.stdout.isatty()
        self._console = Console(width=None if on_terminal else WIDTH, highlight=False, emoji=False)
        self._bold = on_terminal and not self._console.is_dumb_terminal

    def page(self, page: Page) -> Iterator[str]:
        """Yield the lines of a page."""
        yield from self._wrapped(list(_query_pieces(page)), "")
        for shown in page.documents:
            yield ""
            yield from self._document(shown, page)
        if page.missed is not None:
            yield ""
            yield _missed_heading(page)
            for shown in page.missed:
                yield ""
                yield from self._document(shown, page)

    def _document(self, shown: Shown, page: Page) -> Iterator[str]:
        yield printable("  ".join(_heading(shown, page.graded)))
        if shown.document is not None:
            for pieces in _texts(shown, shown.document, self._options.length):
                yield from self._wrapped([(printable(text), match) for text, match in pieces], INDENT)
        if self._options.parts and shown.parts:
            from intrex.eval.compare.tables import plain

            table = plain(*_parts_table(shown.parts, printable))
            yield ""
            yield from (INDENT + line for line in table.rstrip("\n").split("\n"))

    def _wrapped(self, pieces: Sequence[Piece], indent: str) -> Iterator[str]:
        from rich.text import Text

        text = Text()
        for piece, match in pieces:
            text.append(
                piece if self._bold or not match else f"**{piece}**", "bold" if match and self._bold else ""
            )
        for line in text.wrap(self._console, self._console.width - len(indent), overflow="fold"):
            segments = line.render(self._console)
            styled = (f"\x1b[1m{s.text}\x1b[0m" if s.style and s.style.bold else s.text for s in segments)
            yield (indent + "".join(styled)).rstrip()


class _Markdown:
    """Lines of Markdown: a heading, a text and a table for each document."""

    def __init__(self, options: ShowOptions) -> None:
        self._options = options

    def page(self, page: Page) -> Iterator[str]:
        """Yield the lines of a page."""
        yield self._text(list(_query_pieces(page)))
        for shown in page.documents:
            yield from self._document(shown, page)
        if page.missed is not None:
            yield from ("", f"**{_missed_heading(page)}**")
            for shown in page.missed:
                yield from self._document(shown, page)

    def _document(self, shown: Shown, page: Page) -> Iterator[str]:
        yield from ("", f"### {_escape(' · '.join(_heading(shown, page.graded)).strip())}")
        if shown.document is not None:
            for pieces in _texts(shown, shown.document, self._options.length):
                yield from ("", self._text(pieces))
        if self._options.parts and shown.parts:
            from intrex.eval.tables import markdown_lines

            headers, rows = _parts_table(shown.parts, printable)
            marks = [
                "---:" if all(_is_number(row[i]) for row in rows) else "---" for i in range(len(headers))
            ]
            yield ""
            yield from markdown_lines(headers, rows, marks)

    @staticmethod
    def _text(pieces: Sequence[Piece]) -> str:
        return "".join(f"**{_escape(text)}**" if match else _escape(text) for text, match in pieces)


def _query_pieces(page: Page) -> Iterator[Piece]:
    name = f"query {page.query_id}" if page.query_id is not None else "query"
    yield printable(f"{name}: {' '.join(page.query.split())}" if page.query else name), False
    yield printable(f"  [{page.tag}]"), False


def _missed_heading(page: Page) -> str:
    count = len(page.missed or ())
    if count == 1:
        return "1 relevant document is not among these:"
    return f"{count:,} relevant documents are not among these" + (":" if count else "")


def _heading(shown: Shown, graded: bool) -> list[str]:
    """Return rank, document and score, with the grade where there are judgements, and what stands beside the score."""
    parts = ["not found" if shown.rank is None else f"{shown.rank:>3}", shown.id]
    if shown.score is not None:
        parts.append(f"{shown.score:.4f}")
    parts += [f"{name} {'-' if value is None else _number(value)}" for name, value in shown.numbers.items()]
    if graded:
        parts.append("not judged" if shown.grade is None else f"grade {shown.grade}")
    return parts


def _texts(shown: Shown, document: Document, length: int) -> Iterator[list[Piece]]:
    """Yield the title and the text, as far as there are any, cut to a length."""
    for text, matches in ((document.title, shown.title_matches), (document.text, shown.text_matches)):
        if text.strip():
            yield _excerpt(text, matches, length)


def _excerpt(text: str, matches: Sequence[tuple[int, int]], length: int) -> list[Piece]:
    """Cut a text to ``length`` characters around its first match, at blanks where there are some; 0 leaves it whole."""
    low, high = 0, len(text)
    if length and len(text) > length:
        first = _densest(text, matches, length - BEFORE)
        low = max(0, min(first - BEFORE, len(text) - length))
        if low:
            low = _blank(text, low, first) + 1
        high = min(len(text), low + length)
        if high < len(text):
            high = max((text.rfind(" ", low + length // 2, high), high - 1, 0)[0], low + length // 2)
    pieces: list[Piece] = [("... ", False)] if low else []
    at = low
    for start, end in matches:
        if start >= low and end <= high:
            pieces += [(text[at:start], False), (text[start:end], True)]
            at = end
    pieces += [(text[at:high], False)] + ([(" ...", False)] if high < len(text) else [])
    return [(re.sub(r"\s+", " ", piece), match) for piece, match in pieces if piece]


def _densest(text: str, matches: Sequence[tuple[int, int]], length: int) -> int:
    """Return where the stretch of ``length`` characters begins, at a match, that has most different words; the first of equal ones."""
    ends = [end for _, end in matches]
    words = [text[start:end].lower() for start, end in matches]
    counts = [len(set(words[i : bisect_right(ends, start + length)])) for i, (start, _) in enumerate(matches)]
    return matches[counts.index(max(counts))][0] if counts else 0


def _blank(text: str, low: int, stop: int) -> int:
    """Return the place of the first blank from ``low`` on, before ``stop``, or that before ``low``."""
    at = text.find(" ", low, stop)
    return at if at >= 0 else low - 1


def _parts_table(parts: Sequence[Part], spell: Callable[[str], str]) -> tuple[list[str], list[list[str]]]:
    """Return the table of the parts of a score, and their sum in its last line."""
    names = list(dict.fromkeys(name for part in parts for name in part.numbers))
    rows = [
        [
            spell(part.name),
            *(spell(_number(part.numbers.get(name, ""))) for name in names),
            f"{part.score:.4f}",
        ]
        for part in parts
    ]
    total = sum(part.score for part in parts)
    of = "token" if "similarity" in names else "term"
    return [of, *names, "part"], [*rows, ["sum", *("" for _ in names), f"{total:.4f}"]]


def _number(value: str | int | float) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _is_number(text: str) -> bool:
    return text == "" or text.lstrip("-")[:1].isdigit()


def _escape(text: str) -> str:
    return SPECIAL.sub(r"\\\1", printable(text))
