"""A comparison as tables: narrow ones for a terminal, one of systems by measures with marks for a paper."""

from __future__ import annotations

import string
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any

import numpy as np

from intrex.eval.compare.comparison import Comparison, PairRow
from intrex.eval.compare.movers import Mover
from intrex.eval.compare.reproduction import Reproduction
from intrex.eval.compare.resampling import EXACT_QUERIES, TOLERANCE
from intrex.eval.compare.similarity import Similarity
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
    """Records of a dataclass as they are, a column for each field."""
    return [f.name for f in fields(kind)], [list(astuple(row)) for row in rows]


def letter(i: int) -> str:
    """The mark of a system: a to z, A to Z, then its number."""
    letters = string.ascii_letters
    return letters[i] if i < len(letters) else f"[{i + 1}]"


def short(name: str, width: int = NAME) -> str:
    """A name cut in its middle."""
    half = (width - 1) // 2
    return name if len(name) <= width else f"{name[: width - 1 - half]}…{name[-half:]}"


def queries_text(found: Comparison) -> str:
    """How many queries the pairs were compared on."""
    counts = {row.n_queries for row in found.rows}
    low, high = min(counts), max(counts)
    if found.data.conditions.complete:
        return f"{high:,} {'query' if high == 1 else 'queries'}"
    span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"pairs on the queries that both answer ({span} of {len(found.data.query_ids):,})"


