"""How ``intrex compare`` prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from intrex.cli.common.output import Format, emit, resolve
from intrex.data.errors import UsageError
from intrex.eval.tables import Cell

if TYPE_CHECKING:
    from intrex.eval.compare.report import Report


def check_format(form: Format | None, tables: int) -> None:
    """Raise `UsageError` when more tables are asked for than the format holds, before any work starts."""
    chosen = resolve(form)
    if tables > 1 and chosen in (Format.csv, Format.jsonl):
        raise UsageError(
            f"{chosen.value} holds one table, {tables} were asked for",
            "ask for --movers, --ranking and --reproduction one at a time, or use --format table",
        )


def show(report: Report, form: Format | None) -> None:
    """Print a report to stdout.

    CSV and JSON lines hold one table: that of --movers, --ranking or --reproduction if one of them is asked for, else
    the pairs. The other formats have them below one another.
    """
    chosen = resolve(form)
    if chosen in (Format.csv, Format.jsonl):
        _machine(report, chosen)
        return
    if chosen is Format.table:
        _terminal(report)
    else:
        from intrex.eval.compare.tables import latex, markdown

        sys.stdout.write((markdown if chosen is Format.md else latex)(report.comparison))
    _more(report, chosen)


def _machine(report: Report, form: Format) -> None:
    from intrex.eval.compare.movers import Mover
    from intrex.eval.compare.reproduction import Reproduction
    from intrex.eval.compare.similarity import Similarity
    from intrex.eval.compare.tables import long_rows, pair_rows

    parts = ((report.movers, Mover), (report.similarities, Similarity), (report.reproduction, Reproduction))
    asked = [long_rows(rows, kind) for rows, kind in parts if rows is not None]
    emit(*(asked[0] if asked else pair_rows(report.comparison)), form)


def _terminal(report: Report) -> None:
    from intrex.eval.compare.tables import heading, plain, terminal_means, terminal_pairs

    found = report.comparison
    for table in terminal_means(found):
        sys.stdout.write(plain(*table) + "\n")
    sys.stdout.write(heading(found))
    pairs = [(measure, *terminal_pairs(found, measure)) for measure in found.data.measures]
    for measure, headers, rows in pairs:
        sys.stdout.write(f"\n{measure}\n{plain(headers, rows)}")
    sys.stdout.write("\n")
    if any("detect" in headers for _, headers, _ in pairs):
        sys.stdout.write(
            "detect: the smallest true difference that a t-test of so many queries finds\nfour times in five\n"
        )
    sys.stdout.write(found.signature + "\n")


def _more(report: Report, form: Format) -> None:
    from intrex.eval.compare.tables import letter, movers_table, plain, reproduction_table, similarity_table

    found = report.comparison

    def put(title: str, headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        sys.stdout.write(f"\n{'% ' if form is Format.latex else ''}{title}\n")
        if form is Format.table:
            sys.stdout.write(plain(headers, [[str(cell) for cell in row] for row in rows]))
        else:
            sys.stdout.write("\n" if form is Format.md else "")
            emit(headers, rows, form)

    if report.movers is not None:
        for a, b in found.pairs:
            title = f"Queries that moved most by {found.data.measures[0]}, {letter(b)} - {letter(a)}"
            put(title, *movers_table(found, report.movers, a, b, form is Format.table))
    if report.similarities is not None:
        depth = report.similarities[0].depth
        put(f"Rank similarity to depth {depth}, means over queries", *similarity_table(report.similarities))
    if report.reproduction is not None:
        put("Reproduction of the pair", *reproduction_table(report.reproduction))
