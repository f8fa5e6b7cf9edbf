"""Runs that are lists of documents in JSON, told by their keys."""

from __future__ import annotations

import json
import re
from typing import Any

from intrex.data.rankings.answers import find_answers
from intrex.data.rankings.nested import mteb_rankings

_LISTS = {
    "rank_llm": {"candidates", "docid"}, "dpr": {"ctxs", "score"}, "elasticsearch": {"hits", "_id", "_index"},
    "vespa": {"root", "children", "relevance"}, "solr": {"responseHeader", "response", "docs"},
    "kilt": {"output", "provenance"}, "sentence_transformers": {"results", "corpus_id"},
}  # fmt: skip
"""Keys near the beginning of lists of documents that are written over several lines."""


def listed_form(sample: list[str], row: dict[str, Any] | None) -> str | None:
    """Tell the form of a run that is no object of objects."""
    if row is None or len(row) == 0:
        keys = set(re.findall(r'"([^"]+)"\s*:', " ".join(sample)))
        return next((form for form, needed in _LISTS.items() if needed <= keys), None)
    if found := find_answers([("", row)]):
        return found[0]
    return "mteb" if mteb_rankings(row) else None


def first_object(sample: list[str]) -> dict[str, Any] | None:
    """Return the first object among the lines; in an array, its first element."""
    for line in sample:
        try:
            value = json.loads(
                line.strip().rstrip(",").removeprefix("[") if line.lstrip().startswith("[") else line
            )
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return None
