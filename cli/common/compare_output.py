"""Output of ``intrex compare``."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from intrex.cli.common.help import WIDTH
from intrex.cli.common.output import Format, emit, printable, printable_lines, resolve
from intrex.data.errors import UsageError
from intrex.eval.tables import Cell, escape_markdown

if TYPE_CHECKING:
    from intrex.eval.compare.report import CompareReport


def check_one_table(form: Format | None, tables: int) -> None:
    """Raise `UsageError` when more tables are asked for than the format holds, before any work starts."""
    form = resolve(form)
    if tables > 1 and form in (Format.csv, Format.jsonl):
        raise UsageError(
            f"{form.value} holds one table, {tables} were asked for",
            "ask for queries, --by, --ranking and --reproduction one at a time, or use --format table",
        )


def show(report: CompareReport, form: Format | None) -> None:
    """Print a report to stdout.

    CSV and JSON lines hold one table: that of queries, --by, --ranking or --reproduction if one of them is asked for, else
    the pairs. The other formats have them below one another.
    """
    form = resolve(form)
    if form in (Format.csv, Format.jsonl):
        _machine(report, form)
        return
    if form is Format.table:
        _terminal(report)
    else:
        from intrex.eval.compare.tables import comparison_latex, comparison_markdown

        sys.stdout.write((comparison_markdown if form is Format.md else comparison_latex)(report.comparison))
        _pairs(report, form)
    _show_parts(report, form)


def _machine(report: CompareReport, form: Format) -> None:
    from intrex.eval.compare.beside import MoverDocument
    from intrex.eval.compare.comparison import PairRow
    from intrex.eval.compare.movers import Mover
    from intrex.eval.compare.reproduction import Reproduction
    from intrex.eval.compare.similarity import Similarity
    from intrex.eval.compare.slices import SliceRow
    from intrex.eval.compare.tables import long_rows

    queries = [row for rows in report.movers.values() for row in rows] if report.movers else None
    documents = [row for rows in report.beside.values() for row in rows] if report.beside else None
    parts = (
        (documents, MoverDocument),
        (queries, Mover),
        (report.slices, SliceRow),
        (report.similarities, Similarity),
        (report.reproduction, Reproduction),
    )
    tables = [long_rows(rows, kind) for rows, kind in parts if rows is not None]
    emit(*(tables[0] if tables else long_rows(report.comparison.rows, PairRow)), form)


def _terminal(report: CompareReport) -> None:
    from intrex.eval.compare.tables import heading, terminal_means, terminal_pairs

    comparison = report.comparison
    for table in terminal_means(comparison):
        sys.stdout.write(_plain(*table) + "\n")
    sys.stdout.write(printable_lines(heading(comparison)))
    pairs = [(measure, *terminal_pairs(comparison, measure)) for measure in comparison.data.measures]
    for measure, headers, rows in pairs:
        sys.stdout.write(f"\n{measure}\n{_plain(headers, rows)}")
    sys.stdout.write("\n")
    if any("detect" in headers for _, headers, _ in pairs):
        sys.stdout.write(
            "detect: the smallest true difference that a t-test of so many queries finds\nfour times in five\n"
        )
    sys.stdout.write(printable_lines(comparison.signature) + "\n")


def _plain(headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    from intrex.eval.compare.tables import plain

    return plain(list(map(printable, headers)), [[printable(str(cell)) for cell in row] for row in rows])


def _pairs(report: CompareReport, form: Format) -> None:
    """Print the pairs with their p-values below the table of a paper, which has marks only."""
    from intrex.eval.compare.tables import terminal_pairs

    comparison = report.comparison
    for measure in comparison.data.measures:
        sys.stdout.write(f"\n{'% ' if form is Format.latex else ''}Pairs by {measure}\n\n")
        emit(*terminal_pairs(comparison, measure, whole=True), form)


def _title(text: str, form: Format) -> str:
    text = printable(text)
    if form is Format.table:
        return textwrap.fill(text, WIDTH)
    return f"% {text}" if form is Format.latex else escape_markdown(text)


def _show_parts(report: CompareReport, form: Format) -> None:
    from intrex.eval.compare.beside import beside_tables
    from intrex.eval.compare.parts import movers_table, reproduction_table, similarity_table, slices_table
    from intrex.eval.compare.tables import letter

    comparison = report.comparison

    def put(title: str, headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        sys.stdout.write(f"\n{_title(title, form)}\n")
        if form is Format.table:
            sys.stdout.write(_plain(headers, rows))
        else:
            sys.stdout.write("\n" if form is Format.md else "")
            emit(headers, rows, form)

    for side, rows in report.movers.items():
        for a, b in comparison.pairs:
            title = f"Queries that {side} most by {comparison.data.measures[0]}, {letter(b)} - {letter(a)}"
            put(title, *movers_table(comparison, rows, a, b, form is Format.table))
            pair, marks = (comparison.data.systems[a], comparison.data.systems[b]), (letter(a), letter(b))
            for text, table in beside_tables(report.beside.get(side, ()), pair, marks, form is Format.table):
                put(text, *table)
    if report.slices is not None:
        put(
            "By slice; intervals of each slice alone, not corrected", *slices_table(comparison, report.slices)
        )
    if report.similarities is not None:
        first = report.similarities[0]
        title = f"Rank similarity to depth {first.depth}, RBO with p = {first.rbo_p:g}, means over queries"
        put(title, *similarity_table(report.similarities))
    if report.reproduction is not None:
        put("Reproduction of the pair", *reproduction_table(report.reproduction))
