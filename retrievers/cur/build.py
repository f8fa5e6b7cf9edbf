"""Building a CUR index: every anchor query scored with every document, block by block; a killed build is resumed."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Float32s
from intrex.data.collection import Collection
from intrex.data.io.files import fingerprint, refuse_existing
from intrex.data.numeric.rows import row_norms
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectors import VectorWriter
from intrex.data.system.machine import require_disk
from intrex.encoders.base import Role
from intrex.encoders.cross.base import PairScorer
from intrex.encoders.cross.scorer import make_pair_scorer
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.batching import AT_ONCE
from intrex.retrievers.cur.anchors import Anchors, draw_anchors
from intrex.retrievers.cur.calls import check_scores
from intrex.retrievers.cur.index import TEXTS, CurIndex
from intrex.retrievers.cur.options import CurBuild
from intrex.retrievers.cur.scorer import record_scorer
from intrex.retrievers.encoded import Sink, library_versions, write_documents
from intrex.retrievers.options import BuildTask

TRIED = 8
"""Anchor queries, and documents, whose pairs are timed before a build."""
WORTH_TIMING = 10_000
"""Calls from which on a build is timed beforehand."""
CORPUS = ("corpus.jsonl", "corpus.offsets.npy")
"""Files of the collection that the index has copies of: a search reads the texts of documents."""

_log = logging.getLogger("intrex")


class AnchorScores:
    """Scores with anchor queries as an encoder of documents: a document's vector are its scores, [k_q].

    Attributes:
        spec: of the scorer.
    """

    def __init__(self, scorer: PairScorer, anchors: list[str]) -> None:
        self.spec: EncoderSpec = scorer.spec
        self._scorer, self._anchors = scorer, anchors

    def encode(self, texts: list[str], role: Role) -> Float32s:
        """Return the scores [len(texts), k_q], NaN for one that was not given."""
        count = len(self._anchors)
        scores = np.full(len(texts) * count, np.nan, np.float32)
        documents = [text for text in texts for _ in range(count)]
        for places, values in self._scorer.parts(self._anchors * len(texts), documents):
            scores[places] = values
        return scores.reshape(len(texts), count)

    def save(self, folder: Path) -> None:
        """Write nothing: the manifest says where the scorer is."""


class _ScoreSink(Sink[Float32s]):
    """Scores on their way to ``vectors.npy``, and the length of the longest row."""

    def __init__(self, build: Build, anchors: Anchors, documents: int) -> None:
        rows, self.longest = int(build.state.get("rows", 0)), float(build.state.get("longest", 0.0))
        self._anchors = anchors.queries.ids
        shape = (documents, len(self._anchors))
        self._vectors = VectorWriter(build.path / "vectors.npy", shape, resumed=rows)
        self.writers = [self._vectors]

    def append(self, encoded: Float32s, names: Sequence[str]) -> None:
        count = len(self._anchors)
        check_scores(encoded.ravel(), lambda at: self._anchors[at % count], lambda at: names[at // count])
        self._vectors.append(encoded)
        self.longest = max(self.longest, float(row_norms(encoded).max(initial=0.0)))

    @property
    def state(self) -> dict[str, Any]:
        return {"longest": self.longest}


def build_cur(
    collection: Collection, task: BuildTask, scorer: PairScorer, anchors: Anchors, options: CurBuild
) -> CurIndex:
    """Score anchor queries with a collection's documents and make an index of the scores, in constant memory.

    A killed build is resumed at its last saved block by the next one with the same collection, scorer and anchors. The
    number of calls, and the time that they may take, are said in a message at level INFO.

    Args:
        collection: the documents.
        task: where the index is made, and how.
        scorer: scores pairs.
        anchors: the anchor queries.
        options: say how the scorer is found again.

    Raises:
        IntrexError: the output exists, or is being built by another process; or the disk does not suffice.
        BadInput: a score is not a finite number.
    """
    corpus, texts = collection.corpus_fingerprint, anchors.queries.texts
    documents, count = collection.n_documents, len(texts)
    require_disk(
        4 * documents * count,
        task.out,
        f"scores of {documents:,} documents and {count:,} queries",
        "fewer --anchors",
    )
    block = replace(
        task,
        block=max(1, min(task.block, AT_ONCE // count)),
        stage=lambda _, total: task.stage("scoring documents", total),
    )
    source = record_scorer(scorer, options, task.out)

    def make(build: Build) -> Manifest:
        done = int(build.state.get("rows", 0))
        note_calls(collection, scorer, texts, done)
        sink = _ScoreSink(build, anchors, documents)
        write_documents(build, collection, AnchorScores(scorer, texts), sink, block)
        with (build.path / "anchors.jsonl").open("w", encoding="utf-8") as stream:
            for name, text in zip(anchors.queries.ids, texts, strict=True):
                stream.write(json.dumps({"_id": name, "text": text}, ensure_ascii=False) + "\n")
        (build.path / TEXTS).mkdir(exist_ok=True)
        for name in CORPUS:
            # no link: a new one changes the collection's file, which then is no longer what a cut-off command has read
            shutil.copyfile(collection.path / name, build.path / TEXTS / name)
        params = {
            "documents": documents, "anchors": count, "anchor_queries": anchors.source, "seed": options.seed,
            "calls": documents * count, "max_norm": sink.longest, "block": block.block, **source,
        }  # fmt: skip
        return Manifest("cur", corpus, None, params, versions=library_versions())

    inputs = ["cur", corpus, source, anchors.queries.ids, texts, anchors.source, options.seed, block.block]
    build_artifact(task.out, fingerprint(inputs), make, overwrite=task.overwrite)
    return CurIndex.open(task.out)


def note_calls(collection: Collection, scorer: PairScorer, anchors: list[str], done: int) -> None:
    """Say how many calls a build takes, and about how long by a sample of some pairs."""
    left = collection.n_documents - done
    calls = left * len(anchors)
    if calls < WORTH_TIMING:
        _log.info(
            "%s calls of the scorer: %s documents, %s anchor queries",
            *(f"{n:,}" for n in (calls, left, len(anchors))),
        )
        return
    sample = AnchorScores(scorer, anchors[:TRIED])
    rows = np.linspace(0, collection.n_documents - 1, TRIED).astype(np.int64).tolist()
    texts = [collection.document(row).passage for row in rows]
    sample.encode(texts[:1], "document")
    start = time.perf_counter()
    sample.encode(texts, "document")
    rate = (time.perf_counter() - start) / (len(texts) * len(anchors[:TRIED]))
    _log.info(
        "%s calls of the scorer: %s documents, %s anchor queries; about %s by a sample of %d pairs",
        *(f"{n:,}" for n in (calls, left, len(anchors))), _duration(calls * rate), len(texts) * TRIED,
    )  # fmt: skip


def _duration(seconds: float) -> str:
    """Say a time in seconds, minutes or hours."""
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def build(source: Path, task: BuildTask, options: CurBuild) -> int:
    """Build as ``intrex index cur`` does; return the number of documents.

    Raises:
        UsageError: no such anchor queries, or as `make_pair_scorer`.
        BadInput: too few anchor queries; or as `make_pair_scorer` and `build_cur`.
    """
    collection = Collection.open(source)
    refuse_existing(task.out, task.overwrite)  # before the model is loaded
    anchors = draw_anchors(collection, options)
    scorer = make_pair_scorer(options.scorer, options.part(EncoderOptions))
    build_cur(collection, task, scorer, anchors, options)
    return collection.n_documents
