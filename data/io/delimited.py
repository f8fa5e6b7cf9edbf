"""Tables of text with quotes, as RFC 4180 has them: values between commas, semicolons or TABs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from intrex.data.errors import BadInput, Problems
from intrex.data.io.containers import plain_name
from intrex.data.io.files import reading
from intrex.data.io.lines import first_line

_LONGEST = 1 << 30  # bytes of a value: the module's own limit is 128 KiB
_DELIMITERS = {"\t": "TABs", ",": "commas", ";": "semicolons"}
_LEAST = 3


def delimiter_of(path: Path, line: str | None = None) -> str | None:
    """Tell what separates the values of a table: by the name, else by a first line of columns without blanks between them.

    ``.csv`` has commas or semicolons, whichever its first line has more of. Other names are tables if their first line has
    no three words, and three columns or more between one of these; None where it is no such table.
    """
    line = first_line(path) if line is None else line
    comma = max(",;", key=line.count)
    if plain_name(path).lower().endswith(".csv"):
        return comma
    return comma if len(line.split()) < _LEAST <= line.count(comma) + 1 else None


def delimiter_name(delimiter: str) -> str:
    """Name a delimiter, for messages."""
    return _DELIMITERS[delimiter]


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the values of one line; none where it cannot be told what they are."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a carriage return in the middle, or a value that is too long
        return []


def read_rows(path: Path, delimiter: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Yield ``(line number, values)`` of each row that is not empty; quotes are read as RFC 4180 says.

    A value may hold line breaks within quotes; the number is that of its row's first line. After a quote that does not
    fit the rest cannot be told, so it goes to ``problems`` and reading ends.

    Raises:
        BadInput: the file is not UTF-8.
    """
    csv.field_size_limit(_LONGEST)
    with io.TextIOWrapper(reading(path), "utf-8-sig", newline="") as text:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        last = 0
        try:
            for row in reader:
                if row and (len(row) > 1 or row[0].strip()):
                    yield last + 1, row
                last = reader.line_num
        except csv.Error as error:
            problems.add(
                f"{path.name}:{last + 1}",
                f"broken quotes: {error}",
                "a value with quotes stands in quotes, each doubled",
            )
        except UnicodeDecodeError as error:
            raise BadInput(
                f"not UTF-8: byte 0x{error.object[error.start]:02x} ({path.name}, after line {last})",
                "convert the file to UTF-8, for example: iconv -f latin1 -t utf-8 IN > OUT",
            ) from error
