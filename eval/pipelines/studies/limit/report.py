"""Files of the LIMIT study: a CSV table, a plot, and a Markdown report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from intrex.data.io.files import write_text
from intrex.eval.pipelines.plots import pyplot, save
from intrex.eval.pipelines.studies.limit.free_report import read_table
from intrex.eval.pipelines.studies.limit.study import MEASURES, LimitRow, LimitTask
from intrex.eval.tables import csv_text, markdown_lines

RECALL_FILE, PLOT = "recall.csv", "recall.png"
_HEAD = ("documents", "queries", "system", "encoder", "dimensions", "truncated", *MEASURES)
_PLOTTED = ("R@2", "R@10", "R@100")
_STYLES = {"static": "s-", "dense": "o-", "fde": "^", "bm25": "--", "multivector": ":"}


def write_limit(task: LimitTask, rows: Sequence[LimitRow], name: str, out: Path) -> None:
    """Write ``recall.csv``, ``recall.png`` and ``study.md``.

    Args:
        task: what was tried.
        rows: of `run_limit`.
        name: of the query set, as the user typed it.
        out: the folder.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    size = task.collection.n_documents, len(task.queries)
    lines = [
        (*size, r.system, r.encoder, "" if r.dim is None else r.dim, int(r.truncated), *(f"{r.values[m]:.4f}" for m in MEASURES))
        for r in rows
    ]  # fmt: skip
    write_text(out / RECALL_FILE, csv_text(_HEAD, lines), overwrite=True)
    _plot(rows, name, out / PLOT)
    text = [f"# LIMIT: {name}", "", *limit_section(out), ""]
    write_text(out / "study.md", "\n".join(text), overwrite=True)


def limit_section(folder: Path, table: str = RECALL_FILE, plot: str = PLOT) -> list[str]:
    """Return the lines of the report, made of the CSV file ``table`` in a folder."""
    rows = read_table(folder / table)
    head = ["system", "dimensions", *MEASURES]
    marks = ["---"] + ["--:"] * (len(head) - 1)
    cells = [[_label(r), _dims(r), *(_percent(r[m]) for m in MEASURES)] for r in rows]
    return [
        f"{int(rows[0]['documents']):,} documents, {int(rows[0]['queries']):,} queries; recall in percent.",
        "",
        *markdown_lines(head, cells, marks),
        "",
        f"![recall by dimensions]({plot})",
    ]


def _percent(value: str) -> str:
    return f"{100 * float(value):.1f}"


def _label(row: Mapping[str, str]) -> str:
    names = {
        "bm25": "BM25", "static": "static", "dense": "dense", "multivector": "exact MaxSim", "fde": "MUVERA, FDE alone",
    }  # fmt: skip
    name = names[row["system"]]
    return f"{name}, {row['encoder'].partition(':')[2] or row['encoder']}" if row["encoder"] else name


def _dims(row: Mapping[str, str]) -> str:
    if not row["dimensions"]:
        return "–"
    return f"{int(row['dimensions']):,}" + (" (truncated)" if row["truncated"] == "1" else "")


def _plot(rows: Sequence[LimitRow], name: str, path: Path) -> None:
    """Draw recall against the dimensions of a document's vector; systems without one vector as lines across."""
    plt = pyplot("the plots of a study")
    figure, panels = plt.subplots(1, len(_PLOTTED), figsize=(13, 4.3), sharey=True)
    for panel, measure in zip(panels, _PLOTTED, strict=True):
        for system in dict.fromkeys(r.system for r in rows):
            mine = [r for r in rows if r.system == system]
            values = [r.values[measure] for r in mine]
            if mine[0].dim is None:
                color = "k" if system == "bm25" else "tab:red"
                panel.axhline(values[0], color=color, linestyle=_STYLES[system], label=system)
            else:
                panel.plot([r.dim for r in mine], values, _STYLES[system], markersize=4, label=system)
        if any(r.dim for r in rows):
            panel.set_xscale("log", base=2)
            panel.xaxis.set_major_formatter("{x:,.0f}")
        panel.set(xlabel="dimensions", title=measure, ylim=(-0.02, 1.04))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel(f"recall, {name}")
    panels[-1].legend(fontsize=8, loc="best")
    save(figure, path)
