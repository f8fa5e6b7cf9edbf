"""Scores as trec_eval prints them: name, query or ``all``, value with four decimals, between tabs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from intrex.eval.measures import Measure
from intrex.eval.measures.aliases import TEXTS, TREC
from intrex.eval.measures.rankings import Rankings
from intrex.eval.scoring.score import Scores


def trec_lines(
    scores: Scores,
    measures: Sequence[Measure],
    rankings: Rankings | None,
    tag: str,
    complete: bool,
    by_query: bool = False,
    summary: bool = True,
    silent: bool = False,
) -> Iterator[str]:
    """Yield trec_eval's lines for one run.

    Args:
        scores: the values of all numeric measures among ``measures``.
        measures: what to print, texts (``runid``, ``relstring``) among it; trec_eval's names in its own order, then ours.
        rankings: what the values were computed of, for ``relstring``; None where it is not asked for.
        tag: the run's.
        complete: whether missing queries have lines and count.
        by_query: each query's lines before those of ``all`` (``-q``).
        summary: the lines of ``all`` (off with ``-n``).
        silent: no lines of missing queries even where they count, as in trec_eval 9.
    """
    ordered = sorted(measures, key=_place)
    column = {m: i for i, m in enumerate(scores.measures)}
    if by_query:
        for i, query in enumerate(scores.query_ids):
            if not (scores.answered[i] or (complete and not silent)):
                continue
            for m in ordered:
                if m.name == "relstring" and rankings is not None:
                    # trec_eval 10 clears the made-up document of a missing query by this name only
                    cleared = _label(m) == "relstring" and not scores.answered[i]
                    text = "" if cleared else _relstring(rankings, i, int(m.cutoff or 10))
                    yield _line(_label(m), query, f"'{text}'")
                elif m.name not in TEXTS and m.kind != "geometric" and m.name != "NumQ":
                    yield _line(_label(m), query, _number(m, scores.values[i, column[m]]))
    if summary:
        figures = scores.means(complete)
        for m in ordered:
            if m.name == "runid":
                yield _line(_label(m), "all", tag)
            elif m.name not in TEXTS:
                yield _line(_label(m), "all", _number(m, figures[str(m)]))


def _line(label: str, query: str, value: str) -> str:
    return f"{label:<22}\t{query}\t{value}\n"


def _label(measure: Measure) -> str:
    return measure.label or str(measure)


def _number(measure: Measure, value: float) -> str:
    if math.isnan(value):
        return "  -nan"  # 0/0 has a sign on x86-64, and printf shows it
    return f"{value:.0f}" if measure.kind == "sum" else f"{value:6.4f}"


def _place(measure: Measure) -> tuple[int, float]:
    names = list(TREC)
    label = measure.label or ""
    known = [n for n in names if label == n or label.startswith((f"{n}_", f"{n}."))]
    longest = max(known, key=len, default=None)
    return (names.index(longest) if longest else len(names)), measure.cutoff or 0


def _relstring(rankings: Rankings, query: int, size: int) -> str:
    """Spell the grades of the first documents as digits: ``-`` not in the pool, ``.`` pooled and not judged, ``>`` above 9."""
    out = ["-"] * min(size, int(rankings.retrieved[query]))
    for row in range(rankings.offsets[query], rankings.offsets[query + 1]):
        rank, grade = int(rankings.ranks[row]), int(rankings.grades[row])
        if rank <= len(out):
            out[rank - 1] = "." if grade < 0 else str(grade) if grade < 10 else ">"
    return "".join(out)
