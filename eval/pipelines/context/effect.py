"""What each step of a context does to precision, recall and length: means over judged queries, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from intrex.data.arrays import Float64s
from intrex.eval.pipelines.context.build import Context, Passage
from intrex.eval.pipelines.context.select import shares_of
from intrex.eval.scoring.groups import Groups
from intrex.eval.scoring.intervals import spread_of

MEASURES = ("precision", "recall", "passages", "tokens", "empty")
SHARES = ("precision", "recall", "empty")
HEADERS = ("step", "measure", "value", "ci_low", "ci_high", "change", "change_low", "change_high")


class EffectRow(NamedTuple):
    """Mean of a measure after a step with its 95 % interval, and its change from the first step with that of the change."""

    step: str
    measure: str
    value: float
    ci_low: float
    ci_high: float
    change: float
    change_low: float
    change_high: float


class Effects:
    """Collects the measures of each judged query after each step.

    Args:
        relevant: the relevant documents of each judged query. A query without a context counts as an empty one.
    """

    def __init__(self, relevant: Mapping[str, set[str]]) -> None:
        self._relevant = relevant
        self._rows = {query: i for i, query in enumerate(relevant)}
        self._values: dict[str, Float64s] = {}
        self.contexts = 0

    def add(self, context: Context) -> None:
        """Measure a context after each of its steps; one of a query that is not judged is passed over."""
        row = self._rows.get(context.qid)
        if row is None:
            return
        self.contexts += 1
        for step, passages in context.steps.items():
            if step not in self._values:
                self._values[step] = np.tile(measure([], 0), (len(self._rows), 1))
            hits = [passage.docid in self._relevant[context.qid] for passage in passages]
            self._values[step][row] = measure(passages, len(self._relevant[context.qid]), hits)

    def rows(self) -> list[EffectRow]:
        """Return a row for each step and measure."""
        rows: list[EffectRow] = []
        for step, values in self._values.items():
            changes = values - next(iter(self._values.values()))
            low, high = _interval(values)
            change_low, change_high = _interval(changes)
            for i, name in enumerate(MEASURES):
                below, above = np.clip([low[i], high[i]], 0, 1 if name in SHARES else None).tolist()
                value, change = float(values[:, i].mean()), float(changes[:, i].mean())
                ends = float(change_low[i]), float(change_high[i])
                rows.append(EffectRow(step, name, value, below, above, change, *ends))
        return rows


def measure(passages: Sequence[Passage], relevant: int, hits: Sequence[bool] = ()) -> list[float]:
    """Return `MEASURES` of the passages of one query."""
    tokens = sum(passage.tokens for passage in passages)
    return [*shares_of(hits, relevant), float(len(passages)), float(tokens), float(not passages)]


def _interval(values: Float64s) -> tuple[Float64s, Float64s]:
    """Return the ends of the 95 % t intervals of the means of columns [q, m]."""
    half = spread_of(values / len(values), Groups.alone(len(values))).half_widths()
    means = values.mean(axis=0)
    return means - half, means + half
