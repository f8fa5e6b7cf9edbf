"""Options of multi-vector indexes; plain data."""

from math import inf

from intrex.data.options import Options, When, declare, option
from intrex.encoders.options import ENCODING, TokenEncoderOptions
from intrex.retrievers.options import INDEX, IndexKind
from intrex.retrievers.prf.options import TokenFeedback

STORES = ("float16", "float32")
BITS = (1, 2, 4)
PANEL = "Multi-vector"
HEURISTIC = "sv-heuristic"
_PLAID = When("engine", ("plaid",))


@declare
class TokenStore(Options, panel=INDEX):
    """Options of the form in which token vectors are stored."""

    store: str = option(
        default=STORES[0], choices=STORES, help="How vectors are kept; float32 takes twice the bytes."
    )
    nbits: int | None = option(
        default=None, choices=BITS,
        help="Keep residuals of so many bits a dimension instead; search them whole or by PLAID.",
    )  # fmt: skip


FLOAT16 = TokenStore()


@declare
class _Encoding(TokenEncoderOptions, panel=ENCODING):
    encoder: str = option(
        common=True, help="A multi-vector model's name or path, or any transformer's; hashing."
    )


@declare
class MultiVectorBuild(TokenStore, _Encoding):
    """Options of building a multi-vector index; see `intrex.retrievers.multivector.build.build_multivector`."""


@declare
class MultiVectorSearch(TokenFeedback, panel=PANEL):
    """Options of a search in a multi-vector index: all documents scored, or those that PLAID or the heuristic finds."""

    engine: str = option(
        default="native", choices=("native", "plaid", HEURISTIC),
        choice_when={"plaid": When("nbits", built=True)},
        help="native scores all documents, plaid and sv-heuristic those that they find.",
    )  # fmt: skip
    ncells: int | None = option(
        default=None, low=1, when=_PLAID,
        help="Centroids probed for each query token; by default 1, 2 or 4 for --k up to 10, up to 100, or more.",
    )  # fmt: skip
    centroid_score_threshold: float | None = option(
        default=None, low=-inf, when=_PLAID,
        help="Least score of a token's centroid, first; by default .5, .45 or .4, as --ncells.",
    )  # fmt: skip
    ndocs: int | None = option(
        default=None, low=1, when=_PLAID,
        help="Documents kept by the second stage; by default 256, 1024 or 4 times --k, at least 4096.",
    )  # fmt: skip
    candidates: int | None = option(
        default=None, low=1, when=When("engine", (HEURISTIC,)),
        help="Documents that the heuristic lets MaxSim score; 1000 or k by default.",
    )  # fmt: skip
    scoring: str = option(
        default="maxsim", choices=("maxsim", "xtr"), when=When("engine", ("native",)),
        help="MaxSim, or XTR's imputed token retrieval.",
    )  # fmt: skip
    token_top_k: int = option(
        default=1000, low=1, when=When("scoring", ("xtr",)), help="Document tokens for each query token."
    )
    gamma: float | None = option(
        default=None, when=When("single", built=True),
        help="σ(gamma) of the score is the single vectors'; the encoder's by default.",
    )  # fmt: skip


MULTIVECTOR = IndexKind(
    "multivector",
    "One vector a token, exact MaxSim search. A killed build goes on where it was.",
    MultiVectorSearch,
    "intrex.retrievers.multivector.index:MultiVectorIndex",
    MultiVectorBuild,
    "intrex.retrievers.multivector.build:build",
    estimate="intrex.retrievers.multivector.estimate:estimate",
    encoder="token",
    example="intrex index multivector scifact idx/tokens --encoder all-MiniLM-L6-v2 --nbits 2",
)
