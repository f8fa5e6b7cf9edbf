"""Records with any keys: JSON objects, rows of CSV and TSV with a header, of Parquet and Arrow."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, Problems
from intrex.data.importers.inputs import Fields, Input, LabelledProblems, Record, text_id
from intrex.data.io.containers import is_tabular, plain_name
from intrex.data.io.delimited import cells_of, delimiter_name, delimiter_of, read_rows
from intrex.data.io.files import read_lines
from intrex.data.io.lines import first_line
from intrex.data.io.parquet import column_names, read_batches, text_values

IDS = ("_id", "id", "docid", "doc_id", "docno", "pid")
TEXTS = ("text", "contents", "segment", "passage", "body")
QUERY_IDS = ("_id", "id", "qid", "query_id", "query-id", "q_id")
QUERY_TEXTS = ("text", "query", "question", "contents")
TITLE = "title"
URL = "url"
_PASSAGE = frozenset({"pid", "passage"})
_HINT = "name them: --id-field NAME --text-fields NAME,NAME"
_QUERY_HINT = "queries need an id and a text: `id` and `text`, or another of the common names"


def json_layout(keys: Iterable[str]) -> str | None:
    """Return the layout of JSON objects with these keys: ``beir``, ``pyserini`` or ``json``; None without an id or a text."""
    names = set(keys)
    if "_id" in names and names & {TITLE, "text"}:
        return "beir"
    if {"id", "contents"} <= names:
        return "pyserini"
    return "json" if names & set(IDS) and names & {*TEXTS, TITLE} else None


class _Keys:
    """Keys of a file's records that are read: of the id, the title, and the text."""

    def __init__(
        self, names: Sequence[str], fields: Fields, ids: Sequence[str], texts: Sequence[str]
    ) -> None:
        spelled = {name.strip().lower(): name for name in reversed(list(names))}
        if spelled.keys() >= _PASSAGE:  # MS MARCO v2: its docid is that of the document around it
            ids = ("pid", *ids)
        self.id = fields.id or next((spelled[key] for key in ids if key in spelled), None)
        self.title = TITLE if TITLE in (fields.texts or names) else None
        first = next((spelled[key] for key in texts if key in spelled and spelled[key] != self.id), None)
        self.texts = (
            tuple(t for t in fields.texts if t != TITLE) if fields.texts else (first,) if first else ()
        )
        self.known = frozenset(filter(None, (self.id, self.title, *self.texts)))

    def missing(self, names: Sequence[str]) -> list[str]:
        """List what is not there: the names that were given, or what no key stands for."""
        lacking = [name for name in self.known if name not in names]
        if not self.id:
            lacking.append("an id")
        return lacking if self.texts or self.title else [*lacking, "a text"]


def json_documents(file: Input, problems: Problems) -> Iterator[Record]:
    """Read JSON objects with any keys: ids and texts in the common spellings, or as ``file.fields`` name them.

    Ids are `IDS`, texts `TEXTS`; of several the first counts. Keys that are not read are counted.
    """
    cache: dict[tuple[str, ...], _Keys] = {}
    for line, row in file.objects(problems):
        names = tuple(row)
        keys = cache.get(names)
        if keys is None:
            keys = cache[names] = _Keys(names, file.fields, IDS, TEXTS)
        here = (key for key in keys.texts if key in row)
        if keys.id not in row or not (keys.title in row or any(key in row for key in keys.texts)):
            wanted = "id" if keys.id not in row else "text"
            listed = ", ".join(names[:8])
            problems.add(file.at(line), f"the document has no {wanted}, its keys are {listed}", _HINT)
            continue
        metadata = row.get("metadata")
        if metadata is None and URL not in keys.known and isinstance(row.get(URL), str):
            metadata = {URL: row[URL]}  # MS MARCO v2 has it beside the text
        file.note_unread(
            key
            for key in names
            if key not in keys.known and key != "metadata" and not (metadata and key in metadata)
        )
        title = row.get(keys.title) if keys.title else None
        text = join_texts([row[key] for key in here])
        yield Record(text_id(row[keys.id]), title, text, file.at(line), metadata)


def join_texts(values: list[Any]) -> Any:
    """Join texts by a blank; one alone stays as it is, so that the writer says what is wrong with it."""
    if len(values) == 1:
        return values[0]
    odd = next((value for value in values if value is not None and not isinstance(value, str)), None)
    return odd if odd is not None else " ".join(value for value in values if value)


