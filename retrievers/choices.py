"""What a user chooses when vectors are searched: how far engines look, and how candidates are ranked."""

from __future__ import annotations

from importlib.util import find_spec

from intrex.data.errors import MissingExtra, UsageError
from intrex.retrievers.base import Index
from intrex.retrievers.fde.index import FdeIndex
from intrex.retrievers.vectors.ann import AnnSearch
from intrex.retrievers.vectors.nearest import FlatSearch


def use_faiss(index: Index) -> None:
    """Let faiss find the candidates of an exact search; the ranking is the same bits.

    Raises:
        UsageError: not a dense or fde index, or one with an engine of its own.
        MissingExtra: faiss is not installed.
    """
    searched = getattr(index, "nearest", None)
    if not isinstance(searched, FlatSearch):
        raise UsageError(
            f"faiss searches dense and fde indexes exactly, this one is {described(index)}",
            "leave --engine out",
        )
    if find_spec("faiss") is None:
        raise MissingExtra("faiss-cpu", "ann", "--engine faiss")
    searched.engine = "faiss"


def use_ann(index: Index, ef_search: int | None, nprobe: int | None) -> None:
    """Choose how far an approximate search looks: nodes in view in a graph, lists of an inverted file.

    Raises:
        UsageError: the index has no graph, or no inverted file.
    """
    ann = getattr(index, "nearest", None)
    engine = ann.config.engine if isinstance(ann, AnnSearch) else ""
    for value, flag, needed in ((ef_search, "--ef-search", "hnsw"), (nprobe, "--nprobe", "ivf")):
        if value is not None and not engine.startswith(needed):
            raise UsageError(
                f"{flag} is for indexes built with --engine {needed}, this one is {described(index)}",
                f"leave {flag} out",
            )
    if isinstance(ann, AnnSearch):
        ann.ef_search, ann.nprobe = ef_search or ann.ef_search, nprobe or ann.nprobe


def use_candidates(index: FdeIndex, candidates: int | None, ball_carving: float | None) -> None:
    """Let an FDE index rank its nearest ``candidates`` by exact MaxSim, with tokens of a query added up or not.

    Raises:
        UsageError: ball carving without candidates, or from a similarity on that means nothing.
        BadInput: the token vectors are gone, or were never kept.
    """
    if candidates is None and ball_carving is not None:
        raise UsageError("--ball-carving is for ranking candidates by MaxSim", "add --candidates")
    if ball_carving is not None and not 0 < ball_carving < float("inf"):
        raise UsageError(f"--ball-carving {ball_carving:g}: a number above 0 is needed", "the paper uses 0.7")
    index.candidates, index.ball_carving = candidates, ball_carving
    if candidates is not None:
        _ = index.source  # opened before any work


def described(index: Index) -> str:
    """The kind of an index, and its engine if it has one."""
    ann = index.manifest.params.get("ann", {}).get("engine")
    return str(index.manifest.kind) + (f" built with --engine {ann}" if ann else "")
