"""pyserini's ``--fields contents=1.0 title=1.0``: several values after one option, which click does not know."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand

OPTION = "--fields"
_VALUE = re.compile(r"[^-=/\s][^=/\s]*=[^/\s]+")


class OneOptionManyValues(TyperCommand):
    """A command that takes every ``NAME=VALUE`` after ``--fields`` as its value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give each value its option."""
        return super().parse_args(ctx, spread(args))


def spread(args: list[str]) -> list[str]:
    """Repeat the option before each further value.

    >>> spread(["--fields", "contents=1", "title=2", "--k", "10"])
    ['--fields', 'contents=1', '--fields', 'title=2', '--k', '10']
    """
    out: list[str] = []
    for one in args:
        if len(out) > 1 and out[-2] == OPTION and _VALUE.fullmatch(one):
            out.append(OPTION)
        out.append(one)
    return out
