"""Protocol of an index, opening of one of any kind, and the one ranking order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Bytes, Rows, Scores, Uint32s
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput
from intrex.data.ids import GONE, as_bytes
from intrex.data.io.folder import open_whole
from intrex.data.numeric.spans import offsets_of
from intrex.data.run import Run
from intrex.data.store.manifest import Manifest, manifest_path, read_manifest
from intrex.retrievers.options import INDEXES, TIE_ORDERS, SearchOptions, Subset, index_kinds

Ranking = tuple[Rows, Scores]
"""Rows of documents, best first, and their float32 scores."""


class Ids(Protocol):
    """Ids of the rows of an index."""

    def __len__(self) -> int: ...

    def gather(self, rows: npt.NDArray[np.integer]) -> Bytes:
        """Return the ids of rows."""
        ...

    def rows_with(self, ids: Bytes) -> tuple[Rows, int]:
        """Return the rows, ascending, that have one of some different ids, and the number of ids that no row has."""
        ...


class Index(Protocol):
    """A searchable artifact. A document that scores nothing for a query (no common term) is not returned."""

    kind: ClassVar[str]
    """Kind in its manifests."""
    rebuild: ClassVar[str]
    """Command that builds one again."""
    finds_in_subset: ClassVar[bool] = False
    """Whether `search` looks at ``options.subset``; where not, it is asked for all documents, and those are cut."""
    manifest: Manifest
    ids: Any
    """`Ids` of the rows."""

    def __init__(self, path: Path, manifest: Manifest) -> None: ...

    @property
    def built(self) -> Mapping[str, object]:
        """Options that it was built with, by key, as far as a search depends on them."""
        return {}

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open through memory maps, without reading it; raises `BadInput` if it is missing, damaged or of another kind.

        All files are of one index, also where another process puts a new one in its place meanwhile.
        """
        if not path.is_dir():
            read_manifest(path, rebuild=cls.rebuild)
        return _open_whole(path, lambda folder: cls(folder, read_manifest(folder, (cls.kind,), cls.rebuild)))

    def prepare(self, options: SearchOptions) -> None:
        """Open the files and models that a search with these options needs; raises `IntrexError` where that fails."""

    def remarks(self) -> Iterator[str]:
        """Yield remarks for the user before every search."""
        return iter(())

    def is_exact(self, options: SearchOptions) -> bool:
        """Tell whether a search of ``options.subset`` finds the best documents of it for certain."""
        return True

    def search(self, queries: Queries, options: SearchOptions) -> Run:
        """Return the ``k`` best documents of each query. A query without any result has no line in the run."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return facts beside its parameters, by name; ``documents`` takes the place of the number of rows."""
        return {}


AnyIndex = TypeVar("AnyIndex", bound=Index)
REBUILD = "intrex index KIND COLLECTION OUT --overwrite"


def open_index(path: Path, collection: Collection | None = None) -> Index:
    """Open an index of any kind, also one of Lucene's that intrex did not build; of that one nothing can be compared.

    All files are of one index, also where another process puts a new one in its place meanwhile.

    Raises:
        BadInput: missing, damaged, of an unknown schema, or built from another collection than the one given.
    """
    if not path.is_dir():
        read_manifest(path, rebuild=REBUILD)
    return _open_whole(path, lambda folder: _open_files(folder, collection))


def _open_whole(path: Path, open_files: Callable[[Path], AnyIndex]) -> AnyIndex:
    index = open_whole(path, open_files)
    if hasattr(index, "path"):
        index.path = path  # what messages name, and what the paths of other artifacts are relative to
    return index


