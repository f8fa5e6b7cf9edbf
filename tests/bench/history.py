"""The page of the benchmarks' history, made from ``docs/benchmarks/*.csv``: ``python -m tests.bench.history``."""

from tests.bench import figures
from tests.bench.figures import Figure

PAGE = figures.FOLDER / "history.md"
SHOWN = 6
"""Runs of one figure that are shown, the first and the latest ones."""
HEAD = """# History of the benchmarks

Written by `make bench` from the CSV files beside it; do not edit. A row of a CSV file is one figure: date, commit, machine, benchmark,
name, value, unit, what a ratio compares with, and a note. Figures of different machines or loads do not compare; ratios do,
with care. What the figures mean is on the page of [benchmarks](../benchmarks.md).

Rows of 2026-11-25 were taken from the tables of that page when these files were begun. Their commit is that of the page's last
change, not always of the run.

"""


def text() -> str:
    """The page: how much there is of each benchmark, and every figure that was measured more than once."""
    found = {file.stem: figures.read(file) for file in sorted(figures.FOLDER.glob("*.csv"))}
    lines = ["| benchmark | figures | runs | first | latest |", "| --- | --: | --: | --- | --- |"]
    for name, rows in found.items():
        runs = {(row.date, row.commit, row.note) for row in rows}
        dates = sorted(row.date for row in rows)
        names = len({row.name for row in rows})
        lines.append(f"| [{name}]({name}.csv) | {names} | {len(runs)} | {dates[0]} | {dates[-1]} |")
    for name, rows in found.items():
        again = _again(rows)
        if again:
            lines += ["", f"## {name}", "", "| figure | unit | values, oldest first |", "| --- | --- | --- |"]
            lines += [f"| {what} | {unit} | {values} |" for what, unit, values in again]
    return HEAD + "\n".join(lines) + "\n"


def _again(rows: list[Figure]) -> list[tuple[str, str, str]]:
    """Figures that were measured more than once, in the order of the file."""
    by_name: dict[str, list[Figure]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    return [(name, own[0].unit, _values(own)) for name, own in by_name.items() if len(own) > 1]


def _values(rows: list[Figure]) -> str:
    said = [f"{row.value} ({row.date}, {row.commit})" for row in rows]
    if len(said) > SHOWN:
        said = [said[0], "...", *said[-SHOWN + 1 :]]
    return ", ".join(said)


def write() -> None:
    PAGE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    write()
