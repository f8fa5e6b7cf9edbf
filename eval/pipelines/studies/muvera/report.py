"""Files of the MUVERA study: CSV tables, two plots, and a Markdown report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from intrex.data.io.files import write_text
from intrex.eval.pipelines.plots import pyplot, save
from intrex.eval.pipelines.studies.muvera.measured import Cost
from intrex.eval.pipelines.studies.muvera.study import TARGETS, StudyResult
from intrex.eval.tables import csv_text, markdown_lines

ENOUGH = 0.95
"""Share of the exact quality that a search is to keep."""
PAPER_NEEDED = {
    "SV": (1200, 2100, 4500, None),
    "SV dedup": (300, 400, 800, 2100),
    "FDE 20k": (60, 90, 200, 700),
    "FDE 10k": (60, 100, 200, 800),
    "FDE 4k": (80, 200, 300, 1200),
    "FDE 2k": (200, 300, 800, 5600),
}
"""Table 1 of the paper: candidates for a recall of the gold passage, MS MARCO, ColBERTv2. None: more than 10,000."""
PAPER_SEEDS = {"(20, 4, 8)": (77.75, 0.17), "(20, 5, 16)": (82.82, 0.27)}
"""Table 2: R@100 and its standard deviation over seeds, in percent."""


def write_files(result: StudyResult, out: Path, overwrite: bool = True) -> None:
    """Write ``recall.csv``, ``needed.csv``, ``costs.csv``, ``recall.png`` and ``costs.png``."""
    recall = csv_text(("method", "target", "candidates", "recall"), _recall_rows(result))
    write_text(out / "recall.csv", recall, overwrite)
    head = ("method", "target", *(f"candidates_for_{t:g}" for t in TARGETS))
    rows = [(*key, *("" if n is None else n for n in row)) for key, row in result.needed.items()]
    write_text(out / "needed.csv", csv_text(head, rows), overwrite)
    head = ("method", "candidates", "bytes_per_document", "ms_per_query", "nDCG@10", "exact_top_10_recall")
    costs = [
        (c.method, c.candidates, round(c.bytes, 1), round(c.ms, 4), c.value, c.top10) for c in result.costs
    ]
    write_text(out / "costs.csv", csv_text(head, costs), overwrite)
    plot(result, out)


def _recall_rows(result: StudyResult) -> Iterable[tuple[str, str, int, float]]:
    for (method, target), values in result.recall.items():
        for depth, value in zip(result.depths, values.tolist(), strict=True):
            yield method, target, depth, value


def plot(result: StudyResult, out: Path) -> None:
    """Draw ``recall.png``: recall by number of candidates; ``costs.png``: nDCG@10 against time for each method.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    plt = pyplot("the plots of a study")
    targets = list(dict.fromkeys(target for _, target in result.recall))
    names = [t for t in ("exact top 10", "relevant") if t in targets]
    figure, panels = plt.subplots(1, len(names), figsize=(6 * len(names), 4.5), squeeze=False)
    for panel, target in zip(panels[0], names, strict=True):
        for method in result.methods:
            recall, style = result.recall[method.name, target], _style(method.family)
            panel.plot(result.depths, recall, style, label=method.name, markersize=3)
        panel.set(xscale="log", xlabel="candidates", ylabel=f"recall of the {target}", ylim=(0, 1.02))
        panel.grid(alpha=0.3)
    panels[0][-1].legend(fontsize=7, loc="lower right")
    save(figure, out / "recall.png")
    figure, panel = plt.subplots(figsize=(7, 5))
    exact = result.costs[0]
    quality = "nDCG@10" if not math.isnan(exact.value) else "recall of the exact top 10"
    for method in result.methods:
        method_costs = [c for c in result.costs if c.method == method.name]
        if method_costs:
            ms, values = [c.ms for c in method_costs], [_quality(c) for c in method_costs]
            panel.plot(ms, values, _style(method.family), label=method.name, markersize=4)
    panel.plot([exact.ms], [_quality(exact)], "k*", markersize=12, label="exact MaxSim")
    panel.axhline(ENOUGH * _quality(exact), color="k", linewidth=0.6, linestyle=":")
    panel.axvline(exact.ms / 10, color="k", linewidth=0.6, linestyle=":")
    panel.set(xscale="log", xlabel="milliseconds a query (dotted: a tenth of exact search)")
    panel.set(ylabel=f"{quality} (dotted: {ENOUGH:.0%} of exact)")
    panel.grid(alpha=0.3)
    panel.legend(fontsize=7)
    save(figure, out / "costs.png")


def _quality(cost: Cost) -> float:
    return cost.top10 if math.isnan(cost.value) else cost.value


