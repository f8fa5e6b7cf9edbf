"""Conversations as topics: TREC CAsT's and iKAT's JSON, an object of turns for each, of which every one is a query.

Forms: https://github.com/daltonj/treccastweb (``turn`` with ``number`` and ``raw_utterance``; of 2022 ``utterance``, ``parent``
and ``participant``), https://www.trecikat.com/data (``turns`` with ``turn_id`` and ``utterance``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from intrex.data.errors import Problems, json_type
from intrex.data.importers.inputs import Input, Record

_log = logging.getLogger("intrex")
UTTERANCES = ("raw_utterance", "utterance")
"""Fields that are searched unless told: what the user said, as it was said."""
HISTORY, DIALOGUE = "history", "dialogue"
"""Fields of a turn that stand in no file: what the user said before; that and the responses to it."""
_TURNS, _NUMBERS, _TURN_NUMBERS = ("turn", "turns"), ("number", "topic_id", "id"), ("number", "turn_id")
_RESPONSES = ("response", "passage")
_SYSTEM = "system"


def turns_of(row: Mapping[str, Any]) -> list[Any] | None:
    """Return the turns of a conversation, or None where an object is none."""
    return next((row[key] for key in _TURNS if isinstance(row.get(key), list)), None)


class Conversations:
    """Reader of the conversations of one file; says once which field of them was searched, and which others there are."""

    def __init__(self, file: Input, problems: Problems, fields: Sequence[str]) -> None:
        self._file, self._problems, self._fields = file, problems, tuple(fields)
        self._searched: set[str] = set()
        self._others: dict[str, None] = {}

    def queries(self, line: int, row: Mapping[str, Any], turns: list[Any]) -> Iterator[Record]:
        """Yield the queries of a conversation: ``NUMBER_TURN``, with the fields that are searched joined by a blank."""
        source = self._file.at(line)
        number = _first(row, _NUMBERS)
        if number is None:
            self._problems.add(source, "the conversation has no number")
            return
        earlier: list[tuple[str, Mapping[str, Any]]] = []
        for place, turn in enumerate(turns, 1):
            name = _first(turn, _TURN_NUMBERS) if isinstance(turn, dict) else None
            if name is None:
                self._problems.add(
                    source, f"turn {place} of conversation {number} has no number, or is {json_type(turn)}"
                )
                continue
            before = _before(earlier, turn, number)
            earlier.append((name, turn))
            if _text(turn, UTTERANCES) is None and str(turn.get("participant", "")).lower() == _SYSTEM:
                continue
            text = self._text_of(row, turn, before)
            if text is None:
                wanted = ", ".join(self._fields) or " or ".join(UTTERANCES)
                there = ", ".join(key for key, value in turn.items() if isinstance(value, str))
                self._problems.add(
                    source,
                    f"turn {name} of conversation {number} has no {wanted}",
                    f"--topic-field names one: {there}",
                )
            else:
                yield Record(f"{number}_{name}", "", text, source)

    def _text_of(
        self, row: Mapping[str, Any], turn: Mapping[str, Any], before: Sequence[Mapping[str, Any]]
    ) -> str | None:
        strings = [key for key, value in turn.items() if isinstance(value, str) and key.endswith("utterance")]
        if not self._fields:
            key = next((key for key in UTTERANCES if isinstance(turn.get(key), str)), None)
            self._searched |= {key} if key else set()
            self._others |= dict.fromkeys(other for other in strings if other != key)
            return None if key is None else str(turn[key])
        said = [_text(one, UTTERANCES) for one in before]
        made = {
            HISTORY: " ".join(filter(None, said)),
            DIALOGUE: " ".join(
                text for one in before for text in (_text(one, UTTERANCES), _text(one, _RESPONSES)) if text
            ),
        }
        values = [made.get(field, turn.get(field, row.get(field))) for field in self._fields]
        return " ".join(filter(None, values)) if all(isinstance(value, str) for value in values) else None

    def note(self) -> None:
        """Say which field was searched, where the user did not say it and there are others."""
        if self._searched and self._others:
            _log.info(
                "%s: queries are the %s of each turn; --topic-field takes another: %s, history, dialogue",
                self._file.label, " or ".join(sorted(self._searched)), ", ".join(self._others),
            )  # fmt: skip


def _first(row: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    value = next((row[key] for key in keys if key in row), None)
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _text(turn: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    return next((turn[key] for key in keys if isinstance(turn.get(key), str)), None)


def _before(
    earlier: Sequence[tuple[str, Mapping[str, Any]]], turn: Mapping[str, Any], number: str
) -> list[Mapping[str, Any]]:
    """Return the turns before one, oldest first: by its ``parent`` and theirs where it names one, else all."""
    if "parent" not in turn:
        return [one for _, one in earlier]
    named, chain, at = dict(earlier), list[Mapping[str, Any]](), turn
    while (parent := named.pop(str(at.get("parent", "")).removeprefix(f"{number}_"), None)) is not None:
        chain.append(parent)
        at = parent
    return chain[::-1]
