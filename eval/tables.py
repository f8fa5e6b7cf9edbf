"""Tables as text, each format written in one place: Markdown, LaTeX (booktabs) and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TypeVar

Cell = str | int | float
C = TypeVar("C")
Table = tuple[list[str], list[list[C]]]
"""Headers, and rows of as many cells of type ``C``."""

_LATEX = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}", **{c: "\\" + c for c in "&%$#_{}"}}


def markdown_lines(
    headers: Sequence[object], rows: Iterable[Sequence[object]], marks: Sequence[str] | None = None
) -> list[str]:
    """Return the lines of a Markdown table; ``marks`` align its columns, as ``---:`` does to the right."""
    lines = [headers, marks or ["---"] * len(headers), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]


def latex_lines(headers: Sequence[str], rows: Iterable[Sequence[str]], columns: str) -> list[str]:
    """Return the lines of a ``tabular`` with ``columns`` such as ``llr``; the cells are LaTeX already."""
    head, *body = (" & ".join(line) + r" \\" for line in (headers, *rows))
    return [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        head,
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]


def escape_latex(text: str) -> str:
    """Return the text with LaTeX's special characters escaped."""
    return "".join(_LATEX.get(c, c) for c in text)


def csv_text(headers: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a CSV file's text; every line ends in a line feed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headers)
    writer.writerows(rows)
    return out.getvalue()
