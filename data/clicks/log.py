"""Click logs: rows of what was shown and whether it was clicked, counted as they go by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Int64s
from intrex.data.clicks.options import CLICK_ROLES
from intrex.data.errors import BadInput, Problems
from intrex.data.ids import encode_id, id_problem, needs_encoding
from intrex.data.importers.inputs import Input, text_id
from intrex.data.importers.records import is_table
from intrex.data.io.containers import is_tabular
from intrex.data.io.delimited import delimiter_name, delimiter_of, read_rows
from intrex.data.io.lines import first_line
from intrex.data.io.parquet import column_names, read_batches, text_values
from intrex.data.rankings.columns import named_places
from intrex.data.rankings.options import Columns, spelled_columns

_TRUE, _FALSE = (
    frozenset({"1", "true", "yes", "t", "y", "1.0"}),
    frozenset({"0", "false", "no", "f", "n", "0.0", ""}),
)
_HINT = (
    "a row has a query, a document, its position and whether it was clicked; "
    "--columns query=NAME,document=NAME,position=NAME,clicked=NAME names them"
)
_EVERY = "position, clicked and impressions stand in every row or in none; clicked may be null or false"
_NUMBERS = frozenset({"position", "clicked", "impressions"})
_WHOLE = 2**53


@dataclass
class ClickCounts:
    """Impressions and clicks of each query, document and position: all that a log is needed for.

    Memory grows with these, not with the rows of the log.

    Attributes:
        rows: rows read.
        positioned: True where the log says at which position a document was shown.
        complete: True where the log has what was shown and not clicked.
        texts: text of each query, where the log has it.
    """

    rows: int = 0
    positioned: bool = False
    complete: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    _counts: dict[tuple[str, str], dict[int, list[int]]] = field(default_factory=dict)

    def add(self, query: str, document: str, position: int, impressions: int, clicks: int) -> None:
        """Count a row."""
        self.rows += 1
        positions = self._counts.setdefault((query, document), {})
        count = positions.get(position)
        if count is None:
            positions[position] = [impressions, clicks]
        else:
            count[0] += impressions
            count[1] += clicks

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Queries and documents that were shown, in byte order."""
        return sorted(self._counts)

    def table(self) -> tuple[Int64s, Int64s, Int64s, Int64s]:
        """Return for each pair and position that occurs, [t] each: the pair's number in ``pairs``, the position, impressions, clicks."""
        rows = [
            (number, position, *counts)
            for number, pair in enumerate(self.pairs)
            for position, counts in sorted(self._counts[pair].items())
        ]
        columns = np.array(rows, np.int64).reshape(-1, 4).T
        return columns[0], columns[1], columns[2], columns[3]


def read_clicks(path: Path, columns: Columns | None, problems: Problems) -> ClickCounts:
    """Read a click log of CSV, TSV, JSON lines, Parquet or Arrow, plain or compressed; see `ClickCounts`.

    Args:
        path: the log.
        columns: what its columns are; the common names are known.
        problems: told of every row that cannot be, with its line.

    Raises:
        BadInput: there is no telling the columns, or no row.
    """
    counts, first = ClickCounts(), frozenset[str]()
    for line, row in _rows(Input(path, path.name), columns, problems):
        where, roles = f"{path.name}:{line}", _NUMBERS & row.keys()
        first = first if counts.rows else roles
        if roles != first:
            # a row of JSON lines without the key would count as a click, or as shown at position 0
            lacking, more = (" and ".join(sorted(part)) for part in (first - roles, roles - first))
            what = f"the row has no {lacking}" if lacking else f"the row has {more}"
            problems.add(where, f"{what}, other than the first row", _EVERY)
            continue
        counts.complete, counts.positioned = "clicked" in roles, "position" in roles
        _count(counts, row, where, problems)
    problems.raise_if_any()
    if not counts.rows:
        raise BadInput(f"the log has no row ({path})", _HINT)
    return counts


