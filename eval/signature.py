"""The signature that goes with every printed score: from it a reader can repeat the number."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from intrex.data.artifact import intrex_version
from intrex.data.files import fingerprint
from intrex.data.qrels import Qrels
from intrex.data.run import Run

TIES = "f32-docid-desc"
"""Ties: scores compared as float32, equal ones by document id descending in byte order."""


@dataclass(frozen=True)
class Conditions:
    """Under what rules, and against what judgements, a run was scored."""

    collection: str
    query_set: str
    qrels: str
    complete: bool = True
    split: str = "none"

    def signature(self) -> str:
        """One line without commas; the measure itself carries its cutoff and relevance level."""
        missing = "zero" if self.complete else "skip"
        parts = {
            "set": f"{self.collection}:{self.query_set}" if self.query_set else self.collection,
            "qrels": self.qrels[:12],
            "split": self.split,
            "ties": TIES,
            "missing": missing,
            "unjudged": "nonrel",
            "intrex": intrex_version(),
        }
        return "|".join(f"{key}={value}" for key, value in parts.items())


def qrels_fingerprint(qrels: Qrels) -> str:
    """sha256 of the judgements, whatever file format they came from."""
    return fingerprint([[q, list(docs.items())] for q, docs in qrels.to_dict().items()])


def run_fingerprint(run: Run) -> str:
    """sha256 of the ranking (ids and float32 scores), whatever its tag and file format."""
    digest = hashlib.sha256()
    for query, docs, scores in run.rankings():
        digest.update(query + b"\n" + b"\n".join(docs.tolist()) + b"\n")
        digest.update(scores.astype(np.dtype("<f4")).tobytes())
    return digest.hexdigest()
