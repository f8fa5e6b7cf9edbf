"""Options of dense indexes; plain data."""

from intrex.data.options import declare, option
from intrex.encoders.options import ENCODING, EncoderOptions
from intrex.retrievers.options import IndexKind
from intrex.retrievers.prf.options import VectorFeedback
from intrex.retrievers.vectors.options import AnnConfig, NearestOptions


@declare
class DenseBuild(AnnConfig, EncoderOptions, panel=ENCODING):
    """Options of building a dense index; see `intrex.retrievers.dense.build.build_dense`."""

    encoder: str = option(common=True, help="A sentence-transformers name or path; static:NAME; hashing.")


@declare
class DenseSearch(NearestOptions, VectorFeedback):
    """Options of a search in a dense index."""


DENSE = IndexKind(
    "dense",
    "One vector a document, exact or approximate search. A killed build goes on where it was.",
    DenseSearch,
    "intrex.retrievers.dense.index:DenseIndex",
    DenseBuild,
    "intrex.retrievers.dense.build:build",
    estimate="intrex.retrievers.dense.estimate:estimate",
    encoder="dense",
    example="intrex index dense scifact idx/dense --encoder all-MiniLM-L6-v2",
)
