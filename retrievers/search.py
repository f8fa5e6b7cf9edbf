"""From an index and queries to a finished run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite

from intrex.data.collection import Queries
from intrex.data.errors import BadInput, UsageError, nearest_name
from intrex.data.run import Run, check_tag
from intrex.retrievers.base import TIE_ORDERS, Index, SearchOptions
from intrex.retrievers.bm25.fields import CONTENTS
from intrex.retrievers.bm25.index import BM25Index
from intrex.retrievers.choices import described, use_ann, use_candidates, use_faiss
from intrex.retrievers.fde.index import FdeIndex
from intrex.retrievers.fusion.fuse import cut
from intrex.retrievers.lucene.index import LuceneIndex
from intrex.retrievers.multivector import heuristic, plaid
from intrex.retrievers.multivector.compressed import ResidualTokens
from intrex.retrievers.multivector.index import SCORINGS, MultiVectorIndex
from intrex.retrievers.postprocess import max_passage, remove_query, strictly_falling
from intrex.retrievers.prf.lexical import Expansion
from intrex.retrievers.sparse.index import ImpactIndex

ENGINES = ("native", "faiss", "plaid", "sv-heuristic")
HEURISTIC_CANDIDATES = 1000
"""Documents that MaxSim scores after the single-vector heuristic, unless more are asked for."""


def check_encoder(index: Index, name: str | None) -> None:
    """Raise `BadInput` when an index was built by another encoder than ``name``; None accepts any.

    ``name`` is the spelling of ``intrex index dense --encoder`` and its like. An impact index of weights that were
    computed elsewhere takes it as its queries' encoder.
    """
    if name is None:
        return
    built = index.manifest.encoder
    if built is None and isinstance(index, ImpactIndex):
        index.encode_with = name
        return
    if built is None:
        raise BadInput(
            f"a {index.manifest.kind} index has no encoder, {name!r} was asked for", "leave --encoder out"
        )
    spellings = {
        built["name"],
        f"{built['kind']}:{built['name']}",
        built["kind"] if not built["name"] else built["name"],
    }
    if name not in spellings and name.rsplit("/", 1)[-1] not in {s.rsplit("/", 1)[-1] for s in spellings}:
        kind = "sparse" if isinstance(index, ImpactIndex) else index.manifest.kind
        raise BadInput(
            f"the index was built with the encoder {built['name'] or built['kind']!r}, {name!r} was asked for",
            f"leave --encoder out to use the index's own, or: intrex index {kind} COLLECTION OUT --encoder {name}",
        )


def remarks(index: Index, fields: Mapping[str, float]) -> Iterator[str]:
    """What should be said before a search: what an index was built from is not known, fields are left out."""
    if (extra := index.manifest.params.get("fields")) and not fields:
        every = " ".join(f"{name}=1.0" for name in (CONTENTS, *extra))
        yield f"only the field contents is searched, as Anserini does; to search all: --fields {every}"
    if isinstance(index, LuceneIndex) and index.foreign:
        yield _provenance(index)


def _provenance(index: LuceneIndex) -> str:
    language = index.language
    return (
        f"a Lucene index that intrex did not build, of {len(index.ids):,} documents; what collection it is of, and how "
        f"its text was cut into terms, is not known: queries get Anserini's analysis of {language!r} (--language)"
    )


@dataclass(frozen=True)
class Narrowing:
    """How far engines look; None is their default for ``k`` documents.

    ``ncells``, ``threshold`` and ``ndocs`` are PLAID's, see `intrex.retrievers.multivector.plaid.PlaidOptions`; ``candidates`` is
    how many documents the single-vector heuristic, or an FDE index, lets MaxSim score; ``ball_carving`` is the FDE
    index's, see `intrex.retrievers.fde.index.carve`; ``ef_search`` and ``nprobe`` are those of `intrex.retrievers.vectors.ann`.
    """

    k: int = 1000
    ncells: int | None = None
    threshold: float | None = None
    ndocs: int | None = None
    candidates: int | None = None
    ball_carving: float | None = None
    ef_search: int | None = None
    nprobe: int | None = None


def use_engine(index: Index, name: str, narrowing: Narrowing = Narrowing()) -> None:
    """Choose what an index finds its candidates with.

    The ranking of an exact dense or fde index is the same bits with ``native`` (numpy's BLAS) and ``faiss``; what an
    index was built with another engine for, that one finds. A multi-vector index
    scores all documents with ``native``, and those that ``plaid`` or ``sv-heuristic`` find: approximate searches.

    Raises:
        UsageError: unknown engine, one of another kind of index, or a number that the engine does not take.
        MissingExtra: faiss is not installed.
    """
    _check_narrowing(index, name, narrowing)
    if isinstance(index, FdeIndex):
        use_candidates(index, narrowing.candidates, narrowing.ball_carving)
    use_ann(index, narrowing.ef_search, narrowing.nprobe)
    if name == "native" or name == index.manifest.kind:
        return
    if name not in ENGINES:
        raise UsageError(
            f"unknown engine {name!r}",
            f"known: {', '.join(ENGINES)}; a Lucene index is always searched by Lucene",
        )
    if name in ("plaid", "sv-heuristic"):
        _use_narrowing(index, name, narrowing)
        return
    use_faiss(index)


def _check_narrowing(index: Index, engine: str, given: Narrowing) -> None:
    """Raise `UsageError` if a number was given that the engine could only ignore."""
    plaid = {"--ncells": given.ncells, "--centroid-score-threshold": given.threshold, "--ndocs": given.ndocs}
    for option, value in plaid.items():
        if value is not None and engine != "plaid":
            raise UsageError(f"{option} is for --engine plaid", "add --engine plaid, or leave it out")
    fde = isinstance(index, FdeIndex)
    if given.candidates is not None and not fde and engine != "sv-heuristic":
        raise UsageError(
            f"--candidates is for fde indexes and for --engine sv-heuristic, this one is {described(index)}",
            "leave it out",
        )
    if given.ball_carving is not None and not fde:
        raise UsageError(f"--ball-carving is for fde indexes, this one is {described(index)}", "leave it out")


def _use_narrowing(index: Index, engine: str, given: Narrowing) -> None:
    if not isinstance(index, MultiVectorIndex):
        raise UsageError(
            f"{engine} searches multi-vector indexes, this is a {index.manifest.kind} index",
            "leave --engine out",
        )
    tokens, rank = index.tokens, index.ids.rank
    if engine == "sv-heuristic":
        count = given.candidates or max(HEURISTIC_CANDIDATES, given.k)
        index.candidates = lambda queries, options: heuristic.candidates(
            tokens, queries, count, rank, options.threads
        )
        return
    if not isinstance(tokens, ResidualTokens):
        raise UsageError(
            "PLAID searches compressed vectors, this index keeps them whole",
            "intrex index multivector COLLECTION OUT --nbits 2, or leave --engine out",
        )
    how, lists = plaid.PlaidOptions.of(given.k, given.ncells, given.threshold, given.ndocs), tokens.lists
    index.candidates = lambda queries, options: plaid.candidates(
        lists, queries, options.k, how, rank, options.threads
    )


def use_scoring(index: Index, name: str, token_top_k: int | None = None) -> None:
    """Choose how a multi-vector index scores: ``maxsim``, or ``xtr`` with ``token_top_k`` tokens a query token.

    Raises:
        UsageError: unknown scoring, not a multi-vector index, or tokens to retrieve without XTR.
    """
    if name not in SCORINGS:
        raise UsageError(f"unknown scoring {name!r}", nearest_name(name, SCORINGS))
    if token_top_k is not None and name != "xtr":
        raise UsageError("--token-top-k is for XTR", "add --scoring xtr, or leave it out")
    if name == "maxsim":
        return
    if isinstance(index, MultiVectorIndex) and index.candidates is not None:
        raise UsageError(
            "PLAID and the single-vector heuristic score by MaxSim", "leave --scoring or --engine out"
        )
    if not isinstance(index, MultiVectorIndex):
        raise UsageError(
            f"XTR scores multi-vector indexes, this one is {index.manifest.kind}", "leave --scoring out"
        )
    if index.single is not None:
        raise UsageError("XTR does not score the single vectors of this index", "leave --scoring out")
    index.scoring = "xtr"
    index.token_top_k = token_top_k or index.token_top_k


def use_gamma(index: Index, gamma: float | None) -> None:
    """Choose the weight σ(γ) of single vectors in a multi-vector index; None leaves the encoder's.

    Raises:
        UsageError: the index has no single vectors, or γ is not finite.
    """
    if gamma is None:
        return
    if not isinstance(index, MultiVectorIndex) or index.single is None:
        raise UsageError(
            "--gamma weighs single vectors, this index has none",
            "intrex index multivector COLLECTION OUT --single cls, or leave --gamma out",
        )
    if not isfinite(gamma):
        raise UsageError(f"--gamma {gamma} is not finite")
    index.gamma = gamma


def use_feedback(index: Index, method: Expansion | None) -> None:
    """Let a BM25 index search a second time with an expanded query.

    Raises:
        UsageError: an index of another kind.
        BadInput: a Lucene index that keeps no document vectors.
    """
    if method is None:
        return
    if isinstance(index, LuceneIndex):
        index.use_feedback(method)
    elif isinstance(index, BM25Index):
        index.expansion = method
    else:
        raise UsageError(
            f"lexical feedback expands queries of BM25 indexes, this one is {index.manifest.kind}",
            "leave --rm3, --rocchio and --bm25-prf out",
        )


def use_language(index: Index, language: str | None) -> None:
    """Choose how queries are cut into terms where an index does not say it itself; else check that it says the same.

    Raises:
        UsageError: the index was built for another language, or its queries are not cut into terms by one.
    """
    if language is None:
        return
    if isinstance(index, LuceneIndex) and index.foreign:
        index.analyse(language)
        return
    if isinstance(index, LuceneIndex):
        built = index.language
    elif isinstance(index, BM25Index):
        built, language = index.manifest.params["analyzer"]["name"], {"en": "english"}.get(language, language)
    else:
        raise UsageError(f"an index of kind {index.manifest.kind} has no language", "leave --language out")
    if built != language:
        raise UsageError(
            f"the index was built for the language {built!r}, not {language!r}", "leave --language out"
        )


def run_search(
    index: Index,
    queries: Queries,
    options: SearchOptions,
    *,
    tag: str,
    remove_self: bool = False,
    passages: str | None = None,
    passage_hits: int = 100,
) -> Run:
    """Search, then drop self matches and turn passages into documents, as asked.

    Args:
        index: any index.
        queries: ids and texts; an empty text finds nothing in a lexical index.
        options: how many, how fast.
        tag: the run's name.
        remove_self: drop the document whose id is the query's, and still return ``options.k``.
        passages: the delimiter between document and passage in an id, or None to rank what was indexed.
        passage_hits: documents kept for each query when ``passages`` is given.

    Raises:
        UsageError: ``tag`` has white space, or the index cannot be searched with these options.
    """
    check_tag(tag)
    if queries.weights is not None and not isinstance(index, ImpactIndex):
        raise BadInput(
            f"the queries are term weights, a {index.manifest.kind} index takes texts",
            "such queries search an index of: intrex index impact, or intrex index sparse",
        )
    if passages == "":
        raise UsageError("the delimiter between document and passage is empty", "the default is #")
    asked = replace(options, k=options.k + 1) if remove_self else options
    _check_options(index, options)
    run = replace(index.search(queries, asked), tag=tag)
    if options.ties != TIE_ORDERS[0]:
        run = strictly_falling(run)
    if remove_self:
        run = cut(remove_query(run), options.k)
    if passages is not None:
        run = cut(max_passage(run, passages), passage_hits)
    return run


def _check_options(index: Index, options: SearchOptions) -> None:
    if options.ties not in TIE_ORDERS:
        raise UsageError(f"unknown tie order {options.ties!r}", nearest_name(options.ties, TIE_ORDERS))
    kind = index.manifest.kind
    if kind != "lucene" and (options.k1, options.b) != (None, None):
        hint = {"bm25": "intrex index bm25 COLLECTION OUT --k1 K1 --b B"}.get(kind, "leave --k1 and --b out")
        raise UsageError(f"k1 and b cannot be chosen when an index of kind {kind} is searched", hint)
    if options.fields and kind not in ("bm25", "lucene"):
        raise UsageError(f"an index of kind {kind} has no fields to choose from", "leave --fields out")
