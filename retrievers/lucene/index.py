"""Searching Lucene indexes: those that intrex built, and any that Anserini or pyserini made.

Files of an index that intrex built: those of Lucene, and the manifest beside them; pyserini's ``LuceneSearcher``
reads the folder as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from intrex.data.artifact import Manifest, read_manifest
from intrex.data.collection import Queries
from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.ids import Bytes, as_bytes, gather_spans
from intrex.data.run import Run
from intrex.retrievers.base import Rows, Scores, SearchOptions
from intrex.retrievers.lucene import jvm
from intrex.retrievers.similarity import check_bm25

KIND = "lucene"
REBUILD = "intrex index bm25 COLLECTION OUT --engine lucene --overwrite"
K1, B = 0.9, 0.4
HITS_AT_ONCE = 1 << 24
"""Hits that one call returns at most: 128 MB."""
QUERIES_AT_ONCE = 1024

Hits = tuple[npt.NDArray[np.int64], Rows, Scores]
"""Offsets [q + 1] of the queries' hits, Lucene's document numbers [n], scores [n]."""


class LuceneIds:
    """The ids of a Lucene index by document number; documents that Anserini did not index have none."""

    def __init__(self, text: bytes, offsets: bytes) -> None:
        self._text = np.frombuffer(text, np.uint8)
        ends = np.frombuffer(offsets, "<i4").astype(np.int64)
        self._starts, self._lengths = ends[:-1], np.diff(ends)

    def __len__(self) -> int:
        return len(self._starts)

    def gather(self, rows: npt.NDArray[np.integer]) -> Bytes:
        """The ids of some documents as a numpy ``S`` array."""
        return gather_spans(self._text, self._starts[rows], self._lengths[rows])


class LuceneIndex:
    """A Lucene index; ``foreign`` says that intrex did not build it, so that nothing is known of its collection."""

    def __init__(self, path: Path, manifest: Manifest | None) -> None:
        self.path = path
        self.foreign = manifest is None
        autoclass = jvm.start()
        self._bulk = _open(autoclass, path)
        self.ids = LuceneIds(bytes(self._bulk.idText().tostring()), bytes(self._bulk.idOffsets().tostring()))
        self.manifest = manifest or _foreign_manifest(path, self.statistics())

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an index that intrex built; raises `BadInput` when it is missing, damaged or of another kind."""
        return cls(path, read_manifest(path, (KIND,), REBUILD))

    @classmethod
    def open_foreign(cls, path: Path) -> Self:
        """Open an index of Anserini or pyserini; raises `BadInput` when Lucene cannot read it."""
        return cls(path, None)

    def statistics(self) -> dict[str, int]:
        """Documents with a term, tokens, distinct terms (-1: unknown), segments, deleted documents."""
        names = ("documents_with_terms", "tokens", "terms", "segments", "deleted")
        return dict(zip(names, map(int, self._bulk.statistics()), strict=True))

    def terms(self, texts: list[str]) -> list[list[str]]:
        """What Anserini's analyzer makes of texts."""
        raw = bytes(self._bulk.terms(_packed(texts)).tostring())
        found, at = [], 0
        while at < len(raw):
            end = at + 4 + int.from_bytes(raw[at : at + 4], "little")
            found.append(raw[at + 4 : end].decode("utf-8").split("\n") if end > at + 4 else [])
            at = end
        return found

    def search(self, queries: Queries, options: SearchOptions) -> Run:
        """The ``k`` best documents that share a term with each query, with Lucene's own float32 scores.

        Raises:
            UsageError: k is less than 1, or k1 or b is out of range.
        """
        ascending = options.ties == "anserini"
        return self._run(
            queries,
            options,
            lambda packed, k1, b: self._bulk.search(packed, options.k, k1, b, ascending, options.threads),
        )

    def anserini(self, queries: Queries, options: SearchOptions) -> Run:
        """The same by Anserini's own searcher: scores rounded and nudged by it, equal ones by id ascending."""
        return self._run(
            queries,
            options,
            lambda packed, k1, b: self._bulk.anserini(packed, options.k, k1, b, options.threads),
        )

    def _run(self, queries: Queries, options: SearchOptions, call: Any) -> Run:
        if options.k < 1:
            raise UsageError(f"k must be at least 1, not {options.k}")
        k1, b = (self._setting(name, given) for name, given in (("k1", options.k1), ("b", options.b)))
        check_bm25(k1, b)
        names = as_bytes(queries.ids)
        order = np.argsort(names, kind="stable")  # a run has its queries in byte order
        size = max(1, min(QUERIES_AT_ONCE, HITS_AT_ONCE // min(options.k, max(len(self.ids), 1))))
        parts: list[Hits] = []
        for start in range(0, len(order), size):
            texts = [queries.texts[i] for i in order[start : start + size]]
            parts.append(_unpack(call(_packed(texts), k1, b), len(texts)))
            options.progress(len(texts))
        counts = np.concatenate([np.empty(0, np.int64), *(np.diff(p[0]) for p in parts)])
        docs = self.ids.gather(np.concatenate([np.empty(0, np.int64), *(p[1] for p in parts)]))
        scores = np.concatenate([np.empty(0, np.float32), *(p[2] for p in parts)])
        some = counts > 0
        offsets = np.concatenate([[0], np.cumsum(counts[some])]).astype(np.int64)
        return Run(names[order][some], offsets, docs, scores, KIND)

    def _setting(self, name: str, given: float | None) -> float:
        default = {"k1": K1, "b": B}[name]
        return float(self.manifest.params.get(name, default) if given is None else given)


def _open(autoclass: Any, path: Path) -> Any:
    """Our helper on an index; Lucene's complaints become ours."""
    import jnius

    analyzer = autoclass("io.anserini.analysis.DefaultEnglishAnalyzer").newDefaultInstance()
    try:
        return autoclass("intrex.lucene.Bulk")(str(path.resolve()), analyzer)
    except jnius.JavaException as error:
        kind, said = str(error.classname).rpartition(".")[2], str(error.innermessage)
        if kind in ("IndexFormatTooOldException", "IndexFormatTooNewException"):
            lucene = autoclass("org.apache.lucene.util.Version").LATEST.toString()
            age = "old" if "Old" in kind else "new"
            raise BadInput(
                f"the index is of a Lucene version that is not supported, too {age} for Lucene {lucene} ({path})",
                "build it again with a pyserini whose Lucene is that or one major version older, or: "
                + REBUILD.removesuffix(" --overwrite"),
            ) from error
        raise BadInput(
            f"Lucene cannot read the index: {said} ({path})", f"build it again: {REBUILD}"
        ) from error


def _foreign_manifest(path: Path, statistics: dict[str, int]) -> Manifest:
    """What can be known of an index without a manifest; nothing is hashed."""
    files = {f.name: {"bytes": f.stat().st_size, "sha256": ""} for f in sorted(path.iterdir()) if f.is_file()}
    params = {"origin": "not built by intrex", **statistics}
    return Manifest(KIND, "unknown", params=params, files=files)


def _packed(texts: list[str]) -> bytes:
    """Each text's length in bytes and the text: how `Bulk.search` takes queries."""
    raw = [text.encode("utf-8", "replace") for text in texts]
    return b"".join(len(one).to_bytes(4, "little") + one for one in raw)


def _unpack(array: Any, queries: int) -> Hits:
    """What `Bulk.search` returns: counts, document numbers, scores."""
    raw = np.frombuffer(array.tostring(), "<i4")
    counts, rest = raw[:queries].astype(np.int64), raw[queries:]
    if len(rest) != 2 * counts.sum():
        raise IntrexError("the Java helper returned an unexpected number of bytes")
    offsets = np.concatenate([[0], np.cumsum(counts)])
    half = len(rest) // 2
    return offsets, rest[:half].astype(np.int64), rest[half:].view("<f4").astype(np.float32)
