"""Searching Lucene indexes, of intrex, of Anserini or of pyserini.

Files of an index that intrex built: those of Lucene, and the manifest beside them; pyserini's ``LuceneSearcher``
reads the folder as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from intrex.data.arrays import Bytes, Rows
from intrex.data.collection import Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import gather_spans
from intrex.data.run import Run
from intrex.data.store.manifest import Manifest
from intrex.retrievers.base import Index, RunBuilder
from intrex.retrievers.bm25.fields import CONTENTS
from intrex.retrievers.bm25.multifield import field_weights
from intrex.retrievers.bm25.options import K1, B
from intrex.retrievers.lucene import jvm
from intrex.retrievers.lucene.bridge import ENGLISH, REBUILD, Hits, feedback, open_bulk, pack, unpack
from intrex.retrievers.lucene.options import LuceneSearch
from intrex.retrievers.lucene.repeats import best_of_each_id
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.prf.base import expansion_of
from intrex.retrievers.prf.rm3 import RM3

log = logging.getLogger("intrex")

KIND = "lucene"
VECTOR = "vector"
"""Field in which Anserini keeps dense vectors, also those that it writes as terms."""
HITS_AT_ONCE = 1 << 24
"""Hits that one call returns at most: 128 MB."""
QUERIES_AT_ONCE = 1024
RM3_DOCUMENTS = 50
"""Documents that Anserini's searcher gives to RM3 at most (its ``rerankCutoff``)."""


class LuceneIds:
    """Ids of a Lucene index by document number; documents that Anserini did not index have none."""

    def __init__(self, text: bytes, offsets: bytes) -> None:
        self._text = np.frombuffer(text, np.uint8)
        ends = np.frombuffer(offsets, "<i4").astype(np.int64)
        self._starts, self._lengths = ends[:-1], np.diff(ends)

    def __len__(self) -> int:
        return len(self._starts)

    def gather(self, rows: npt.NDArray[np.integer]) -> Bytes:
        """Return the ids of documents as a numpy ``S`` array."""
        return gather_spans(self._text, self._starts[rows], self._lengths[rows])

    def rows_with(self, ids: Bytes) -> tuple[Rows, int]:
        """Return the documents, ascending, that have one of some different ids, and the number of ids that none has."""
        all_ids = self.gather(np.arange(len(self)))
        rows = np.flatnonzero(np.isin(all_ids, ids))
        return rows, int(np.count_nonzero(~np.isin(ids, all_ids[rows])))


