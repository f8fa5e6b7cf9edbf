"""Judgements: BEIR's three columns and TREC's four, with grades that are whole numbers."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from intrex.data.errors import Problems
from intrex.data.importers.inputs import Input, LabelledProblems
from intrex.data.io.containers import is_tabular
from intrex.data.io.delimited import cells_of
from intrex.data.io.files import reading
from intrex.data.io.lines import BEGINNING, first_line, is_header
from intrex.data.rankings.grades import grade_hint, number_of
from intrex.data.rankings.judged import judged_form, read_judged_rows
from intrex.data.rankings.options import Columns
from intrex.data.writer import RecordSource

CLICKS_HEAD = "# judgements from clicks: "
"""Begins the first line of judgements that `intrex.data.clicks` makes; a JSON object of how follows."""
_GRADE = re.compile(r"[+-]?[0-9]{1,10}")
_LARGEST = 2**31 - 1
_COLUMNS = {3: "query, document, grade", 4: "query, iteration, document, grade"}


class Judgement(NamedTuple):
    """Judgement as its file has it."""

    query: str
    document: str
    grade: int
    source: RecordSource
    subtopic: str = ""


def read_judgements(file: Input, problems: Problems, columns: Columns | None = None) -> Iterator[Judgement]:
    """Yield the judgements of a file whose format its first line tells; tables and JSON as `intrex.data.rankings.judged`.

    Three or four columns between TABs (ids may hold blanks then), else between any blanks. Three are query,
    document and grade, as BEIR has them; four are TREC's, the second of them the subtopic or an iteration, and ``#`` as the first
    character of a line begins a comment. A header is skipped.
    """
    form = judged_form(file.path, columns)
    if form is not None:
        labelled = LabelledProblems(problems, file.label)
        for row in read_judged_rows(file.path, form, labelled, columns):
            yield Judgement(row.query, row.document, row.grade, file.at(row.line))
        return
    layout = _Layout(first_line(file.path))
    first = True
    count = 0
    for line, text in file.lines(problems):
        if layout.width == 4 and text.startswith("#"):
            continue
        fields = layout.split(text)
        header, first = first and is_header(fields, -1), False
        if header:
            continue
        count += 1
        fields[-1] = number_of(fields[-1])
        if complaint := layout.complaint(fields):
            hint = (
                "grade is" in complaint and grade_hint(fields[-1])
            ) or f"a line is: {_COLUMNS[layout.width]}"
            problems.add(file.at(line), complaint, hint)
        else:
            topic = fields[1] if layout.width == 4 else ""
            yield Judgement(fields[0], fields[-2], int(fields[-1]), file.at(line), topic)
    if not count:
        problems.add(file.label, "the file has no judgement", f"a line is: {_COLUMNS[4]}")


def click_record(path: Path) -> dict[str, Any] | None:
    """Return how judgements were made of clicks, where the file's first line says that; else None."""
    if is_tabular(path):
        return None
    with reading(path) as stream:
        line = stream.readline(BEGINNING).decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        record = json.loads(line.removeprefix(CLICKS_HEAD)) if line.startswith(CLICKS_HEAD) else None
        return record if isinstance(record, dict) else None
    return None


class _Layout:
    """Cutting of the lines of a file, settled by the first of them."""

    def __init__(self, line: str) -> None:
        self.tabs = len(line.split("\t")) in _COLUMNS
        width = len(self.split(line))
        self.width = width if width in _COLUMNS else 4

    def split(self, line: str) -> list[str]:
        """Return the columns of a line, without blanks around them where TABs separate."""
        if not self.tabs:
            return line.split()
        fields = line.split("\t")
        # BEIR writes and reads these files as CSV, where an id with a quote in front is quoted
        if '"' in line:
            unquoted = cells_of(line, "\t")
            fields = unquoted if len(unquoted) == len(fields) else fields
        return [*fields[:-1], fields[-1].strip()]

    def complaint(self, fields: list[str]) -> str | None:
        """Describe what is wrong with a line, or return None."""
        if len(fields) != self.width:
            between = "TABs" if self.tabs else "blanks"
            return f"{len(fields)} columns between {between}, {self.width} are needed"
        if not (fields[0] and fields[-2]):
            return "an id is empty"
        if not _GRADE.fullmatch(fields[-1]) or abs(int(fields[-1])) > _LARGEST:
            return f"the grade is {fields[-1]!r}, a whole number of 32 bits is needed"
        return None
