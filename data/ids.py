"""Identifiers: what one may look like, how uniqueness is checked in 16 bytes each, how an index keeps them."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Bytes, Int64s, Uint8s, Uint32s
from intrex.data.errors import BadInput, Problems, json_type
from intrex.data.npy import check_offsets, check_rows, open_array

T = TypeVar("T")
MAX_BYTES = 512
_BLOCK = 65_536
_NEWLINE = ord("\n")
_ASCII = 127

BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""White space, Unicode's: it separates columns, or looks as if it did."""
CONTROLS = "".join(
    chr(code)
    for span in ((0, 9), (14, 32), (127, 133), (134, 160), (0x202A, 0x202F), (0x2066, 0x206A))
    for code in range(*span)
)
"""Control characters, C0 and C1, without the blanks among them, and those that turn the direction of a text round."""
_CONTROL = re.compile(f"[{re.escape(CONTROLS)}]")
# BEIR reads judgements as CSV: a leading quote would open a field
_ENCODED = re.compile(f'[{re.escape(BLANKS)}]|^"')

GONE = np.uint32(0xFFFFFFFF)
"""Rank of a row whose document was removed; ids of other rows are counted without it."""


def id_problem(value: object) -> str | None:
    """Describe what is wrong with an id, or return None.

    It must be a non-empty string of at most 512 bytes, without `BLANKS`, `CONTROLS`, or a quote in front.
    """
    if not isinstance(value, str):
        return f"the id is {json_type(value)}, a string is needed"
    if not value:
        return "the id is empty"
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        return f"the id {value!r} has an unpaired surrogate"
    if size > MAX_BYTES:
        return f"the id has {size} bytes, {MAX_BYTES} are allowed"
    if control := find_control(value):
        return f"the id {value!r} has {control}"
    return f"the id {value!r} has white space or a leading quote" if needs_encoding(value) else None


def find_control(value: str) -> str | None:
    """Name the first control character of an id, or return None."""
    match = _CONTROL.search(value)
    return match and describe_control(match[0])


def describe_control(character: str) -> str:
    """Name a control character, for messages."""
    return f"the control character U+{ord(character):04X}"


def encode_id(value: str) -> str:
    """Percent-encode what an import takes out of an id (see `needs_encoding`), and ``%`` in such an id."""
    if not needs_encoding(value):
        return value
    return re.sub(_ENCODED.pattern + "|%", lambda match: quote(match[0], safe=""), value)


def needs_encoding(value: str) -> bool:
    """Tell whether an id holds white space or a leading quote."""
    return _ENCODED.search(value) is not None


def as_bytes(ids: list[str]) -> Bytes:
    """Return ids as a numpy ``S`` array (UTF-8)."""
    return np.array([i.encode("utf-8") for i in ids] or np.empty(0, "S1"), dtype=np.bytes_)


def as_strings(ids: Bytes) -> list[str]:
    """Return the ids of a numpy ``S`` array as strings."""
    return [i.decode("utf-8") for i in ids.tolist()]


def rows_of(nested: Mapping[str, Mapping[str, T]], problems: Problems) -> Iterator[tuple[str, str, T]]:
    """Yield the rows of ``{query: {document: value}}``; ids that cannot be are reported on the way."""
    for query, docs in nested.items():
        for doc, value in docs.items():
            for id_ in (query, doc):
                if problem := id_problem(id_):
                    problems.add(f"query {query!r}", problem)
            yield query, doc, value


def nest(query_ids: Bytes, offsets: Int64s, doc_ids: Bytes, values: list[T]) -> dict[str, dict[str, T]]:
    """Return ``{query: {document: value}}``, where query i has the rows ``offsets[i]:offsets[i + 1]``."""
    docs, bounds = as_strings(doc_ids), pairwise(offsets.tolist())
    queries = zip(as_strings(query_ids), bounds, strict=True)
    return {q: dict(zip(docs[a:b], values[a:b], strict=True)) for q, (a, b) in queries}


