"""Page of the generalisation study: answers computed from the CSV files, tables, and a check that reads it back."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from intrex.eval.leaderboard.rows import LeaderboardRow
from intrex.eval.pipelines.experiment.generalize_report import table
from intrex.eval.pipelines.studies.generalization.grouping import read_effect
from intrex.eval.pipelines.studies.generalization.results import MEASURE, Results

INTER, EXTRA = ("macro", "interpolation"), ("macro", "extrapolation")
GAP = ("paired", "gap")
REGIMES = ("interpolation", "extrapolation", "gap")
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
INTERACTIONS = ("cross-encoder", "multivector")
TRAINED = (*SINGLE, "multivector", "muvera", "cross-encoder")
HOLDS = "holds"
PARTLY = "in part"
NOT = "not seen"
CANNOT = "cannot tell"
HEAD = """# Interpolation and extrapolation of every kind of retriever

Made by `make reproduce-generalization`, which regenerates this page from the CSV files beside it, checks the one against
the others, and compares the scores with those expected; the commands are at the end. [The protocol](../methods/generalization.md)
is that of Zhan et al. 2022 (ReSTTest); nothing here repeats their models or data. What limits the answers:

- Everything that is trained begins with all-MiniLM-L6-v2, an English model that its authors trained on a billion pairs, Stack
  Exchange and scientific abstracts among them, or with splade-tiny: "unlike the training queries" means unlike those of the fold, not
  unlike all that the model has ever seen. The static model is distilled from MiniLM, the cross-encoder is MiniLM with a head
  drawn at random, trained on the fold alone.
- At most 2,000 training pairs for each static model and 500 for each of the others (the cross-encoder twice, with two negatives; the
  rest once), of at most 128 tokens, in bfloat16: what two processor cores can do. 20 documents of BM25 are reranked.
