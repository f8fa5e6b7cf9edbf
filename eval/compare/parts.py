"""Tables below a comparison: single queries, slices, rank similarity, reproduction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from intrex.eval.compare.comparison import Comparison
from intrex.eval.compare.movers import Mover
from intrex.eval.compare.reproduction import Reproduction
from intrex.eval.compare.similarity import Similarity
from intrex.eval.compare.slices import SliceRow
from intrex.eval.compare.tables import WIDTH, columns_of, letter, shorten, shorten_end, signed
from intrex.eval.tables import Table


def movers_table(comparison: Comparison, movers: Sequence[Mover], a: int, b: int, narrow: bool) -> Table[str]:
    """Return the movers of one pair; ``narrow`` cuts ranks and texts to fit 80 columns, ids never."""
    names = comparison.data.systems
    mark_a, mark_b = letter(a), letter(b)
    ranks = [f"ranks in {mark}" for mark in (mark_a, mark_b)]
    headers = ["query", f"{mark_b} - {mark_a}", mark_a, mark_b, *ranks, "text"]
    rows = [
        [r.query, signed(r.difference, 4), f"{r.value_a:.4f}", f"{r.value_b:.4f}", r.ranks_a, r.ranks_b, " ".join(r.text.split())]
        for r in movers
        if (r.a, r.b) == (names[a], names[b])
    ]  # fmt: skip
    if narrow and rows:
        for row in rows:
            row[4], row[5] = shorten_end(row[4], 12), shorten_end(row[5], 12)
        used = sum(max(columns_of(line[i]) for line in (headers, *rows)) + 2 for i in range(6))
        for row in rows:
            row[6] = shorten_end(row[6], max(WIDTH - used, 4))
    return headers, rows


def slices_table(comparison: Comparison, rows: Sequence[SliceRow]) -> Table[str]:
    """Return the pairs on each slice, a line each."""
    names, several = comparison.data.systems, len(comparison.data.measures) > 1
    table = [
        [
            *([r.measure] if several else []), r.slice, str(r.n_queries), f"{letter(names.index(r.b))} - {letter(names.index(r.a))}",
            f"{r.mean_a:.4f}", f"{r.mean_b:.4f}", signed(r.difference, 4), f"{signed(r.ci_low, 4)} {signed(r.ci_high, 4)}",
        ]
        for r in rows
    ]  # fmt: skip
    level = f"{100 * (1 - comparison.settings.alpha):g}% interval"
    return [*(["measure"] if several else []), "slice", "n", "pair", "first", "second", "diff", level], table


def similarity_table(rows: Sequence[Similarity]) -> Table[str]:
    """Return rank similarity, a line for each pair."""
    headers = ["pair", "RBO", "RBO cut", "tau-b", "KTU", "top 10", "top 100", "n"]
    return headers, [
        [f"{shorten(r.b, 11)} ~ {shorten(r.a, 11)}", *(f"{v:.3f}" for v in astuple(r)[2:8]), str(r.n_queries)]
        for r in rows
    ]


def reproduction_table(rows: Sequence[Reproduction]) -> Table[str]:
    """Return how well the pair was reproduced, a line for each measure."""
    headers = ["measure", "RMSE base", "RMSE adv", "improved by", "reproduced", "effect ratio", "delta RI"]
    return headers, [
        [r.measure, f"{r.rmse_baseline:.4f}", f"{r.rmse_advanced:.4f}", signed(r.improvement, 4), signed(r.reproduced_improvement, 4)]
        + ["-" if v is None else f"{v:.4f}" for v in (r.effect_ratio, r.delta_ri)]
        for r in rows
    ]  # fmt: skip
