"""Training examples: pairs from judgements, negatives mined from a run or by BM25, a teacher, a dev pool."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from intrex.data.arrays import Float32s
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput
from intrex.data.ids import as_strings
from intrex.data.io.files import fingerprint
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.data.runformats import read_any_run
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.encoders.training.examples import Example, Pool
from intrex.encoders.training.options import TEACHERS, TrainOptions
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.training.needs import check_negatives, find_models, no_negatives
from intrex.eval.pipelines.training.options import SourceOptions
from intrex.eval.scoring.score import score
from intrex.eval.splits.queries import draw
from intrex.eval.splits.split import Split
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.options import BuildTask, SearchOptions

_log = logging.getLogger(__name__)
MINED_FROM = 50
"""Ranks of a run from which negatives are drawn."""
DEV_QUERIES, DEV_DEPTH = 50, 20
"""Dev queries at most, and candidates of each beside its relevant documents."""
DEV_MEASURE = "nDCG@10"


@dataclass(frozen=True)
class TrainingSource:
    """Data to train on.

    Attributes:
        collection: the documents, queries and judgements.
        options: which of its queries are trained on, and what is mined, taught and held out; its ``split`` is read already.
        split: with ``fold``, keeps the queries that this fold trains on.
        fold: see ``split``.
    """

    collection: Collection
    options: SourceOptions = field(default_factory=SourceOptions)
    split: Split | None = None
    fold: str = ""


@dataclass(frozen=True)
class TrainingData:
    """Examples, and the dev pool with its judgements; an empty pool stops nothing early.

    Attributes:
        examples: pairs with their negatives.
        queries: number of training queries among them.
        uses: for each document among them, of how many examples it is the positive, and of how many a negative.
        pool: dev queries and their candidates.
        dev_score: scores the pool.
    """

    examples: list[Example]
    queries: int
    uses: dict[str, tuple[int, int]]
    pool: Pool | None
    dev_score: Callable[[list[Float32s]], float] | None


def prepare_training(source: TrainingSource, options: TrainOptions) -> TrainingData:
    """Read, mine and draw everything that training needs."""
    collection, train_set, max_pairs = source.collection, source.options.train_set, source.options.max_pairs
    if collection.delimiter is not None:
        message = f"the documents of {collection.name} are passages, of which none is judged"
        raise BadInput(message, "train on the collection that it was made of")
    qrels = collection.qrels(train_set)
    relevant = {q: [d for d, g in docs.items() if g > 0] for q, docs in qrels.to_dict().items()}
    positives = _known(collection, train_set, {q: docs for q, docs in relevant.items() if docs})
    if source.split is not None:
        fold_queries = {f.name: set(f.train) for f in source.split.folds}[source.fold]
        positives = {q: docs for q, docs in positives.items() if q in fold_queries}
    if not positives:
        where = f"{collection.name}:{train_set}" + (f", fold {source.fold}" if source.fold else "")
        raise BadInput(f"the training set {where} has no positives", "train on a set with judgements above 0")
    queries = collection.queries(train_set)
    never = _never_negative(source, positives)
    find_models(source.options.teacher, options)
    if source.options.spare is None:  # its judgements may name documents that the collection lacks
        check_negatives(never, collection.n_documents, options.negatives)
    held = _held_out(source, positives, options.seed)
    pairs = [(q, d) for q in sorted(positives) if q not in held for d in sorted(positives[q])]
    if not pairs:
        raise BadInput("every training query is held out for the dev score", "a smaller --dev-share")
    if max_pairs is not None and len(pairs) > max_pairs:
        keys = {f"{q}\t{d}": (q, d) for q, d in pairs}
        pairs = sorted(keys[k] for k in draw(keys, options.seed)[:max_pairs])
    dev_queries, dev_judged = _dev(source, queries, positives, held, options.seed)
    mined = {q for q, _ in pairs} if options.negatives or options.loss in TEACHERS else set()
    candidates = _candidates(source, queries.only(mined), dev_queries)
    negatives = _negatives(collection, pairs, never, candidates, options)
    texts = _texts(collection, pairs, negatives, dev_judged, candidates)
    query_texts = dict(zip(queries.ids, queries.texts, strict=True))
    examples = [Example(query_texts[q], texts[d], tuple(texts[n] for n in negatives[q, d])) for q, d in pairs]
    if options.loss in TEACHERS:
        examples = _teach(examples, source, options)
    pool, dev_score = _pool(dev_queries, dev_judged, candidates, texts)
    return TrainingData(examples, len({q for q, _ in pairs}), _uses(pairs, negatives), pool, dev_score)


def _uses(
    pairs: Sequence[tuple[str, str]], negatives: Mapping[tuple[str, str], list[str]]
) -> dict[str, tuple[int, int]]:
    as_positive = Counter(document for _, document in pairs)
    as_negative = Counter(document for documents in negatives.values() for document in documents)
    return {d: (as_positive[d], as_negative[d]) for d in sorted(as_positive | as_negative)}


def _never_negative(source: TrainingSource, positives: Mapping[str, list[str]]) -> dict[str, set[str]]:
    """Return for each query the documents that are not drawn: those relevant to it, and to the queries to spare."""
    spared: set[str] = set()
    if source.options.spare is not None:
        judged = source.collection.qrels(source.options.spare).to_dict()
        spared = {d for docs in judged.values() for d, grade in docs.items() if grade > 0}
    return {query: spared.union(documents) for query, documents in positives.items()}


def _known(collection: Collection, name: str, positives: dict[str, list[str]]) -> dict[str, list[str]]:
    """Leave out what the collection keeps judgements on and does not have: nothing of it can be read."""
    if not collection.sets[name].get("unknown"):
        return positives
    documents, queries = {d.id for d in collection.documents()}, set(collection.queries(name).ids)
    known = {q: [d for d in docs if d in documents] for q, docs in positives.items() if q in queries}
    lost = sum(map(len, positives.values())) - sum(map(len, known.values()))
    _log.info("%d relevant judgements of %s name documents or queries that the collection lacks", lost, name)
    return {q: docs for q, docs in known.items() if docs}


def _held_out(source: TrainingSource, positives: Mapping[str, Any], seed: int) -> set[str]:
    share = source.options.dev_share
    if source.options.dev is not None or not share:
        return set()
    return set(draw(positives, seed)[: max(1, round(share * len(positives)))])


def _dev(
    source: TrainingSource, queries: Queries, positives: Mapping[str, list[str]], held: set[str], seed: int
) -> tuple[Queries, dict[str, dict[str, int]]]:
    """Draw dev queries, at most `DEV_QUERIES`, and their judgements."""
    if (dev := source.options.dev) is not None:
        queries_of, qrels = source.collection.queries(dev), source.collection.qrels(dev)
        judged = {q: d for q, d in qrels.to_dict().items() if any(g > 0 for g in d.values())}
        if not judged:
            raise BadInput(f"the dev set {dev} has no positives", "name another --dev")
        judged = _outside_tests(source, judged)
    else:
        queries_of, judged = queries, {q: dict.fromkeys(positives[q], 1) for q in held}
    query_ids = set(draw(judged, seed)[:DEV_QUERIES])
    return queries_of.only(query_ids), {q: judged[q] for q in sorted(query_ids)}


def _outside_tests(source: TrainingSource, judged: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Leave out the dev queries that the fold is tested on, so that no test query chooses the model."""
    if source.split is None:
        return judged
    (fold,) = (fold for fold in source.split.folds if fold.name == source.fold)
    tests = set().union(*fold.regimes.values())
    kept = {query: docs for query, docs in judged.items() if query not in tests}
    if len(kept) < len(judged):
        _log.info(
            "%d of %d dev queries are test queries of fold %s, they are left out",
            len(judged) - len(kept), len(judged), source.fold,
        )  # fmt: skip
    if not kept:
        raise BadInput(
            f"fold {source.fold} is tested on every query of the dev set {source.options.dev}",
            "leave --dev out: a share of the fold's own training queries is held out then",
        )
    return kept