class LuceneIndex(Index):
    """A Lucene index; ``foreign`` says that intrex did not build it, so that nothing is known of its collection."""

    kind, rebuild, finds_in_subset = KIND, REBUILD, True

    def __init__(self, path: Path, manifest: Manifest | None) -> None:
        self.path = path
        self.foreign = manifest is None
        self.language = ENGLISH if manifest is None else str(manifest.params.get("language", ENGLISH))
        self._bulk = open_bulk(path, self.language)
        _refuse_vectors(path, set(self._bulk.fields()), int(self._bulk.dimensions()))
        self.ids = LuceneIds(bytes(self._bulk.idText().tostring()), bytes(self._bulk.idOffsets().tostring()))
        self.manifest = manifest or _foreign_manifest(path, self.statistics())

    @classmethod
    def open_foreign(cls, path: Path) -> Self:
        """Open an index of Anserini or pyserini; raises `BadInput` when Lucene cannot read it."""
        return cls(path, None)

    def prepare(self, options: SearchOptions) -> None:
        """Cut queries as Anserini does for ``options.language``, where it is not known what the index was built for.

        Raises:
            UsageError: Anserini has no analyzer for it, or the index was built for another language.
            BadInput: there is feedback, and the index keeps no document vectors.
        """
        search = LuceneSearch.of(options)
        if search.language is not None and search.language != self.language:
            if not self.foreign:
                raise UsageError(
                    f"the index was built for the language {self.language!r}, not {search.language!r}",
                    "leave --language out",
                )
            before, self._bulk = self._bulk, open_bulk(self.path, search.language)
            before.close()
            self.language = search.language
        if expansion_of(search) is not None and not self._bulk.vectors():
            raise BadInput(
                f"the index keeps no document vectors, which feedback needs ({self.path})",
                "intrex index bm25 COLLECTION OUT --engine lucene --store-docvectors",
            )

    def remarks(self) -> Iterator[str]:
        """Say of an index that intrex did not build that its collection and its analysis are not known."""
        if self.foreign:
            yield (
                f"a Lucene index that intrex did not build, of {len(self.ids):,} documents; what collection it is of, and "
                f"how its text was cut into terms, is not known: queries get Anserini's analysis of {self.language!r} "
                "(--language)"
            )

    def statistics(self) -> dict[str, int]:
        """Count documents with a term, tokens, distinct terms (-1: unknown), segments, deleted documents."""
        names = ("documents_with_terms", "tokens", "terms", "segments", "deleted")
        return dict(zip(names, map(int, self._bulk.statistics()), strict=True))

    def terms(self, texts: list[str]) -> list[list[str]]:
        """Return the terms of texts by Anserini's analyzer."""
        raw = bytes(self._bulk.terms(pack(texts)).tostring())
        terms, start = [], 0
        while start < len(raw):
            end = start + 4 + int.from_bytes(raw[start : start + 4], "little")
            terms.append(raw[start + 4 : end].decode("utf-8").split("\n") if end > start + 4 else [])
            start = end
        return terms

    def search(self, queries: Queries, options: SearchOptions) -> Run:
        """Return the ``k`` best documents that share a term with each query, with Lucene's own float32 scores.

        Raises:
            UsageError: the index has no such field.
        """
        ascending = options.ties == "anserini"
        return self._run(queries, options, lambda texts, search: self._bulk.search(texts, search, ascending))

    def anserini(self, queries: Queries, options: SearchOptions) -> Run:
        """Search as `search` by Anserini's own searcher: it rounds and nudges scores, equal ones are by id ascending."""
        method = expansion_of(LuceneSearch.of(options))
        if isinstance(method, RM3) and method.fb_docs > RM3_DOCUMENTS:
            raise UsageError(
                f"Anserini's searcher gives RM3 at most {RM3_DOCUMENTS} documents, not {method.fb_docs}"
            )
        return self._run(queries, options, self._bulk.anserini)

    def _search_of(self, options: LuceneSearch) -> Any:
        """Make the helper's form of the options."""
        field_weights(options.fields, sorted(self._bulk.fields()))
        params = self.manifest.params
        k1 = float(params.get("k1", K1) if options.k1 is None else options.k1)
        b = float(params.get("b", B) if options.b is None else options.b)
        fields, weights = list(options.fields), list(options.fields.values())
        return jvm.start()("intrex.lucene.Bulk$Search")(
            options.k,
            k1,
            b,
            options.threads,
            fields,
            weights,
            feedback(expansion_of(options)),
            self._within(options),
        )

    def _within(self, options: LuceneSearch) -> bytes | None:
        """Make the helper's form of a subset: a bit of each document."""
        if options.subset is None:
            return None
        mask = np.zeros(len(self.ids), np.bool_)
        mask[options.subset.rows] = True
        return np.packbits(mask, bitorder="little").tobytes()

    def _run(self, queries: Queries, options: SearchOptions, call: Any) -> Run:
        self.prepare(options)
        builder, repeats = RunBuilder(self.ids, KIND), 0
        size = max(1, min(QUERIES_AT_ONCE, HITS_AT_ONCE // min(options.k, max(len(self.ids), 1))))
        for start in range(0, len(queries), size):
            texts = queries.texts[start : start + size]
            (sizes, docs, scores), left_out = self._hits(call, texts, options)
            builder.extend(queries.ids[start : start + size], sizes, self.ids.gather(docs), scores)
            repeats += left_out
            options.progress(len(texts))
        if repeats:
            log.info(
                "the index has documents of the same id: the best row of each counts, %s %s left out",
                f"{repeats:,}", "hit was" if repeats == 1 else "hits were",
            )  # fmt: skip
        return builder.run()

    def _hits(self, call: Any, texts: list[str], options: SearchOptions) -> tuple[Hits, int]:
        """Return the hits of some queries and how many were left out; an index that intrex built has each id once."""

        def deep(k: int) -> Hits:
            return self._call(call, texts, self._search_of(LuceneSearch.of(replace(options, k=k))))

        if not self.foreign:
            return deep(options.k), 0
        return best_of_each_id(options.k, len(self.ids), self.ids.gather, deep)

    def _call(self, call: Any, texts: list[str], search: Any) -> Hits:
        import jnius

        try:
            return unpack(call(pack(texts), search), len(texts))
        except jnius.JavaException as error:
            raise BadInput(
                f"Lucene failed: {error.innermessage or error.classname} ({self.path})",
                f"the same command with --debug shows more; if the index is damaged: {REBUILD}",
            ) from error


def _refuse_vectors(path: Path, fields: set[str], dimensions: int) -> None:
    """Raise `BadInput` for an index of dense vectors: it has no text, or its vectors written as terms.

    Args:
        path: the index.
        fields: those with counts of terms.
        dimensions: of its vectors, 0 without any.
    """
    if CONTENTS not in fields and (dimensions or VECTOR in fields):
        content = f"vectors of {dimensions:,} dimensions" if dimensions else "dense vectors written as terms"
        raise BadInput(
            f"the Lucene index holds {content}, and no text: it has no field {CONTENTS} ({path})",
            "intrex index dense COLLECTION OUT encodes and searches dense vectors itself",
        )


def _foreign_manifest(path: Path, statistics: dict[str, int]) -> Manifest:
    """Make the manifest of an index that has none; nothing is hashed."""
    files = {f.name: {"bytes": f.stat().st_size, "sha256": ""} for f in sorted(path.iterdir()) if f.is_file()}
    params = {"origin": "not built by intrex", **statistics}
    return Manifest(KIND, "unknown", params=params, files=files)
