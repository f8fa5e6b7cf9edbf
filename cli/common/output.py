"""Tables in the format asked for: data to stdout, everything for people to stderr."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from intrex.eval.tables import Cell, csv_text, escape_latex, latex_lines, markdown_lines

WHOLE = ("query",)
"""Columns of a table that are never folded, as numbers are not: ids are there to be copied."""
FOLDED = 16
"""Least width of the columns that may be folded."""
GAP = 3
EDGES = 2
"""Blanks that rich puts between two columns, and on both sides of a table."""


_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Format(StrEnum):
    """Format of a printed table."""

    table = "table"
    csv = "csv"
    jsonl = "jsonl"
    md = "md"
    latex = "latex"


def resolve(form: str | None) -> Format:
    """Return the format of a name; where it is None, a table on a terminal and CSV elsewhere."""
    return Format(form or ("table" if sys.stdout.isatty() else "csv"))


def emit(
    headers: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    form: str | None = None,
    caption: str = "",
    lead: int = 0,
) -> None:
    """Print rows to stdout: a table on a terminal, CSV elsewhere, unless ``form`` says otherwise.

    Floats have 4 digits in ``table``, ``md`` and ``latex``, and all of them in ``csv`` and ``jsonl``. The caption
    goes below a table; the other formats carry what it says in a column. A table wider than the terminal is printed in
    blocks of columns if it has ``lead`` columns that say what a row is about: each block begins with them.
    """
    form = resolve(form)
    if form is Format.csv:
        sys.stdout.write(csv_text(headers, rows))
    elif form is Format.jsonl:
        for row in rows:
            _write_json(dict(zip(headers, row, strict=True)))
    else:
        texts = [[f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
        right = [
            all(isinstance(row[i], (int, float)) or _numeric(texts[j][i]) for j, row in enumerate(rows))
            for i in range(len(headers))
        ]
        if form is Format.table:
            no_wrap = [
                right[i] or headers[i] in WHOLE or any(isinstance(row[i], (int, float)) for row in rows)
                for i in range(len(headers))
            ]
            _table(headers, texts, right, no_wrap, lead)
        elif form is Format.md:
            lines = markdown_lines(
                headers,
                [list(map(printable, line)) for line in texts],
                ["---:" if numeric else "---" for numeric in right],
            )
            sys.stdout.write("\n".join(lines) + "\n")
        else:
            columns = "".join("r" if numeric else "l" for numeric in right)
            head, *body = ([escape_latex(printable(cell)) for cell in line] for line in (headers, *texts))
            sys.stdout.write("\n".join(latex_lines(head, body, columns)) + "\n")
        if caption:
            sys.stdout.write(_caption(caption, form))


def printable(text: str) -> str:
    """Spell what a terminal would obey instead of showing: control characters, and those that turn the direction."""
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def printable_lines(text: str) -> str:
    """Spell each line of a text as `printable` does; the lines stay."""
    return "\n".join(map(printable, text.split("\n")))


def _write_json(record: dict[str, Any]) -> None:
    import json  # a millisecond of every start

    # JSON has no nan
    sound = {k: None if isinstance(v, float) and v != v else v for k, v in record.items()}
    sys.stdout.write(json.dumps(sound, ensure_ascii=False, default=str) + "\n")


def between(form: str | None) -> None:
    """Print a blank line between two tables of one output, where the tables do not bring their own."""
    if resolve(form) in (Format.md, Format.latex):
        sys.stdout.write("\n")


def _caption(text: str, form: Format) -> str:
    text = printable_lines(text)
    if form is Format.md:
        return "".join(f"\n`{line}`\n" for line in text.split("\n"))
    return "".join(f"{'% ' if form is Format.latex else ''}{line}\n" for line in text.split("\n"))


def _numeric(text: str) -> bool:
    return text[:1].isdigit() or text == "" or (text[0] in "+-" and text[1:2].isdigit())


def _table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[bool],
    no_wrap: Sequence[bool],
    lead: int,
) -> None:
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def narrowest(i: int) -> int:
        return widths[i] if no_wrap[i] else min(widths[i], FOLDED)

    headers, *rows = ([printable(cell) for cell in line] for line in (headers, *rows))
    room = Console().width if sys.stdout.isatty() else 1000
    widths = [max(cell_len(line[i]) for line in (headers, *rows)) for i in range(len(headers))]
    for block in _blocks([narrowest(i) for i in range(len(headers))], lead, room - EDGES):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for i in block:
            header = Text(headers[i])
            table.add_column(
                header, justify="right" if right[i] else "left", overflow="fold", no_wrap=no_wrap[i]
            )
        for row in rows:
            table.add_row(*(Text(row[i]) for i in block))
        needed = sum(narrowest(i) + GAP for i in block) - GAP + EDGES
        Console(width=max(room, needed), highlight=False, emoji=False).print(table)


def _blocks(widths: Sequence[int], lead: int, room: int) -> list[list[int]]:
    """Divide columns among tables: all in one, or in each the first ``lead`` and as many others as fit."""
    first = list(range(lead))
    if not lead or sum(widths) + GAP * (len(widths) - 1) <= room:
        return [list(range(len(widths)))]
    blocks: list[list[int]] = []
    used = room
    for i in range(lead, len(widths)):
        if not blocks or used + GAP + widths[i] > room:
            blocks.append(list(first))
            used = sum(widths[:lead]) + GAP * (lead - 1)
        blocks[-1].append(i)
        used += GAP + widths[i]
    return blocks


def say(text: str) -> None:
    """Print a line for the person at the terminal (stderr)."""
    sys.stderr.write(printable_lines(text) + "\n")


def human_bytes(size: float) -> str:
    """Format a number of bytes: 1536 -> 1.5 KiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def show(pairs: dict[str, Any], form: str | None) -> None:
    """Print a record: a line for each entry on a terminal, one JSON object for ``jsonl``, else a two-column table."""
    form = resolve(form)
    if form is Format.jsonl:
        _write_json(pairs)
    elif form is Format.table:
        width = max(map(len, pairs))
        for key, value in pairs.items():
            sys.stdout.write(f"{key:<{width}}  {printable(str(value))}\n")
    else:
        emit(["what", "value"], [[key, str(value)] for key, value in pairs.items()], form)
