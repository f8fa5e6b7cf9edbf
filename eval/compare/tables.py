"""A comparison as tables: narrow ones for a terminal, one of systems by measures with marks for a paper."""

from __future__ import annotations

import string
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any

import numpy as np

from intrex.eval.compare.comparison import Comparison
from intrex.eval.compare.resampling import EXACT_QUERIES, TOLERANCE
from intrex.eval.tables import Table, escape_latex, latex_lines, markdown_lines

WIDTH = 80
NAME = 26
BETTER, WORSE = "†", "‡"
NAMES = {
    "randomization": "Fisher's randomisation test",
    "t": "paired t-test",
    "wilcoxon": "Wilcoxon signed-rank test",
    "bootstrap": "paired bootstrap test",
    "tukey": "randomised Tukey HSD",
    "holm": "Holm",
    "bonferroni": "Bonferroni",
    "bh": "Benjamini-Hochberg",
}


def long_rows(rows: Sequence[Any], kind: type) -> Table[Any]:
    """Return records of a dataclass as they are, a column for each field."""
    return [f.name for f in fields(kind)], [list(astuple(row)) for row in rows]


def letter(i: int) -> str:
    """Return the mark of a system: a to z, A to Z, then its number."""
    letters = string.ascii_letters
    return letters[i] if i < len(letters) else f"[{i + 1}]"


def shorten(name: str, width: int = NAME) -> str:
    """Cut a name in its middle."""
    half = (width - 1) // 2
    return name if len(name) <= width else f"{name[: width - 1 - half]}…{name[-half:]}"


def queries_text(comparison: Comparison) -> str:
    """Say how many queries the pairs were compared on."""
    counts = {row.n_queries for row in comparison.rows}
    low, high = min(counts), max(counts)
    if comparison.data.conditions.complete:
        groups = f" in {len(comparison.data.groups):,} groups" if comparison.data.groups.source else ""
        return f"{high:,} {'query' if high == 1 else 'queries'}{groups}"
    span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"pairs on the queries that both answer ({span} of {len(comparison.data.query_ids):,})"


