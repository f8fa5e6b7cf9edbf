"""Search of an index: checked options, then queries to a finished run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, UsageError, nearest_name
from intrex.data.exclusions import Exclusions
from intrex.data.options import Options, flag_of, options_of, unmet_conditions
from intrex.data.run import Run, check_tag
from intrex.data.tags import name_of, tag_of
from intrex.retrievers.base import Index
from intrex.retrievers.bm25.fields import CONTENTS
from intrex.retrievers.options import INDEXES, TIE_ORDERS, SearchOptions, search_options
from intrex.retrievers.placement import mixture_of, open_second, search_mixed
from intrex.retrievers.postprocess import cut, max_passage, remove_query, strictly_falling
from intrex.retrievers.subset import find_subset, subset_remarks

_log = logging.getLogger(__name__)


def prepare_search(
    index: Index, values: Mapping[str, Any], collection: Collection | None = None
) -> SearchOptions:
    """Make the options of a search from values by key, and let the index open the files that they need.

    Args:
        index: what is to be searched.
        values: of the options of its kind.
        collection: what it was built from, which a filter needs.

    Raises:
        UsageError: a value out of range, or an option that an index of this kind, or of this build, does not have.
        IntrexError: as `intrex.retrievers.base.Index.prepare` and `intrex.retrievers.subset.find_subset`.
    """
    kind = INDEXES.load(index.manifest.kind).search
    declared = options_of(kind)
    for key in values:
        if key not in declared:
            raise _another_kind(index, key)
    # As an engine: the one that it was built for, or itself.
    implied = index.built.get("engine"), index.manifest.kind
    values = {key: value for key, value in values.items() if key != "engine" or value not in implied}
    options = kind.read(values)
    for key, condition in unmet_conditions(declared, values, index.built):
        if not condition.built:
            continue  # the options looked at it, who know what follows from others
        flag = flag_of(key)
        message = f"{flag} is for indexes built with {condition}, this one is {label(index)}"
        raise UsageError(message, f"leave {flag} out")
    check_encoder(index, options.encoder)
    index.prepare(options)
    options = replace(options, subset=find_subset(index, options, collection))
    return open_second(index, options, collection)


def _another_kind(index: Index, key: str) -> UsageError:
    """Make the error of an option that this index lacks, with the kinds that have it."""
    kinds = [name for name, _ in search_options().get(key, ())]
    if not kinds:
        return UsageError(f"unknown option {key!r}", nearest_name(key, search_options()))
    names, flag = " and ".join(", ".join(kinds).rsplit(", ", 1)), flag_of(key)
    build, hint = INDEXES.load(index.manifest.kind).build, f"leave {flag} out"
    if build is not None and key in options_of(build):
        hint = f"it is chosen when the index is built: intrex index {index.manifest.kind} COLLECTION OUT {flag} ..."
    return UsageError(f"{flag} is for {names} indexes, this one is {label(index)}", hint)


def label(index: Index) -> str:
    """Name the kind of an index, and the engine that it was built for."""
    engine = index.manifest.params.get("ann", {}).get("engine")
    return str(index.manifest.kind) + (f" built with --engine {engine}" if engine else "")


def check_encoder(index: Index, name: str | None) -> None:
    """Raise `BadInput` when an index was built by another encoder than ``name``; None accepts any.

    ``name`` is the spelling of ``intrex index dense --encoder`` and its like. An impact index of weights that were
    computed elsewhere takes it as its queries' encoder.
    """
    built, kind = index.manifest.encoder, index.manifest.kind
    if name is None or (built is None and kind == "impact"):
        return
    if built is None:
        raise BadInput(f"a {kind} index has no encoder, {name!r} was asked for", "leave --encoder out")
    spellings = {built["name"], f"{built['kind']}:{built['name']}", built["name"] or built["kind"]}
    if name not in spellings and name.rsplit("/", 1)[-1] not in {s.rsplit("/", 1)[-1] for s in spellings}:
        kinds = [INDEXES.load(name) for name in INDEXES]
        noun = next(
            index_kind.name for index_kind in kinds if index_kind.stored == kind and index_kind.encoder
        )
        raise BadInput(
            f"the index was built with the encoder {built['name'] or built['kind']!r}, {name!r} was asked for",
            f"leave --encoder out to use the index's own, or: intrex index {noun} COLLECTION OUT --encoder {name}",
        )


def search_tag(folder: Path, index: Index, options: SearchOptions, *others: Options) -> str:
    """Return the tag of a search by default; ``others`` are choices that change what it found, see `intrex.data.tags`."""
    checked = ("encoder",) if index.manifest.encoder is not None else ()
    return tag_of(name_of(folder), options, *others, named=checked)


def remarks(index: Index, options: SearchOptions) -> Iterator[str]:
    """Yield remarks for the user before a search: fields or documents are left out, the index's origin is not known."""
    if (extra := index.manifest.params.get("fields")) and not getattr(options, "fields", None):
        weights = " ".join(f"{name}=1.0" for name in (CONTENTS, *extra))
        yield f"only the field contents is searched, as Anserini does; to search all: --fields {weights}"
    yield from index.remarks()
    yield from subset_remarks(index, options)


