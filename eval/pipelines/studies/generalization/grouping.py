"""What groups of queries change in the study: intervals of the paired gaps, and pairs of systems that differ."""

import csv
from pathlib import Path

from intrex.eval.leaderboard.regimes import GAP, PAIRED
from intrex.eval.leaderboard.rows import LeaderboardRow, read_leaderboard
from intrex.eval.pipelines.studies.generalization.results import ALPHA, MEASURE
from intrex.eval.tables import Table, csv_text

HEADERS = ("collection", "what", "of", "queries alone", "groups")


def _gaps(folder: Path) -> dict[str, LeaderboardRow]:
    rows = read_leaderboard(folder / "leaderboard.csv")
    return {
        r.system: r
        for r in rows
        if (r.fold, r.regime, r.measure) == (PAIRED, GAP, MEASURE) and "@" not in r.system
    }


def _pairs(folder: Path) -> dict[str, list[bool]]:
    differs: dict[str, list[bool]] = {}
    with (folder / "tests.csv").open(encoding="utf-8", newline="") as stream:
        for test in csv.DictReader(stream):
            if test["measure"] == MEASURE:
                differs.setdefault(test["regime"], []).append(float(test["p_corrected"]) < ALPHA)
    return differs


def write_effect(name: str, alone: Path, grouped: Path, target: Path) -> None:
    """Write what groups change, of two folders with the results of one collection, as CSV."""
    before, after = _gaps(alone), _gaps(grouped)
    rows = [
        [name, "paired gap", system, _interval(before[system]), _interval(row)]
        for system, row in after.items()
        if row.ci_high > row.ci_low
    ]
    counts = (_pairs(alone), _pairs(grouped))
    rows += [
        [
            name,
            "pairs of systems that differ",
            regime,
            *(f"{sum(c[regime])} of {len(c[regime])}" for c in counts),
        ]
        for regime in counts[1]
    ]
    target.write_text(csv_text(HEADERS, rows), encoding="utf-8", newline="")


def _interval(row: LeaderboardRow) -> str:
    return f"{row.value:+.4f} [{row.ci_low:+.4f}, {row.ci_high:+.4f}]"


def read_effect(file: Path) -> Table[str]:
    """Read what `write_effect` wrote: headers and rows."""
    with file.open(encoding="utf-8", newline="") as stream:
        headers, *rows = csv.reader(stream)
    return headers, rows
