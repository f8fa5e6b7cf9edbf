"""A second list beside feedback on vectors: mixed into the list that feedback reads, into that which it gives, or both.

H. Li et al., "To Interpolate or not to Interpolate: PRF, Dense and Sparse Retrievers", SIGIR 2022. The mixture is that of
`intrex.retrievers.fusion.fuse` with the method ``wsum``: the scores of each list, as deep as the search, are brought to
0 to 1 by its least and its largest (min-max), and added with the weights alpha and 1 - alpha; a document that a list
lacks gets 0 of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from intrex.data.arrays import Rows
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput
from intrex.data.ids import as_bytes, as_strings
from intrex.data.io.request import current_request
from intrex.data.numeric.spans import owners_of
from intrex.data.options import LARGEST_INT
from intrex.data.run import Run
from intrex.data.runformats import read_any_run
from intrex.retrievers.base import Index, open_index
from intrex.retrievers.options import INDEXES, TIE_ORDERS, SearchOptions
from intrex.retrievers.postprocess import cut
from intrex.retrievers.prf.options import QueryFeedback
from intrex.retrievers.subset import find_subset

Search = Callable[[Index, Queries, SearchOptions], Run]
"""A function that searches an index of any kind."""


class SecondList(Protocol):
    """The other list of a mixture."""

    def find(self, queries: Queries, k: int, search: Search) -> Run:
        """Return at most ``k`` documents of each query; queries may be missing."""
        ...


def mixture_of(options: SearchOptions) -> QueryFeedback | None:
    """Return options that mix a second list in; None for a search of an index by itself."""
    return options if isinstance(options, QueryFeedback) and options.interpolate is not None else None


def second_tag(options: SearchOptions) -> str:
    """Return the tag of the run that is mixed in; empty where none is, or an index."""
    mixed = mixture_of(options)
    return mixed.second.run.tag if mixed is not None and isinstance(mixed.second, _RunList) else ""


def open_second(index: Index, options: SearchOptions, collection: Collection | None) -> SearchOptions:
    """Return options with the list that ``--with`` names; those of a search without one as they are.

    Args:
        index: what is searched.
        options: of its search; a second index is searched to the same depth, in the same subset.
        collection: what the index was built from, which a filter needs.

    Raises:
        BadInput: there is none, or it is of other documents than the index.
    """
    mixed = mixture_of(options)
    if mixed is None:
        return options
    path = Path(str(mixed.partner))
    if request := current_request():
        request.add_input(path)
    if not path.is_dir():
        return replace(mixed, second=_RunList(index, read_any_run(path), path))
    second = open_index(path)
    ours, theirs = _sources(index), _sources(second)
    if ours and theirs and ours != theirs:
        raise BadInput(
            f"--with {path} was built from another collection than the index",
            "name an index, or a run, of the same documents",
        )
    return replace(mixed, second=_IndexList(index, second, path, options, collection))


def _sources(index: Index) -> set[str]:
    """Return the fingerprints of the collections that an index was built of, as far as it knows them."""
    return {source for source in index.manifest.params.get("sources", [index.manifest.collection]) if source}


class _RunList:
    """A run of the documents of an index."""

    def __init__(self, index: Index, run: Run, path: Path) -> None:
        _check_documents(index, run, path)
        self._index, self.run, self._path = index, run, path

    def find(self, queries: Queries, k: int, search: Search) -> Run:
        """See `SecondList.find`; raises `BadInput` where the run has none of the queries."""
        run = self.run.select(np.repeat(np.isin(self.run.query_ids, as_bytes(queries.ids)), self._sizes))
        if not len(run):
            raise BadInput(
                f"--with {self._path} has none of the {len(queries):,} queries that are searched",
                f"its first is {as_strings(self.run.query_ids[:1])}, theirs {queries.ids[:1]}: name a run of the same queries",
            )
        return cut(run, k)

    @property
    def _sizes(self) -> Rows:
        return np.diff(self.run.offsets)


class _IndexList:
    """What another index finds, by the options of its kind as they are by default."""

    def __init__(
        self, index: Index, second: Index, path: Path, options: SearchOptions, collection: Collection | None
    ) -> None:
        self._index, self._second, self._path = index, second, path
        kind = INDEXES.load(second.manifest.kind).search
        plain = options.part(SearchOptions)
        same = ("threads", "batch_size", "device", "query_cache", "ties", "within", "where")
        shared: SearchOptions = kind(**{name: getattr(plain, name) for name in same})
        second.prepare(shared)
        self._options = replace(shared, subset=find_subset(second, shared, collection))

    def find(self, queries: Queries, k: int, search: Search) -> Run:
        """See `SecondList.find`."""
        run = search(self._second, queries, replace(self._options, k=k))
        _check_documents(self._index, run, self._path)
        return run


def _check_documents(index: Index, run: Run, path: Path) -> None:
    """Raise `BadInput` where a run has documents that an index lacks."""
    ids = np.unique(run.doc_ids)
    rows, unknown = index.ids.rows_with(ids)
    if unknown:
        first = as_strings(ids[~np.isin(ids, index.ids.gather(rows))][:1])[0]
        raise BadInput(
            f"--with {path} is of another collection than the index: {unknown:,} of its {len(ids):,} documents are not in "
            f"the index, for example {first}",
            "name a run, or an index, of the same documents",
        )


def search_mixed(index: Index, queries: Queries, options: QueryFeedback, search: Search) -> Run:
    """Search with feedback and mix the second list in where ``options.interpolate`` says.

    ``before``: the lists of the index and of the other, both of depth ``k``, are mixed, and feedback reads the best of
    the mixture. ``after``: the list that feedback gives is mixed with the other. ``both``: both.

    Args:
        index: what is searched.
        queries: ids and texts.
        options: prepared by `intrex.retrievers.search.prepare_search`.
        search: searches an index without a second list.
    """
    second = options.second.find(queries, options.k, search)
    if options.subset is not None:
        second = second.select(np.isin(second.doc_ids, index.ids.gather(options.subset.rows)))
    documents = None
    if options.interpolate != "after":
        first = search(index, queries, options.first_search())
        documents = _best_rows(index, _mix(first, second, options), options.prf_depth or 0)
    run = search(index, queries, options.within_index(documents=documents))
    return run if options.interpolate == "before" else _mix(run, second, options)


def _mix(first: Run, second: Run, options: QueryFeedback) -> Run:
    """Return the ``k`` best of two lists of depth ``k``, equal scores in the order that ``options.ties`` says."""
    from intrex.retrievers.fusion.fuse import fuse_runs  # 10 ms of every other search
    from intrex.retrievers.fusion.options import FuseOptions

    k, weights = options.k, (options.alpha, 1 - options.alpha)
    every = min(2 * k, LARGEST_INT)
    run = fuse_runs([first, second], FuseOptions(method="wsum", weights=weights, depth=k, k=every), "mixed")
    if options.ties != TIE_ORDERS[0]:
        owners = owners_of(np.diff(run.offsets))
        order = np.lexsort((run.doc_ids, -run.scores, owners))
        run = replace(run, doc_ids=run.doc_ids[order], scores=run.scores[order])
    return cut(run, k)


def _best_rows(index: Index, run: Run, depth: int) -> Mapping[str, Rows]:
    """Return the rows of the best documents of each query of a run."""
    best = cut(run, depth)
    rows = index.ids.find(best.doc_ids)
    spans = zip(best.offsets[:-1].tolist(), best.offsets[1:].tolist(), strict=True)
    return {
        name: rows[first:last] for name, (first, last) in zip(as_strings(best.query_ids), spans, strict=True)
    }
