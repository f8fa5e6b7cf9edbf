"""Search for the critical n: the most documents of which free embeddings of some dimensions tell all sets of k apart."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import comb
from pathlib import Path

from intrex.data.errors import UsageError
from intrex.data.io.files import fingerprint
from intrex.data.native.kernel import Kernels
from intrex.data.progress import Progress, no_progress
from intrex.data.system.threads import on_threads
from intrex.data.version import intrex_version
from intrex.eval.pipelines.studies.limit.free import LIBRARY, FreeSettings, Trial, run_trial

SWEPT = range(-4, 6)
"""Documents around the largest number solved that every seed is tried on."""
MOST_DIMS = 1024
MOST_SETS = 500_000
"""Queries at most: all sets of k of n documents. More take minutes for each seed, and gigabytes."""


@dataclass(frozen=True)
class CriticalN:
    """Result of one dimension.

    Attributes:
        dim: dimensions.
        best: the most documents that some seed solved; None where none of those tried was.
        every: the most, up to which every seed solved each number that was tried; None where there is none.
        bounded: False where ``best`` is as many documents as were allowed.
        trials: of the documents around ``best``, ordered by documents and seed.
    """

    dim: int
    best: int | None
    every: int | None
    bounded: bool
    trials: list[Trial]


class TrialStore:
    """Trials of one study, run on threads and kept in a file as they end: a killed study does not repeat them.

    Args:
        file: gets a line of JSON for each; lines of other settings, and a last one that was cut, are not read.
        relevant: documents of each query.
        seeds: of the draws.
        settings: of the optimisation.
        threads: how many trials run at once; never touches their numbers.
    """

    def __init__(
        self, file: Path, relevant: int, seeds: Sequence[int], settings: FreeSettings, threads: int
    ) -> None:
        self.relevant, self.seeds = relevant, seeds
        self._file, self._settings, self._threads = file, settings, threads
        self._kernels: Kernels | None = LIBRARY.kernels()
        self._key = fingerprint([settings.to_dict(), self._kernels is not None, intrex_version()])[:16]
        self._lock = threading.Lock()
        self._trials = {(t.dim, t.documents, t.relevant, t.seed): t for t in self._read()}

    def _read(self) -> Iterator[Trial]:
        data = self._file.read_bytes() if self._file.exists() else b""
        if data and not data.endswith(b"\n"):  # a kill cut the last line
            with self._file.open("ab") as stream:
                stream.write(b"\n")
        for line in data.split(b"\n"):
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                record = json.loads(line)
                if record.pop("key", None) == self._key:
                    yield Trial(**record)

    def run(self, dim: int, documents: Sequence[int], progress: Progress = no_progress) -> list[Trial]:
        """Return the trials of some numbers of documents with every seed, in that order; those that are missing are run."""
        places = [(dim, n, self.relevant, seed) for n in documents for seed in self.seeds]
        # The longest first: no thread waits for the last one.
        missing = sorted((p for p in places if p not in self._trials), reverse=True)

        def work(items: Iterator[tuple[int, int, int, int]]) -> None:
            for place in items:
                self._keep(run_trial(*place, self._settings, self._kernels))
                progress(1)

        if missing:
            on_threads(work, missing, min(self._threads, len(missing)))
        return [self._trials[place] for place in places]

    def _keep(self, trial: Trial) -> None:
        line = json.dumps({"key": self._key, **asdict(trial)}) + "\n"
        with self._lock:
            with self._file.open("ab") as stream:
                stream.write(line.encode())
            self._trials[trial.dim, trial.documents, trial.relevant, trial.seed] = trial


def parse_dims(text: str) -> list[int]:
    """Read dimensions such as ``4-8`` or ``4,6``: ascending, without repeats; raises `UsageError` where they cannot be."""
    dims: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        ends = (first, last) if dash else (first, first)
        if not all(end.isascii() and end.isdigit() and 1 <= int(end) <= MOST_DIMS for end in ends):
            raise UsageError(
                f"--dims {text!a} are no dimensions", f"numbers of 1 to {MOST_DIMS}: 4-8, or 4,6,8"
            )
        if int(ends[0]) > int(ends[1]):
            raise UsageError(f"--dims {part.strip()} is an empty range", f"{ends[1]}-{ends[0]}")
        dims.update(range(int(ends[0]), int(ends[1]) + 1))
    return sorted(dims)


def check_free(relevant: int, most: int) -> None:
    """Raise `UsageError` if there are so few documents that there is one set alone, or so many relevant ones that there is none to look at."""
    if most <= relevant:
        raise UsageError(
            f"{most:,} documents have no two sets of {relevant:,}", f"--most {relevant + 1} or more"
        )


def most_documents(relevant: int, most: int) -> int:
    """Return the most documents whose sets of ``relevant`` are not more than `MOST_SETS`, and not more than ``most``."""
    documents = relevant + 1
    while documents < most and comb(documents + 1, relevant) <= MOST_SETS:
        documents += 1
    return documents


def find_critical(store: TrialStore, dim: int, most: int, progress: Progress = no_progress) -> CriticalN:
    """Gallop, bisect, then sweep around what was found until nothing larger is solved there; best of all seeds.

    Args:
        store: runs trials.
        dim: dimensions, 1 or more.
        most: documents at most.
        progress: called after each trial.

    Raises:
        UsageError: as `check_free`.
    """
    check_free(store.relevant, most)
    least, high = store.relevant + 1, most_documents(store.relevant, most)

    def solved(n: int) -> bool:
        return any(trial.solved for trial in store.run(dim, [n], progress))

    low, step = least - 1, 1
    above = high + 1
    while low < high:
        n = min(low + step, high)
        if not solved(n):
            above = n
            break
        low, step = n, 2 * step
    while above - low > 1:
        middle = (low + above) // 2
        low, above = (middle, above) if solved(middle) else (low, middle)
    while True:
        window = [n for n in range(low + SWEPT.start, low + SWEPT.stop) if least <= n <= high]
        trials = store.run(dim, window, progress)
        top = max((t.documents for t in trials if t.solved), default=None)
        if top is None or top == low:
            return CriticalN(dim, top, _every(trials), top != high, trials)
        low = top


def _every(trials: Sequence[Trial]) -> int | None:
    """Return the most documents up to which every seed solved every number that was tried."""
    unsolved = min((t.documents for t in trials if not t.solved), default=None)
    numbers = [t.documents for t in trials if unsolved is None or t.documents < unsolved]
    return max(numbers, default=None)
