"""Results of the generalisation study on a collection, read from its CSV files."""

import csv
from dataclasses import dataclass
from pathlib import Path

from intrex.eval.leaderboard.rows import read_leaderboard

MEASURE = "nDCG@10"
ALPHA = 0.05


@dataclass(frozen=True)
class Difference:
    """Difference of two systems: the figure, its interval and the corrected p-value."""

    value: float
    low: float
    high: float
    p: float

    @property
    def above(self) -> bool:
        """Significantly positive, corrected."""
        return self.value > 0 and self.p < ALPHA

    @property
    def below(self) -> bool:
        """Significantly negative, corrected."""
        return self.value < 0 and self.p < ALPHA

    def __str__(self) -> str:
        p = f"p = {self.p:.4f}" if self.p >= 0.0001 else "p < .0001"
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}], {p}"


class Results:
    """Figures and paired tests of a collection."""

    def __init__(self, name: str, docs: Path) -> None:
        self.name = name
        self.rows = {
            (r.system, r.fold, r.regime): r
            for r in read_leaderboard(docs / f"generalization-{name}-leaderboard.csv")
            if r.measure == MEASURE
        }
        self.tests: dict[tuple[str, str, str], Difference] = {}
        with (docs / f"generalization-{name}-tests.csv").open(encoding="utf-8", newline="") as stream:
            for t in csv.DictReader(stream):
                if t["measure"] == MEASURE:
                    d, low, high, p = (
                        float(t[k]) for k in ("difference", "ci_low", "ci_high", "p_corrected")
                    )
                    self.tests[t["regime"], t["b"], t["a"]] = Difference(d, low, high, p)
                    self.tests[t["regime"], t["a"], t["b"]] = Difference(-d, -high, -low, p)
        with (docs / f"generalization-{name}-audit.csv").open(encoding="utf-8", newline="") as stream:
            self.audit = list(csv.reader(stream))
        self.report = (docs / f"generalization-{name}-report.md").read_text(encoding="utf-8")

    @property
    def folds(self) -> list[dict[str, str]]:
        """Lines of the report's table of folds."""
        section = self.report.split("## Folds")[1].split("\n## ")[0]
        head, _, *lines = [
            [c.strip() for c in line.strip("| ").split("|")]
            for line in section.splitlines()
            if line.startswith("|")
        ]
        return [dict(zip(head, line, strict=True)) for line in lines]

    def value(self, system: str, place: tuple[str, str]) -> float:
        """Return a figure by the first measure."""
        return self.rows[(system, *place)].value

    def seeds(self, system: str, place: tuple[str, str]) -> list[float]:
        """Return the figure of each seed."""
        return [
            r.value for (s, *p), r in self.rows.items() if s.startswith(f"{system}@") and tuple(p) == place
        ]
