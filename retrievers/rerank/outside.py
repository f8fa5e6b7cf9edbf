"""Scorers outside of intrex: what they are asked, and how often they are asked again where they fail."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np

from intrex.data.arrays import Rows, Scores
from intrex.data.errors import BadInput, IntrexError
from intrex.data.specs import EncoderSpec

PAUSE_SECONDS = 0.25
"""Pause before the second attempt; each further one is twice as long."""
_log = logging.getLogger(__name__)
T = TypeVar("T")


class TextPair(NamedTuple):
    """A query and a document that are to be scored, with the ids that messages name."""

    query_id: str
    query: str
    document_id: str
    text: str

    def __str__(self) -> str:
        return f"query {self.query_id} and document {self.document_id}"


@runtime_checkable
class OutsideScorer(Protocol):
    """Scorer of pairs that is asked by lines or calls, query by query.

    Attributes:
        spec: what decides the scores, as far as intrex can know.
    """

    spec: EncoderSpec

    def score_pairs(self, pairs: Sequence[TextPair]) -> Iterator[tuple[Rows, Scores]]:
        """Score pairs [n], those of one query one after another.

        Yields:
            Positions [m] of pairs and their float32 scores [m]; each position once. Some may not be finite.

        Raises:
            BadInput: the scorer's answer is not what was agreed.
            IntrexError: it gives no answer, however often it is asked.
        """
        ...


class Fault(Exception):
    """An attempt that failed and may succeed later.

    Args:
        message: what happened.
        hint: what to do where it happens again and again.
        wait: seconds to wait before the next attempt; None for the usual pause.
        details: lines that the scorer wrote about it, each begun by a line break.
    """

    def __init__(
        self, message: str, hint: str | None = None, wait: float | None = None, details: str = ""
    ) -> None:
        super().__init__(message)
        self.message, self.hint, self.wait, self.details = message, hint, wait, details


def persist(attempt: Callable[[], T], retries: int) -> T:
    """Return what an attempt gives, made again after each `Fault` with pauses that double.

    Raises:
        IntrexError: the last of ``1 + retries`` attempts failed too.
    """
    failures = 0
    while True:
        try:
            return attempt()
        except Fault as fault:
            failures += 1
            if failures > retries:
                tried = f"; tried {failures} times" if failures > 1 else ""
                raise IntrexError(fault.message + tried + fault.details, fault.hint) from fault
            pause = PAUSE_SECONDS * 2 ** (failures - 1) if fault.wait is None else fault.wait
            again = f"asked again in {pause:g} s, time {failures} of {retries}"
            _log.info("%s; %s%s", fault.message, again, fault.details)
            time.sleep(pause)


def numbers_of(answers: Sequence[object], pairs: Sequence[TextPair], scorer: str) -> Scores:
    """Return the float32 scores [n] that a scorer answered for pairs [n]; text is read as a number.

    Raises:
        BadInput: one is no number; the message names its pair.
    """
    values = np.empty(len(answers))
    for i, (answer, pair) in enumerate(zip(answers, pairs, strict=True)):
        try:
            values[i] = _number(answer)
        except (ValueError, OverflowError):
            raise BadInput(
                f"{scorer} gave {_shown(answer)} for {pair}, not a number", "a score is one number"
            ) from None
    with np.errstate(over="ignore"):  # beyond float32 it is infinite, and refused as such
        return values.astype(np.float32)


def _number(answer: object) -> float:
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise ValueError
    return float(answer)


def _shown(answer: object) -> str:
    text = repr(answer)
    return text if len(text) <= 80 else f"{text[:76]} ..."
