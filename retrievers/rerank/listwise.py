"""Listwise reranking: a scorer orders windows of passages, from the bottom of a ranking to its top.

As RankGPT (Sun et al., EMNLP 2023, 2304.09542) and RankLLM do: each window overlaps the one above it, so that the best of a window
are judged again beside those above them. The topmost window is asked for whatever the depth: RankGPT's loop leaves it out
where the depth is no multiple of the stride.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from intrex.data.arrays import Bytes, Scores
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput
from intrex.data.ids import as_strings
from intrex.data.numeric.spans import owners_of
from intrex.data.progress import Progress, no_progress
from intrex.data.run import Run, check_tag
from intrex.data.specs import EncoderSpec
from intrex.data.store.scorecache import StoredScores, pair_keys, text_digest
from intrex.retrievers.base import run_of
from intrex.retrievers.rerank.command import ask, command_spec
from intrex.retrievers.rerank.index import candidates
from intrex.retrievers.rerank.options import RerankOptions
from intrex.retrievers.rerank.outside import TextPair
from intrex.retrievers.rerank.pairs import find_texts
from intrex.retrievers.rerank.process import LineProcess


def windows(count: int, window: int, stride: int) -> Iterator[tuple[int, int]]:
    """Yield where windows of a ranking begin and end, the lowest first; one of a single document is left out.

    >>> list(windows(25, 10, 5))
    [(15, 25), (10, 20), (5, 15), (0, 10)]
    >>> list(windows(7, 4, 2)), list(windows(3, 20, 10)), list(windows(1, 20, 10))
    ([(3, 7), (1, 5), (0, 3)], [(0, 3)], [])
    """
    for end in range(count, 1, -stride):
        start = max(0, end - window)
        yield start, end
        if not start:
            return


class ListScorer:
    """Order of passages by a child process; docs/formats.md defines its lines.

    Args:
        words: the program and its arguments.
        options: ``time_limit``, ``retries`` and ``scorer_version`` are used.

    Raises:
        UsageError: there is no such program.
    """

    def __init__(self, words: Sequence[str], options: RerankOptions) -> None:
        self.spec: EncoderSpec = command_spec(words, options, "listwise")
        self._process, self._retries = LineProcess(words, options.time_limit), options.retries

    def order(self, passages: Sequence[TextPair]) -> list[int]:
        """Return the places of one query's passages [n], best first.

        Raises:
            BadInput: the answer does not name each passage once.
            IntrexError: there is none.
        """
        texts = [{"docid": passage.document_id, "text": passage.text} for passage in passages]
        record = {"qid": passages[0].query_id, "query": passages[0].query, "passages": texts}
        line = (json.dumps(record, ensure_ascii=True) + "\n").encode("ascii")
        (answer,) = ask(self._process, [line], passages, self._retries)
        return _places(answer, [passage.document_id for passage in passages], passages[0].query_id)

    def close(self) -> None:
        """End the process; raises `BadInput` if it wrote more than it was asked for."""
        self._process.close()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()


def rerank_windows(
    run: Run,
    queries: Queries,
    collection: Collection,
    scorer: ListScorer,
    options: RerankOptions,
    tag: str,
    stored: StoredScores | None = None,
    progress: Progress = no_progress,
) -> Run:
    """Order the ``depth`` best documents of each query anew, window by window; see the module's text.

    The score of rank r of n documents is n + 1 - r: it says the order, nothing else.

    Args:
        run: the rankings to order again.
        queries: the texts of at least the run's queries.
        collection: the texts of at least the run's documents.
        scorer: orders passages.
        options: ``depth``, ``window`` and ``stride`` are used.
        tag: of the new run.
        stored: keeps the order of each window; None keeps none.
        progress: called with the number of windows just ordered or read.

    Raises:
        UsageError: ``tag`` has white space.
        BadInput: a query of the run has no text, one of its documents is not in the collection, or an order is not one.
        IntrexError: the scorer does not answer.
    """
    check_tag(tag)
    digests: dict[int, bytes] = {}
    hint = "name the collection that was searched: --collection COLLECTION"
    find = partial(find_texts, collection, digests)
    pool = candidates(run, queries, find, options.depth, "the collection", hint)
    owner, ids = owners_of(pool.sizes), as_strings(pool.ids)
    text_of = dict(zip(queries.ids, queries.texts, strict=True))
    rankings: dict[bytes, tuple[Bytes, Scores]] = {}
    for number, query in enumerate(pool.queries):
        order = np.flatnonzero(owner == number)
        for start, end in windows(len(order), options.window, options.step):
            part = order[start:end]
            texts = [collection.document(row).passage for row in pool.rows[part].tolist()]
            passages = [
                TextPair(query, text_of[query], ids[i], text) for i, text in zip(part, texts, strict=True)
            ]
            keys = _keys(scorer.spec, passages)
            order[start:end] = part[_recall(keys, stored) or _ask(scorer, passages, keys, stored)]
            progress(1)
        scores = np.arange(len(order), 0, -1).astype(np.float32)
        rankings[query.encode()] = pool.ids[order], scores
    return run_of(rankings, tag)


def count_windows(run: Run, options: RerankOptions) -> int:
    """Count the windows of `rerank_windows`."""
    sizes, counts = np.unique(np.minimum(np.diff(run.offsets), options.depth), return_counts=True)
    each = [sum(1 for _ in windows(size, options.window, options.step)) for size in sizes.tolist()]
    return int(np.dot(each, counts)) if len(each) else 0


def _keys(spec: EncoderSpec, passages: Sequence[TextPair]) -> Bytes:
    """Return the keys [n] under which the places of a window's passages are kept: of all texts in their order, and each one's place."""
    whole = hashlib.sha256(b"".join(text_digest(passage.text) for passage in passages)).digest()
    documents = [hashlib.sha256(whole + i.to_bytes(4, "big")).digest() for i in range(len(passages))]
    return pair_keys(spec, [text_digest(passages[0].query)] * len(passages), documents)


def _recall(keys: Bytes, stored: StoredScores | None) -> list[int] | None:
    """Return a kept order, or None."""
    if stored is None:
        return None
    ranks = stored.find(keys)
    if sorted(ranks.tolist()) != list(range(len(keys))):  # NaN where one is not there
        return None
    return [int(place) for place in np.argsort(ranks)]


def _ask(
    scorer: ListScorer, passages: Sequence[TextPair], keys: Bytes, stored: StoredScores | None
) -> list[int]:
    places = scorer.order(passages)
    if stored is not None:
        ranks = np.empty(len(places), np.float32)
        ranks[places] = np.arange(len(places))
        stored.add(keys, ranks)
    return places


def _places(answer: str, ids: Sequence[str], query: str) -> list[int]:
    """Read an answer: a JSON list of the ids, best first."""
    needed = "one JSON list of each docid once, the best first"
    try:
        named = json.loads(answer)
    except (ValueError, RecursionError):
        named = None
    if not isinstance(named, list):
        raise BadInput(f"the scorer's order of query {query} is no list of ids: {answer[:80]!r}", needed)
    place = {id_: i for i, id_ in enumerate(ids)}
    places: list[int] = []
    for id_ in named:
        if not isinstance(id_, str) or id_ not in place:
            raise BadInput(
                f"the scorer's order of query {query} names {id_!r}, which is not in the window", needed
            )
        places.append(place[id_])
    seen = set(places)
    if missing := [id_ for id_ in ids if place[id_] not in seen]:
        raise BadInput(f"the scorer's order of query {query} lacks document {missing[0]}", needed)
    if len(places) > len(seen):
        twice = next(ids[p] for p in places if places.count(p) > 1)
        raise BadInput(f"the scorer's order of query {query} names document {twice} twice", needed)
    return places
