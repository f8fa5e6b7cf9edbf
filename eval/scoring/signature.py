"""Signature of every printed score: from it a reader can repeat the number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from intrex.data.errors import BadInput
from intrex.data.io.files import fingerprint
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.data.tags import tuned_on
from intrex.data.version import intrex_version
from intrex.eval.scoring.rules import Rules

HIGHEST, THESE = "highest", "these"


@dataclass(frozen=True)
class Conditions:
    """Rules and judgements under which a run was scored.

    Attributes:
        collection: its name, or the qrels file's.
        query_set: the set of the collection; empty for a file.
        qrels: fingerprint of the judgements.
        rules: how rankings were ordered and cut.
        dialect: ``intrex``, or the tool whose rules were followed.
        split: the resampling split that the system was trained on, ``none`` without one.
        fold: the fold of it; empty without one.
        subtopics: ``highest`` where a document has the highest of its grades in several subtopics, else empty.
        removed: judgements that the collection's import left out, because they name unknown documents or queries.
        corpus: steps by which the collection was made of another one (passages, a sample); empty for none.
        version: of the intrex that computed the values.
    """

    collection: str
    query_set: str
    qrels: str
    rules: Rules = field(default_factory=Rules)
    dialect: str = "intrex"
    split: str = "none"
    fold: str = ""
    subtopics: str = ""
    removed: int = 0
    corpus: str = ""
    version: str = field(default_factory=intrex_version)

    def __post_init__(self) -> None:
        if self.subtopics not in ("", HIGHEST):
            raise BadInput(f"damaged scores: subtopics is {self.subtopics!r}", "score the run again")
        if type(self.removed) is not int or self.removed < 0:  # read from a file of scores
            raise BadInput(
                f"damaged scores: removed is {self.removed!r}, an integer from 0 is needed",
                "score the run again",
            )

    @property
    def complete(self) -> bool:
        """True where a judged query that the run lacks counts as an empty ranking."""
        return self.rules.complete

    def signature(self, *systems: str) -> str:
        """Return one line without commas; the measure itself carries its cutoff and relevance level.

        Of ``systems``, by their tags, it says which judgements they were tuned on: ``these`` where it is those of the scores.
        """
        parts = {
            "set": f"{self.collection}:{self.query_set}" if self.query_set else self.collection,
            **({"corpus": self.corpus} if self.corpus else {}),
            "qrels": self.qrels[:12],
            **({"removed": str(self.removed)} if self.removed else {}),
            **({"subtopics": self.subtopics} if self.subtopics else {}),
            "split": f"{self.split}:{self.fold}" if self.fold else self.split,
            **(self.rules.describe() if self.dialect == "intrex" else self._describe_dialect()),
            "intrex": self.version,
        }
        if tuned := sorted({name for system in systems for name in self.tuned_on(system)}):
            parts["tuned"] = "+".join(tuned)
        return "|".join(f"{key}={value}" for key, value in parts.items())

    def tuned_on(self, system: str) -> list[str]:
        """Return the judgements that a system was tuned on, as far as its tag says so: ``these``, or the names of others."""
        return [THESE if self.qrels.startswith(digest) else name for name, digest in tuned_on(system)]

    def _describe_dialect(self) -> dict[str, str]:
        """Return the words of another tool's rules: its name says how it orders and averages, its options stand beside it."""
        words = self.rules.describe()
        keys = ["depth"] + ["unjudged"] * self.rules.judged_only
        keys += ["missing"] * self.dialect.startswith("trec_eval")
        return {"as": self.dialect, **{key: words[key] for key in keys if key in words}}


def qrels_fingerprint(qrels: Qrels) -> str:
    """Return the sha256 of the judgements, whatever file format they came from."""
    return fingerprint([[q, list(docs.items())] for q, docs in qrels.to_dict().items()])


def run_fingerprint(run: Run) -> str:
    """Return the sha256 of the ranking (ids and float32 scores), whatever its tag and file format."""
    return queries_digest(
        (query, ranking_digest(b"\n".join(docs.tolist()) + b"\n" + scores.astype(_F4).tobytes()))
        for query, docs, scores in run.rankings()
    )


_F4 = np.dtype("<f4")


def ranking_digest(data: bytes | memoryview) -> bytes:
    """Return the sha256 of one query's ranking: its document ids, each with a line feed, then its scores, little-endian float32."""
    return hashlib.sha256(data).digest()


def queries_digest(rankings: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the sha256 of a run, from pairs of query id and `ranking_digest` in byte order of the ids.

    A run whose queries come in any order can so be digested query by query as it is read.
    """
    digest = hashlib.sha256()
    for query, ranking in rankings:
        digest.update(query + b"\n" + ranking)
    return digest.hexdigest()
