"""Groups of queries that are one observation together: wordings of one question, or questions about one document.

What is tested, and what an interval holds, is the sampling of queries. Queries that share what makes them hard, or what
a system gains on them, say less than as many independent ones: with groups the group is what is sampled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Float64s, Int64s
from intrex.data.errors import BadInput, Problems
from intrex.data.io.files import fingerprint, read_lines, require_file
from intrex.data.qrels import Qrels

DOCUMENTS = "documents"
"""Word for the groups of queries with the same relevant documents."""
MANY = 0.1
"""Share of the queries that groups of the same relevant documents may save before it is said."""


@dataclass(frozen=True)
class Groups:
    """Group of each query.

    Attributes:
        labels: [q] int64 from 0, every number up to the largest in use.
        source: how they came about, for the signature; empty where every query stands alone.
    """

    labels: Int64s
    source: str = ""

    @classmethod
    def alone(cls, n: int) -> Groups:
        """Return a group for each of n queries."""
        return cls(np.arange(n))

    @classmethod
    def of(cls, names: Sequence[str], source: str) -> Groups:
        """Return the groups of queries by the name of each one's group."""
        return cls(np.unique(np.asarray(names, object), return_inverse=True)[1].astype(np.int64), source)

    def __len__(self) -> int:
        return int(self.labels.max(initial=-1)) + 1

    @property
    def single(self) -> bool:
        """True where every query stands alone."""
        return len(self) == len(self.labels)

    @cached_property
    def sizes(self) -> Int64s:
        """[g] queries of each group."""
        return np.bincount(self.labels, minlength=len(self)).astype(np.int64)

    def only(self, queries: Bools) -> Groups:
        """Return the groups of some of the queries."""
        return Groups(np.unique(self.labels[queries], return_inverse=True)[1].astype(np.int64), self.source)

    def sums(self, values: Float64s) -> Float64s:
        """Sum values [q, ...] over each group: [g, ...]; the values themselves where every query stands alone."""
        if self.single:
            return values
        flat = values.reshape(len(values), -1)
        columns = [np.bincount(self.labels, weights=column, minlength=len(self)) for column in flat.T]
        return np.stack(columns, axis=1, dtype=np.float64).reshape(len(self), *values.shape[1:])

    def signature(self) -> str:
        """Spell the source and the number of groups, ``none`` without any."""
        return f"{self.source}:{len(self)}" if self.source else "none"


@dataclass(frozen=True)
class Grouping:
    """A way to group queries: by their relevant documents, by a file, or not at all.

    Attributes:
        source: for signatures; empty where every query stands alone.
        names: the group of each query that a file names; None where there is no file.
    """

    source: str = ""
    names: Mapping[str, str] | None = None

    def of(self, query_ids: Sequence[str], relevant: Sequence[str]) -> Groups:
        """Group queries.

        Args:
            query_ids: [q] the queries.
            relevant: [q] what stands for each one's relevant documents, empty for none, see `SystemScores`.

        Raises:
            BadInput: the file has no group for some of the queries.
        """
        if not self.source:
            return Groups.alone(len(query_ids))
        if self.names is None:
            names = [f"d{r}" if r else f"q{q}" for q, r in zip(query_ids, relevant, strict=True)]
            return Groups.of(names, self.source)
        if missing := [q for q in query_ids if q not in self.names]:
            raise BadInput(
                f"{len(missing):,} of {len(query_ids):,} queries have no group in {self.source.partition('@')[0]}, "
                f"for example {', '.join(missing[:3])}",
                "give each of them a line; a query that belongs to no other gets a group of its own",
            )
        return Groups.of([self.names[q] for q in query_ids], self.source)


def find_grouping(text: str | None) -> Grouping:
    """Return the grouping that ``--groups`` names: a file of queries and groups, ``documents``, or none.

    Raises:
        BadInput: the file is not there, or malformed.
    """
    if text is None:
        return Grouping()
    if text == DOCUMENTS:
        return Grouping(DOCUMENTS)
    names = read_groups(Path(text))
    return Grouping(f"{Path(text).name}@{fingerprint(sorted(names.items()))[:8]}", names)


def read_groups(path: Path) -> dict[str, str]:
    """Read the group of each query: lines of a query id, a tab and the name of its group.

    Raises:
        BadInput: the file is missing, a line has other columns, or a query stands there twice.
    """
    hint = "lines of QUERY<TAB>GROUP, or --groups documents for queries with the same relevant documents"
    require_file(path, "groups", hint)
    problems, names = Problems(path.name, hint), dict[str, str]()
    for number, line in read_lines(path, problems):
        query, tab, group = line.partition("\t")
        if not tab or not query or not group.strip() or "\t" in group:
            problems.add(f"{path.name}:{number}", "not a query and its group with a tab between them")
        elif query in names:
            problems.add(f"{path.name}:{number}", f"query {query} has a group already")
        else:
            names[query] = group.strip()
    problems.raise_if_any()
    return names


def shared_note(relevant: Sequence[str]) -> str | None:
    """Say how many queries share all their relevant documents with others, where they are many; else None."""
    counts = Counter(r for r in relevant if r)
    shared = sum(n for n in counts.values() if n > 1)
    groups = len(counts) + sum(1 for r in relevant if not r)
    if not relevant or len(relevant) - groups < MANY * len(relevant):
        return None
    return (
        f"{shared:,} of {len(relevant):,} queries share all their relevant documents with another and may not be independent: "
        f"--groups {DOCUMENTS} counts {groups:,} groups instead"
    )


def relevant_digests(qrels: Qrels) -> list[str]:
    """Return for each query 16 hex digits of the sha256 of its relevant documents' ids (grade 1 or more); empty for none."""
    offsets, digests = qrels.offsets.tolist(), []
    for start, stop in pairwise(offsets):
        relevant = qrels.doc_ids[start:stop][qrels.grades[start:stop] > 0].tolist()
        digests.append(sha256(b"\n".join(relevant)).hexdigest()[:16] if relevant else "")
    return digests