class IdRegistry:
    """Check of the uniqueness of any number of ids in 16 bytes each: 96 bits of a hash and a 32-bit ordinal.

    Two different ids share 96 bits with probability below 1e-13 at 100 million ids.
    """

    def __init__(self) -> None:
        self._digests = bytearray()

    def __len__(self) -> int:
        return len(self._digests) // 16

    def add(self, value: str) -> None:
        """Add the next id; its ordinal is the number of ids before it."""
        ordinal = len(self)
        self._digests += _digest(value) + ordinal.to_bytes(4, "big")

    @cached_property
    def _order(self) -> Bytes:
        """Entries, sorted in place by digest; the array must not outlive the call that asked for it."""
        entries = np.frombuffer(self._digests, dtype="S16")
        entries.sort()
        return entries

    def duplicates(self) -> list[tuple[int, int]]:
        """Return pairs (ordinal of the first, ordinal of a later one) that share an id, in order of the later one."""
        rows = self._order.view(np.uint8).reshape(-1, 16)
        same = (rows[1:, :12] == rows[:-1, :12]).all(axis=1)
        ordinals = rows[:, 12:].copy().view(">u4").ravel().astype(np.int64)
        pairs, first = [], -1
        for i in np.flatnonzero(same).tolist():
            first = i if first < 0 or not same[i - 1] else first
            pairs.append((int(ordinals[first]), int(ordinals[i + 1])))
        return sorted(pairs, key=lambda pair: pair[1])

    def __contains__(self, value: str) -> bool:
        key = _digest(value)
        order = self._order
        at = int(np.searchsorted(order, np.array(key, dtype="S16")))
        return at < len(order) and order[at : at + 1].view(np.uint8)[:12].tobytes() == key


def _digest(value: str) -> bytes:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=12).digest()


class IdWriter:
    """Writes the ids of an index one after another: ``ids.txt`` (one a line) and its offsets, in constant memory.

    The file is open during a call only: a build that fails leaves none to be closed later.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._text = folder / "ids.txt"
        self._text.write_bytes(b"")
        self._offsets = array("q", [0])

    def extend(self, ids: list[str]) -> None:
        """Append ids."""
        text = "".join([f"{doc_id}\n" for doc_id in ids]).encode("utf-8")
        with self._text.open("ab") as stream:
            stream.write(text)
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE) + (self._offsets[-1] + 1)
        self._offsets.frombytes(ends.astype(np.int64).tobytes())

    def close(self) -> None:
        """Write the offsets and each row's rank in the byte order of the ids."""
        np.save(self.folder / "ids.offsets.npy", np.frombuffer(self._offsets, np.int64))
        del self._offsets
        order = np.argsort(IdTable(self.folder, ranked=False).all(), kind="stable")
        rank = np.empty(len(order), np.uint32)
        rank[order] = np.arange(len(order), dtype=np.uint32)
        np.save(self.folder / "ids.rank.npy", rank)


def _check_utf8(text: Uint8s, path: Path) -> None:
    try:
        text.tobytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"damaged: ids that are not UTF-8 ({path})", "rebuild the index") from error


