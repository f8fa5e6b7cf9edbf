"""What an index is, how one is built and opened by name, and the one ranking order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Bytes, Rows, Scores
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput
from intrex.data.ids import GONE, IdTable, as_bytes
from intrex.data.run import Run
from intrex.data.store.artifact import Manifest, manifest_path, read_manifest
from intrex.retrievers.options import INDEXES, TIE_ORDERS, SearchOptions, index_kinds


class Ids(Protocol):
    """Row to id."""

    def __len__(self) -> int: ...

    def gather(self, rows: npt.NDArray[np.integer]) -> Bytes:
        """The ids of some rows."""
        ...


class Index(Protocol):
    """A searchable artifact. A document that scores nothing for a query (no common term) is not returned."""

    manifest: Manifest
    ids: Any
    """`Ids` of the rows."""

    @property
    def built(self) -> Mapping[str, object]:
        """What was chosen when it was built, by key, as far as a search depends on it."""
        return {}

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open through memory maps, without reading the index."""
        ...

    def prepare(self, options: SearchOptions) -> None:
        """Open what a search with these options needs; raises `IntrexError` where it cannot be, before any work."""

    def remarks(self) -> Iterator[str]:
        """Yield what should be said before every search."""
        return iter(())

    def search(self, queries: Queries, options: SearchOptions) -> Run:
        """Return the ``k`` best documents of each query. A query without any result has no line in the run."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what is worth knowing beside its parameters, by name; ``documents`` takes the place of the rows."""
        return {}


def open_index(path: Path, collection: Collection | None = None) -> Index:
    """Open an index of any kind, also one of Lucene's that intrex did not build; of that one nothing can be compared.

    Raises:
        BadInput: missing, damaged, of an unknown schema, or built from another collection than the one given.
    """
    if path.is_dir() and manifest_path(path) is None and any(path.glob("segments_*")):
        foreign: Index = INDEXES.load("lucene").open().open_foreign(path)
        return foreign
    rebuild = "intrex index KIND COLLECTION OUT --overwrite"
    manifest = read_manifest(path, rebuild=rebuild)
    if manifest.kind not in INDEXES:
        read_manifest(path, tuple(sorted({kind.stored for kind in index_kinds().values()})), rebuild)
    known = manifest.params.get("sources", [manifest.collection])
    if collection is not None and collection.corpus_fingerprint not in known:
        raise BadInput(
            f"the index {path} was built from another collection than {collection.path}",
            f"its documents have fingerprint {manifest.collection[:12]}, the collection's {collection.corpus_fingerprint[:12]}; "
            "rebuild the index or name its own collection",
        )
    index: Index = INDEXES.load(manifest.kind).open().open(path)
    return index


def tie_rank(rank: npt.NDArray[np.uint32], ties: str) -> npt.NDArray[np.uint32]:
    """The rank of each document's id as `top_k` needs it for one of `TIE_ORDERS`; `GONE` stays what it is."""
    return rank if ties == TIE_ORDERS[0] else np.where(rank == GONE, GONE, GONE - np.uint32(1) - rank)


def top_k(scores: Scores, rank: npt.NDArray[np.uint32], k: int) -> Rows:
    """Positions of the ``k`` best by (float32 score, document id) descending, also at the cut.

    Args:
        scores: [n] float32, finite.
        rank: [n] uint32, the rank of each one's document id in byte order.
        k: how many; all of them when n is smaller.
    """
    bits = (scores + np.float32(0)).view(np.uint32)  # -0 becomes 0
    # Order-preserving map of float32 to uint32: flip the sign bit of positive numbers, all bits of negative ones.
    flip = np.where(bits >> 31, np.uint32(0xFFFFFFFF), np.uint32(0x80000000))
    key = ((bits ^ flip).astype(np.uint64) << np.uint64(32)) | rank
    if k < len(key):
        best = np.argpartition(key, len(key) - k)[len(key) - k :]
        return best[np.argsort(key[best])[::-1]]
    return np.argsort(key)[::-1]


class RunBuilder:
    """Collects rankings, query by query, into a `Run`."""

    def __init__(self, ids: IdTable, tag: str) -> None:
        self._ids = ids
        self._tag = tag
        self._found: dict[bytes, tuple[Bytes, Scores]] = {}

    def add(self, query: str, rows: Rows, scores: Scores) -> None:
        """Add a ranking, best first, as `top_k` orders it."""
        if len(rows):
            self._found[query.encode("utf-8")] = (self._ids.gather(rows), scores + np.float32(0))

    def extend(self, queries: Sequence[str], sizes: Rows, ids: Bytes, scores: Scores) -> None:
        """Add rankings one after another, ``sizes[i]`` documents of the i-th query."""
        scores = scores + np.float32(0)
        ends = np.cumsum(sizes).tolist()
        for query, start, end in zip(queries, [0, *ends], ends, strict=False):
            if end > start:
                self._found[query.encode("utf-8")] = (ids[start:end], scores[start:end])

    def run(self) -> Run:
        """The run, queries in byte order."""
        names = sorted(self._found)
        parts = [self._found[n] for n in names]
        offsets = np.concatenate([[0], np.cumsum([len(s) for _, s in parts], dtype=np.int64)])
        docs = np.concatenate([d for d, _ in parts]) if parts else as_bytes([])
        scores = np.concatenate([s for _, s in parts]) if parts else np.empty(0, np.float32)
        return Run(
            as_bytes([n.decode("utf-8") for n in names]), offsets.astype(np.int64), docs, scores, self._tag
        )