def _candidates(source: TrainingSource, training: Queries, dev: Queries) -> dict[str, list[str]]:
    """Return for each query documents that look relevant, best first: from the run given, else from BM25."""
    candidates: dict[str, list[str]] = {}
    if source.options.negatives_run:
        path = Path(source.options.negatives_run)
        run = read_any_run(path)
        ranked = {q.decode(): as_strings(docs[:MINED_FROM]) for q, docs, _ in run.rankings()}
        if missing := [q for q in training.ids if q not in ranked]:
            raise BadInput(
                f"{len(missing):,} training queries are not in the run {path}, for example {missing[0]}",
                "search with the training queries, or leave --negatives-run out",
            )
        candidates |= ranked
    texts = [*zip(training.ids, training.texts, strict=True), *zip(dev.ids, dev.texts, strict=True)]
    if lacking := [(i, t) for i, t in texts if i not in candidates]:
        with TemporaryDirectory(prefix="intrex-train-") as folder:
            index = build_bm25(source.collection, BuildTask(Path(folder) / "bm25"))
            queries = Queries([i for i, _ in lacking], [t for _, t in lacking])
            hits = index.search(queries, SearchOptions(k=MINED_FROM))
        candidates |= {q.decode(): as_strings(docs) for q, docs, _ in hits.rankings()}
    return candidates


