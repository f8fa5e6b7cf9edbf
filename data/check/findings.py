"""Findings: what a check saw, by code, with every line number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from intrex.data.arrays import Int64s
from intrex.data.check.codes import CODES, SEVERITIES
from intrex.data.errors import SHOWN

TextOf = Callable[[int], str]
Row = tuple[str, str, str, int, str]
HEADERS = ("code", "severity", "where", "count", "what")


@dataclass
class Finding:
    """Occurrences of one code in one file.

    Attributes:
        code: its name in the registry.
        parts: line numbers [n] with the text of each occurrence, made when it is shown.
        count: how many; more than the lines there are where a finding is of the whole file.
    """

    code: str
    parts: list[tuple[Int64s, TextOf]]
    count: int

    @property
    def severity(self) -> str:
        """``error``, ``warning`` or ``note``."""
        return CODES[self.code].severity

    @property
    def lines(self) -> list[int]:
        """Line numbers in order; none where the finding is of the whole file."""
        return sorted(int(n) for lines, _ in self.parts for n in lines if n)

    def occurrences(self) -> Iterator[tuple[int, str]]:
        """Yield ``(line, text)`` in order; line 0 stands for the whole file."""
        each = [(int(n), i, text) for lines, text in self.parts for i, n in enumerate(lines)]
        each += [(0, 0, text) for lines, text in self.parts if not len(lines)]
        for line, i, text in sorted(each, key=lambda occurrence: occurrence[0]):
            yield line, text(i)


@dataclass
class Findings:
    """Findings of one file, or across files."""

    label: str
    found: dict[str, Finding] = field(default_factory=dict)

    def add(
        self, code: str, lines: Sequence[int] | Int64s, text: str | TextOf, count: int | None = None
    ) -> None:
        """Add occurrences of ``code``.

        Args:
            code: a name in the registry.
            lines: their line numbers; nothing is added when there is none, unless ``count`` is given.
            text: what to say, of all or of the i-th of them.
            count: how many there are, for findings of the whole file.
        """
        numbers = np.asarray(lines, np.int64)
        n = len(numbers) if count is None else count
        if not n:
            return
        finding = self.found.setdefault(code, Finding(code, [], 0))
        finding.parts.append((numbers, text if callable(text) else lambda i: text))
        finding.count += n

    def count(self, code: str) -> int:
        """Return how often a code occurs."""
        return self.found[code].count if code in self.found else 0

    def rows(self, every_line: bool = False) -> Iterator[Row]:
        """Yield table rows, worst first: one for each code, or for each occurrence if ``every_line``."""
        order = sorted(self.found.values(), key=lambda f: (SEVERITIES.index(f.severity), f.code))
        for finding in order:
            if every_line and finding.lines:
                for line, text in finding.occurrences():
                    yield finding.code, finding.severity, self._at(line), 1, text
            else:
                line, text = next(finding.occurrences())
                text += _more_lines(finding.lines)
                yield finding.code, finding.severity, self._at(line), finding.count, text

    def _at(self, line: int) -> str:
        return f"{self.label}:{line}" if line else self.label


def _more_lines(lines: list[int]) -> str:
    """Name the further lines of a finding: the first five in all, and how many there are beyond."""
    if len(lines) < 2:
        return ""
    numbers = ", ".join(str(n) for n in lines[1:SHOWN])
    more = f" and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
    return f"; also line{'s' * (len(lines) > 2)} {numbers}{more}"


def count_findings(findings: Sequence[Findings], severity: str) -> int:
    """Count the findings (codes by file) of this severity."""
    return sum(finding.severity == severity for f in findings for finding in f.found.values())
