"""A comparison over several query sets as tables."""

from __future__ import annotations

from intrex.eval.compare.options import Settings
from intrex.eval.compare.sets import SetComparison
from intrex.eval.compare.tables import NAMES, letter, p_text, shorten, signed
from intrex.eval.tables import Table


def means_table(comparison: SetComparison) -> Table[str]:
    """Return the systems' means of sets and of queries, by each measure."""
    headers = ["", "system"]
    several = len(comparison.measures) > 1
    headers += [
        f"{measure}, {mean}" if several else mean
        for measure in comparison.measures
        for mean in comparison.figures
    ]
    rows = []
    for i, name in enumerate(comparison.systems):
        values = [mean[i][m] for m in range(len(comparison.measures)) for mean in comparison.figures.values()]
        rows.append([letter(i), shorten(name), *(f"{value:.4f}" for value in values)])
    return headers, rows


def pairs_table(comparison: SetComparison, measure: str, whole: bool) -> Table[str]:
    """Return the pairs by one measure on each set, then over them; ``whole`` with the means of both systems."""
    settings, names = comparison.settings, comparison.systems
    corrected = settings.corrected_by
    level = f"{100 * (1 - settings.alpha):g}% interval"
    headers = [
        "set",
        "over",
        "n",
        "pair",
        *(["first", "second"] if whole else []),
        "diff",
        level,
        "p",
        corrected,
    ]
    rows = []
    for row in comparison.rows:
        pair = row.pair
        if pair.measure != measure:
            continue
        marks = f"{letter(names.index(pair.b))} - {letter(names.index(pair.a))}"
        means = [f"{pair.mean_a:.4f}", f"{pair.mean_b:.4f}"] if whole else []
        cells = [row.set, row.over, str(pair.n_groups), marks, *means, signed(pair.difference, 4)]
        cells += [
            f"{signed(pair.ci_low, 4)} {signed(pair.ci_high, 4)}",
            p_text(pair.p),
            p_text(pair.p_corrected),
        ]
        rows.append([*cells, f"{pair.wins}/{pair.ties}/{pair.losses}"])
    if corrected == "none":
        at = headers.index(corrected)
        del headers[at]
        rows = [[*cells[:at], *cells[at + 1 :]] for cells in rows]
    return [*headers, "win/tie/loss"], rows


def method_text(comparison: SetComparison) -> str:
    """Spell what was tested, how it was corrected, and what the rows over all sets are."""
    settings = comparison.settings
    sets = len(dict.fromkeys(row.set for row in comparison.sets))
    return (
        f"{sets} query sets; two-sided {NAMES[settings.test]}, {_guard(settings)}, alpha {settings.alpha:g}. "
        "Over sets: the sets are the sample, n is their number, and a win is a set. Over queries: the sets are fixed and queries "
        "are sampled within each."
    )


def _guard(settings: Settings) -> str:
    if settings.corrected_by == "none":
        return "not corrected"
    scope = "of all measures together" if settings.family == "all" else "of each measure"
    return f"{NAMES[settings.correction]} over the pairs {scope}: of all sets together, and of each mean"
