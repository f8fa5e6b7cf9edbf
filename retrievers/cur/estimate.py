"""Estimate of a CUR index: its files as docs/formats.md has them, and the time of its calls, from a small sample of pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.npy import HEADER
from intrex.encoders.cross.scorer import EncoderScorer, make_pair_scorer
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.batching import AT_ONCE
from intrex.retrievers.cur.anchors import draw_anchors
from intrex.retrievers.cur.build import CORPUS, TRIED, AnchorScores
from intrex.retrievers.cur.options import CurBuild
from intrex.retrievers.estimate import Estimate, draw


def estimate(source: Path, out: Path, options: CurBuild) -> Estimate:
    """Estimate as ``intrex index cur --estimate`` does; ``items`` are the calls of the scorer.

    A sample of documents is scored with some of the anchor queries, with all where a scorer compares vectors: then a
    document costs its encoding, whatever the number of queries.

    Raises:
        UsageError: as `draw_anchors` and `make_pair_scorer`.
    """
    collection = Collection.open(source)
    anchors = draw_anchors(collection, options).queries.texts
    scorer = make_pair_scorer(options.scorer, options.part(EncoderOptions))
    n, count = collection.n_documents, len(anchors)
    tried = anchors if isinstance(scorer, EncoderScorer) else anchors[:TRIED]
    sample = draw(collection, AnchorScores(scorer, tried))
    sample = replace(sample, seconds=sample.seconds * count / len(tried))
    copied = sum(collection.manifest.files[name]["bytes"] for name in CORPUS)
    texts = sum(len(text.encode("utf-8", "surrogatepass")) + 30 for text in anchors)
    disk = HEADER + 4 * n * count + sample.files + copied + texts
    memory = sample.memory((16 * AT_ONCE, 0))
    return Estimate.of(n, sample.texts, count, n * count, disk, 0, memory, sample.seconds, sample.cut)
