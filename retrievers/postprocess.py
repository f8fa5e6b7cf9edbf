"""Changes of a run after the search: passages to documents, self matches out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from intrex.data.errors import BadInput
from intrex.data.numeric.spans import ranges
from intrex.data.run import Run


def remove_query(run: Run) -> Run:
    """Drop documents whose id equals the query's id (pyserini's ``--remove-query``, as for ArguAna and Quora)."""
    owner = np.repeat(run.query_ids, np.diff(run.offsets))
    return run.select(owner != run.doc_ids)


def max_passage(run: Run, delimiter: str = "#") -> Run:
    """Turn passages into documents: the id up to the first ``delimiter`` is the document, its score the best passage's.

    The ids are cut at the first delimiter, as pyserini's ``--max-passage`` does. Rankings are sorted again,
    because a document's id, which breaks ties, is not its passage's.

    Raises:
        BadInput: an id begins with the delimiter.
    """
    best: dict[str, dict[str, float]] = {}
    for query, docs in run.to_dict().items():
        documents = best.setdefault(query, {})
        for passage, score in docs.items():  # best first: the first passage counts
            document = passage.split(delimiter, 1)[0]
            if not document:
                raise BadInput(
                    f"query {query}: the passage {passage!r} has no document before {delimiter!r}",
                    "name what stands between with --max-passage-delimiter",
                )
            documents.setdefault(document, score)
    return Run.from_dict(best, tag=run.tag)


def strictly_falling(run: Run) -> Run:
    """Lower scores by the fewest float32 steps after which each is smaller than the one before, in each query.

    A run file orders equal scores by id descending. This is how it can hold a ranking that orders them otherwise.
    """
    scores = run.scores.copy()
    for begin, end in zip(run.offsets.tolist(), run.offsets[1:].tolist(), strict=False):
        bits = scores[begin:end].view(np.int32).astype(np.int64)
        steps = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)  # neighbouring floats are one apart
        place = np.arange(end - begin)
        steps = np.minimum.accumulate(steps + place) - place
        bits = np.where(steps < 0, -steps | -0x80000000, steps)
        scores[begin:end] = bits.astype(np.int32).view(np.float32)
    return replace(run, scores=scores)


def cut(run: Run, k: int) -> Run:
    """Keep the top ``k`` documents of each query."""
    return run.select(ranges(0, np.diff(run.offsets)) < k)
