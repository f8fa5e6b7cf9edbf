"""Relevant documents that training and test queries share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from intrex.data.qrels import Qrels


def positives(qrels: Qrels, level: int = 1) -> dict[str, set[str]]:
    """Return the documents of each query whose grade is at least ``level``."""
    return {q: {d for d, g in docs.items() if g >= level} for q, docs in qrels.to_dict().items()}


def shared_labels(
    train: Iterable[set[str]], test: Mapping[str, set[str]], least: int = 1
) -> dict[str, set[str]]:
    """Return the test queries of which at least ``least`` relevant documents are relevant to any training query, with these.

    The script of Zhan et al. (extrapolate-eval, ``compute_label_overlap.py``) counts from two on, while its text speaks of
    any overlap; ``least`` makes that explicit.
    """
    known: set[str] = set().union(*train)
    return {q: shared for q, docs in test.items() if len(shared := docs & known) >= least}
