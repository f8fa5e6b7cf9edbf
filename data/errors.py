"""Errors that a user can meet, and the collector that reports every problem of a file at once.

IntrexError            exit 1   bad data, a missing file, a full disk
├── BadInput                    a file says something it must not; carries file and line
├── UsageError         exit 2   the command line asks for something that cannot be
├── MissingExtra                an optional package is not installed
└── CheckFailed        exit 3   a check was asked for and said no

Only ``intrex.cli.app.main`` turns them into text and exit codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

SHOWN = 5


class IntrexError(Exception):
    """A foreseen failure: what is wrong, and in ``hint`` what to type."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadInput(IntrexError):
    """A file holds something that cannot be used."""


class DoneAlready(Exception):
    """The same command has written its output before, and neither that nor what it read has changed since."""


class UsageError(IntrexError):
    """Request on the command line that cannot be met."""

    exit_code = 2


class MissingExtra(IntrexError):
    """An optional package is needed and not installed."""

    def __init__(self, package: str, extra: str, need: str) -> None:
        super().__init__(
            f"{need} needs the package {package}, which is not installed", f"pip install 'intrex[{extra}]'"
        )


class CheckFailed(IntrexError):
    """A check was asked for, ran, and said no."""

    exit_code = 3


class Problems:
    """Collects what is wrong with one input, then raises it all as one `BadInput`.

    Every problem is counted; the first five are kept for the message.
    """

    def __init__(self, subject: str | Path, hint: str | None = None) -> None:
        self.subject = str(subject)
        self._hints = [hint] if hint else []
        self.count = 0
        self._shown: list[str] = []

    def add(self, where: object, message: str, hint: str | None = None) -> None:
        """Record one problem at ``where`` (``file:line``); each hint is shown once, that of the subject first."""
        self.count += 1
        if len(self._shown) < SHOWN:
            self._shown.append(f"{message} ({where})")
        if hint:
            self.suggest(hint)

    def suggest(self, hint: str) -> None:
        """Add a hint, whatever the problems will be."""
        if hint not in self._hints and len(self._hints) < SHOWN:
            self._hints.append(hint)

    @property
    def hint(self) -> str | None:
        """All hints, a line each; None where there is none."""
        return "\nhint: ".join(self._hints) or None

    def raise_if_any(self) -> None:
        """Raise `BadInput` if anything was recorded."""
        if not self.count:
            return
        if self.count == 1:
            raise BadInput(self._shown[0], self.hint)
        more = [f"... and {self.count - SHOWN:,} more"] if self.count > SHOWN else []
        lines = [f"{self.count:,} problems in {self.subject}", *self._shown, *more]
        raise BadInput("\n  ".join(lines), self.hint)


def json_type(value: object) -> str:
    """Return the kind of a JSON value with its article: a string, an integer, a list, an object ..."""
    names = {
        "str": "a string",
        "int": "an integer",
        "float": "a number",
        "bool": "a truth value",
        "list": "a list",
    }
    names |= {"dict": "an object", "NoneType": "null"}
    return names.get(type(value).__name__, f"a {type(value).__name__}")


LONGEST_WORD = 120
"""Characters of a word of a message; of a longer one, which only a mistake makes, the middle is left out."""
_LONG = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")


def shorten_words(text: str) -> str:
    """Leave out the middle of words that are too long to be read."""
    return _LONG.sub(lambda match: f"{match[0][:60]}...{match[0][-30:]}", text)


KNOWN = 120
"""Spellings that a hint lists: all measures fit, the queries of a run may not."""


def nearest_name(name: str, names: Iterable[str]) -> str:
    """Return a hint that names the closest known spelling, or the first `KNOWN` of them when none is close."""
    import difflib  # which only an error needs

    spellings = sorted(names)
    folded = {spelling.lower(): spelling for spelling in spellings}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.5)
    if close:
        return f"did you mean {folded[close[0]]}?"
    more = f" and {len(spellings) - KNOWN:,} more" if len(spellings) > KNOWN else ""
    return f"known: {', '.join(spellings[:KNOWN])}{more}"
