"""One query of a run: its documents with their grades, and the relevant ones that it missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.collection import Collection, Queries
from intrex.data.documents import read_documents
from intrex.data.errors import BadInput, UsageError, nearest_name
from intrex.data.ids import as_bytes, as_strings
from intrex.data.locate import find_qrels, find_queries
from intrex.data.options import flag_of
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.data.runformats import read_any_run
from intrex.eval.pipelines.show.options import DEPTH, ShowOptions
from intrex.eval.pipelines.show.page import Page, Shown, matches_of, shortest
from intrex.retrievers.text.analyzer import Analyzer

OF_RUNS = ("k", "language")
"""Options of a search that a run has a use for: the depth, and the language of matched words."""


def show_run(path: Path, query: str, values: Mapping[str, Any], options: ShowOptions) -> Page:
    """Look at one query of a run.

    Args:
        path: of the run.
        query: its id.
        values: options of a search, by key; those of `OF_RUNS`.
        options: what to show, and where judgements and texts are.

    Raises:
        UsageError: options of an index.
        BadInput: the run and the judgements lack the query, or a file is missing or malformed.
    """
    if other := [key for key in values if key not in OF_RUNS]:
        raise UsageError(f"{flag_of(other[0])} is for an index, {path} is a run", "leave it out")
    run, depth = read_any_run(path), int(values.get("k", DEPTH))
    ids, scores = _ranking(run, query)
    grades = None if options.qrels is None else _grades(find_qrels(options.qrels).qrels, query)
    if not len(ids) and not grades:
        known = as_strings(run.query_ids)
        raise BadInput(f"the run has no query {query!r} ({path})", nearest_name(query, known[:10_000]))
    collection, texts = _texts(options)
    text = "" if texts is None else dict(zip(texts.ids, texts.texts, strict=True)).get(query, "")
    places = {id_: rank for rank, id_ in enumerate(ids, 1)}

    def document(id_: str) -> Shown:
        rank = places.get(id_)
        return Shown(id_, rank, None if rank is None else scores[rank - 1], (grades or {}).get(id_))

    best = list(dict.fromkeys(options.document)) or ids[:depth]
    missed = None
    if grades is not None and not options.document:
        relevant = sorted(
            grades, key=lambda id_: (-grades[id_], places.get(id_, len(places) + 1), id_.encode())
        )
        missed = [document(id_) for id_ in relevant if grades[id_] > 0 and id_ not in best]
    shown = [document(id_) for id_ in best]
    found = read_documents(
        [] if collection is None else [collection], [one.id for one in (*shown, *(missed or ()))]
    )
    analyse = Analyzer(values.get("language") or "en")
    terms = analyse(text)

    def with_text(one: Shown) -> Shown:
        known = found.get(one.id)
        return replace(one, document=known, **matches_of(known, terms, analyse))

    shown, missed = list(map(with_text, shown)), None if missed is None else list(map(with_text, missed))
    return Page(
        run.tag, text, query, shown, missed, grades is not None, _notes(ids, collection, found, shown, path)
    )


def _ranking(run: Run, query: str) -> tuple[list[str], list[float]]:
    key = as_bytes([query])[0]
    at = int(np.searchsorted(run.query_ids, key))
    if at == len(run) or run.query_ids[at] != key:
        return [], []
    span = slice(int(run.offsets[at]), int(run.offsets[at + 1]))
    return as_strings(run.doc_ids[span]), list(map(shortest, run.scores[span]))


def _grades(qrels: Qrels, query: str) -> dict[str, int]:
    key = as_bytes([query])[0]
    at = int(np.searchsorted(qrels.query_ids, key))
    if at == len(qrels) or qrels.query_ids[at] != key:
        return {}
    span = slice(int(qrels.offsets[at]), int(qrels.offsets[at + 1]))
    return dict(zip(as_strings(qrels.doc_ids[span]), qrels.grades[span].tolist(), strict=True))


def _texts(options: ShowOptions) -> tuple[Collection | None, Queries | None]:
    """Return the documents and the queries, as far as something names them."""
    collection = None if options.collection is None else Collection.open(Path(options.collection))
    qrels = options.qrels
    if collection is None and qrels is not None and not Path(qrels).is_file():
        _, collection = find_queries(qrels)
    if options.topics is not None:
        return collection, find_queries(options.topics)[0]
    return collection, None if collection is None else collection.queries()


def _notes(
    ids: Sequence[str],
    collection: Collection | None,
    found: Mapping[str, Any],
    shown: Sequence[Shown],
    path: Path,
) -> list[str]:
    notes = [] if ids else [f"the run has no line of this query ({path})"]
    if collection is None:
        notes.append(
            "no collection is named, so there are no texts: --collection PATH, or --qrels COLLECTION:SET"
        )
    elif lost := [one.id for one in shown if one.id not in found]:
        notes.append(
            f"{len(lost):,} of {len(shown):,} documents are not in the collection, for example {lost[0]}"
        )
    return notes
