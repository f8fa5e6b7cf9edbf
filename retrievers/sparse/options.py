"""Options of indexes of term weights; plain data."""

from intrex.data.options import Options, declare, option
from intrex.encoders.options import ENCODING, EncoderOptions
from intrex.retrievers.options import COMMON, INDEX, IndexKind
from intrex.retrievers.prf.options import VectorFeedback

BITS = (8, 16)


@declare
class Quantized(Options, panel=INDEX):
    """Options of the weights of an index."""

    quantize: int | None = option(
        default=None, choices=BITS, help="Round weights to so many bits; exact by default."
    )


EXACT = Quantized()


@declare
class SparseBuild(Quantized, EncoderOptions, panel=ENCODING):
    """Options of building a learned sparse index; see `intrex.retrievers.sparse.build.build_sparse`."""

    encoder: str = option(common=True, help="A SparseEncoder's name or path (SPLADE and others); hashing.")


@declare
class ImpactBuild(Quantized, panel=COMMON):
    """Options of building an index of weights from files; see `intrex.retrievers.sparse.files.build_impact`."""

    weights: str = option(
        common=True, metavar="PATH",
        help="JSON lines of id and vector (Anserini's JsonVectorCollection), or a folder of them.",
    )  # fmt: skip


@declare
class ImpactSearch(VectorFeedback):
    """Options of a search in an index of term weights."""


SPARSE = IndexKind(
    "sparse",
    "Term weights by a learned sparse encoder, exact search. A killed build goes on where it was.",
    ImpactSearch,
    "intrex.retrievers.sparse.index:ImpactIndex",
    SparseBuild,
    "intrex.retrievers.sparse.build:build",
    estimate="intrex.retrievers.sparse.estimate:estimate",
    encoder="sparse",
    manifest="impact",
    example="intrex index sparse scifact idx/sparse --encoder splade-tiny",
)
IMPACT = IndexKind(
    "impact",
    "Term weights of a collection's documents that were computed elsewhere, exact search.",
    ImpactSearch,
    "intrex.retrievers.sparse.index:ImpactIndex",
    ImpactBuild,
    "intrex.retrievers.sparse.files:build",
    example="intrex index impact scifact idx/impact --weights weights.jsonl",
)
