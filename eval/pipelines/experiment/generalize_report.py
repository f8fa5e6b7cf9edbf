"""Files of an experiment with a split, beside its leaderboard: paired tests, a plot, a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from intrex.data.io.files import write_text
from intrex.eval.compare.comparison import PairRow
from intrex.eval.compare.tables import p_text
from intrex.eval.leaderboard.by_split import SEED, figure_text
from intrex.eval.leaderboard.regimes import GAP, MACRO, MICRO, PAIRED
from intrex.eval.leaderboard.rows import LeaderboardRow
from intrex.eval.pipelines.experiment.describe import QUICK
from intrex.eval.pipelines.experiment.pins import weights_of
from intrex.eval.pipelines.experiment.recipe import Recipe
from intrex.eval.pipelines.experiment.variants import UNTRAINED
from intrex.eval.pipelines.plots import pyplot, save
from intrex.eval.scoring.groups import DOCUMENTS
from intrex.eval.splits.split import REGIMES, Split, split_table
from intrex.eval.tables import Table, markdown_lines

PLOT = "the plot of an experiment with a split"
PLACES = ((MACRO, REGIMES[0]), (MACRO, REGIMES[1]), (PAIRED, GAP), (MACRO, GAP), (MICRO, REGIMES[0]), (MICRO, REGIMES[1]))  # fmt: skip
"""Folds and regimes of the figures of a system."""


@dataclass(frozen=True)
class Generalization:
    """Findings of an experiment with a split.

    Attributes:
        recipe: of the experiment.
        split: its split.
        rows: the leaderboard.
        tests: paired tests of all pairs of systems.
        spread: for each system with several seeds, the standard deviation over them of macro interpolation, macro
            extrapolation and the paired gap, by the first measure of the recipe.
        seen: see `seen_in_training`.
    """

    recipe: Recipe
    split: Split
    rows: Sequence[LeaderboardRow]
    tests: Mapping[str, Sequence[PairRow]]
    spread: dict[str, tuple[float, float, float]]
    seen: Table[str]

    def row(self, system: str, fold: str, regime: str) -> LeaderboardRow | None:
        """Find the figure of a system in a fold and regime, by the first measure."""
        place = (system, fold, regime, self.recipe.measures[0])
        return next((r for r in self.rows if (r.system, r.fold, r.regime, r.measure) == place), None)


def generalization(
    recipe: Recipe,
    split: Split,
    rows: Sequence[LeaderboardRow],
    tests: Mapping[str, Sequence[PairRow]],
    seen: Table[str],
) -> Generalization:
    """Put the findings together, and measure what seeds change."""
    findings = Generalization(recipe, split, rows, tests, {}, seen)
    names = dict.fromkeys(row.system for row in rows)
    for name in recipe.systems:
        seeds = [seed for seed in names if seed.startswith(f"{name}{SEED}")]
        if seeds:
            values = [[getattr(findings.row(s, *p), "value", np.nan) for p in PLACES[:3]] for s in seeds]
            interpolation, extrapolation, gap = np.std(values, axis=0, ddof=1).tolist()
            findings.spread[name] = (interpolation, extrapolation, gap)
    return findings


def warnings(recipe: Recipe, split: Split) -> list[str]:
    """Warn of figures that cannot be trusted: of hasty trainings, or with a system under test as the split's encoder."""
    hasty = any(QUICK in words for words in recipe.descriptions.values())
    quick = "--quick: trained in a few steps on a few pairs, to see that all works; the figures say nothing of the systems"
    return [*([quick] if hasty else []), *_same_weights(recipe, split)]


def _same_weights(recipe: Recipe, split: Split) -> list[str]:
    revision = (split.encoder or {}).get("revision")
    same = [name for name, encoder in recipe.encoders.items() if encoder and weights_of(encoder) == revision]
    if not revision or not same:
        return []
    return [
        f"the queries were compared by {(split.encoder or {}).get('name')}, of which {', '.join(same)} "
        f"{'is' if len(same) == 1 else 'are'} made: what looks unlike to the split looks unlike to the system too; "
        "check with a split by BM25 (--encoder bm25)"
    ]