class IdTable:
    """Ids of an index, memory-mapped: row to id, and each row's rank in byte order (for ties), `GONE` if removed."""

    def __init__(self, folder: Path, ranked: bool = True) -> None:
        self.offsets: Int64s = open_array(folder / "ids.offsets.npy", np.int64, (None,))
        size = (folder / "ids.txt").stat().st_size
        check_offsets(self.offsets, size, folder / "ids.offsets.npy", least=1)
        self.rank: Uint32s = np.empty(0, np.uint32)
        text = np.memmap(folder / "ids.txt", dtype=np.uint8, mode="r") if size else np.empty(0, np.uint8)
        self.text: Uint8s = text
        if size and self.text.max() > _ASCII:
            _check_utf8(self.text, folder / "ids.txt")
        self._ranks = folder / "ids.rank.npy"
        if ranked:
            self.rank = open_array(self._ranks, np.uint32, (len(self),))
            below = self.rank if (self.rank != GONE).all() else self.rank[self.rank != GONE]
            check_rows(below, len(below), self._ranks)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def all(self) -> Bytes:
        """Return the ids of all rows."""
        return gather_spans(self.text, self.offsets[:-1], np.diff(self.offsets) - 1)

    def gather(self, rows: npt.NDArray[np.integer]) -> Bytes:
        """Return the ids of ``rows`` as a numpy ``S`` array."""
        return gather_spans(self.text, starts := self.offsets[rows], self.offsets[rows + 1] - 1 - starts)

    def find(self, ids: Bytes) -> Int64s:
        """Return the row of each id, -1 where there is no such id, or it was removed."""
        order, low = self._order, self.before(ids)
        rows = np.full(len(ids), -1)
        inside = np.flatnonzero(low < len(order))
        same = self.gather(at := order[low[inside]]) == ids[inside]
        rows[inside[same]] = at[same]
        return rows

    def rows_with(self, ids: Bytes) -> tuple[Int64s, int]:
        """Return the rows, ascending, that have one of some different ids, and the number of ids that no row has."""
        rows = self.find(ids)
        return np.sort(rows[rows >= 0]), int(np.count_nonzero(rows < 0))

    def before(self, ids: Bytes) -> Int64s:
        """Count the ids that come before each of ``ids``, all by one binary search over the memory map."""
        order = self._order
        low, high = np.zeros(len(ids), np.int64), np.full(len(ids), len(order))
        while (open_ := np.flatnonzero(low < high)).size:
            middle = (low[open_] + high[open_]) >> 1
            below = self.gather(order[middle]) < ids[open_]
            low[open_[below]] = middle[below] + 1
            high[open_[~below]] = middle[~below]
        return low

    @cached_property
    def _order(self) -> Int64s:
        """Rows in the byte order of their ids, without those removed; raises `BadInput` where two have one rank."""
        rows = np.flatnonzero(self.rank != GONE)
        order = np.full(len(rows), -1, np.int64)
        order[self.rank[rows]] = rows
        if (order < 0).any():
            raise BadInput(f"damaged: two ids have one rank ({self._ranks})", "rebuild the index")
        return order

    def updated_ranks(self, removed: Int64s, added: Bytes) -> Uint32s:
        """Return the rank of every row once the rows ``removed`` are gone and rows of new ids stand after all others."""
        rank = np.array(self.rank)
        removed_ranks, places = np.sort(rank[removed]), np.sort(self.before(added))
        live = rank != GONE
        live[removed] = False
        old = rank[live]
        rank[:] = GONE
        rank[live] = old - np.searchsorted(removed_ranks, old) + np.searchsorted(places, old, side="right")
        order = np.argsort(added, kind="stable")
        new = np.empty(len(added), np.uint32)
        new[order] = places - np.searchsorted(removed_ranks, places) + np.arange(len(added))
        return np.concatenate([rank, new])


def write_ids(folder: Path, text: Uint8s, lengths: Int64s, rank: Uint32s) -> None:
    """Write the files of ids that stand in ``text`` one a line, each with its line feed ``lengths[i]`` bytes."""
    (folder / "ids.txt").write_bytes(text.tobytes())
    np.save(folder / "ids.offsets.npy", np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]))
    np.save(folder / "ids.rank.npy", rank)


def gather_spans(text: Uint8s, starts: Int64s, lengths: Int64s) -> Bytes:
    """Cut byte spans out of ``text`` into a numpy ``S`` array as wide as the longest of them."""
    width = int(lengths.max(initial=0))
    if not width:
        return np.zeros(len(starts), "S1")
    windows = np.lib.stride_tricks.sliding_window_view(text, width)
    out = np.empty((len(starts), width), np.uint8)
    columns = np.arange(width)
    for at in range(0, len(starts), _BLOCK):
        block = slice(at, at + _BLOCK)
        # the last ones would reach over the end: see below
        first = np.minimum(starts[block], len(windows) - 1)
        out[block] = windows[first]
        out[block] *= columns < lengths[block, None]
    for row in np.flatnonzero(starts >= len(windows)):
        out[row] = 0
        out[row, : lengths[row]] = text[starts[row] : starts[row] + lengths[row]]
    return out.view(f"S{width}").ravel()
