"""Part of a collection as a smaller one: documents and queries chosen by hash, so that a seed gives the same bytes anywhere."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Uint64s
from intrex.data.builders.options import SampleOptions
from intrex.data.builders.records import (
    carry_removed,
    copy_queries,
    document_ids,
    document_records,
    judged_rows,
)
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import as_strings
from intrex.data.io.files import refuse_existing
from intrex.data.judgedset import Unknown
from intrex.data.progress import Progress
from intrex.data.writer import CollectionWriter, write_collection


@dataclass(frozen=True)
class _Choice:
    """What is kept.

    Attributes:
        rows: [documents] true for those that are kept.
        queries: ids by set.
        lost: judged documents that the collection has, and the sample has not.
    """

    rows: Bools
    queries: dict[str, set[str]]
    lost: set[str]


def sample_collection(
    collection: Collection,
    out: Path,
    options: SampleOptions,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Collection:
    """Make a smaller collection of one: so many documents, so many queries of each set.

    A judgement of a query that is kept stays if its document does, and if the collection never had the document. One whose
    document is left out goes with it, and is counted among the set's ``removed``, which every signature carries.
    With ``keep_judged`` there is none. Judgements of queries that are left out are no part of the sample, and not counted.

    Args:
        collection: of whole documents.
        out: the folder to make.
        options: how much of it.
        overwrite: replace an existing collection.
        progress: called with the number of documents just read; each is read twice.

    Raises:
        IntrexError: the output exists.
        BadInput: the documents are passages; no document or query would be left out; or a set would have no judgement left.
        UsageError: more documents are judged than are to be kept.
    """
    refuse_existing(out, overwrite)
    if collection.delimiter is not None:
        raise BadInput(
            f"the documents of {collection.name} are passages, whose judgements name whole documents",
            "sample the collection that it was made of, then cut it",
        )
    choice = _choose(collection, options, progress)

    def fill(writer: CollectionWriter) -> None:
        for keep, document in zip(choice.rows.tolist(), document_records(collection), strict=True):
            if keep:
                writer.document(
                    document.id, document.title, document.text, document.source, document.metadata
                )
            if progress:
                progress(1)
        chosen = set[str]().union(*choice.queries.values())
        copy_queries(collection, writer, None if options.queries is None else chosen)
        for set_, queries in choice.queries.items():
            carry_removed(collection, set_, writer)
            for query, document_id, grade, source in judged_rows(collection, set_):
                if query not in queries:
                    continue
                if document_id in choice.lost:
                    writer.leave_out(set_, query)
                else:
                    writer.judgement(set_, query, document_id, grade, source)

    origin = {
        "builder": "sample", "of": {collection.name: collection.fingerprint}, "sampled documents": options.documents,
        "sampled queries of each set": options.queries, "keep judged": options.keep_judged, "seed": options.seed,
        "derivation": [*collection.derivation, _label(options)],
    }  # fmt: skip
    counts = [
        f"{n}{letter}" for n, letter in ((options.documents, "d"), (options.queries, "q")) if n is not None
    ]
    name = options.name or "-".join([collection.name, *counts])
    return write_collection(out, name, origin, fill, unknown=Unknown.keep, overwrite=overwrite)


def _label(options: SampleOptions) -> str:
    counts = {"documents": options.documents, "queries": options.queries}
    words = [f"{noun}-{n}" for noun, n in counts.items() if n is not None]
    return ":".join(["sample", *words, *["keep-judged"] * options.keep_judged, f"seed-{options.seed}"])


def _choose(collection: Collection, options: SampleOptions, progress: Progress | None) -> _Choice:
    judged_queries = {s: as_strings(collection.qrels(s).query_ids) for s in collection.sets}
    queries = {s: _draw(ids, options.queries, options.seed) for s, ids in judged_queries.items()}
    all_documents = options.documents is None or options.documents >= collection.n_documents
    if all_documents and all(len(queries[s]) == len(ids) for s, ids in judged_queries.items()):
        raise BadInput(
            f"the sample is all of {collection.name}: {collection.n_documents:,} documents", "ask for fewer"
        )
    judged = {d for s in collection.sets for q, d, _, _ in judged_rows(collection, s) if q in queries[s]}
    if all_documents or options.documents is None:
        return _Choice(np.ones(collection.n_documents, bool), queries, set())
    keys, ids_there = array("Q"), dict[str, int]()
    for row, id_ in enumerate(document_ids(collection)):
        keys.append(_key(id_, options.seed))
        if id_ in judged:
            ids_there[id_] = row
        if progress:
            progress(1)
    rows = _choose_rows(np.frombuffer(keys, np.uint64).copy(), list(ids_there.values()), options)
    lost = {id_ for id_, row in ids_there.items() if not rows[row]}
    for set_ in collection.sets:
        kept = (q in queries[set_] and d not in lost for q, d, _, _ in judged_rows(collection, set_))
        if lost and not any(kept):
            raise BadInput(
                f"no judgement of the set {set_} would be left",
                "--keep-judged keeps the documents that they name",
            )
    return _Choice(rows, queries, lost)


def _choose_rows(keys: Uint64s, judged: list[int], options: SampleOptions) -> Bools:
    """Choose the documents of the smallest keys; judged ones come first where they are to be kept."""
    n = options.documents or 0
    if options.keep_judged:
        if len(judged) > n:
            raise UsageError(
                f"{len(judged):,} documents are judged, {n:,} are too few to keep them all",
                f"--documents {len(judged)} or more, or fewer --queries",
            )
        keys[judged] = 0
    rows = np.zeros(len(keys), bool)
    rows[np.argsort(keys, kind="stable")[:n]] = True
    return rows


def _draw(ids: Iterable[str], number: int | None, seed: int) -> set[str]:
    ordered = sorted(ids, key=lambda id_: (_key(id_, seed), id_))
    return set(ordered[:number])


def _key(id_: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{id_}".encode()).digest()[:8], "big") | 1
