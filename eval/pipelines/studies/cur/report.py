"""Files of the CUR study: a CSV table, a plot, and a Markdown report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from intrex.data.io.files import write_text
from intrex.eval.pipelines.plots import pyplot, save
from intrex.eval.pipelines.studies.cur.setting import TOPS
from intrex.eval.pipelines.studies.cur.study import Point, StudyResult, difference
from intrex.eval.tables import csv_text, markdown_lines

HEAD = ("method", "budget", "k", "recall", "dev", "split", "oracle", "against_rerank", "low", "high")


def write_files(result: StudyResult, out: Path) -> None:
    """Write ``recall.csv`` and ``recall.png``."""
    write_text(out / "recall.csv", csv_text(HEAD, _rows(result)), overwrite=True)
    plot(result, out / "recall.png")


def _rows(result: StudyResult) -> Iterable[tuple[object, ...]]:
    for point in result.points.values():
        mean, half = difference(point, result.best_rerank(point.budget, point.k))
        numbers = [f"{x:.4f}" for x in (point.oracle, mean, mean - half, mean + half)]
        yield (
            point.family,
            point.budget,
            point.k,
            f"{point.mean:.4f}",
            f"{point.dev:.4f}",
            _split(result, point),
            *numbers,
        )


def _split(result: StudyResult, point: Point) -> str:
    """Say how a method split its budget; reranking has nothing to split."""
    kinds = {family.name: family.kind for family in result.families}
    return "" if kinds[point.family] == "rerank" else point.split


def plot(result: StudyResult, file: Path) -> None:
    """Draw recall by calls, a panel for each depth.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    plt = pyplot("the plots of a study")
    figure, panels = plt.subplots(1, len(TOPS), figsize=(4.6 * len(TOPS), 4.4))
    budgets = result.budgets
    styles = {"rerank": "k", "anncur": "C0", "adacur": "C3", "axn": "C2", "mixed": "C4"}
    starts = list(dict.fromkeys(family.start for family in result.families))
    for panel, k in zip(panels, TOPS, strict=True):
        for family in result.families:
            values = [result.points[family.name, budget, k].mean for budget in budgets]
            mark = "o^sdv"[starts.index(family.start) % 5]
            line = "--" if family.kind == "rerank" else "-"
            panel.plot(
                budgets,
                values,
                marker=mark,
                linestyle=line,
                color=styles[family.kind],
                label=family.name,
                markersize=4,
                linewidth=1,
            )
        panel.set(xscale="log", xlabel="calls a query", title=f"recall of the exact top {k}", ylim=(0, 1.02))
        panel.set_xticks(budgets, [str(budget) for budget in budgets])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[-1].legend(fontsize=7, loc="upper left")
    save(figure, file)


def study_markdown(result: StudyResult, name: str) -> str:
    """Write the study's section on one query set: conditions, tables, and what they say."""
    setting, index = result.setting, result.setting.index
    scorer, params = index.manifest.params["scorer"], index.manifest.params
    n, spectrum = len(index.ids), result.spectrum
    lines = [
        f"## {name}",
        "",
        f"{n:,} documents; {len(setting.test.queries)} test and {len(setting.dev.queries)} dev queries; {params['anchors']} anchor queries "
        f"({params['anchor_queries']}), {params['calls']:,} calls once; scorer {scorer['kind']} {scorer['name']}"
        + (f", {scorer['max_length']} tokens of a pair." if scorer["max_length"] else "."),
        "",
        f"Of the exact matrix of the test queries {', '.join(f'{share} of the squares are in {count}' for share, count in spectrum.items())} "
        "singular values.",
        "",
    ]  # fmt: skip
    for k in TOPS:
        lines += [f"### Recall of the exact top {k}", "", *_recall(result, k), ""]
    lines += ["### Splits chosen on dev, for the top 10", "", *_splits(result, 10), ""]
    better, worse, neither = verdicts(result)
    verdict = (
        f"Of {better + worse + neither} budgets and depths, the method with anchors that is best on dev finds more than the best "
        f"retrieve-and-rerank in {better}, less in {worse}; in {neither} the interval holds no difference."
    )
    lines += ["### Against the better retrieve-and-rerank", "", verdict, "", *_against(result), ""]
    if result.quality:
        rows = [[method, f"{value:.4f}"] for method, value in result.quality.items()]
        lines += ["### nDCG@10 by the judgements", "", *_table(["ranking", "nDCG@10"], rows), ""]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return markdown_lines(head, rows, ["---"] + ["--:"] * (len(head) - 1))


def _recall(result: StudyResult, k: int) -> list[str]:
    """Make a table of recall by method and calls, the best of each column in bold."""
    budgets = result.budgets
    most = {b: max(result.points[f.name, b, k].mean for f in result.families) for b in budgets}
    rows = []
    for family in result.families:
        means = [(budget, result.points[family.name, budget, k].mean) for budget in budgets]
        rows.append(
            [family.name, *(f"**{mean:.3f}**" if mean == most[b] else f"{mean:.3f}" for b, mean in means)]
        )
    return _table(["method", *(f"{budget} calls" for budget in budgets)], rows)


def _splits(result: StudyResult, k: int) -> list[str]:
    rows = []
    for family in result.families:
        if family.kind != "rerank":
            rows.append([family.name, *(result.points[family.name, b, k].split for b in result.budgets)])
    return markdown_lines(["method", *(f"{budget} calls" for budget in result.budgets)], rows)


def _against(result: StudyResult) -> list[str]:
    """Compare the method that is best on dev with the retrieve-and-rerank that is, on test queries."""
    rows = []
    for k in TOPS:
        for budget in result.budgets:
            other = result.best_rerank(budget, k)
            best = best_of(result, budget, k)
            mean, half = difference(best, other)
            oracle = max(
                result.points[f.name, budget, k].oracle for f in result.families if f.kind != "rerank"
            )
            rows.append([
                f"top {k}, {budget} calls", best.family, f"{best.mean:.3f}", other.family, f"{other.mean:.3f}",
                f"{mean:+.3f} ± {half:.3f}", f"{oracle:.3f}",
            ])  # fmt: skip
    head = [
        "",
        "best CUR on dev",
        "recall",
        "best rerank on dev",
        "recall",
        "difference, 95 %",
        "best split on test",
    ]
    return _table(head, rows)


def best_of(result: StudyResult, budget: int, k: int) -> Point:
    """Return the method with anchors that is best on dev."""
    names = [family.name for family in result.families if family.kind != "rerank"]
    return max((result.points[name, budget, k] for name in names), key=lambda point: point.dev)


def verdicts(result: StudyResult) -> tuple[int, int, int]:
    """Count the budgets and depths at which the best method with anchors is better than reranking, worse, or neither."""
    better = worse = neither = 0
    for k in TOPS:
        for budget in result.budgets:
            mean, half = difference(best_of(result, budget, k), result.best_rerank(budget, k))
            better, worse = better + (mean > half), worse + (mean < -half)
            neither += abs(mean) <= half
    return better, worse, neither