def run_search(
    index: Index,
    queries: Queries,
    options: SearchOptions,
    *,
    tag: str,
    remove_self: bool = False,
    exclusions: Exclusions | None = None,
    passages: str | None = None,
    passage_hits: int = 100,
) -> Run:
    """Search, then drop self matches and turn passages into documents where that is an option.

    Args:
        index: any index, see `prepare_search`.
        queries: ids and texts; an empty text finds nothing in a lexical index.
        options: how many, how fast.
        tag: the run's name.
        remove_self: drop the document whose id is the query's, and still return ``options.k``.
        exclusions: documents to drop for each query, and still return ``options.k``.
        passages: the delimiter between document and passage in an id, or None to rank what was indexed.
        passage_hits: documents kept for each query when ``passages`` is given.

    Raises:
        UsageError: ``tag`` has white space, or the index cannot be searched with these options.
    """
    check_tag(tag)
    if queries.weights is not None and index.manifest.kind != "impact":
        raise BadInput(
            f"the queries are term weights, a {index.manifest.kind} index takes texts",
            "such queries search an index of: intrex index impact, or intrex index sparse",
        )
    if passages == "":
        raise UsageError("the delimiter between document and passage is empty", "the default is #")
    deeper = replace(options, k=options.k + remove_self + (exclusions.most if exclusions else 0))
    run = replace(_find(index, queries, deeper), tag=tag)
    if options.ties != TIE_ORDERS[0]:
        run = strictly_falling(run)
    if remove_self:
        run = remove_query(run)
    if exclusions is not None:
        run = exclusions.thin_run(run)
    if deeper.k > options.k:
        run = cut(run, options.k)
    if passages is not None:
        if len(run.doc_ids) and not (np.char.find(run.doc_ids, passages.encode()) > 0).any():
            _log.info("no document that was found has %r in its id: --max-passage changes nothing", passages)
        run = max_passage(run, passages)
        run = cut(run if exclusions is None else exclusions.thin_run(run), passage_hits)
    return run


def _find(index: Index, queries: Queries, options: SearchOptions) -> Run:
    """Search an index of any kind, also one that knows of no subsets, and mix a second list in where that is asked for."""
    if (mixed := mixture_of(options)) is not None:
        return search_mixed(index, queries, mixed, _find)
    subset = options.subset
    if subset is None and (options.within, options.where) != (None, None):
        raise ValueError("the documents to search were not found yet: see prepare_search")
    if subset is None or index.finds_in_subset:
        return index.search(queries, options)
    run = index.search(queries, replace(options, k=max(len(index.ids), 1)))
    return cut(run.select(np.isin(run.doc_ids, index.ids.gather(subset.rows))), options.k)