def write_reports(findings: Generalization, out: Path) -> None:
    """Write ``report.md`` and ``generalization.png``; for what is raised see `plot`."""
    write_text(out / "report.md", report(findings), overwrite=True)
    plot(findings, out / "generalization.png")


def report(findings: Generalization) -> str:
    """Write the report in Markdown: conditions, folds, figures, tests, and what they are conditional on."""
    split, measure = findings.split, findings.recipe.measures[0]
    encoder = split.encoder or {}
    pieces = [
        f"# {findings.recipe.name}: interpolation and extrapolation",
        f"Split {split.name}: {split.protocol}, queries compared by "
        f"{encoder.get('name') or encoder.get('kind', 'nothing')}; {len(split.test_ids):,} test queries, "
        f"{len(split.train_ids):,} training queries.",
        *(f"**Warning**: {w}." for w in warnings(findings.recipe, split)),
        *_systems(findings),
        "## Folds",
        "Similarity is the mean, over test queries, of the highest similarity to a training query of the fold.",
        table(*split_table(split)),
        f"## {measure}",
        f"Means over folds, with 95 % intervals by Student's t over {_sampled(findings)}. The paired gap is a query's mean "
        "interpolation score minus its extrapolation score, averaged: 0 for what is not trained. The raw gap is the "
        "difference of the two columns; of untrained systems it is what the difficulty of the queries alone makes. "
        + _conditional(findings),
        table(*figures(findings)),
        *(_seen(findings) if findings.seen[1] else []),
        *(["## Seeds", _seeds(findings)] if findings.spread else []),
        "![interpolation against extrapolation](generalization.png)",
        *_tests(findings),
    ]
    return "\n\n".join(pieces) + "\n"