def plain(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table for a terminal: columns two blanks apart, numbers to the right, a rule below the headers."""
    widths = [max(columns_of(line[i]) for line in (headers, *rows)) for i in range(len(headers))]
    right = [all(row[i][:1] in "0123456789+-<" for row in rows) for i in range(len(headers))]
    lines = []
    for line in (headers, ["─" * width for width in widths], *rows):
        cells = [
            " " * (width - columns_of(cell)) + cell if r else cell + " " * (width - columns_of(cell))
            for cell, width, r in zip(line, widths, right, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def heading(comparison: Comparison) -> str:
    """Write queries, test, correction and the marks, as a paragraph of 80 columns."""
    parts = f"{queries_text(comparison)}; {method_text(comparison)}. {legend(comparison)}."
    return textwrap.fill(parts[:1].upper() + parts[1:], WIDTH) + "\n"


def method_text(comparison: Comparison) -> str:
    """Spell test, correction and level in words."""
    settings, size = comparison.settings, comparison.family_size
    if settings.test == "tukey":
        guard = "p-values hold for all pairs together"
    elif settings.corrected_by == "none":
        guard = "not corrected"
    else:
        unit = "test" if settings.family == "all" else "pair"
        scope = "of all measures together" if settings.family == "all" else "of each measure"
        guard = f"{NAMES[settings.correction]} over {size:,} {unit}{'s' * (size != 1)} {scope}"
    samples = ""
    sampled = settings.test == "randomization" and not _exact(comparison)
    if sampled or settings.test in ("bootstrap", "tukey"):
        samples = f", {settings.samples:,} samples"
    return f"two-sided {NAMES[settings.test]}{samples}, {guard}, alpha {settings.alpha:g}"


def _exact(comparison: Comparison) -> bool:
    return all(row.n_groups <= EXACT_QUERIES for row in comparison.rows)


def marks(comparison: Comparison) -> list[list[str]]:
    """Return for each [s][m] the letters of the systems that it beats significantly, or its mark against the baseline."""
    names, measures = comparison.data.systems, comparison.data.measures
    out = [["" for _ in measures] for _ in names]
    for row in comparison.rows:
        if row.p_corrected > comparison.settings.alpha or row.difference == 0:
            continue
        a, b, m = names.index(row.a), names.index(row.b), measures.index(row.measure)
        if comparison.baseline is not None:
            out[b][m] = BETTER if row.difference > 0 else WORSE
        else:
            winner, loser = (b, a) if row.difference > 0 else (a, b)
            out[winner][m] += letter(loser)
    return [["".join(sorted(cell, key=str.swapcase)) for cell in line] for line in out]


def legend(comparison: Comparison) -> str:
    """Explain the marks."""
    if comparison.baseline is None:
        return "Letters: the systems that it beats significantly"
    base = shorten(comparison.data.systems[comparison.baseline])
    return f"{BETTER} significantly better, {WORSE} worse than {base}"


def terminal_means(comparison: Comparison) -> list[Table[str]]:
    """Return systems by measures with marks, in as many tables as 80 columns need."""
    data, means, signs = comparison.data, comparison.data.means(), marks(comparison)
    columns = []
    for m, measure in enumerate(data.measures):
        width = max(len(line[m]) for line in signs)
        cells = [
            f"{means[i, m]:.4f}" + (f" {signs[i][m]:<{width}}" if width else "") for i in range(len(signs))
        ]
        columns.append((measure, cells))
    names = [shorten(name) for name in data.systems]
    room = WIDTH - max(map(len, names)) - 5
    tables: list[Table[str]] = []
    while columns:
        fitting: list[tuple[str, list[str]]] = []
        used = 0
        while columns and (not fitting or used + _width(columns[0]) <= room):
            used += _width(columns[0])
            fitting.append(columns.pop(0))
        rows = [[letter(i), name, *(cells[i] for _, cells in fitting)] for i, name in enumerate(names)]
        tables.append((["", "system", *(measure for measure, _ in fitting)], rows))
    return tables


def _width(column: tuple[str, list[str]]) -> int:
    return max(len(column[0]), *map(len, column[1])) + 2


def terminal_pairs(comparison: Comparison, measure: str, whole: bool = False) -> Table[str]:
    """Return the pairs by one measure; systems by their letters. Without ``detect`` where 80 columns do not hold it, unless ``whole``."""
    level = f"{100 * (1 - comparison.settings.alpha):g}% interval"
    headers = ["pair", "diff", level, "p", comparison.settings.corrected_by, "d_z", "win/tie/loss", "detect"]
    if comparison.settings.corrected_by == "none":
        del headers[4]
    names, rows = comparison.data.systems, []
    for row in comparison.rows:
        if row.measure != measure:
            continue
        cells = [
            f"{letter(names.index(row.b))} - {letter(names.index(row.a))}", signed(row.difference, 4),
            f"{signed(row.ci_low, 4)} {signed(row.ci_high, 4)}", p_text(row.p), p_text(row.p_corrected),
            "-" if row.d_z is None else signed(row.d_z, 2), f"{row.wins}/{row.ties}/{row.losses}",
            "-" if row.detectable is None else f"{row.detectable:.4f}",
        ]  # fmt: skip
        if comparison.settings.corrected_by == "none":
            del cells[4]
        rows.append(cells)
    used = sum(max(len(line[i]) for line in (headers, *rows)) + 2 for i in range(len(headers))) - 2
    if used > WIDTH and not whole:
        return headers[:-1], [cells[:-1] for cells in rows]
    return headers, rows


def signed(value: float, digits: int) -> str:
    """Print a difference with its sign, also where it rounds to 0."""
    return f"{0.0 if abs(value) < TOLERANCE else value:+.{digits}f}"  # keeps the sign of what rounds to 0


def p_text(p: float) -> str:
    """Print four digits; smaller ones as a bound."""
    return f"{p:.4f}" if p >= 0.0001 else "<.0001"


def columns_of(text: str) -> int:
    """Count the columns of a terminal that a text takes: East Asian wide characters take two, accents none."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def shorten_end(text: str, width: int) -> str:
    """Cut a text to so many columns, at its end."""
    if columns_of(text) <= width:
        return text
    while columns_of(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def paper_rows(comparison: Comparison, bold: str, raised: str) -> Table[str]:
    """Return systems by measures for a document: the best in bold, marks raised; both are patterns with one ``{}``."""
    data, means, signs = comparison.data, comparison.data.means(), marks(comparison)
    best = np.abs(means - means.max(axis=0)) < 5e-13
    rows: list[list[str]] = []
    for i, name in enumerate(data.systems):
        cells = []
        for m in range(len(data.measures)):
            text = f"{means[i, m]:.4f}"
            text = bold.format(text) if best[i, m] else text
            cells.append(text + (raised.format(signs[i][m]) if signs[i][m] else ""))
        rows.append([letter(i) if comparison.baseline is None else "", name, *cells])
    return ["", "system", *data.measures], rows


def caption(comparison: Comparison) -> str:
    """Write what a reader of the table must know."""
    explanation = "Superscript letters name the systems that a system beats significantly"
    if comparison.baseline is not None:
        base = comparison.data.systems[comparison.baseline]
        explanation = f"{BETTER} is significantly better and {WORSE} significantly worse than {base}"
    means = f"Means over {queries_text(comparison)}"
    if not comparison.data.conditions.complete:
        means = f"Means over the queries that each answers; {queries_text(comparison)}"
    return f"{means}; best in bold. {explanation} ({method_text(comparison)})."


def comparison_markdown(comparison: Comparison) -> str:
    """Write the table in Markdown, its caption below."""
    headers, rows = paper_rows(comparison, "**{}**", "<sup>{}</sup>")
    body = markdown_lines(headers, rows, ["---", "---", *("---:" for _ in comparison.data.measures)])
    return "\n".join([*body, "", caption(comparison), "", f"`{comparison.signature}`", ""])


def comparison_latex(comparison: Comparison) -> str:
    """Write the table in LaTeX (booktabs), its caption above."""
    headers, rows = paper_rows(comparison, r"\textbf{{{}}}", r"$^{{{}}}$")
    keep = {BETTER: r"\dagger", WORSE: r"\ddagger"}
    lines = []
    for mark, name, *cells in rows:
        texts = ["".join(keep.get(c, c) for c in cell) for cell in cells]
        lines.append([mark, escape_latex(name), *texts])
    text = escape_latex(caption(comparison))
    for sign, command in keep.items():
        text = text.replace(sign, f"${command}$")
    table = latex_lines([escape_latex(h) for h in headers], lines, "ll" + "r" * len(comparison.data.measures))
    head = [r"\begin{table}", r"\centering", rf"\caption{{{text}}}"]
    return "\n".join([*head, *table, r"\end{table}", f"% {comparison.signature}", ""])
