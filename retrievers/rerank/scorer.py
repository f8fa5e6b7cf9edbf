"""Scorers by the spelling of ``--with``: a model that intrex loads, or one elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from intrex.encoders.cross.base import PairScorer
from intrex.retrievers.rerank.options import ADDRESSES, COMMAND, RerankOptions
from intrex.retrievers.rerank.outside import OutsideScorer


@contextlib.contextmanager
def open_scorer(options: RerankOptions, head_seed: int | None = None) -> Iterator[PairScorer | OutsideScorer]:
    """Open the scorer that ``options.model`` names; what it started has ended when the context ends.

    Args:
        options: how to rerank, with a model.
        head_seed: as `intrex.encoders.cross.scorer.make_pair_scorer` takes it.

    Raises:
        UsageError: there is no such program, that is no address, or an option that the scorer does not have.
        BadInput: the model is nowhere to be found; at the end: a program wrote more than it was asked for.
        MissingExtra: sentence-transformers is not installed.
    """
    name = options.model or ""
    if name.startswith(COMMAND):
        from intrex.retrievers.rerank.command import CommandScorer, command_words

        scorer = CommandScorer(command_words(name), options)
        try:
            yield scorer
            scorer.close()
        finally:
            scorer.kill()
        return
    if name.startswith(ADDRESSES):
        from intrex.retrievers.rerank.server import HttpScorer

        yield HttpScorer(name, options)
        return
    from intrex.encoders.cross.scorer import make_pair_scorer

    yield make_pair_scorer(name, options.encoding(), head_seed, threads=options.threads)
