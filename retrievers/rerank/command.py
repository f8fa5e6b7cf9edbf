"""Scorer of pairs behind a command line: a child process reads pairs as JSON lines and writes a score for each."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Rows, Scores
from intrex.data.errors import UsageError
from intrex.data.io.files import file_sha256
from intrex.data.specs import EncoderSpec
from intrex.retrievers.rerank.options import COMMAND, RerankOptions
from intrex.retrievers.rerank.outside import Fault, OutsideScorer, TextPair, numbers_of, persist
from intrex.retrievers.rerank.process import LineProcess

HASHED_BYTES = 64 << 20
"""Size of a file up to which its content is hashed; of a larger one size and time of change count."""


class CommandScorer(OutsideScorer):
    """Scores of a child process; docs/formats.md defines its lines.

    Args:
        words: the program and its arguments.
        options: ``batch_size``, ``time_limit``, ``retries`` and ``scorer_version`` are used.

    Raises:
        UsageError: there is no such program.
    """

    def __init__(self, words: Sequence[str], options: RerankOptions) -> None:
        self.spec = command_spec(words, options)
        self._process = LineProcess(words, options.time_limit)
        self._batch, self._retries = options.pairs_at_once, options.retries

    def score_pairs(self, pairs: Sequence[TextPair]) -> Iterator[tuple[Rows, Scores]]:
        """Score pairs as `OutsideScorer.score_pairs` says. A batch counts when it is answered whole; until then it is sent again."""
        for start in range(0, len(pairs), self._batch):
            batch = pairs[start : start + self._batch]
            lines = [pair_line(pair, len(batch) - 1 - i) for i, pair in enumerate(batch)]
            answers = ask(self._process, lines, batch, self._retries)
            yield np.arange(start, start + len(batch)), numbers_of(answers, batch, "the scorer")

    def close(self) -> None:
        """End the process; raises `BadInput` if it wrote more than it was asked for."""
        self._process.close()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()


def ask(process: LineProcess, lines: Sequence[bytes], batch: Sequence[TextPair], retries: int) -> list[str]:
    """Return the answers to lines, asked again after each fault; the last one's message names the pairs."""

    def attempt() -> list[bytes]:
        try:
            return process.ask(lines, len(lines))
        except Fault as fault:
            some = f"{batch[0]}" if len(batch) == 1 else f"{len(batch):,} pairs from {batch[0]} on"
            raise Fault(f"{fault.message} ({some})", fault.hint, details=fault.details) from fault

    return [line.decode("utf-8", "replace").strip() for line in persist(attempt, retries)]


def pair_line(pair: TextPair, left: int) -> bytes:
    """Return the line of a pair, with the number of lines of its batch that follow it."""
    record = {
        "qid": pair.query_id,
        "query": pair.query,
        "docid": pair.document_id,
        "text": pair.text,
        "left": left,
    }
    return (json.dumps(record, ensure_ascii=True) + "\n").encode("ascii")


def command_words(name: str) -> list[str]:
    """Return the words of ``command:PROGRAM ARGUMENT...``, as a shell would split them.

    Raises:
        UsageError: a quotation does not end, or there is no word.

    >>> command_words("command:python 'my scorer.py' --fast")
    ['python', 'my scorer.py', '--fast']
    """
    line = name.removeprefix(COMMAND)
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"the command cannot be read: {error}: {line}", "quote it as in a shell") from error
    if not words:
        raise UsageError("command: names no program", "--with 'command:python score.py'")
    return words


def command_spec(words: Sequence[str], options: RerankOptions, kind: str = "command") -> EncoderSpec:
    """Return what is known of a command: its words, the files that they name, and the version that the user gave it."""
    params: dict[str, Any] = {"files": word_states(words)}
    return EncoderSpec(kind, shlex.join(words), options.scorer_version or "", params=params)


def word_states(words: Sequence[str]) -> dict[str, str | list[int]]:
    """Return the sha256 of each file that a word of a command names, by the word."""
    return {word: _state(Path(word)) for word in words if _is_file(word)}


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):
        return False


def _state(path: Path) -> str | list[int]:
    status = path.stat()
    return file_sha256(path) if status.st_size <= HASHED_BYTES else [status.st_size, status.st_mtime_ns]
