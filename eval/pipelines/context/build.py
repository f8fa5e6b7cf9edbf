"""Contexts of a run: passages of each query, chosen step by step, and written as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from intrex.data.arrays import Float32s
from intrex.data.builders.units import count_words
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput
from intrex.data.ids import as_strings
from intrex.data.io.files import writing
from intrex.data.progress import Progress
from intrex.data.run import Run
from intrex.eval.pipelines.context.options import ORDERS, WORDS, ContextOptions
from intrex.eval.pipelines.context.select import (
    cut_by_budget,
    cut_by_gap,
    cut_by_threshold,
    distinct,
    order_ends,
)
from intrex.retrievers.rerank.index import candidates
from intrex.retrievers.rerank.pairs import find_texts

Counter = Callable[[Sequence[str]], list[int]]


class Passage(NamedTuple):
    """A passage: rank from 1 in the run, its score there, its length in tokens and its text."""

    docid: str
    rank: int
    score: float
    tokens: int
    text: str


class Context(NamedTuple):
    """Passages of a query after each step, and at last in the order of the reader.

    Attributes:
        qid: id of the query.
        query: its text.
        steps: passages by the name of the step, best first.
        passages: the last of them, ordered.
    """

    qid: str
    query: str
    steps: dict[str, list[Passage]]
    passages: list[Passage]

    def line(self) -> bytes:
        """Return its line of JSON."""
        passages = [passage._asdict() for passage in self.passages]
        record = {"qid": self.qid, "query": self.query, "passages": passages}
        return (json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def counter_of(options: ContextOptions) -> Counter:
    """Return what counts the tokens of texts: words, or those of a model."""
    if options.tokenizer == WORDS:
        return lambda texts: [count_words(text) for text in texts]
    from intrex.encoders.runtime.tokens import token_counter

    return token_counter(options.tokenizer)[0]


def make_contexts(
    run: Run, queries: Queries, collection: Collection, options: ContextOptions, least_score: float | None
) -> Iterator[Context]:
    """Yield the context of each query of a run, in the order of the run.

    Args:
        run: the rankings.
        queries: the texts of at least the run's queries.
        collection: the texts of at least the documents that are looked at.
        options: how to choose and order.
        least_score: of a passage, from a threshold or a fitted probability; None for none.

    Raises:
        BadInput: a query has no text, or a document is not in the collection.
    """
    count, texts_of = counter_of(options), dict(zip(queries.ids, queries.texts, strict=True))
    deepest = int(np.diff(run.offsets).max(initial=0)) if options.near_duplicates is not None else options.k
    hint = "name the collection that was searched"
    pool = candidates(run, queries, partial(find_texts, collection, {}), deepest, "the collection", hint)
    ids, starts = as_strings(pool.ids), run.offsets[:-1]
    first = 0
    for number, (query, size) in enumerate(zip(pool.queries, pool.sizes.tolist(), strict=True)):
        places = slice(first, first + size)
        scores = run.scores[starts[number] : starts[number] + size]
        read = partial(_read, collection, pool.rows[places].tolist())
        steps = _choose(ids[places], scores, read, count, options, least_score)
        best = next(reversed(steps.values()))
        order = order_ends(len(best)) if options.order == ORDERS[1] else range(len(best))
        yield Context(query, texts_of[query], steps, [best[i] for i in order])
        first += size


def write_contexts(
    contexts: Iterator[Context], options: ContextOptions, progress: Progress, look: Callable[[Context], None]
) -> tuple[int, int]:
    """Write contexts to the output, whole or not at all; ``look`` sees each. Return the numbers of contexts and passages."""
    lines = passages = 0
    with writing(options.output, options.overwrite) as stream:
        for context in contexts:
            stream.write(context.line())
            look(context)
            lines, passages = lines + 1, passages + len(context.passages)
            progress(1)
        if not lines:
            raise BadInput("the run has no query", "name another run")
    return lines, passages


def _read(collection: Collection, rows: Sequence[int], place: int) -> str:
    return collection.document(rows[place]).passage


def _choose(
    ids: Sequence[str],
    scores: Float32s,
    read: Callable[[int], str],
    count: Counter,
    options: ContextOptions,
    least_score: float | None,
) -> dict[str, list[Passage]]:
    """Return the passages of a query after each step that was asked for; the first step is the first k of the ranking."""

    def passages(places: Sequence[int]) -> list[Passage]:
        texts = [read(place) for place in places]
        rows = zip(places, count(texts), texts, strict=True)
        return [Passage(ids[p], p + 1, float(str(scores[p])), tokens, text) for p, tokens, text in rows]

    chosen = passages(range(min(options.k, len(ids))))
    steps = {"top k": chosen}
    if options.near_duplicates is not None:
        places = distinct(map(read, range(len(ids))), options.near_duplicates, options.k)
        steps["near-duplicates"] = chosen = passages(places)
    kept = np.array([passage.score for passage in chosen], np.float32)
    if options.gap:
        steps["gap"] = chosen = chosen[: cut_by_gap(kept, options.at_least)]
    elif least_score is not None:
        name = "threshold" if options.threshold is not None else "min-probability"
        steps[name] = chosen = chosen[: max(options.at_least, cut_by_threshold(kept, least_score))]
    if options.tokens is not None:
        lengths = np.array([passage.tokens for passage in chosen], np.int64)
        steps["tokens"] = chosen = chosen[: cut_by_budget(lengths, options.tokens)]
    return steps
