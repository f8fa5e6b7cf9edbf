"""Output of ``intrex compare`` over several query sets."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

from intrex.cli.common.output import Format, emit, printable, printable_lines, resolve

if TYPE_CHECKING:
    from intrex.eval.compare.sets import SetComparison


def show_sets(comparison: SetComparison, form: Format | None) -> None:
    """Print means and pairs: CSV and JSON lines hold the pairs, of each set and over all."""
    from intrex.eval.compare.settables import means_table, method_text, pairs_table
    from intrex.eval.compare.tables import WIDTH, plain

    form = resolve(form)
    if form in (Format.csv, Format.jsonl):
        emit(*comparison.table(), form)
        return
    tables: list[tuple[str, list[str], list[list[str]]]] = [("", *means_table(comparison))]
    tables += [
        (f"Pairs by {m}", *pairs_table(comparison, m, form is not Format.table)) for m in comparison.measures
    ]
    for i, (title, headers, rows) in enumerate(tables):
        if i:
            sys.stdout.write(f"\n{'% ' if form is Format.latex else ''}{printable(title)}\n")
        if form is Format.table:
            cells = [[printable(cell) for cell in row] for row in rows]
            sys.stdout.write(plain(list(map(printable, headers)), cells))
        else:
            sys.stdout.write("\n" if form is Format.md and i else "")
            emit(headers, rows, form)
    sys.stdout.write("\n")
    text = method_text(comparison)
    mark = "% " if form is Format.latex else ""
    sys.stdout.write("".join(f"{mark}{line}\n" for line in textwrap.wrap(text, WIDTH)))
    signature = f"`{comparison.signature}`" if form is Format.md else f"{mark}{comparison.signature}"
    sys.stdout.write("\n" * (form is Format.md) + printable_lines(signature) + "\n")
