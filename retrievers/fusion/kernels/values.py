"""What a document counts in one run, for the kernel of fusion: normalised scores, ranks, what was learned of ranks."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import inner

# As in intrex.retrievers.fusion.methods, which a test compares; constants for the compiler.
SCORE, RECIPROCAL, SQUARE, BIASED, BORDA, TABLE, SEGMENT, WINDOW, RAISED, ORDER = range(10)
NONE, MIN_MAX, MAX_NORM, SUM_NORM, ZMUV, RANK, BORDA_NORM, TMM, DBSF = range(9)
TWICE, NO_POSITIVE, BELOW = 1, 2, 3
"""Faults."""
K, PHI, UNSEEN, BESIDE = range(4)  # numbers of a rule


@inner
def _spread(scores, low, high):
    """Lowest and highest score, their sum, and the sum of their squared distances from the mean."""
    least, most, total, squares = np.float64(scores[low]), np.float64(scores[low]), 0.0, 0.0
    for row in range(low, high):
        s = np.float64(scores[row])
        least, most, total = min(least, s), max(most, s), total + s
    mean = total / (high - low)
    for row in range(low, high):
        squares += (np.float64(scores[row]) - mean) ** 2
    return least, most, total, squares


@inner
def _normalise(  # noqa: C901 - one branch a norm
    rows, low, high, end, base, norm, infimum, candidates, value
):
    """Write the normalised scores of one run's rows up to ``high``, of those up to ``end``; returns a fault or 0."""
    n = end - low
    least, most, total, squares = _spread(rows.scores, low, end)
    shift, scale, constant, flat = 0.0, 1.0, 0.0, False
    if norm == MIN_MAX:
        shift, scale, constant, flat = least, most - least, 1.0, most <= least
    elif norm == MAX_NORM:
        scale = most
        if most <= 0:
            return NO_POSITIVE
    elif norm == SUM_NORM:
        shift, scale, constant, flat = least, total - least * n, 1.0 / n, most <= least
    elif norm == ZMUV:
        shift, scale, constant, flat = total / n, np.sqrt(squares / n), 0.0, most <= least
    elif norm == TMM:
        shift, scale, constant, flat = infimum, most - infimum, 1.0, most <= infimum
        if least < infimum:
            return BELOW
    elif norm == DBSF:
        sigma = np.sqrt(squares / (n - 1)) if n > 1 else 0.0
        shift, scale, constant, flat = total / n - 3 * sigma, 6 * sigma, 0.5, most <= least
    for row in range(low, high):
        at = row - base
        if norm == RANK:
            value[at] = 1.0 - (row - low) / n
        elif norm == BORDA_NORM:
            value[at] = 1.0 - (row - low) / candidates
        elif flat:
            value[at] = constant
        else:
            value[at] = (np.float64(rows.scores[row]) - shift) / scale
    return 0


@inner
def _learned(rule, run, place, n):
    """Look up what was learned of a place [0, n) of a run's ranking; of SEGMENT and WINDOW, what it makes of it."""
    start, span = run * rule.span, rule.span
    if rule.source == SEGMENT:
        segment = place // -(-n // span)
        return rule.tables[start + segment] / (segment + 1)
    if rule.source == WINDOW:
        window = np.int64(rule.numbers[BESIDE])
        low, high = max(place - window, 0), min(place + window, n - 1)
        total = 0.0
        for i in range(low, min(high + 1, span)):
            total += rule.tables[start + i]
        return total / (high - low + 1)
    return rule.tables[start + place] if place < span else rule.numbers[UNSEEN]


@inner
def set_values(rows, low, high, end, base, rule, run, candidates, value):
    """Write what each of one run's documents counts; returns a fault or 0."""
    source, n = rule.source, high - low
    if source == SCORE or source == RAISED:  # noqa: SIM109 - a tuple would be made anew
        fault = _normalise(
            rows, low, high, end if rule.whole else high, base, rule.norm, rule.infima[run], candidates, value
        )
        if fault or source == SCORE:
            return fault
    for row in range(low, high):
        rank = np.float64(rows.ranks[row])
        if source == RECIPROCAL:
            value[row - base] = 1.0 / (rule.numbers[K] + rank)
        elif source == SQUARE:
            value[row - base] = 1.0 / (rank * rank)
        elif source == BIASED:
            value[row - base] = (1.0 - rule.numbers[PHI]) * rule.numbers[PHI] ** (rank - 1.0)
        elif source == BORDA:
            value[row - base] = candidates - (row - low)
        elif source == RAISED:
            value[row - base] = _learned(rule, run, row - low, n) * (value[row - base] + 1.0)
        else:
            value[row - base] = _learned(rule, run, row - low, n)
    return 0


@inner
def missing_value(rule, n, candidates):
    """Compute what a document counts that a run of n lacks, where such a one counts."""
    if rule.source == BORDA:
        return (candidates - n + 1) / 2.0
    if rule.source == SCORE:
        return 0.5 - (n - 1) / (2.0 * candidates)
    return rule.numbers[UNSEEN]
