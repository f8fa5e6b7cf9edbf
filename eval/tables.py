"""Tables as text, each format written in one place: Markdown, LaTeX (booktabs) and CSV."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

Cell = str | int | float
C = TypeVar("C")
Table = tuple[list[str], list[list[C]]]
"""Headers, and rows of as many cells of type ``C``."""

_TAG = re.compile("<(?=[A-Za-z/!?])(?!/?sup>)")
_FORMULA = frozenset("=+-@\t\r")
_log = logging.getLogger("intrex")
_LATEX = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}", **{c: "\\" + c for c in "&%$#_{}"}}


def markdown_lines(
    headers: Sequence[object], rows: Iterable[Sequence[object]], marks: Sequence[str] | None = None
) -> list[str]:
    """Return the lines of a Markdown table; ``marks`` align its columns, as ``---:`` does to the right."""
    lines = [headers, marks or ["---"] * len(headers), *rows]
    return ["| " + " | ".join(escape_markdown(str(cell)) for cell in line) + " |" for line in lines]


def escape_markdown(text: str) -> str:
    """Return the text of a cell without what would end the cell, or begin a tag of HTML but ``sup``, our mark."""
    return _TAG.sub(r"\\<", text.replace("|", "\\|"))


def latex_lines(headers: Sequence[str], rows: Iterable[Sequence[str]], columns: str) -> list[str]:
    """Return the lines of a ``tabular`` with ``columns`` such as ``llr``; the cells are LaTeX already."""
    head, *body = (_guard(" & ".join(line)) + r" \\" for line in (headers, *rows))
    return [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        head,
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _guard(line: str) -> str:
    r"""Keep ``\\`` and the rules, which stand before a line, from reading its ``[`` or ``*`` as theirs."""
    return "{}" + line if line.lstrip().startswith(("[", "*")) else line


def escape_latex(text: str) -> str:
    """Return the text with LaTeX's special characters escaped."""
    return "".join(_LATEX.get(c, c) for c in text)


def csv_text(headers: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a CSV file's text; every line ends in a line feed.

    Cells are what they are: of those that a spreadsheet would compute a note is made (docs/formats.md, CSV).
    """
    rows = list(rows)
    formulas = [cell for row in rows for cell in row if isinstance(cell, str) and _is_formula(cell)]
    if formulas:
        _log.info(
            "%s of the CSV begin with =, +, - or @, for example %r: import the columns into a spreadsheet as text",
            f"{len(formulas):,} cell{'s' * (len(formulas) != 1)}", formulas[0],
        )  # fmt: skip
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headers)
    writer.writerows(rows)
    return out.getvalue()


def _is_formula(cell: str) -> bool:
    """Tell whether a spreadsheet would take a text for a formula; a number is none."""
    if len(cell) < 2 or cell[0] not in _FORMULA:
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False