def plain(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a terminal: columns two blanks apart, numbers to the right, a rule below the headers."""
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


def heading(found: Comparison) -> str:
    """Queries, test, correction and the marks, as a paragraph of 80 columns."""
    parts = f"{queries_text(found)}; {method_text(found)}. {legend(found)}."
    return textwrap.fill(parts[:1].upper() + parts[1:], WIDTH) + "\n"


def method_text(found: Comparison) -> str:
    """Test, correction and level in words."""
    settings, size = found.settings, found.family_size
    if settings.test == "tukey":
        guard = "p-values hold for all pairs together"
    elif settings.corrected_by == "none":
        guard = "not corrected"
    else:
        what = "test" if settings.family == "all" else "pair"
        scope = "of all measures together" if settings.family == "all" else "of each measure"
        guard = f"{NAMES[settings.correction]} over {size:,} {what}{'s' * (size != 1)} {scope}"
    drawn = ""
    if settings.test in ("bootstrap", "tukey") or (settings.test == "randomization" and not _exact(found)):
        drawn = f", {settings.samples:,} samples"
    return f"two-sided {NAMES[settings.test]}{drawn}, {guard}, alpha {settings.alpha:g}"


def _exact(found: Comparison) -> bool:
    return all(row.n_queries <= EXACT_QUERIES for row in found.rows)


def marks(found: Comparison) -> list[list[str]]:
    """[s][m] the letters of the systems that each beats significantly, or its mark against the baseline."""
    names, measures = found.data.systems, found.data.measures
    out = [["" for _ in measures] for _ in names]
    for row in found.rows:
        if row.p_corrected > found.settings.alpha or row.difference == 0:
            continue
        a, b, m = names.index(row.a), names.index(row.b), measures.index(row.measure)
        if found.baseline is not None:
            out[b][m] = BETTER if row.difference > 0 else WORSE
        else:
            winner, loser = (b, a) if row.difference > 0 else (a, b)
            out[winner][m] += letter(loser)
    return [["".join(sorted(cell, key=str.swapcase)) for cell in line] for line in out]


def legend(found: Comparison) -> str:
    """What the marks mean."""
    if found.baseline is None:
        return "Letters: the systems that it beats significantly"
    base = short(found.data.systems[found.baseline])
    return f"{BETTER} significantly better, {WORSE} worse than {base}"


def terminal_means(found: Comparison) -> list[Table[str]]:
    """Systems by measures with marks, in as many tables as 80 columns need."""
    data, means, signs = found.data, found.data.means(), marks(found)
    columns = []
    for m, measure in enumerate(data.measures):
        width = max(len(line[m]) for line in signs)
        cells = [
            f"{means[i, m]:.4f}" + (f" {signs[i][m]:<{width}}" if width else "") for i in range(len(signs))
        ]
        columns.append((measure, cells))
    names = [short(name) for name in data.systems]
    room = WIDTH - max(map(len, names)) - 5
    tables: list[Table[str]] = []
    while columns:
        taken: list[tuple[str, list[str]]] = []
        used = 0
        while columns and (not taken or used + _width(columns[0]) <= room):
            used += _width(columns[0])
            taken.append(columns.pop(0))
        rows = [[letter(i), name, *(cells[i] for _, cells in taken)] for i, name in enumerate(names)]
        tables.append((["", "system", *(measure for measure, _ in taken)], rows))
    return tables


def _width(column: tuple[str, list[str]]) -> int:
    return max(len(column[0]), *map(len, column[1])) + 2


def terminal_pairs(found: Comparison, measure: str) -> Table[str]:
    """The pairs by one measure; systems by their letters. Without ``detect`` where 80 columns do not hold it."""
    level = f"{100 * (1 - found.settings.alpha):g}% interval"
    headers = ["pair", "diff", level, "p", found.settings.corrected_by, "d_z", "win/tie/loss", "detect"]
    if found.settings.corrected_by == "none":
        del headers[4]
    names, rows = found.data.systems, []
    for row in found.rows:
        if row.measure != measure:
            continue
        cells = [
            f"{letter(names.index(row.b))} - {letter(names.index(row.a))}", _signed(row.difference, 4),
            f"{_signed(row.ci_low, 4)} {_signed(row.ci_high, 4)}", p_text(row.p), p_text(row.p_corrected),
            "-" if row.d_z is None else _signed(row.d_z, 2), f"{row.wins}/{row.ties}/{row.losses}",
            "-" if row.detectable is None else f"{row.detectable:.4f}",
        ]  # fmt: skip
        if found.settings.corrected_by == "none":
            del cells[4]
        rows.append(cells)
    used = sum(max(len(line[i]) for line in (headers, *rows)) + 2 for i in range(len(headers))) - 2
    if used > WIDTH:
        return headers[:-1], [cells[:-1] for cells in rows]
    return headers, rows


def _signed(value: float, digits: int) -> str:
    return f"{0.0 if abs(value) < TOLERANCE else value:+.{digits}f}"  # keeps the sign of what rounds to 0


def p_text(p: float) -> str:
    """Four digits; smaller ones as a bound."""
    return f"{p:.4f}" if p >= 0.0001 else "<.0001"


def movers_table(found: Comparison, moved: Sequence[Mover], a: int, b: int, narrow: bool) -> Table[str]:
    """The movers of one pair; ``narrow`` cuts ranks and texts to fit 80 columns, ids never."""
    names = found.data.systems
    own = [row for row in moved if (row.a, row.b) == (names[a], names[b])]
    one, other = letter(a), letter(b)
    headers = ["query", f"{other} - {one}", one, other, f"ranks in {one}", f"ranks in {other}", "text"]
    rows = [
        [r.query, _signed(r.difference, 4), f"{r.value_a:.4f}", f"{r.value_b:.4f}", r.ranks_a, r.ranks_b, " ".join(r.text.split())]
        for r in own
    ]  # fmt: skip
    if narrow and rows:
        for row in rows:
            row[4], row[5] = _cut(row[4], 12), _cut(row[5], 12)
        used = sum(max(columns_of(line[i]) for line in (headers, *rows)) + 2 for i in range(6))
        for row in rows:
            row[6] = _cut(row[6], max(WIDTH - used, 4))
    return headers, rows


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian wide characters take two, accents none."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _cut(text: str, width: int) -> str:
    if columns_of(text) <= width:
        return text
    while columns_of(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def paper_rows(found: Comparison, bold: str, raised: str) -> Table[str]:
    """Systems by measures for a document: the best in bold, marks raised; both are patterns with one ``{}``."""
    data, means, signs = found.data, found.data.means(), marks(found)
    best = np.abs(means - means.max(axis=0)) < 5e-13
    rows: list[list[str]] = []
    for i, name in enumerate(data.systems):
        cells = []
        for m in range(len(data.measures)):
            text = f"{means[i, m]:.4f}"
            cells.append(
                (bold.format(text) if best[i, m] else text)
                + (raised.format(signs[i][m]) if signs[i][m] else "")
            )
        rows.append([letter(i) if found.baseline is None else "", name, *cells])
    return ["", "system", *data.measures], rows


def caption(found: Comparison) -> str:
    """What a reader of the table must know."""
    what = (
        "Superscript letters name the systems that a system beats significantly"
        if found.baseline is None
        else f"{BETTER} is significantly better and {WORSE} significantly worse than {found.data.systems[found.baseline]}"
    )
    means = f"Means over {queries_text(found)}"
    if not found.data.conditions.complete:
        means = f"Means over the queries that each answers; {queries_text(found)}"
    return f"{means}; best in bold. {what} ({method_text(found)})."


def markdown(found: Comparison) -> str:
    """The table in Markdown, its caption below."""
    headers, rows = paper_rows(found, "**{}**", "<sup>{}</sup>")
    body = markdown_lines(headers, rows, ["---", "---", *("---:" for _ in found.data.measures)])
    return "\n".join([*body, "", caption(found), "", f"`{found.signature}`", ""])


def latex(found: Comparison) -> str:
    """The table in LaTeX (booktabs), its caption above."""
    headers, rows = paper_rows(found, r"\textbf{{{}}}", r"$^{{{}}}$")
    keep = {BETTER: r"\dagger", WORSE: r"\ddagger"}
    lines = []
    for mark, name, *cells in rows:
        shown = ["".join(keep.get(c, c) for c in cell) for cell in cells]
        lines.append([mark, escape_latex(name), *shown])
    text = escape_latex(caption(found))
    for sign, command in keep.items():
        text = text.replace(sign, f"${command}$")
    table = latex_lines([escape_latex(h) for h in headers], lines, "ll" + "r" * len(found.data.measures))
    head = [r"\begin{table}", r"\centering", rf"\caption{{{text}}}"]
    return "\n".join([*head, *table, r"\end{table}", f"% {found.signature}", ""])


def pair_rows(found: Comparison) -> Table[Any]:
    """All rows with every field, for machines."""
    return long_rows(found.rows, PairRow)


def similarity_table(rows: Sequence[Similarity]) -> Table[str]:
    """Rank similarity, a line for each pair."""
    headers = ["pair", "RBO", "RBO cut", "tau-b", "KTU", "top 10", "top 100", "n"]
    return headers, [
        [f"{short(r.b, 11)} ~ {short(r.a, 11)}", *(f"{v:.3f}" for v in astuple(r)[2:8]), str(r.n_queries)]
        for r in rows
    ]


def reproduction_table(rows: Sequence[Reproduction]) -> Table[str]:
    """How well the pair was reproduced, a line for each measure."""
    headers = ["measure", "RMSE base", "RMSE adv", "improved by", "reproduced", "effect ratio", "delta RI"]
    return headers, [
        [r.measure, f"{r.rmse_baseline:.4f}", f"{r.rmse_advanced:.4f}", _signed(r.improvement, 4), _signed(r.reproduced_improvement, 4)]
        + ["-" if v is None else f"{v:.4f}" for v in (r.effect_ratio, r.delta_ri)]
        for r in rows
    ]  # fmt: skip