- The collections are small; the intervals say what that costs. They are of Student's t over groups of queries with the same relevant
  documents, which count as one: wordings of one question on StackFAQ, tasks for one tool on MetaTool. What that changes against
  queries taken for independent, as this page did before, is [a table of its own](#what-groups-change).
- The static models were trained with three seeds, and their intervals hold what another training would change. All others were
  trained once: **their intervals are those of these very models**, and differences between their gaps of a hundredth or two may be
  the seed's. Tests between systems are of the models as trained.
- In a small corpus a relevant document of a test query is known to the model as a negative more often than as a positive: each
  collection's section counts it. Part of a gap may be that.
- "Unlike" is said of queries, not of documents: in both collections every test query has a relevant document that a training query
  of the set has too (the flag `label` below). A fold's training queries may still lack it.
- p-values are of paired randomisation tests of 10,000 samples, corrected by Holm over all pairs of systems of a collection and
  regime: the smallest that can come out is in the table of a critical reader's questions. Intervals are not corrected, so that one may
  leave out 0 where the p-value is large.
"""


def make_page(names: Sequence[str], docs: Path, commands: Sequence[str]) -> str:
    """Write the whole page in Markdown."""
    results = [Results(name, docs) for name in names]
    pieces = [
        HEAD,
        "## Do models of single vectors match those of interactions when interpolating, but not when extrapolating?",
        "Holds: not below the interaction model when interpolating, below it when extrapolating. In part: not below it when interpolating, "
        "and with a larger gap, but not shown to be below when extrapolating. A difference counts if its corrected p-value is below .05: "
        "not below means not shown to be below, which fewer independent observations make easier.",
        *(f"**{r.name}.** {first_verdict(r)}" for r in results),
        table(["collection", "single vector", "interaction", "interpolation: first - second", "extrapolation: first - second", "gap: first - second", "finding"], [row for r in results for row in first_question(r)]),
        "## Does fusion with BM25 protect extrapolation?",
        table(["collection", "system", "extrapolation: fused - system", "extrapolation: fused - BM25", "gap: fused - system"], [row for r in results for row in second_question(r)]),
        *(f"**{r.name}.** {second_verdict(r)}" for r in results),
        "## How much of a published-style number is interpolation?",
        "What training adds to the untrained system on queries like the training queries, what it adds on others, and what share "
        "of the first that is. A test set drawn from the same source as the training set shows the first; the rest of it, 100 % less the "
        "share kept, is interpolation.",
        table(["collection", "system", "gain, interpolation", "gain, extrapolation", "share kept", "paired gap"], [row for r in results for row in third_question(r)]),
        "## What a critical reader asks",
        table(["question", *names], list(critical(results))),
        *groups_section(names, docs),
        *(piece for r in results for piece in section(r)),
        "## Commands",
        "```\n" + "\n".join(commands) + "\n```",
    ]  # fmt: skip
    return "\n\n".join(pieces) + "\n"


def groups_section(names: Sequence[str], docs: Path) -> Iterator[str]:
    """Yield what groups change, from the CSV files."""
    effects = [read_effect(docs / f"generalization-{name}-groups.csv") for name in names]
    yield "## What groups change"
    yield (
        "The same scores, once with every query alone and once by groups. Means and gaps do not move, their intervals and the "
        "p-values do. What is shown is the paired gap with its interval, and of how many pairs of systems the corrected p-value "
        "is below .05."
    )
    yield table(effects[0][0], [row for _, rows in effects for row in rows])


def first_question(r: Results) -> Iterator[list[str]]:
    """Answer question 1: each system of single vectors against each of interactions, by regime."""
    for interaction in INTERACTIONS:
        for single in SINGLE:
            tests = (str(r.tests[regime, single, interaction]) for regime in REGIMES)
            yield [r.name, single, interaction, *tests, verdict(r, single, interaction)]


def verdict(r: Results, single: str, interaction: str) -> str:
    """Tell whether the paper's finding is seen in a pair; a difference counts if its corrected p-value is below .05."""
    inside, outside, gap = (r.tests[regime, single, interaction] for regime in REGIMES)
    if interaction == "cross-encoder" and not r.tests["interpolation", interaction, "bm25"].above:
        return CANNOT
    if not inside.below and outside.below:
        return HOLDS
    return PARTLY if gap.above and not inside.below else NOT


def first_verdict(r: Results) -> str:
    """Say how the verdicts are spread, and whether the cross-encoder can be asked at all."""
    beats = r.tests["interpolation", "cross-encoder", "bm25"]
    can = "beats" if beats.above else "is not shown to beat"
    pairs = [(single, interaction) for interaction in INTERACTIONS for single in SINGLE]
    verdicts = {
        f"{single} against {interaction}": verdict(r, single, interaction) for single, interaction in pairs
    }
    spread = ". ".join(
        f"{kind.capitalize()}: {_names([pair for pair, v in verdicts.items() if v == kind])}"
        for kind in (HOLDS, PARTLY, NOT, CANNOT)
    )
    return f"When interpolating the cross-encoder {can} BM25, whose documents it reranks ({beats}). {spread}."


def second_question(r: Results) -> Iterator[list[str]]:
    """Answer question 2: each fusion against its part, against BM25, and what becomes of the gap."""
    for system in TRAINED:
        fused = f"bm25+{system}"
        if (fused, *EXTRA) in r.rows:
            yield [
                r.name, system, str(r.tests["extrapolation", fused, system]), str(r.tests["extrapolation", fused, "bm25"]),
                str(r.tests["gap", fused, system]),
            ]  # fmt: skip


def second_verdict(r: Results) -> str:
    """Count the fusions that are shown to help."""
    fused = [system for system in TRAINED if (f"bm25+{system}", *EXTRA) in r.rows]
    helped = [system for system in fused if r.tests["extrapolation", f"bm25+{system}", system].above]
    hurt = [system for system in fused if r.tests["extrapolation", f"bm25+{system}", system].below]
    closer = [system for system in fused if r.tests["gap", f"bm25+{system}", system].below]
    return (
        f"Fusion raises extrapolation of {_names(helped)} ({len(helped)} of {len(fused)}), lowers that of {_names(hurt)}, "
        f"and makes the gap of {_names(closer)} smaller (p < .05 after correction)."
    )


def _names(systems: Sequence[str]) -> str:
    return ", ".join(systems) or "none"


def third_question(r: Results) -> Iterator[list[str]]:
    """Answer question 3: what training adds by regime."""
    for system in TRAINED:
        inside, outside = (r.tests[regime, system, f"{system}.untrained"] for regime in REGIMES[:2])
        share = f"{outside.value / inside.value:.0%}" if inside.low > 0 else "–"
        gap = r.rows[(system, *GAP)]
        interval = f"{gap.value:+.3f} [{gap.ci_low:+.3f}, {gap.ci_high:+.3f}]"
        yield [r.name, system, str(inside), str(outside), share, interval]


def critical(results: Sequence[Results]) -> Iterator[list[str]]:
    """Answer the questions that a reader asks of such a study, each with its numbers."""
    yield ["test queries", *(str(_queries(r)) for r in results)]
    for row in ("train", "interpolation", "extrapolation"):
        spans = ([int(fold[row]) for fold in r.folds] for r in results)
        yield [
            f"{'training' if row == 'train' else 'test'} queries of a fold{'' if row == 'train' else ', ' + row}",
            *(f"{min(n)} to {max(n)}, {len(n)} folds" for n in spans),
        ]
    yield ["queries compared by", *(re.findall(r"compared by ([^;]+);", r.report)[0] for r in results)]
    for place, name in ((INTER, "interpolation"), (EXTRA, "extrapolation"), (GAP, "paired gap")):
        spreads = (float(np.std(r.seeds("static", place), ddof=1)) for r in results)
        yield [f"sd over 3 seeds of static, {name}", *(f"{s:.4f}" for s in spreads)]
    for regime in REGIMES:
        counts = [
            [d.p < 0.05 for (where, a, b), d in r.tests.items() if where == regime and a < b] for r in results
        ]
        yield [
            f"pairs of systems that differ, {regime} (p < .05)",
            *(f"{sum(c)} of {len(c)}" for c in counts),
        ]
    yield ["smallest corrected p-value", *(f"{min(d.p for d in r.tests.values()):.4f}" for r in results)]
    raw = (r.value("bm25", ("macro", "gap")) for r in results)
    yield ["raw gap of BM25: difficulty alone", *(f"{v:+.4f}" for v in raw)]
    kinds = list(dict.fromkeys(line[0] for r in results for line in r.audit[1:]))
    for kind in kinds:
        yield [f"test queries flagged: {kind}", *(_flagged(r.audit, kind) for r in results)]


def _queries(r: Results) -> int:
    return r.rows[("bm25", *GAP)].n_queries


def _flagged(audit: Sequence[Sequence[str]], kind: str) -> str:
    """Return the cells of an audit's line but for its name and what it means."""
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
    """Yield a collection's tables and picture, as its report has them."""
    yield f"## {r.name}"
    body = r.report.split("\n\n", 1)[1].split("\n## Paired tests")[0]
    body = body.replace("\n## ", "\n### ")
    yield body.rstrip()
    yield f"Paired tests of all pairs of systems: [tests.csv](generalization-{r.name}-tests.csv)."
    yield "### What the test queries share with the training queries"
    yield table(r.audit[0], r.audit[1:])


def check_page(page: Path, rows_of: Mapping[str, Sequence[LeaderboardRow]]) -> list[str]:
    """Read every figure of the systems' tables back from the page, and compare it with the CSV's; list what differs."""
    problems: list[str] = []
    name, columns, checked = "", [], dict.fromkeys(rows_of, 0)
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            name = line[3:] if line[3:] in rows_of else ""
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| system |"):
            columns = [COLUMNS.get(cell) for cell in cells]
        elif not line.startswith("|"):
            columns = []
        elif name and any(columns) and "---" not in line:
            rows = {
                (r.fold, r.regime): r for r in rows_of[name] if r.measure == MEASURE and r.system == cells[0]
            }
            for place, cell in zip(columns, cells, strict=True):
                if place is None:
                    continue
                checked[name] += 1
                sign = "+" if place[1] == "gap" else ""
                row = rows.get(place)
                expected = (
                    "nothing"
                    if row is None
                    else f"{row.value:{sign}.4f} [{row.ci_low:{sign}.3f}, {row.ci_high:{sign}.3f}]"
                )
                if cell != expected:
                    problems.append(f"{name} {cells[0]}: the page says {cell}, the CSV {expected}")
    systems = {
        n: len({r.system for r in rows if "@" not in r.system}) * len(COLUMNS) for n, rows in rows_of.items()
    }
    for n, count in checked.items():
        if count != systems[n]:
            problems.append(f"{n}: {count} figures are on the page, the CSV has {systems[n]}")
    return problems