def _open_files(path: Path, collection: Collection | None) -> Index:
    if manifest_path(path) is None and any(path.glob("segments_*")):
        foreign: Index = INDEXES.load("lucene").open().open_foreign(path)
        return foreign
    manifest = read_manifest(path, rebuild=REBUILD)
    if manifest.kind not in INDEXES:
        read_manifest(path, tuple(sorted({kind.stored for kind in index_kinds().values()})), REBUILD)
    sources = manifest.params.get("sources", [manifest.collection])
    if collection is not None and collection.corpus_fingerprint not in sources:
        raise BadInput(
            f"the index {path} was built from another collection than {collection.path}",
            f"its documents have fingerprint {manifest.collection[:12]}, the collection's {collection.corpus_fingerprint[:12]}; "
            "rebuild the index or name its own collection",
        )
    index: Index = INDEXES.load(manifest.kind).open().open(path)
    return index


def tie_rank(rank: Uint32s, ties: str) -> Uint32s:
    """Return the rank of each document's id as `top_k` needs it for one of `TIE_ORDERS`; `GONE` stays `GONE`."""
    return rank if ties == TIE_ORDERS[0] else np.where(rank == GONE, GONE, GONE - np.uint32(1) - rank)


def rank_within(rank: Uint32s, subset: Subset | None, first: int = 0) -> Uint32s:
    """Return the ranks of the rows from ``first`` on as if those outside of a subset were `GONE`."""
    if subset is None:
        return rank
    low, high = np.searchsorted(subset.rows, (first, first + len(rank)))
    rows = subset.rows[low:high] - first
    ranks = np.full(len(rank), GONE)
    ranks[rows] = rank[rows]
    return ranks


def top_k(scores: Scores, rank: Uint32s, k: int) -> Rows:
    """Return the positions of the ``k`` best by (float32 score, document id), descending, also at the cut.

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
        top = np.argpartition(key, len(key) - k)[len(key) - k :]
        return top[np.argsort(key[top])[::-1]]
    return np.argsort(key)[::-1]


def best_rows(rows: Rows, scores: Scores, rank: Uint32s, k: int, ties: str) -> Ranking:
    """Return the ``k`` best of rows with these scores, in the order of `top_k`.

    Args:
        rows: [m] int64.
        scores: [m] float32, finite.
        rank: [n] uint32, the rank of the id of every row of the index in byte order.
        k: how many; all of them when m is smaller.
        ties: one of `TIE_ORDERS`.
    """
    order = top_k(scores, tie_rank(rank[rows], ties), k)
    return rows[order], scores[order]


class RunBuilder:
    """A run in the making: rankings, query by query."""

    def __init__(self, ids: Ids, tag: str) -> None:
        self._ids = ids
        self._tag = tag
        self._rankings: dict[bytes, tuple[Bytes, Scores]] = {}

    def add(self, query: str, rows: Rows, scores: Scores) -> None:
        """Add a ranking, best first, as `top_k` orders it."""
        if len(rows):
            self._rankings[query.encode("utf-8")] = (self._ids.gather(rows), scores + np.float32(0))

    def extend(self, queries: Sequence[str], sizes: Rows, ids: Bytes, scores: Scores) -> None:
        """Add rankings one after another, ``sizes[i]`` documents of the i-th query."""
        scores = scores + np.float32(0)
        ends = np.cumsum(sizes).tolist()
        for query, start, end in zip(queries, [0, *ends], ends, strict=False):
            if end > start:
                self._rankings[query.encode("utf-8")] = (ids[start:end], scores[start:end])

    def run(self) -> Run:
        """Return the run, its queries in byte order."""
        return run_of(self._rankings, self._tag)


def run_of(rankings: Mapping[bytes, tuple[Bytes, Scores]], tag: str) -> Run:
    """Make a run of documents and scores by query, best first; its queries are in byte order."""
    names = sorted(rankings)
    parts = [rankings[name] for name in names]
    docs = np.concatenate([as_bytes([]), *(docs for docs, _ in parts)])
    scores = np.concatenate([np.empty(0, np.float32), *(scores for _, scores in parts)])
    offsets = offsets_of([len(docs) for docs, _ in parts])
    return Run(as_bytes([name.decode("utf-8") for name in names]), offsets, docs, scores, tag)