def _negatives(
    collection: Collection,
    pairs: Sequence[tuple[str, str]],
    excluded: Mapping[str, set[str]],
    candidates: Mapping[str, list[str]],
    options: TrainOptions,
) -> dict[tuple[str, str], list[str]]:
    """Draw the negatives of each pair from the candidates; where these are too few, from all documents."""
    if not options.negatives:
        return {pair: [] for pair in pairs}
    all_ids: list[str] = []
    negatives = {}
    for query, document in pairs:
        mined = [d for d in candidates.get(query, []) if d not in excluded[query]]
        seed = f"{options.seed} {query} {document}"
        sample = _draw(mined, seed)[: options.negatives]
        if len(sample) < options.negatives:
            all_ids = all_ids or [d.id for d in collection.documents()]
            more = (d for d in _draw(all_ids, seed) if d not in excluded[query] and d not in sample)
            sample += [d for d, _ in zip(more, range(options.negatives - len(sample)), strict=False)]
        if len(sample) < options.negatives:
            raise no_negatives(query, options.negatives)
        negatives[query, document] = sample
    return negatives


def _draw(ids: Sequence[str], seed: str) -> list[str]:
    """Return ids in a random order that depends on them and the seed alone."""
    return draw(ids, int(fingerprint([seed])[:8], 16))


def _texts(
    collection: Collection,
    pairs: Iterable[tuple[str, str]],
    negatives: Mapping[Any, list[str]],
    dev: Mapping[str, Mapping[str, int]],
    candidates: Mapping[str, list[str]],
) -> dict[str, str]:
    """Return the texts of all documents that are needed."""
    needed = {d for _, d in pairs} | {d for docs in negatives.values() for d in docs}
    needed |= {d for q, docs in dev.items() for d in [*docs, *candidates.get(q, [])[:DEV_DEPTH]]}
    texts = {d.id: d.passage for d in collection.documents() if d.id in needed}
    if missing := sorted(needed - set(texts)):
        raise BadInput(
            f"document {missing[0]} is not in {collection.name}", "mine from a run of this collection"
        )
    return texts


def _teach(examples: list[Example], source: TrainingSource, options: TrainOptions) -> list[Example]:
    """Add a teacher's scores to the examples: dot products of an encoder's vectors, times the scale."""
    encoder = make_encoder(str(source.options.teacher), EncoderOptions(device=options.device))
    query_texts = sorted({e.query for e in examples})
    document_texts = sorted({t for e in examples for t in (e.positive, *e.negatives)})
    queries = dict(zip(query_texts, encoder.encode(query_texts, "query"), strict=True))
    documents = dict(zip(document_texts, encoder.encode(document_texts, "document"), strict=True))
    scale = options.scale if options.loss == "distill" else 1.0
    return [
        Example(
            e.query, e.positive, e.negatives,
            tuple(float(queries[e.query] @ documents[t]) * scale for t in (e.positive, *e.negatives)),
        )
        for e in examples
    ]  # fmt: skip


def _pool(
    queries: Queries,
    judgements: Mapping[str, Mapping[str, int]],
    candidates: Mapping[str, list[str]],
    texts: Mapping[str, str],
) -> tuple[Pool | None, Callable[[list[Float32s]], float] | None]:
    if not judgements:
        return None, None
    docs = {
        q: sorted({*(d for d, g in judgements[q].items() if g > 0), *candidates.get(q, [])[:DEV_DEPTH]})
        for q in queries.ids
    }
    qrels = Qrels.from_dict({q: dict(judgements[q]) for q in queries.ids})

    def dev_score(scores: list[Float32s]) -> float:
        run = {
            q: dict(zip(docs[q], s.tolist(), strict=True)) for q, s in zip(queries.ids, scores, strict=True)
        }
        means = score(qrels, Run.from_dict(run, tag="dev"), parse_measures([DEV_MEASURE])).means()
        return means[DEV_MEASURE]

    return Pool(queries.texts, [[texts[d] for d in docs[q]] for q in queries.ids]), dev_score
