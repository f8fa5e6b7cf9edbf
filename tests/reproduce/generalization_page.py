"""The page of the generalisation study: answers computed from the CSV files, tables, and a check that reads it back."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intrex.eval.leaderboard import LeaderboardRow, read_leaderboard
from intrex.eval.pipelines.generalize_report import table

MEASURE = "nDCG@10"
INTER, EXTRA = ("macro", "interpolation"), ("macro", "extrapolation")
GAP = ("paired", "gap")
PLACES = (INTER, EXTRA, GAP, ("macro", "gap"), ("micro", "interpolation"), ("micro", "extrapolation"))
COLUMNS = dict(
    zip(
        (
            "interpolation",
            "extrapolation",
            "paired gap",
            "raw gap",
            "micro interpolation",
            "micro extrapolation",
        ),
        PLACES,
        strict=True,
    )
)
SINGLE = ("static", "dense", "splade")
TRAINED = (*SINGLE, "multivector", "muvera", "cross-encoder")
HEAD = """# Interpolation and extrapolation of every kind of retriever

Made by `make reproduce-generalization`, which regenerates this page from the CSV files beside it, checks the one against
the others, and compares the scores with those expected; the commands are at the end. [The protocol](../methods/generalization.md)
is that of Zhan et al. 2022 (ReSTTest); nothing here repeats their models or data. What limits the answers:

- Everything that is trained begins with all-MiniLM-L6-v2, an English model that its authors trained on a billion pairs, Stack
  Exchange and scientific abstracts among them, or with splade-tiny: "unlike the training queries" means unlike those of the fold, not
  unlike all that the model has ever seen. The static model is distilled from MiniLM, the cross-encoder is MiniLM with a head
  drawn at random, trained on the fold alone.
- At most 2,000 training pairs for each model, on two processor cores; 20 documents of BM25 are reranked, of 128 tokens.
- The collections are small; the intervals say what that costs. They are bootstrap intervals over queries, conditional on the trained
  models. The training seed is varied for the static model only.
- p-values are of paired randomisation tests, corrected by Holm over all pairs of systems of a collection and regime.
"""


@dataclass(frozen=True)
class Difference:
    """One system minus another: the figure, its interval and the corrected p-value."""

    value: float
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        p = f"p = {self.p:.4f}" if self.p >= 0.0001 else "p < .0001"
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}], {p}"


class Results:
    """A collection's figures and paired tests."""

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

    def value(self, system: str, place: tuple[str, str]) -> float:
        """A figure by the first measure."""
        return self.rows[(system, *place)].value

    def seeds(self, system: str, place: tuple[str, str]) -> list[float]:
        """The figure of each seed."""
        return [
            r.value for (s, *p), r in self.rows.items() if s.startswith(f"{system}@") and tuple(p) == place
        ]


def make_page(names: Sequence[str], docs: Path, commands: Sequence[str]) -> str:
    """The whole page in Markdown."""
    every = [Results(name, docs) for name in names]
    pieces = [
        HEAD,
        "## Do models of single vectors match those of interactions when interpolating, but not when extrapolating?",
        *(f"**{r.name}.** {first_question(r)}" for r in every),
        "## Does fusion with BM25 protect extrapolation?",
        table(["collection", "system", "extrapolation: fused - system", "extrapolation: fused - BM25", "gap: fused - system"], [row for r in every for row in second_question(r)]),
        *(f"**{r.name}.** {second_verdict(r)}" for r in every),
        "## How much of a published-style number is interpolation?",
        "What training adds to the untrained system on queries like the training queries, what it adds on others, and what share "
        "of the first that is. A test set drawn from the same source as the training set shows the first.",
        table(["collection", "system", "gain, interpolation", "gain, extrapolation", "share kept", "paired gap"], [row for r in every for row in third_question(r)]),
        "## What a critical reader asks",
        table(["question", *names], list(critical(every))),
        *(piece for r in every for piece in section(r)),
        "## Commands",
        "```\n" + "\n".join(commands) + "\n```",
    ]  # fmt: skip
    return "\n\n".join(pieces) + "\n"


def first_question(r: Results) -> str:
    """Question 1, or why it cannot be answered."""
    beats = r.tests["interpolation", "cross-encoder", "bm25"]
    if beats.low <= 0:
        return (
            f"Cannot tell: when interpolating the cross-encoder is not shown to beat BM25, whose documents it reranks "
            f"(difference {beats}). Late interaction can be asked: {_against(r, 'dense', 'multivector')}"
        )
    parts = [_against(r, one, "cross-encoder") for one in SINGLE]
    return " ".join(
        [
            f"The cross-encoder beats BM25 when interpolating ({beats}).",
            *parts,
            _against(r, "dense", "multivector"),
        ]
    )


def _against(r: Results, one: str, other: str) -> str:
    """How a system of single vectors stands to one of interactions in both regimes."""
    inside, outside = (r.tests[regime, one, other] for regime in ("interpolation", "extrapolation"))
    gap = r.tests["gap", one, other]
    match = "matches" if inside.high >= 0 else "does not match"
    holds = "is behind" if outside.high < 0 else "is not behind"
    return (
        f"{one} {match} {other} when interpolating ({inside}) and {holds} when extrapolating ({outside}); "
        f"its gap is {'larger' if gap.low > 0 else 'smaller' if gap.high < 0 else 'not shown to differ'} ({gap})."
    )


