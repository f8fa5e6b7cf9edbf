"""What a user may choose of indexes of term weights; plain data."""

from intrex.data.options import Options, declare, option
from intrex.encoders.options import ENCODING, EncoderOptions
from intrex.retrievers.options import COMMON, INDEX, IndexKind, SearchOptions

BITS = (8, 16)


@declare
class Quantized(Options):
    """How weights are kept."""

    quantize: int | None = option(
        default=None, choices=BITS, panel=INDEX, help="Round weights to so many bits; exact by default."
    )


@declare
class SparseBuild(Quantized, EncoderOptions):
    """How a learned sparse index is built; see `intrex.retrievers.sparse.build.build_sparse`."""

    encoder: str = option(
        panel=ENCODING, common=True, help="A SparseEncoder's name or path (SPLADE and others); hashing."
    )


@declare
class ImpactBuild(Quantized):
    """How an index of weights that were computed elsewhere is built; see `intrex.retrievers.sparse.files.build_impact`."""

    weights: str = option(
        panel=COMMON, common=True, metavar="PATH",
        help="JSON lines of id and vector (Anserini's JsonVectorCollection), or a folder of them.",
    )  # fmt: skip


SPARSE = IndexKind(
    "sparse",
    "Term weights by a learned sparse encoder, exact search. A killed build goes on where it was.",
    SearchOptions,
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
    SearchOptions,
    "intrex.retrievers.sparse.index:ImpactIndex",
    ImpactBuild,
    "intrex.retrievers.sparse.files:build",
    example="intrex index impact scifact idx/impact --weights weights.jsonl",
)
