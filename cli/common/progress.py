"""Progress on stderr: bars on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from intrex.cli.common.output import say
from intrex.data.progress import Progress, no_progress, seconds_between_lines

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

SECONDS_BEFORE_BARS = 0.5
RESUMED = 0.1
"""Seconds within which a part tells what an earlier run finished: that says nothing about its speed."""

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def without_progress(quiet: bool = True) -> Iterator[None]:
    """Show neither bars nor lines within this context, if ``quiet``."""
    token = _quiet.set(quiet)
    try:
        yield
    finally:
        _quiet.reset(token)


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Progress]:
    """Show the progress of one part; see `bars`."""
    with bars() as add:
        yield add(label, total)


@contextmanager
def bars() -> Iterator[Callable[[str, int | None], Progress]]:
    """Show the progress of several parts on stderr, for work that takes more than a moment.

    On a terminal there is a bar for each part, with its rate and the time left; one appears when all parts before it
    have moved. Elsewhere a line says every minute (`intrex.data.progress.seconds_between_lines`) how far the last part
    is that moved, whether it has moved since or not.
    """
    seconds = seconds_between_lines()
    if _quiet.get() or not (sys.stderr.isatty() or seconds):
        yield lambda label, total: no_progress
        return
    shown = _TerminalBars() if sys.stderr.isatty() else _Lines(seconds)
    try:
        yield shown.add
    finally:
        shown.close()


class _TerminalBars:
    """Bars below one another, from half a second on."""

    def __init__(self) -> None:
        self._display = _bars()
        self._still: list[int] = []  # tasks that have not moved
        self._timer = threading.Timer(SECONDS_BEFORE_BARS, self._display.start)
        self._timer.daemon = True
        self._timer.start()

    def add(self, label: str, total: int | None) -> Progress:
        task = self._display.add_task(label, total=total, visible=not self._still)
        self._still.append(task)

        def step(n: int) -> None:
            if task in self._still:
                self._still.remove(task)
            self._display.update(task, advance=n, visible=True)

        return step

    def close(self) -> None:
        self._timer.cancel()
        self._timer.join()
        self._display.stop()


@dataclass
class _Part:
    """A part of the work: what is done of it, and how much of that an earlier run did."""

    label: str
    total: int | None
    done: int = 0
    before: int = 0
    began: float = field(default_factory=time.monotonic)

    def step(self, n: int) -> None:
        if not self.done and time.monotonic() - self.began < RESUMED:
            self.before = n
        self.done += n

    def line(self) -> str:
        """Say how far it is."""
        seconds = time.monotonic() - self.began
        rate = (self.done - self.before) / seconds
        if self.total is not None and self.done >= self.total:
            return f"{self.label}: all {self.total:,} done after {duration(seconds)}, to be finished"
        words = [f"{self.done:,}" + (f" of {self.total:,}" if self.total is not None else "")]
        words += [f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"] if rate else []
        words.append(duration(seconds))
        if rate and self.total is not None:
            words.append(f"about {duration((self.total - self.done) / rate)} left")
        return f"{self.label}: {', '.join(words)}"


class _Lines:
    """Lines at equal times, by a thread of their own: work that stands still is said to, too."""

    def __init__(self, seconds: float) -> None:
        self._part: _Part | None = None
        self._seconds, self._end = seconds, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def add(self, label: str, total: int | None) -> Progress:
        part = _Part(label, total)
        if self._part is None or self._part.done:
            self._part = part

        def step(n: int) -> None:
            part.step(n)
            self._part = part

        return step

    def close(self) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(self._seconds):
            with suppress(OSError, ValueError):  # nobody reads any more
                if self._part is not None:
                    say(self._part.line())


def duration(seconds: float) -> str:
    """Format a time: 75 -> 75 s, 600 -> 10 min."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f}/s" if speed else "")

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate()]
    return Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    )
