"""Click models: what a query's document is worth, of its impressions and clicks at each position.

Sources: Craswell, Zoeter, Taylor and Ramsey, An experimental comparison of click position-bias models (WSDM 2008);
Chuklin, Markov and de Rijke, Click Models for Web Search (2015), sections 3.2 (click-through rate), 3.3 (position-based
model) and 4.2 (expectation maximisation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from intrex.data.arrays import Bools, Float64s, Int64s
from intrex.data.errors import BadInput

ROUNDS = 2_000
CLOSE = 1e-5
_WAYS_OUT = "give the examination of each position (--examination FILE), or take --model ctr, which leaves the bias in"


@dataclass(frozen=True)
class Estimate:
    """What a model says of each pair of a query and a document.

    Attributes:
        values: [pairs] float64, NaN of pairs of which it says nothing.
        record: what the model was and found, for the judgements.
    """

    values: Float64s
    record: Mapping[str, Any]


def click_through(pairs: Int64s, impressions: Int64s, clicks: Int64s) -> Estimate:
    """Return clicks over impressions of each pair, whatever the positions."""
    shown, clicked = np.bincount(pairs, impressions), np.bincount(pairs, clicks)
    return Estimate(np.divide(clicked, shown, out=np.full(len(shown), np.nan), where=shown > 0), {})


def click_count(pairs: Int64s, clicks: Int64s) -> Estimate:
    """Return the clicks of each pair."""
    return Estimate(np.bincount(pairs, clicks).astype(np.float64), {})


def position_based(
    pairs: Int64s,
    positions: Int64s,
    impressions: Int64s,
    clicks: Int64s,
    examination: Mapping[int, float] | None = None,
) -> Estimate:
    """Estimate the attractiveness of each pair where P(click) = examination(position) · attractiveness(query, document).

    With N impressions, C clicks, γ and α, a round of expectation maximisation is

        α' = Σ (C + (N - C) · α (1 - γ) / (1 - α γ)) / Σ N      over the positions of the pair
        γ' = Σ (C + (N - C) · γ (1 - α) / (1 - α γ)) / Σ N      over the pairs at the position

    from α = γ = 1/2 until no value moves by more than `CLOSE`, or for `ROUNDS` rounds. Only the product is observed: γ is scaled
    so that the largest is 1. Positions are compared through pairs that were shown at several; those that no chain of
    such pairs links with the position of the most impressions say nothing, and are left out. A pair without a click links
    nothing: whatever γ, its α is 0.

    Args:
        pairs: [t] number of the pair.
        positions: [t] where it was shown.
        impressions: [t] how often.
        clicks: [t] of these.
        examination: γ by position, where it is known; then only α is estimated.

    Raises:
        BadInput: no clicked pair was shown at two positions; or ``examination`` lacks a position.
    """
    n_pairs = int(pairs.max()) + 1
    names, place = np.unique(positions, return_inverse=True)
    keep = impressions > 0
    if examination is None:
        compares = keep & (np.bincount(pairs, clicks)[pairs] > 0)
        linked = _linked(pairs[compares], place[compares], np.bincount(place, impressions).astype(np.int64))
        n_places = len(np.unique(place[keep]))
        keep &= linked[place]
        if n_places > 1 and len(np.unique(place[keep])) == 1:
            raise BadInput(
                "no clicked document was shown at two positions for one query, so positions cannot be compared",
                _WAYS_OUT,
            )
    elif lacking := sorted(set(names.tolist()) - examination.keys()):
        listed = ", ".join(map(str, lacking[:8]))
        raise BadInput(
            f"the examination of these positions is not given: {listed}", "a line is: position probability"
        )
    fixed = None if examination is None else np.array([examination[name] for name in names.tolist()])
    table = _Table(pairs[keep], place[keep], impressions[keep], clicks[keep], n_pairs, len(names))
    values, gamma, rounds = table.maximise(fixed)
    used = np.bincount(place[keep], minlength=len(names)) > 0
    shown = {str(name): round(float(g), 6) for name, g in zip(names[used], gamma[used], strict=True)}
    left_out = int(impressions[~keep].sum())
    record = {"examination": shown, "rounds": rounds, "unlinked_impressions": left_out}
    return Estimate(values, {key: value for key, value in record.items() if value})


@dataclass(frozen=True)
class _Table:
    """Impressions and clicks of pairs at places, [t] each."""

    pairs: Int64s
    places: Int64s
    impressions: Int64s
    clicks: Int64s
    n_pairs: int
    n_places: int

    def maximise(self, fixed: Float64s | None) -> tuple[Float64s, Float64s, int]:
        """Return α of each pair (NaN where it is in no row), γ of each place, and the rounds it took."""
        pairs, places = self.pairs, self.places
        missed = (self.impressions - self.clicks).astype(np.float64)
        shown = np.bincount(pairs, self.impressions, self.n_pairs)
        by_pair = np.maximum(shown, 1)
        by_place = np.maximum(np.bincount(places, self.impressions, self.n_places), 1)
        clicks_of_pair = np.bincount(pairs, self.clicks, self.n_pairs)
        clicks_at_place = np.bincount(places, self.clicks, self.n_places)
        alpha, gamma = np.full(self.n_pairs, 0.5), np.full(self.n_places, 0.5) if fixed is None else fixed
        rounds, moved = 0, 1.0
        while moved > CLOSE and rounds < ROUNDS:
            rounds += 1
            a, g = alpha[pairs], gamma[places]
            # where both are 1 every impression is a click, and nothing is missed
            share = missed / np.maximum(1 - a * g, 1e-12)
            new_alpha = (clicks_of_pair + np.bincount(pairs, share * a * (1 - g), self.n_pairs)) / by_pair
            moved = float(np.abs(new_alpha - alpha)[shown > 0].max(initial=0))
            if fixed is None:
                new_gamma = (
                    clicks_at_place + np.bincount(places, share * g * (1 - a), self.n_places)
                ) / by_place
                moved = max(moved, float(np.abs(new_gamma - gamma).max()))
                gamma = new_gamma
            alpha = new_alpha
        if fixed is None and (top := float(gamma.max())) > 0:
            alpha, gamma = alpha * top, gamma / top
        return np.where(shown > 0, alpha, np.nan), gamma, rounds


def _linked(pairs: Int64s, places: Int64s, shown: Int64s) -> Bools:
    """Tell which places [p] are linked, by pairs [t] that were shown at two, with the one of the most impressions ``shown`` [p]."""
    order = np.argsort(pairs, kind="stable")
    same = pairs[order][1:] == pairs[order][:-1]
    ends = np.unique(np.stack([places[order][:-1][same], places[order][1:][same]], axis=1), axis=0)
    reached = np.zeros(len(shown), np.bool_)
    reached[np.argmax(shown)] = True
    while True:
        touched = ends[reached[ends].any(axis=1)].ravel() if len(ends) else np.empty(0, np.int64)
        if reached[touched].all():
            return reached
        reached[touched] = True