def second_question(r: Results) -> Iterator[list[str]]:
    """Question 2: each fusion against its part, against BM25, and what becomes of the gap."""
    for one in TRAINED:
        fused = f"bm25+{one}"
        if (fused, *EXTRA) in r.rows:
            yield [
                r.name, one, str(r.tests["extrapolation", fused, one]), str(r.tests["extrapolation", fused, "bm25"]),
                str(r.tests["gap", fused, one]),
            ]  # fmt: skip


def second_verdict(r: Results) -> str:
    """How many fusions are shown to help."""
    fused = [one for one in TRAINED if (f"bm25+{one}", *EXTRA) in r.rows]
    helped = [one for one in fused if r.tests["extrapolation", f"bm25+{one}", one].low > 0]
    hurt = [one for one in fused if r.tests["extrapolation", f"bm25+{one}", one].high < 0]
    closer = [one for one in fused if r.tests["gap", f"bm25+{one}", one].high < 0]
    return (
        f"Fusion raises extrapolation of {_names(helped)} ({len(helped)} of {len(fused)}), lowers that of {_names(hurt)}, "
        f"and makes the gap of {_names(closer)} smaller."
    )


def _names(systems: Sequence[str]) -> str:
    return ", ".join(systems) or "none"


def third_question(r: Results) -> Iterator[list[str]]:
    """Question 3: what training adds by regime."""
    for one in TRAINED:
        inside, outside = (
            r.tests[regime, one, f"{one}.untrained"] for regime in ("interpolation", "extrapolation")
        )
        kept = f"{outside.value / inside.value:.0%}" if inside.low > 0 else "–"
        gap = r.rows[(one, *GAP)]
        yield [
            r.name,
            one,
            str(inside),
            str(outside),
            kept,
            f"{gap.value:+.3f} [{gap.ci_low:+.3f}, {gap.ci_high:+.3f}]",
        ]


def critical(every: Sequence[Results]) -> Iterator[list[str]]:
    """The questions that a reader asks of such a study, each with its numbers."""
    yield ["test queries", *(str(_queries(r)) for r in every)]
    yield ["queries compared by", *(re.findall(r"compared by ([^;]+);", r.report)[0] for r in every)]
    for place, what in ((INTER, "interpolation"), (EXTRA, "extrapolation"), (GAP, "paired gap")):
        spreads = (float(np.std(r.seeds("static", place), ddof=1)) for r in every)
        yield [f"sd over 3 seeds of static, {what}", *(f"{s:.4f}" for s in spreads)]
    for regime in ("interpolation", "extrapolation", "gap"):
        counts = [
            [d.p < 0.05 for (where, a, b), d in r.tests.items() if where == regime and a < b] for r in every
        ]
        yield [
            f"pairs of systems that differ, {regime} (p < .05)",
            *(f"{sum(c)} of {len(c)}" for c in counts),
        ]
    raw = (r.value("bm25", ("macro", "gap")) for r in every)
    yield ["raw gap of BM25: difficulty alone", *(f"{v:+.4f}" for v in raw)]
    kinds = list(dict.fromkeys(line[0] for r in every for line in r.audit[1:]))
    for kind in kinds:
        yield [f"test queries flagged: {kind}", *(_flagged(r.audit, kind) for r in every)]


def _queries(r: Results) -> int:
    return r.rows[("bm25", *GAP)].n_queries


def _flagged(audit: Sequence[Sequence[str]], kind: str) -> str:
    """The cells of an audit's line but for its name and what it means."""
    line = next((line for line in audit[1:] if line[0] == kind), None)
    if line is None:
        return "–"
    head = audit[0]
    return ", ".join(
        f"{line[i]}"
        for i, name in enumerate(head)
        if i and name in ("flagged", "queries", "share", "percent")
    )


def section(r: Results) -> Iterator[str]:
    """A collection's tables and picture, as its report has them."""
    yield f"## {r.name}"
    body = r.report.split("\n\n", 1)[1]
    body = body.replace("\n## ", "\n### ").replace("(generalization.png)", f"(generalization-{r.name}.png)")
    yield "### " + body.removeprefix("## ").rstrip() if body.startswith("## ") else body.rstrip()
    yield "### What the test queries share with the training queries"
    yield table(r.audit[0], r.audit[1:])


def check_page(page: Path, found: Mapping[str, Sequence[LeaderboardRow]]) -> list[str]:
    """Read every figure of the systems' tables back from the page, and compare it with the CSV's; lists what differs."""
    problems: list[str] = []
    name, columns, checked = "", [], dict.fromkeys(found, 0)
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            name = line[3:] if line[3:] in found else ""
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| system |"):
            columns = [COLUMNS.get(cell) for cell in cells]
        elif not line.startswith("|"):
            columns = []
        elif name and any(columns) and "---" not in line:
            rows = {
                (r.fold, r.regime): r for r in found[name] if r.measure == MEASURE and r.system == cells[0]
            }
            for place, cell in zip(columns, cells, strict=True):
                if place is None:
                    continue
                checked[name] += 1
                sign = "+" if place[1] == "gap" else ""
                row = rows.get(place)
                wanted = (
                    "nothing"
                    if row is None
                    else f"{row.value:{sign}.4f} [{row.ci_low:{sign}.3f}, {row.ci_high:{sign}.3f}]"
                )
                if cell != wanted:
                    problems.append(f"{name} {cells[0]}: the page says {cell}, the CSV {wanted}")
    systems = {
        n: len({r.system for r in rows if "@" not in r.system}) * len(COLUMNS) for n, rows in found.items()
    }
    for n, count in checked.items():
        if count != systems[n]:
            problems.append(f"{n}: {count} figures are on the page, the CSV has {systems[n]}")
    return problems