def _style(family: str) -> str:
    return {"fde": "o-", "fde-final": "s--", "plaid": "^-.", "sv": "x:"}[family]


def study_markdown(result: StudyResult, name: str) -> str:
    """Write the study's section on one query set: conditions, and our tables in the shape of the paper's."""
    setting = result.setting
    tokens = int(setting.index.tokens.offsets[-1])
    documents, queries = len(setting.index.ids), len(setting.queries)
    query_tokens = int(setting.packed.offsets[-1]) / max(queries, 1)
    lines = [
        f"## {name}",
        "",
        f"{documents:,} documents of {tokens / max(documents, 1):.1f} tokens, {queries:,} queries of {query_tokens:.1f}; "
        f"{setting.index.spec.dim} dimensions, encoder {setting.index.spec.name}; {setting.options.threads} thread(s), "
        f"batches of {setting.options.batch_size}.",
        "",
        "### Candidates needed (the shape of the paper's table 1)",
        "",
    ]
    for target in dict.fromkeys(t for _, t in result.needed):
        if target in ("exact top 1", "relevant"):
            lines += [f"For a mean recall of the {target}:", "", *_needed(result, target), ""]
    lines += [
        "### Recall",
        "",
        *_recall(result),
        "",
        f"### Each method's fastest search with {ENOUGH:.0%} of the exact quality",
        "",
        *_costs(result, _fastest(result)),
        "",
        "### Quality and cost with reranking by exact MaxSim",
        "",
        *_costs(result, result.costs),
        "",
    ]
    lines += ["### Spread over seeds (table 2)", "", *_seeds(result), ""]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return markdown_lines(head, rows, ["---"] + ["--:"] * (len(head) - 1))


def _needed(result: StudyResult, target: str) -> list[str]:
    rows = []
    for method in result.methods:
        values = result.needed.get((method.name, target), [])
        rows.append([method.name, *("–" if n is None else f"{n:,}" for n in values)])
    return _table(["method", *(f"{t:.0%}" for t in TARGETS)], rows)


def _recall(result: StudyResult) -> list[str]:
    targets = list(dict.fromkeys(t for _, t in result.recall))
    at: list[int] = [d for d in (100, 1000) if d in result.depths] or [result.depths[-1]]
    head = ["method", "dimensions", *(f"{t} @{d:,}" for t in targets for d in at)]
    rows = []
    for method in result.methods:
        recalls = [result.recall[method.name, t][result.depths.index(d)] for t in targets for d in at]
        rows.append([method.name, method.dims or "", *(f"{recall:.3f}" for recall in recalls)])
    return _table(head, rows)


def _fastest(result: StudyResult) -> list[Cost]:
    """Return each method's fastest point with `ENOUGH` of the exact quality, fastest first."""
    exact = result.costs[0]
    good = [c for c in result.costs if _quality(c) >= ENOUGH * _quality(exact)]
    best = {c.method: c for c in sorted(good, key=lambda c: (-c.ms, c.method))}
    return sorted(best.values(), key=lambda c: (c.ms, c.method))


def _costs(result: StudyResult, costs: Sequence[Cost]) -> list[str]:
    exact = result.costs[0]
    rows = []
    for c in costs:
        share = "" if math.isnan(c.value) else f"{c.value / exact.value:.1%}"
        cost = [f"{c.bytes:,.0f}", f"{c.ms:.3f}", f"{exact.ms / c.ms:.1f}"]
        rows.append([c.method, c.candidates or "all", *cost, f"{c.value:.4f}", share, f"{c.top10:.3f}"])
    head = [
        "method",
        "candidates",
        "bytes a document",
        "ms a query",
        "times as fast",
        "nDCG@10",
        "of exact",
        "exact top 10",
    ]
    return _table(head, rows)


def _seeds(result: StudyResult) -> list[str]:
    rows = []
    for name, values in result.seeds.items():
        paper = PAPER_SEEDS.get(name)
        spread = f"{100 * values.std(ddof=1):.2f}" if len(values) > 1 else "–"
        reference = f"{paper[0]} ± {paper[1]}" if paper else ""
        rows.append([name, len(values), f"{100 * values.mean():.2f}", spread, reference])
    return _table(
        ["(R, k_sim, d_proj)", "seeds", "R@100 in %", "standard deviation", "paper, MS MARCO"], rows
    )


def paper_table() -> list[str]:
    """Return table 1 of the paper."""
    rows = [
        [name, *(">10,000" if n is None else f"{n:,}" for n in row)] for name, row in PAPER_NEEDED.items()
    ]
    return _table(["paper: MS MARCO, ColBERTv2", *(f"{t:.0%}" for t in TARGETS)], rows)