def _count(counts: ClickCounts, row: Mapping[str, Any], where: str, problems: Problems) -> None:
    text = row.get("text")
    query, document = (_text(row.get(role)) for role in ("query", "document"))
    if query is not None and needs_encoding(query):
        text, query = text or query, encode_id(query)
    document = encode_id(document) if document is not None and needs_encoding(document) else document
    problem = id_problem(query) or id_problem(document)
    if problem or query is None or document is None:
        problems.add(where, problem or "an id is missing", _HINT)
        return
    if isinstance(text, str) and text.strip():
        counts.texts.setdefault(query, text.strip())
    try:
        position = _whole(row.get("position", 0))
        impressions = _whole(row.get("impressions", 1))
        clicks = _clicks(row.get("clicked", 1), "impressions" in row)
    except ValueError as error:
        problems.add(where, str(error), _HINT)
        return
    if clicks > impressions:
        problems.add(where, f"{clicks} clicks of {impressions} impressions")
    else:
        counts.add(query, document, position, impressions, clicks)


def _text(value: Any) -> str | None:
    value = text_id(value)
    return value.strip() if isinstance(value, str) else None


def _whole(value: Any) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < _WHOLE or number != int(number):
        raise ValueError(
            f"a position or a number of impressions or clicks is {value!r}, a whole number is needed"
        )
    return int(number)


def _clicks(value: Any, counted: bool) -> int:
    """Return the clicks of a row: their number where impressions are counted, else 1 or 0."""
    if counted:
        return _whole(value)
    word = "" if value is None else str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return int(word in _TRUE)
    raise ValueError(f"a document is clicked or not, 1 or 0; this is {value!r}")


def _rows(
    file: Input, columns: Columns | None, problems: Problems
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield lines and rows, each by role."""
    if is_tabular(file.path):
        yield from _tabular_rows(file.path, columns)
    elif not is_table(file) and file.head().startswith(("{", "[")):
        cache: dict[tuple[str, ...], dict[str, str]] = {}
        for line, row in file.objects(problems):
            names = tuple(row)
            keys = cache.get(names)
            if keys is None:
                places = _places(file.path, list(names), columns)
                keys = cache[names] = {role: names[at] for role, at in places.items()}
            yield line, {role: row[key] for role, key in keys.items()}
    else:
        yield from _delimited_rows(file.path, columns, problems)


def _tabular_rows(path: Path, columns: Columns | None) -> Iterator[tuple[int, Mapping[str, Any]]]:
    names = column_names(path)
    places = _places(path, names, columns)
    line = 0
    for batch in read_batches(path, sorted({names[at] for at in places.values()})):
        parts = [text_values(batch.column(names[at])) for at in places.values()]
        for values in zip(*parts, strict=True):
            line += 1
            yield line, dict(zip(places, values, strict=True))


def _delimited_rows(
    path: Path, columns: Columns | None, problems: Problems
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    first = first_line(path)
    delimiter = "\t" if "\t" in first else delimiter_of(path, first) or ","
    width, places = 0, dict[str, int]()
    for line, row in read_rows(path, delimiter, problems):
        if not width:
            width, places = len(row), _places(path, row, columns)
            if columns is None or columns.names or _is_header(row, places):
                continue
        if len(row) != width:
            between = delimiter_name(delimiter)
            problems.add(f"{path.name}:{line}", f"{len(row)} values between {between}, {width} are needed")
        else:
            yield line, {role: row[at] for role, at in places.items()}


def _is_header(row: list[str], places: Mapping[str, int]) -> bool:
    """Tell whether a first row of columns that were named by position is a header row: it has a word where a number belongs."""
    for role in ("clicked", "position", "impressions"):
        if role in places:
            word = row[places[role]].strip().lower()
            return not (word.replace(".", "", 1).isdigit() or word in _TRUE | _FALSE)
    return False


def _places(path: Path, header: list[str], columns: Columns | None) -> dict[str, int]:
    """Return the index of each role's column; of columns ``query_id`` and ``query`` the second is the text."""
    if columns is not None:
        return named_places(path, header, columns, _HINT)
    places = spelled_columns(header, CLICK_ROLES)
    words = [word.strip().lower() for word in header]
    if "query" in words and (
        others := spelled_columns(["" if w == "query" else w for w in words], ("query",))
    ):
        places |= {"text": words.index("query"), **others}
    if not {"query", "document"} <= places.keys():
        raise BadInput(
            f"there is no telling which columns are query and document: {', '.join(header[:12])} ({path.name})",
            _HINT,
        )
    return places
