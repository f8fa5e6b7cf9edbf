"""An index asked one text: the best documents, or any that are named, with the parts of their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Rows
from intrex.data.collection import Collection, Document, Queries
from intrex.data.documents import find_collections, read_documents
from intrex.data.errors import BadInput
from intrex.data.ids import as_bytes, as_strings
from intrex.data.io.request import current_request
from intrex.data.run import Run
from intrex.eval.pipelines.show.options import DEPTH, ShowOptions
from intrex.eval.pipelines.show.page import Page, Shown, matches_of, shortest
from intrex.retrievers.base import Index, open_index
from intrex.retrievers.explanation import Explainer, Explanation
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.search import prepare_search, remarks, run_search, search_tag
from intrex.retrievers.text.analyzer import Analyzer
from intrex.retrievers.text.matches import Analysis

QUERY = "query"
"""Id of the text that is asked, in the run of one query."""


def show_index(path: Path, text: str, values: Mapping[str, Any], options: ShowOptions) -> Page:
    """Search an index with a text and explain what it ranks.

    Args:
        path: an index of any kind.
        text: the query.
        values: options of the search, by key.
        options: what to show.

    Raises:
        IntrexError: as opening and searching the index, or a document that is named is not in it.
    """
    given = Collection.open(Path(options.collection)) if options.collection is not None else None
    index = open_index(path, None if given is None or _is_foreign(path) else given)
    search = prepare_search(index, {"k": DEPTH, **values})
    queries = Queries([QUERY], [text])
    tag = search_tag(path, index, replace(search, k=SearchOptions().k))
    run = run_search(index, queries, search, tag=tag)
    if options.document:
        ids = list(dict.fromkeys(options.document))
        rows = _find(index, ids)
        if set(ids) - set(as_strings(run.doc_ids)):
            run = run_search(index, queries, replace(search, k=max(search.k, len(index.ids))), tag=tag)
    else:
        ids, rows = as_strings(run.doc_ids), _find(index, as_strings(run.doc_ids))
    collections = [given] if given is not None else _collections(index, path)
    documents = read_documents(collections, ids, dict(zip(ids, rows.tolist(), strict=True)))
    explained = _explain(index, text, rows, search, [documents.get(id_) for id_ in ids])
    analyse = _analysis(index, values.get("language"))
    places = {id_: rank for rank, id_ in enumerate(as_strings(run.doc_ids), 1)}
    terms = _terms(analyse(text), explained, hasattr(index, "analyzer"))
    shown = [
        _shown(
            id_, places.get(id_), run, one, documents.get(id_), matches_of(documents.get(id_), terms, analyse)
        )
        for id_, one in zip(ids, explained, strict=True)
    ]
    notes = [*remarks(index, search), *_notes(collections, documents, ids)]
    return Page(tag, text, None, shown, notes=notes)


def _is_foreign(path: Path) -> bool:
    """Tell whether an index is Lucene's own, whose collection is not known: that of the user is taken as it is."""
    return not (path / "manifest.json").exists()


def _find(index: Index, ids: Sequence[str]) -> Rows:
    """Return the rows of documents; raises `BadInput` where one is not in the index."""
    names = as_bytes(list(ids))
    if hasattr(index.ids, "find"):
        rows: Rows = index.ids.find(names)
    else:
        every = index.ids.gather(np.arange(len(index.ids)))
        row_of = {id_: row for row, id_ in enumerate(every.tolist())}
        rows = np.array([row_of.get(name, -1) for name in names.tolist()], np.int64)
    if missing := [id_ for id_, row in zip(ids, rows.tolist(), strict=True) if row < 0]:
        raise BadInput(f"the index has no document {missing[0]!r}", "name it as the collection and runs do")
    return rows


def _explain(
    index: Index, text: str, rows: Rows, options: SearchOptions, documents: Sequence[Document | None]
) -> list[Explanation]:
    if not isinstance(index, Explainer) or not len(rows):
        return [Explanation(None)] * len(rows)
    passages = [None if document is None else document.passage for document in documents]
    return index.explain(text, rows, options, passages)


def _shown(
    id_: str, rank: int | None, run: Run, one: Explanation, document: Document | None, matches: dict[str, Any]
) -> Shown:
    """Return a document; one that the search did not find has the score that the index gives it nevertheless."""
    score = one.score if rank is None else run.scores[rank - 1]
    return Shown(
        id_,
        rank,
        None if score is None else shortest(score),
        None,
        one.numbers,
        one.parts,
        document,
        **matches,
    )


def _collections(index: Index, path: Path) -> list[Collection]:
    """Find the collections that an index was built of: here, beside it, or one folder up."""
    sources = index.manifest.params.get("sources", [index.manifest.collection])
    parents = path.absolute().parents
    found = find_collections(sources, [Path.cwd(), *parents[:2]])
    if request := current_request():
        for collection in found:
            request.add_input(collection.path)
    order = {source: i for i, source in enumerate(sources)}
    return sorted(found, key=lambda collection: order[collection.corpus_fingerprint])


def _analysis(index: Index, language: str | None) -> Analysis:
    """Return the analysis that says which words match: the index's own, English where it has none."""
    own: Analysis | None = getattr(index, "analyzer", None)
    if own is not None:
        return own
    terms = getattr(index, "terms", None)
    if terms is not None:
        return lambda text: list(terms([text])[0])
    return Analyzer(language or "en")


def _terms(terms: Sequence[str], explained: Sequence[Explanation], by_term: bool) -> list[str]:
    """Return the terms that match: of the query, and those that feedback added, where the parts of scores are terms."""
    added = (part.name for one in explained for part in one.parts if by_term)
    return list(dict.fromkeys([*terms, *added]))


def _notes(
    collections: Sequence[Collection], documents: Mapping[str, Document], ids: Sequence[str]
) -> list[str]:
    if ids and not collections:
        return [
            "the index's collection was found neither here nor beside it, so there are no texts; --collection PATH"
        ]
    if lost := [id_ for id_ in ids if id_ not in documents]:
        return [
            f"{len(lost):,} of {len(ids):,} documents have no text in the collection, for example {lost[0]}"
        ]
    return [] if ids else ["nothing was found"]
