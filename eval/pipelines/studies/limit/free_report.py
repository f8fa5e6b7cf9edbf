"""Files of the study of free embeddings: CSV tables, a plot, and a Markdown report."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from math import comb
from pathlib import Path

from intrex.data.io.files import write_text
from intrex.eval.pipelines.plots import pyplot, save
from intrex.eval.pipelines.studies.limit.free import FreeSettings
from intrex.eval.pipelines.studies.limit.published import CLAIM, CRITICAL, CRITICAL_RELEVANT
from intrex.eval.pipelines.studies.limit.search import CriticalN
from intrex.eval.tables import csv_text, markdown_lines

CRITICAL_FILE, SHARES_FILE, TRIALS_FILE, PLOT = "critical.csv", "shares.csv", "trials.csv", "critical.png"
_CRITICAL_HEAD = ("dimensions", "relevant", "seeds", "critical_n", "of_every_seed", "published", "difference")
_SHARES_HEAD = ("dimensions", "documents", "queries", "seeds", "solved", "best_accuracy")


def write_free(
    results: Sequence[CriticalN], relevant: int, seeds: int, settings: FreeSettings, out: Path
) -> None:
    """Write ``critical.csv``, ``shares.csv``, ``trials.csv``, ``critical.png`` and ``study.md``.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    pyplot("the plots of a study")
    rows = [_critical_row(result, relevant, seeds) for result in results]
    write_text(out / CRITICAL_FILE, csv_text(_CRITICAL_HEAD, rows), overwrite=True)
    shares = [row for result in results for row in _share_rows(result, relevant)]
    write_text(out / SHARES_FILE, csv_text(_SHARES_HEAD, shares), overwrite=True)
    head = ("dimensions", "documents", "relevant", "seed", "solved", "accuracy", "steps", "loss")
    trials = [
        (t.dim, t.documents, t.relevant, t.seed, int(t.solved), f"{t.accuracy:.6f}", t.steps, f"{t.loss:.6f}")
        for result in results
        for t in result.trials
    ]
    write_text(out / TRIALS_FILE, csv_text(head, trials), overwrite=True)
    _plot(results, relevant, out / PLOT)
    text = ["# Free embeddings", "", *free_section(out, settings), ""]
    write_text(out / "study.md", "\n".join(text), overwrite=True)


def _critical_row(result: CriticalN, relevant: int, seeds: int) -> tuple[object, ...]:
    published = CRITICAL.get(result.dim) if relevant == CRITICAL_RELEVANT else None
    best = "" if result.best is None else result.best if result.bounded else f">={result.best}"
    compared = published is not None and result.best is not None and result.bounded
    difference = f"{result.best - published:+d}" if compared else ""  # type: ignore[operator]
    every = "" if result.every is None else result.every
    return result.dim, relevant, seeds, best, every, "" if published is None else published, difference


def _share_rows(result: CriticalN, relevant: int) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for n in sorted({t.documents for t in result.trials}):
        trials = [t for t in result.trials if t.documents == n]
        solved, best = sum(t.solved for t in trials), max(t.accuracy for t in trials)
        rows.append((result.dim, n, comb(n, relevant), len(trials), solved, f"{best:.6f}"))
    return rows


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a CSV table of a study."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def free_section(folder: Path, settings: FreeSettings, files: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines of the report, made of the CSV files in a folder; ``files`` says their names where they have others."""
    names = {name: name for name in (CRITICAL_FILE, SHARES_FILE, PLOT)} | dict(files or {})
    critical, shares = read_table(folder / names[CRITICAL_FILE]), read_table(folder / names[SHARES_FILE])
    relevant, seeds = critical[0]["relevant"], critical[0]["seeds"]
    head = ["dimensions", f"critical n, best of {seeds} seeds", "of every seed", "published", "difference"]
    keys = ("dimensions", "critical_n", "of_every_seed", "published", "difference")
    marks = ["--:"] * len(head)
    return [
        f"Every set of {relevant} of n documents has a query; vectors of d dimensions are optimised freely: Adam, rate "
        f"{settings.rate:g}, the full batch of InfoNCE at temperature {settings.temperature:g}, all vectors brought back to length 1 "
        f"after each step, at most {settings.steps:,} steps, an end after {settings.patience:,} without a better loss, a look at the "
        f"accuracy every {settings.every}. Critical n is the largest n that some seed solved: accuracy exactly 1. "
        "Published figures are of one seed each.",
        "",
        *markdown_lines(head, [[row[key] or "–" for key in keys] for row in critical], marks),
        "",
        f"Seeds of {seeds} that solved each n:",
        "",
        *_share_table(shares),
        "",
        f"![critical n]({names[PLOT]})",
        "",
        CLAIM,
    ]


def _share_table(shares: Sequence[Mapping[str, str]]) -> list[str]:
    dims = list(dict.fromkeys(row["dimensions"] for row in shares))
    solved = {(row["dimensions"], int(row["documents"])): row["solved"] for row in shares}
    numbers = sorted({n for _, n in solved})
    rows = [[n, *(solved.get((dim, n), "") for dim in dims)] for n in numbers]
    return markdown_lines(["n", *(f"d = {dim}" for dim in dims)], rows, ["--:"] * (len(dims) + 1))


def _plot(results: Sequence[CriticalN], relevant: int, path: Path) -> None:
    """Draw the critical n by dimension beside the published ones, and the share of seeds that solved each n."""
    plt = pyplot("the plots of a study")
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5))
    dims = [r.dim for r in results]
    left.plot(dims, [r.best for r in results], "o-", label="best of all seeds")
    left.plot(dims, [r.every for r in results], "v:", label="of every seed")
    if relevant == CRITICAL_RELEVANT and (known := [d for d in dims if d in CRITICAL]):
        left.plot(known, [CRITICAL[d] for d in known], "kx", label="published, one seed")
    left.set(xlabel="dimensions", ylabel=f"critical n, {relevant} relevant documents", xticks=dims)
    left.grid(alpha=0.3)
    left.legend(fontsize=8)
    for result in results:
        numbers = sorted({t.documents for t in result.trials})
        shares = [_share(result, n) for n in numbers]
        right.plot(numbers, shares, "o-", markersize=3, label=f"d = {result.dim}")
    right.set(xlabel="documents", ylabel="share of seeds that solved all sets", ylim=(-0.03, 1.03))
    right.grid(alpha=0.3)
    right.legend(fontsize=8)
    save(figure, path)


def _share(result: CriticalN, documents: int) -> float:
    solved = [t.solved for t in result.trials if t.documents == documents]
    return sum(solved) / len(solved)
