"""``intrex overlap``: what test queries share with training queries, one flag after another."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, MissingExtra, UsageError, nearest_name
from intrex.data.locate import find_qrels, find_queries
from intrex.encoders.base import make_encoder
from intrex.encoders.options import EncoderOptions
from intrex.eval.overlap.audit import KINDS, Audit, LeakageFlag
from intrex.eval.overlap.documents import near_duplicates
from intrex.eval.overlap.labels import positives, shared_labels
from intrex.eval.overlap.queries import (
    EntityFinder,
    Match,
    plain_entities,
    same_text,
    same_words,
    shared_entities,
    shared_ngrams,
)
from intrex.eval.splits.queries import QueryVectors
from intrex.eval.splits.similarity import nearest_queries

PLAIN = "plain"
WITHOUT_LABELS = ("exact", "normalised", "ngram", "entity")


@dataclass(frozen=True)
class Thresholds:
    """Bounds from which on something is flagged.

    Attributes:
        ngram: words of an n-gram.
        ngram_share: share of a test query's n-grams in one training query.
        neighbour: cosine of the vectors.
        entity_share: share of a test query's entities that training queries name.
        label: shared relevant documents; the script of Zhan et al. counts from 2 on.
        level: grade from which a document is relevant.
        document: Jaccard similarity of word shingles.
    """

    ngram: int = 3
    ngram_share: float = 0.5
    neighbour: float = 0.9
    entity_share: float = 1.0
    label: int = 1
    level: int = 1
    document: float = 0.8


def audit(
    train: str,
    test: str,
    *,
    encoder: str | None = None,
    entities: str = PLAIN,
    thresholds: Thresholds | None = None,
    kinds: Sequence[str] = (),
    device: str | None = None,
) -> Audit:
    """Audit a test set against training queries.

    Args:
        train: training queries: a file, or COLLECTION:SET.
        test: test queries, the same.
        encoder: what finds neighbours; None looks for none.
        entities: ``plain`` (capitals and numbers), or the name or folder of a spaCy pipeline.
        thresholds: from where on something is flagged.
        kinds: flags to look for; all that the input allows unless given. Labels and documents need judgements on both
            sides and one corpus; labels of two corpora are compared where they are asked for.
        device: where the encoder computes.

    Raises:
        UsageError: an unknown kind, or one that these inputs cannot have.
        MissingExtra: spaCy is not installed.
    """
    limits = thresholds or Thresholds()
    train_queries, train_collection = find_queries(train)
    test_queries, test_collection = find_queries(test)
    possible = [*WITHOUT_LABELS, *(["neighbour"] if encoder else [])]
    if train_collection is not None and test_collection is not None:
        same = train_collection.corpus_fingerprint == test_collection.corpus_fingerprint
        # ids of two corpora may be equal by chance: only who asks for it has their labels compared
        possible += _JUDGED if same else [kind for kind in kinds if kind == "label"]
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"unknown flag {kind!r}", nearest_name(kind, KINDS))
        if kind not in possible:
            raise UsageError(f"the flag {kind!r} cannot be looked for here", _NEEDS[kind])
    order = sorted(range(len(test_queries)), key=lambda i: test_queries.ids[i].encode())
    tests = Queries([test_queries.ids[i] for i in order], [test_queries.texts[i] for i in order])
    selected = [k for k in KINDS if k in (kinds or possible)]
    flags = {
        kind: _by_text(kind, train_queries, tests, limits, encoder, entities, device)
        for kind in selected
        if kind not in _JUDGED
    }
    if train_collection is not None and any(kind in _JUDGED for kind in selected):
        flags |= _by_labels(selected, train, test, train_collection, limits)
    ordered = {kind: flags[kind] for kind in selected}
    settings: dict[str, Any] = {**asdict(limits), "encoder": encoder, "entities": entities}
    return Audit(tuple(tests.ids), ordered, settings, {"train": train, "test": test})


_JUDGED = ("label", "document")
_NEEDS = {
    "neighbour": "name an --encoder",
    "label": "both sides need judgements: name them as COLLECTION:SET",
    "document": "both sides must be sets of one collection, or of two with the same documents",
}


def _by_text(
    kind: str,
    train: Queries,
    test: Queries,
    limits: Thresholds,
    encoder: str | None,
    entities: str,
    device: str | None,
) -> dict[str, LeakageFlag]:
    matches: dict[int, Match]
    if kind == "exact":
        matches = same_text(train.texts, test.texts)
    elif kind == "normalised":
        matches = same_words(train.texts, test.texts)
    elif kind == "ngram":
        matches = shared_ngrams(train.texts, test.texts, limits.ngram, limits.ngram_share)
    elif kind == "entity":
        finder = plain_entities if entities == PLAIN else _spacy(entities)
        sharing = shared_entities(finder(train.texts), finder(test.texts))
        matches = {i: m for i, m in sharing.items() if m.score >= limits.entity_share}
    else:
        matches = _neighbours(train, test, str(encoder), limits.neighbour, device)
    return {test.ids[i]: LeakageFlag(train.ids[m.train], m.score) for i, m in sorted(matches.items())}


def _neighbours(
    train: Queries, test: Queries, name: str, least: float, device: str | None
) -> dict[int, Match]:
    encoder = make_encoder(name, EncoderOptions(device=device))
    trains = QueryVectors.of(train.ids, encoder.encode(train.texts, "query"))
    tests = QueryVectors.of(test.ids, encoder.encode(test.texts, "query"))
    rows, scores = nearest_queries(tests.vectors, trains.vectors, 1)
    place = {id_: i for i, id_ in enumerate(train.ids)}
    at = {id_: i for i, id_ in enumerate(test.ids)}
    return {
        at[tests.ids[i]]: Match(place[trains.ids[int(rows[i, 0])]], float(scores[i, 0]))
        for i in np.flatnonzero(scores[:, 0] >= least).tolist()
    }


def _spacy(name: str) -> EntityFinder:
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


def _by_documents(
    train: Mapping[str, set[str]], test: Mapping[str, set[str]], collection: Collection, least: float
) -> dict[str, LeakageFlag]:
    """Flag near duplicates of different ids; a document shared by both sides is a label, not a duplicate."""
    train_ids, test_ids = (set[str]().union(*side.values()) for side in (train, test))
    texts = {d.id: d.contents for d in collection.documents() if d.id in train_ids or d.id in test_ids}
    trains, tests = sorted(train_ids), sorted(test_ids - train_ids)
    near = near_duplicates((texts[d] for d in trains), (texts[d] for d in tests), least)
    twins = {tests[j]: LeakageFlag(trains[i], score) for j, (i, score) in near.items()}
    flags = {}
    for query, docs in sorted(test.items()):
        hits = [twins[d] for d in sorted(docs) if d in twins]
        if hits:
            flags[query] = max(hits, key=lambda flag: flag.score)
    return flags
