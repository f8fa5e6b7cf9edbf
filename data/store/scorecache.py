"""Scores of pairs of texts, kept: append-only files of fixed records, one folder a scorer; see docs/formats.md.

What a killed process left is used by the next one. A record that was cut off, or is not what was written, counts as
absent. Each process appends to a file that it has locked, so that several at once lose nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from intrex.data.arrays import Array, Bytes, Scores, Uint32s
from intrex.data.cache import cache_dir
from intrex.data.errors import IntrexError
from intrex.data.io.files import canonical_json, write_text
from intrex.data.io.hidden import open_unlinked
from intrex.data.io.locks import lock_or_refuse
from intrex.data.specs import EncoderSpec

RECORD = np.dtype([("key", "S16"), ("score", "<f4"), ("check", "<u4")])
SUFFIX = ".scores1"
"""Files of this layout of records; another layout will have another suffix."""
WRITERS = 1000
"""Number of processes that may write scores of one scorer at once."""
_MULTIPLIERS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    np.uint64,
)


def text_digest(text: str) -> bytes:
    """Return the sha256 of a text's UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def pair_keys(spec: EncoderSpec, queries: Sequence[bytes], documents: Sequence[bytes]) -> Bytes:
    """Return keys [n] (``S16``) of pairs: the first half of sha256 of the spec's fingerprint and the digests of both texts.

    Args:
        spec: of the scorer; whatever changes a score is in it.
        queries: [n] `text_digest` of the query of each pair.
        documents: [n] that of its document.
    """
    start = hashlib.sha256(bytes.fromhex(spec.fingerprint))
    data = bytearray()
    for query, document in zip(queries, documents, strict=True):
        pair = start.copy()
        pair.update(query + document)
        data += pair.digest()[:16]
    return np.frombuffer(bytes(data), "S16")


class ScoreCache:
    """Folder of scores; by default ``scores`` in intrex's cache folder.

    Attributes:
        hits: pairs whose score was there, over all uses of this object.
        added: pairs whose score was written.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = cache_dir() / "scores" if folder is None else folder
        self.hits = self.added = 0

    @contextlib.contextmanager
    def open(self, spec: EncoderSpec) -> Iterator[StoredScores]:
        """Open the scores of one scorer, as they stand now; more may be added until the context ends."""
        stored = StoredScores(self.folder / spec.fingerprint, spec)
        try:
            yield stored
        finally:
            stored.close()
            self.hits += stored.hits
            self.added += stored.added


class StoredScores:
    """Scores of one scorer. Nothing is written, and no folder made, before the first `add`.

    Attributes:
        hits: keys that `find` found.
        added: keys that `add` wrote.
    """

    def __init__(self, folder: Path, spec: EncoderSpec) -> None:
        self._folder, self._spec = folder, spec
        self._out: IO[bytes] | None = None
        self.hits = self.added = 0
        parts = [_read(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
        records = np.concatenate([np.empty(0, RECORD), *parts])
        # stable: of a key that two processes wrote, the first in the order of the files counts, always
        records = records[np.argsort(records["key"], kind="stable")]
        self._keys, self._scores = np.ascontiguousarray(records["key"]), records["score"].astype(np.float32)

    def find(self, keys: Bytes) -> Scores:
        """Return the scores [n] float32 of keys [n], NaN where there is none."""
        scores = np.full(len(keys), np.nan, np.float32)
        at = np.searchsorted(self._keys, keys)
        inside = np.flatnonzero(at < len(self._keys))
        known = inside[self._keys[at[inside]] == keys[inside]]
        scores[known] = self._scores[at[known]]
        self.hits += len(known)
        return scores

    def add(self, keys: Bytes, scores: Scores) -> None:
        """Write scores [n] of keys [n] at once: they outlive this process from here on.

        Raises:
            IntrexError: the folder cannot be written.
        """
        if self._out is None:
            self._out = self._begin()
        records = np.empty(len(keys), RECORD)
        records["key"], records["score"] = keys, scores
        records["check"] = _checks(records)
        self._out.write(records.tobytes())
        self._out.flush()
        self.added += len(keys)

    def close(self) -> None:
        """Release the file."""
        if self._out is not None:
            self._out.close()
            self._out = None

    def _begin(self) -> IO[bytes]:
        """Open the first file that no other process has locked, and cut off what a killed one left of its last record."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not (self._folder / "spec.json").exists():
                text = canonical_json(self._spec.to_dict()) + "\n"
                write_text(self._folder / "spec.json", text, overwrite=True)
            for number in range(WRITERS):
                path = self._folder / f"{number:04}{SUFFIX}"
                stream = open_unlinked(path)
                try:
                    lock_or_refuse(stream, path, "writing scores")
                except IntrexError:
                    stream.close()
                    continue
                stream.truncate(path.stat().st_size // RECORD.itemsize * RECORD.itemsize)
                return stream
        except OSError as error:
            raise IntrexError(
                f"scores cannot be kept in {self._folder}: {error.strerror or error}",
                "name another folder with --cache DIR, or add --no-cache",
            ) from error
        raise IntrexError(f"no file of scores can be locked in {self._folder}", "add --no-cache")


def _read(path: Path) -> Array:
    """Read the sound records of a file."""
    records = np.fromfile(path, RECORD)  # whole records: what follows the last of them is not read
    sound: Array = records[_checks(records) == records["check"]]
    return sound


def _checks(records: Array) -> Uint32s:
    """Return the check word of each record: zeros, and any single changed bit, do not pass."""
    words = records.view(np.uint32).reshape(-1, RECORD.itemsize // 4)[:, : len(_MULTIPLIERS)]
    sums = (words * _MULTIPLIERS).sum(axis=1, dtype=np.uint64) + _MULTIPLIERS[0]
    checks: Uint32s = (sums >> np.uint64(32)).astype(np.uint32)
    return checks
