"""``intrex overlap``: what test queries share with training queries, one flag after another."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, MissingExtra, UsageError
from intrex.data.locate import find_qrels, find_queries
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.eval.overlap.audit import Audit, LeakageFlag
from intrex.eval.overlap.documents import near_duplicates
from intrex.eval.overlap.labels import positives, shared_labels
from intrex.eval.overlap.options import KINDS, PLAIN, OverlapOptions, Thresholds
from intrex.eval.overlap.queries import (
    EntityFinder,
    Match,
    plain_entities,
    same_text,
    same_words,
    shared_entities,
    shared_ngrams,
)
from intrex.eval.pipelines.training.uses import read_uses
from intrex.eval.splits.queries import QueryVectors
from intrex.eval.splits.similarity import nearest_queries

WITHOUT_LABELS = ("exact", "normalised", "ngram", "entity")


def audit(train: str, test: str, options: OverlapOptions, limits: Thresholds) -> Audit:
    """Audit a test set against training queries.

    Args:
        train: training queries: a file, or COLLECTION:SET.
        test: test queries, the same.
        options: of which the flags are all that the input allows unless named. Labels and documents need judgements on
            both sides and one corpus; labels of two corpora are compared where they are asked for.
        limits: from where on something is flagged.

    Raises:
        UsageError: a flag that these inputs cannot have.
        MissingExtra: spaCy is not installed.
    """
    train_queries, train_collection = find_queries(train)
    test_queries, test_collection = find_queries(test)
    possible = [*WITHOUT_LABELS, *(["neighbour"] if options.encoder else [])]
    if train_collection is not None and test_collection is not None:
        same = train_collection.corpus_fingerprint == test_collection.corpus_fingerprint
        # ids of two corpora may be equal by chance: only who asks for it has their labels compared
        possible += _JUDGED if same else [kind for kind in options.flags if kind == "label"]
    if options.model is not None and test_collection is not None:
        possible += _TRAINED
    for kind in options.flags:
        if kind not in possible:
            raise UsageError(f"the flag {kind!r} cannot be looked for here", _NEEDS[kind])
    order = sorted(range(len(test_queries)), key=lambda i: test_queries.ids[i].encode())
    tests = Queries([test_queries.ids[i] for i in order], [test_queries.texts[i] for i in order])
    selected = [k for k in KINDS if k in (options.flags or possible)]
    of_texts = [kind for kind in selected if kind not in (*_JUDGED, *_TRAINED)]
    finder = _entity_finder(options.entities) if "entity" in of_texts else plain_entities
    flags = {kind: _by_text(kind, train_queries, tests, options, limits, finder) for kind in of_texts}
    if train_collection is not None and any(kind in _JUDGED for kind in selected):
        flags |= _by_labels(selected, train, test, train_collection, limits)
    if options.model is not None and (kinds := [kind for kind in selected if kind in _TRAINED]):
        flags |= _by_model(kinds, options.model, positives(find_qrels(test).qrels, limits.level))
    ordered = {kind: flags[kind] for kind in selected}
    settings = {**asdict(limits), "encoder": options.encoder, "entities": options.entities}
    if options.model is not None:
        settings["model"] = options.model.name
    return Audit(tuple(tests.ids), ordered, settings, {"train": train, "test": test})


_JUDGED = ("label", "document")
_TRAINED = ("positive", "negative")
_NEEDS = {
    "neighbour": "name an --encoder",
    "label": "both sides need judgements: name them as COLLECTION:SET",
    "document": "both sides must be sets of one collection, or of two with the same documents",
    "positive": "name a --model, and the test queries as COLLECTION:SET",
    "negative": "name a --model, and the test queries as COLLECTION:SET",
}


def _by_text(
    kind: str,
    train: Queries,
    test: Queries,
    options: OverlapOptions,
    limits: Thresholds,
    finder: EntityFinder,
) -> dict[str, LeakageFlag]:
    matches: dict[int, Match]
    if kind == "exact":
        matches = same_text(train.texts, test.texts)
    elif kind == "normalised":
        matches = same_words(train.texts, test.texts)
    elif kind == "ngram":
        matches = shared_ngrams(train.texts, test.texts, limits.ngram, limits.ngram_share)
    elif kind == "entity":
        sharing = shared_entities(finder(train.texts), finder(test.texts))
        matches = {i: m for i, m in sharing.items() if m.score >= limits.entity_share}
    else:
        matches = _neighbours(train, test, str(options.encoder), limits.neighbour, options.device)
    return {test.ids[i]: LeakageFlag(train.ids[m.train], m.score) for i, m in sorted(matches.items())}


def _neighbours(
    train: Queries, test: Queries, name: str, least: float, device: str | None
) -> dict[int, Match]:
    encoder = make_encoder(name, EncoderOptions(device=device))
    trains = QueryVectors.of(train.ids, encoder.encode(train.texts, "query"))
    tests = QueryVectors.of(test.ids, encoder.encode(test.texts, "query"))
    rows, scores = nearest_queries(tests.vectors, trains.vectors, 1)
    place = {id_: i for i, id_ in enumerate(train.ids)}
    return {  # the test queries are in the order of their ids already
        i: Match(place[trains.ids[int(rows[i, 0])]], float(scores[i, 0]))
        for i in np.flatnonzero(scores[:, 0] >= least).tolist()
    }


def _entity_finder(name: str) -> EntityFinder:
    """Find what names entities, so that a package that is missing is said before anything is encoded."""
    if name == PLAIN:
        return plain_entities
    if importlib.util.find_spec("spacy") is None:
        raise MissingExtra("spacy", "entities", f"--entities {name}")
    import spacy

    try:
        pipeline = spacy.load(name)
    except OSError as error:
        raise BadInput(f"spaCy cannot load {name}: {error}", f"python -m spacy download {name}") from error

    def find(texts: Sequence[str]) -> list[set[str]]:
        return [{e.text.casefold() for e in document.ents} for document in pipeline.pipe(texts)]

    return find


def _by_labels(
    kinds: Sequence[str], train: str, test: str, collection: Collection, limits: Thresholds
) -> dict[str, dict[str, LeakageFlag]]:
    train_docs, test_docs = (positives(find_qrels(side).qrels, limits.level) for side in (train, test))
    flags: dict[str, dict[str, LeakageFlag]] = {}
    if "label" in kinds:
        owner = {d: q for q, docs in sorted(train_docs.items(), reverse=True) for d in docs}
        shared = shared_labels(train_docs.values(), test_docs, limits.label)
        flags["label"] = {
            q: LeakageFlag(owner[min(docs)], len(docs) / len(test_docs[q])) for q, docs in shared.items()
        }
    if "document" in kinds:
        flags["document"] = _by_documents(train_docs, test_docs, collection, limits.document)
    return flags


def _by_model(
    kinds: Sequence[str], model: Path, test: Mapping[str, set[str]]
) -> dict[str, dict[str, LeakageFlag]]:
    """Flag test queries by what the model was trained on; the score is the share of their relevant documents."""
    uses, flags = read_uses(model), dict[str, dict[str, LeakageFlag]]()
    for kind in kinds:
        seen = {d for d, counts in uses.items() if counts[_TRAINED.index(kind)]}
        shared = shared_labels([seen], test)
        flags[kind] = {q: LeakageFlag(min(docs), len(docs) / len(test[q])) for q, docs in shared.items()}
    return flags


def _by_documents(
    train: Mapping[str, set[str]], test: Mapping[str, set[str]], collection: Collection, least: float
) -> dict[str, LeakageFlag]:
    """Flag near duplicates of different ids; a document shared by both sides is a label, not a duplicate."""
    train_ids, test_ids = (set[str]().union(*side.values()) for side in (train, test))
    texts = {d.id: d.contents for d in collection.documents() if d.id in train_ids or d.id in test_ids}
    trains, tests = sorted(train_ids & texts.keys()), sorted((test_ids - train_ids) & texts.keys())
    near = near_duplicates((texts[d] for d in trains), (texts[d] for d in tests), least)
    twins = {tests[j]: LeakageFlag(trains[i], score) for j, (i, score) in near.items()}
    flags = {}
    for query, docs in sorted(test.items()):
        hits = [twins[d] for d in sorted(docs) if d in twins]
        if hits:
            flags[query] = max(hits, key=lambda flag: flag.score)
    return flags
