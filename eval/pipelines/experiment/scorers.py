"""Names of scorers in recipes."""

from __future__ import annotations

from collections.abc import Iterator

from intrex.data.errors import UsageError
from intrex.retrievers.rerank.command import command_words
from intrex.retrievers.rerank.options import BM25_INDEX, COMMAND, OUTSIDE
from intrex.retrievers.rerank.server import address_of


def scorer_faults(name: str, trained: bool) -> Iterator[str]:
    """Say what a scorer elsewhere cannot be: badly spelled, trained, or loaded as a model."""
    if name.startswith(BM25_INDEX):
        yield f"with {name!r} is for the command line: name an earlier system by index"
    try:
        if name.startswith(OUTSIDE):
            command_words(name) if name.startswith(COMMAND) else address_of(name)
    except UsageError as error:
        yield f"with: {error.message}"
    if name.startswith(OUTSIDE) and trained:
        yield "train is for models that intrex loads"
