"""Figures of benchmarks: read from the Markdown tables that benchmarks print, kept in CSV files, one row a figure."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
CONDITIONS = {
    "--max-memory",
    "bytes a document",
    "collection",
    "d",
    "dim",
    "documents",
    "k",
    "measures",
    "pairs",
    "queries",
    "reranked",
    "threads",
    "tokens",
    "training",
    "vectors",
}
"""Headings of columns whose numbers say what was measured, not what it came to; only in front of the figures."""
_NOTHING = ("", "–", "-")
_NUMBER = re.compile(r"[+−-]?\d[\d,]*(\.\d+)?(e[+-]?\d+)?")
_UNITS = (
    (r"(\w+/s)\b", r"\1"),
    (r"\bms\b.*", "ms"),
    (r"(?:^|\s)s\b.*|^seconds.*", "s"),
    (r"\b([MGk]B)\b.*", r"\1"),
)


@dataclass(frozen=True)
class Figure:
    """One figure of one run of a benchmark.

    Attributes:
        date: of the run, UTC.
        commit: what was measured; a plus sign follows it where files were changed since.
        machine: in words, without a name.
        benchmark: the script, without ``bench_``.
        name: the conditions, and the heading of the column.
        value: as it was printed, without commas.
        unit: empty for ratios and scores.
        ratio_to: what a ratio compares with.
        note: what else one must know, such as the load of the machine.
    """

    date: str
    commit: str
    machine: str
    benchmark: str
    name: str
    value: str
    unit: str
    ratio_to: str
    note: str


COLUMNS = tuple(field.name for field in fields(Figure))


@dataclass(frozen=True)
class Cell:
    """A number in a table, with what it stands for."""

    name: str
    value: str
    unit: str
    ratio_to: str


def tables_in(text: str) -> Iterator[list[list[str]]]:
    """Yield the tables of a Markdown text: a heading, then rows; those in lists are left out."""
    table: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                table.append(cells)
        elif table:
            yield table
            table = []


def cells_of(table: list[list[str]]) -> Iterator[Cell]:
    """Yield the figures of a table: the numbers behind the columns that name what was measured."""
    heading, *rows = table
    heading = [
        f"{heading[i - 1]} {name}" if i and heading.count(name) > 1 else name
        for i, name in enumerate(heading)
    ]
    for row in rows:
        first = _first_figure(heading, row)
        conditions = zip(heading[:first], row, strict=False)
        label = ", ".join(_label(name, cell) for name, cell in conditions if cell not in _NOTHING)
        for column in range(first, min(len(heading), len(row))):
            if (value := number(row[column])) is not None:
                name = f"{label}: {heading[column]}" if label else heading[column]
                yield Cell(name, value, unit_of(heading[column]), _compared(heading, rows, column))


def number(cell: str) -> str | None:
    """The number in a cell, without commas; None if it holds anything else."""
    return cell.replace(",", "").replace("−", "-") if _NUMBER.fullmatch(cell) else None


def unit_of(heading: str) -> str:
    """The unit that a heading names."""
    if _is_ratio(heading):
        return ""
    for pattern, unit in _UNITS:
        if found := re.search(pattern, heading):
            return found.expand(unit)
    return ""


def _first_figure(heading: list[str], row: list[str]) -> int:
    for i, (name, cell) in enumerate(zip(heading, row, strict=False)):
        if name not in CONDITIONS and number(cell) is not None:
            return i
    return len(heading)


def _label(heading: str, cell: str) -> str:
    return f"{heading} {cell}" if number(cell) is not None else cell


def _is_ratio(heading: str) -> bool:
    return bool(re.search(r"times as fast|ratio| / |^to |^of exact", heading))


def _compared(heading: list[str], rows: list[list[str]], column: int) -> str:
    """What a ratio compares with: the heading says it, or it is the row that has 1, or the column before."""
    name = heading[column]
    if not _is_ratio(name):
        return ""
    if " / " in name:
        return name.split(" / ")[-1]
    if found := re.match(r"(.*) is so many times as fast", name):
        return found[1]
    if name.startswith(("to ", "of ")):
        return name.partition(" ")[2]
    ones = [row for row in rows if column < len(row) and re.fullmatch(r"1\.0+", row[column])]
    if len(ones) == 1:
        words = [
            c for c in ones[0][: _first_figure(heading, ones[0])] if number(c) is None and c not in _NOTHING
        ]
        return words[-1] if words else ""
    before = heading[column - 1]
    return "" if ones or unit_of(before) or _is_ratio(before) else before


def append(file: Path, rows: Iterable[Figure]) -> int:
    """Append rows to a CSV file, which gets its heading first; returns how many."""
    rows, new = list(rows), not file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in rows)
    return len(rows)


def read(file: Path) -> list[Figure]:
    """Read what `append` wrote; raises ValueError where the columns are others."""
    with file.open(encoding="utf-8", newline="") as stream:
        heading, *rows = csv.reader(stream)
    if tuple(heading) != COLUMNS:
        raise ValueError(f"the columns of {file} are {heading}")
    return [Figure(*row) for row in rows]