def table(headers: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """Write a Markdown table."""
    return "\n".join(markdown_lines(headers, rows))


def figures(findings: Generalization) -> Table[str]:
    """Return a line for each system, by extrapolation descending: macro and micro means, the gaps."""
    lines = []
    for system in findings.recipe.systems:
        rows = [findings.row(system, *place) for place in PLACES]
        value = rows[1].value if rows[1] else 0.0
        lines.append((value, [system, *(figure_text(r) if r else "" for r in rows)]))
    ordered = [line for _, line in sorted(lines, key=lambda pair: (-pair[0], pair[1][0]))]
    return ["system", *REGIMES, "paired gap", "raw gap", *(f"micro {r}" for r in REGIMES)], ordered


def _systems(findings: Generalization) -> list[str]:
    """Say how systems are fused and trained, where a recipe says so."""
    described = findings.recipe.descriptions
    if not described:
        return []
    rows = [[name, *(words.get(key, "") for key in ("fuse", "train"))] for name, words in described.items()]
    return ["## Systems", table(["system", "fused", "trained on"], rows)]


def _words(findings: Generalization, system: str) -> dict[str, str]:
    """Return the words of the signature of a system's paired gap, or of its macro mean."""
    row = findings.row(system, PAIRED, GAP) or findings.row(system, MACRO, REGIMES[0])
    return dict(word.partition("=")[::2] for word in row.signature.split("|")) if row else {}


def _sampled(findings: Generalization) -> str:
    """Say what was sampled."""
    source, _, number = _words(findings, findings.recipe.systems[0]).get("groups", "none").rpartition(":")
    if not source:
        return "queries"
    how = "with the same relevant documents" if source == DOCUMENTS else f"of {source.partition('@')[0]}"
    return f"{int(number):,} groups of queries {how}"


def _conditional(findings: Generalization) -> str:
    """Say whose intervals hold what another training would change, and whose do not."""
    trainings = {name: int(_words(findings, name).get("trainings", 0)) for name in findings.recipe.systems}
    several = [f"{name} ({n})" for name, n in trainings.items() if n > 1]
    once = [name for name, n in trainings.items() if n == 1]
    sentences = []
    if several:
        sentences.append(
            f"Intervals hold what another training would change, estimated from several, for {', '.join(several)}."
        )
    if once:
        sentences.append(
            f"Trained once, with one seed: {', '.join(once)}. Their intervals are those of these very models: another "
            "seed may move a figure further than its interval is wide, and nothing here says how far."
        )
    return " ".join(sentences)


def _seen(findings: Generalization) -> list[str]:
    return [
        "## What the models were trained on",
        "Share of the test queries (of all pairs of query and model) of which a relevant document was the positive of a "
        "training example, and of which one was a negative. A query with negatives alone asks for what the model was only "
        "ever taught to push away: part of the gap may be that, not that the query is unlike. `spare` in a recipe's "
        "`train` draws no such negatives.",
        table(*findings.seen),
    ]


def _seeds(findings: Generalization) -> str:
    head = ["system", *(f"sd of {r}" for r in REGIMES), "sd of the paired gap"]
    rows = [[name, *(f"{v:.4f}" for v in values)] for name, values in findings.spread.items()]
    return "Standard deviation over the seeds of training, of one training each:\n\n" + table(head, rows)


def _tests(findings: Generalization) -> Iterator[str]:
    if not findings.tests:
        return
    first = next(iter(findings.tests.values()))[0]
    systems = findings.recipe.systems
    yield "## Paired tests"
    yield (
        f"{first.test} test over {_sampled(findings)}, of the models as trained; p-values corrected by {first.correction} over the "
        f"{len(systems) * (len(systems) - 1) // 2} pairs of a regime; every pair is in `tests.csv`. Here: each trained "
        f"system against its untrained form, and all against {systems[0]}. A positive difference means that the "
        "second is higher."
    )
    head = ["regime", "first", "second", "difference", "95 % interval", "p corrected"]
    shown = partial(_is_shown, baseline=systems[0], measure=findings.recipe.measures[0])
    yield table(
        head, [_test(regime, row) for regime, rows in findings.tests.items() for row in filter(shown, rows)]
    )


def _is_shown(row: PairRow, baseline: str, measure: str) -> bool:
    system = row.a.removesuffix(UNTRAINED)
    forms = {row.a, row.b} == {system, system + UNTRAINED}
    return row.measure == measure and (forms or baseline in (row.a, row.b))


def _test(regime: str, r: PairRow) -> list[str]:
    interval = f"[{r.ci_low:+.3f}, {r.ci_high:+.3f}]"
    return [regime, r.a, r.b, f"{r.difference:+.4f}", interval, p_text(r.p_corrected)]


def plot(findings: Generalization, path: Path) -> None:
    """Draw interpolation against extrapolation (macro, first measure): a point with intervals for each system.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    plt = pyplot(PLOT)
    figure, panel = plt.subplots(figsize=(8.5, 6))
    bases = list(dict.fromkeys(s.removesuffix(UNTRAINED) for s in findings.recipe.systems))
    colours = plt.get_cmap("tab20" if len(bases) > 10 else "tab10").colors
    scored = next(stage for stage in findings.recipe.stages if stage.kind == "fold-scores")
    trained = {system for system, fold in scored.params["runs"].values() if fold is not None}
    for system in findings.recipe.systems:
        x, y = (findings.row(system, MACRO, regime) for regime in REGIMES)
        if x is None or y is None:
            continue
        colour = colours[bases.index(system.removesuffix(UNTRAINED)) % len(colours)]
        hollow = system not in trained
        panel.errorbar(
            x.value, y.value, xerr=_error(x), yerr=_error(y), fmt="o", color=colour, elinewidth=0.7, alpha=0.9,
            markersize=7, markerfacecolor="white" if hollow else colour, label=system,
        )  # fmt: skip
    ends = [min(panel.get_xlim()[0], panel.get_ylim()[0]), max(panel.get_xlim()[1], panel.get_ylim()[1])]
    panel.plot(ends, ends, color="grey", linewidth=0.7, linestyle="--", zorder=0)
    measure = findings.recipe.measures[0]
    panel.set(xlabel=f"{measure}, interpolation", ylabel=f"{measure}, extrapolation")
    panel.set(xlim=ends, ylim=ends, aspect="equal")
    panel.set_title(
        f"{findings.recipe.name} ({findings.split.protocol}); hollow: untrained; dashed: equal", fontsize=9
    )
    panel.grid(alpha=0.3)
    panel.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    save(figure, path)


def _error(row: LeaderboardRow) -> list[list[float]]:
    return [[max(row.value - row.ci_low, 0.0)], [max(row.ci_high - row.value, 0.0)]]
