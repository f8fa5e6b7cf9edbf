"""Parquet and Arrow files (extra ``parquet``): columns by name, a batch of rows at a time."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Bytes, Float64s, Int64s, Uint8s
from intrex.data.errors import BadInput, MissingExtra
from intrex.data.io.idarrays import span_array

_ROWS = 65_536
_REPEATED = 2  # bytes of a row of a column that is read as a dictionary, at most
_FILE, _STREAM = b"ARROW1", b"\xff\xff\xff\xff"


def _arrow(path: Path) -> Any:
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtra("pyarrow", "parquet", f"a file of columns ({path})")
    return importlib.import_module("pyarrow")


def column_names(path: Path) -> list[str]:
    """Return the names of a file's columns.

    Raises:
        MissingExtra: pyarrow is not installed.
        BadInput: the file is damaged.
    """
    arrow = _arrow(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(len(_FILE))
        if head.startswith(b"PAR1"):
            names = importlib.import_module("pyarrow.parquet").read_schema(path).names
        else:
            with arrow.OSFile(str(path)) as source:
                names = _ipc(arrow, source, head).schema.names
    except (arrow.ArrowException, OSError) as error:
        raise _damage(path, error) from error
    return list(names)


def read_batches(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Yield the record batches of a file, of some of its columns, in file order; see `column_names`."""
    arrow = _arrow(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(len(_FILE))
        if head.startswith(b"PAR1"):
            parquet = importlib.import_module("pyarrow.parquet")
            repeated = _repeated(parquet.read_metadata(path), columns)
            file = parquet.ParquetFile(path, read_dictionary=repeated)
            # rows in parallel cost more time in all, and what reads them is slower than one thread of it
            yield from file.iter_batches(_ROWS, columns=list(columns), use_threads=False)
            return
        with arrow.OSFile(str(path)) as source:
            reader = _ipc(arrow, source, head)
            batches = (
                (reader.get_batch(i) for i in range(reader.num_record_batches))
                if head == _FILE
                else iter(reader)
            )
            for batch in batches:
                yield batch.select(list(columns))
    except (arrow.ArrowException, OSError) as error:
        raise _damage(path, error) from error


def _repeated(metadata: Any, columns: Sequence[str]) -> list[str]:
    """List the columns of few values that stand in many rows, as queries of a run: cheaper as numbers in a dictionary.

    Of the others a dictionary would have to be made while they are read, which costs more than their text.
    """
    if not metadata.num_row_groups:
        return []
    group = metadata.row_group(0)
    chunks = (group.column(at) for at in range(group.num_columns))
    return [
        chunk.path_in_schema
        for chunk in chunks
        if chunk.path_in_schema in columns
        and chunk.physical_type == "BYTE_ARRAY"
        and chunk.has_dictionary_page
        and chunk.total_uncompressed_size <= _REPEATED * group.num_rows
    ]


def _ipc(arrow: Any, source: Any, head: bytes) -> Any:
    return arrow.ipc.open_file(source) if head == _FILE else arrow.ipc.open_stream(source)


def _damage(path: Path, error: Exception) -> BadInput:
    return BadInput(
        f"not a sound file of columns: {str(error).splitlines()[0]} ({path})", "fetch or write the file again"
    )


def text_values(column: Any) -> list[Any]:
    """Return the values of a column of a batch as strings, None where there is none; numbers as they are written."""
    arrow = importlib.import_module("pyarrow")
    if arrow.types.is_dictionary(column.type):
        values = text_values(column.dictionary)
        return [None if at is None else values[at] for at in column.indices.to_pylist()]
    if arrow.types.is_string(column.type) or arrow.types.is_large_string(column.type):
        return list(column.to_pylist())
    if arrow.types.is_integer(column.type):
        return [None if value is None else str(value) for value in column.to_pylist()]
    return list(column.to_pylist())


def number_column(column: Any, first: int, report: Any) -> Float64s:
    """Return a column of numbers as float64 [n]; what is no finite number is told to ``report`` with its row, and is 0."""
    arrow = importlib.import_module("pyarrow")
    numeric = arrow.types.is_integer(column.type) or arrow.types.is_floating(column.type)
    if numeric and not column.null_count:
        numbers: Float64s = column.to_numpy(zero_copy_only=False).astype(np.float64)
    else:
        numbers = np.full(len(column), np.nan)
        for at, value in enumerate(column.to_pylist()):
            with contextlib.suppress(TypeError, ValueError):
                numbers[at] = float(value)
    for row in np.flatnonzero(~np.isfinite(numbers)).tolist():
        report(first + row, f"{column[row].as_py()!r}, a finite number is needed")
    return np.where(np.isfinite(numbers), numbers, 0)


def id_column(column: Any, first: int, report: Any) -> Bytes:
    """Return a column of ids as a numpy ``S`` array [n]; what cannot be an id is told to ``report`` with its row.

    Args:
        column: of a batch; strings, or integers.
        first: row of the file that its first value stands in.
        report: told the row and what is wrong.
    """
    arrow = importlib.import_module("pyarrow")
    if arrow.types.is_dictionary(column.type):
        unfit: list[int] = []
        values = id_column(column.dictionary, 0, lambda at, _: unfit.append(at))
        if not unfit and not column.null_count and len(values):
            spread: Bytes = values[column.indices.to_numpy()]
            return spread
        column = column.dictionary_decode()
    if arrow.types.is_integer(column.type) or arrow.types.is_string(column.type):
        column = column.cast(arrow.large_string())
    if not arrow.types.is_large_string(column.type) or column.null_count:
        return span_array(None, column.to_pylist(), lambda at, reason: report(first + at, reason))
    _, offsets, data = column.buffers()
    ends: Int64s = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    text: Uint8s = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    spans = text, ends[:-1], np.diff(ends)

    def pad(width: int) -> Bytes:
        padded = importlib.import_module("pyarrow.compute").ascii_rpad(column, width, padding="\0")
        return np.frombuffer(padded.buffers()[2], f"S{width}", len(column), padded.offset * width)

    return span_array(spans, column, lambda at, reason: report(first + at, reason), pad)