def table_documents(file: Input, problems: Problems) -> Iterator[Record]:
    """Read the rows of a table with a header as documents; see `json_documents`. Quotes are read as RFC 4180 says."""
    yield from _table_records(file, problems, IDS, TEXTS, _HINT)


def table_queries(file: Input, problems: Problems) -> Iterator[Record]:
    """Read the rows of a table with a header as queries; see `table_documents`."""
    yield from _table_records(file, problems, QUERY_IDS, QUERY_TEXTS, _QUERY_HINT)


def is_table(file: Input) -> bool:
    """Tell whether a file is a table with a header: Parquet, Arrow, or named ``.csv``."""
    return is_tabular(file.path) or plain_name(file.path).lower().endswith(".csv")


def table_columns(path: Path) -> list[str]:
    """Return the names in a table's header, where a file is named ``.csv`` or is Parquet or Arrow; else nothing."""
    with contextlib.suppress(BadInput):
        if is_tabular(path):
            return column_names(path)
        if plain_name(path).lower().endswith(".csv"):
            line = first_line(path)
            return cells_of(line, delimiter_of(path, line) or ",")
    return []


def has_header(file: Input) -> bool:
    """Tell whether the first line of a tab-separated file names an id and a text, beside other columns."""
    names = first_line(file.path).split("\t")
    if len(names) < 2 or (len(names) < 4 and not file.fields):
        return False
    return not _Keys(names, file.fields, IDS, TEXTS).missing(names)


def _table_records(
    file: Input, problems: Problems, ids: Sequence[str], texts: Sequence[str], hint: str
) -> Iterator[Record]:
    rows = _tabular_rows(file) if is_tabular(file.path) else _delimited_rows(file, problems)
    names = next(rows)[1]
    keys = _Keys(names, file.fields, ids, texts)
    if missing := keys.missing(names):
        raise BadInput(f"the table has no {', '.join(missing)}: {', '.join(names[:12])} ({file.label})", hint)
    places = {name: at for at, name in enumerate(names)}
    unread = [name for name in names if name not in keys.known]
    id_at, title_at = places[keys.id or ""], places[keys.title] if keys.title else None
    text_at = [places[name] for name in keys.texts]
    single = text_at[0] if len(text_at) == 1 else None
    count = 0
    for line, row in rows:
        count += 1
        text = row[single] if single is not None else join_texts([row[at] for at in text_at])
        title = None if title_at is None else row[title_at]
        yield Record(row[id_at], title, text, file.at(line))
    file.unread.update(dict.fromkeys(unread, count))


def _delimited_rows(file: Input, problems: Problems) -> Iterator[tuple[int, list[Any]]]:
    """Yield the header, then each row that has as many values; the others are reported."""
    delimiter = delimiter_of(file.path) or "\t"
    labelled = LabelledProblems(problems, file.label)
    width = None
    for line, row in read_rows(file.path, delimiter, labelled):
        width = len(row) if width is None else width
        if len(row) == width:
            yield line, row
        else:
            between = delimiter_name(delimiter)
            problems.add(file.at(line), f"{len(row)} values between {between}, the header has {width}")
    if width is None:
        raise BadInput(f"the table has no row ({file.label})", _HINT)


def _tabular_rows(file: Input) -> Iterator[tuple[int, list[Any]]]:
    names = column_names(file.path)
    yield 0, names
    row = 0
    for batch in read_batches(file.path, names):
        for values in zip(*(text_values(column) for column in batch.columns), strict=True):
            row += 1
            yield row, list(values)


def describe_unread(files: Sequence[Input]) -> Iterator[str]:
    """Yield a note on each set of files of which keys were not read, with how many records have them."""
    total: Mapping[str, int] = sum((file.unread for file in files), type(files[0].unread)()) if files else {}
    if total:
        counts = ", ".join(
            f"{name} ({n:,})" for name, n in sorted(total.items(), key=lambda item: -item[1])[:12]
        )
        yield f"keys that are not read, with the records that have them: {counts}; --text-fields reads others"


def looks_quoted(path: Path, delimiter: str = "\t") -> bool:
    """Tell whether a tab-separated file's fields look as if a CSV writer had quoted them."""
    lines = [line for line in _head(path) if line.count('"') >= 2]
    quoted = [line for line in lines if any(_is_quoted(cell) for cell in line.split(delimiter))]
    if not quoted:
        return False
    try:
        rows = list(csv.reader(quoted, delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return all(len(row) == line.count(delimiter) + 1 for row, line in zip(rows, quoted, strict=True))


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'


def _head(path: Path) -> list[str]:
    return [line for _, line in islice(read_lines(path, Problems(path.name)), 200)]
