"""Options of FDE indexes; plain data."""

from intrex.data.options import Options, When, declare, option
from intrex.encoders.fde.config import MOST_PLANES, PROJECTIONS, FdeConfig
from intrex.encoders.options import ENCODING, EncoderOptions
from intrex.retrievers.options import IndexKind
from intrex.retrievers.prf.options import VectorFeedback
from intrex.retrievers.vectors.options import AnnConfig, NearestOptions

PANEL = "FDE"


@declare
class FdeOptions(Options, panel=PANEL):
    """Parameters of `FdeConfig` but for the dimensions of a token; ``d_proj`` 0 is no inner projection."""

    reps: int = option(default=20, low=1, flags=("--r-reps", "--repetitions"), help="Repetitions.")
    k_sim: int = option(
        default=5, low=0, high=MOST_PLANES, flags=("--ksim",),
        help="Hyperplanes of a repetition: 2^k_sim partitions.",
    )  # fmt: skip
    d_proj: int = option(
        default=16, low=0, flags=("--dim-proj", "--dprojections"),
        help="Dimensions tokens are projected to; 0: none.",
    )  # fmt: skip
    projection: str = option(default="dense", choices=PROJECTIONS, help="How.")
    final_dim: int | None = option(
        default=None, low=1, help="Dimensions the whole is projected to; none by default."
    )
    final_projection: str = option(default="countsketch", choices=PROJECTIONS, help="How the whole is.")
    fill_empty: bool = option(
        default=True, flags=("=--fill-empty/--no-fill-empty",),
        help="Give empty partitions of documents the nearest token.",
    )  # fmt: skip
    seed: int = option(default=42, low=0, flags=("--random-seed",), help="Of the random matrices.")

    def config(self, dim: int) -> FdeConfig:
        """Return the configuration for tokens of ``dim`` dimensions; raises `UsageError` if there is none."""
        values = {name: getattr(self, name) for name in FdeOptions.__dataclass_fields__}
        return FdeConfig(dim, **{**values, "d_proj": self.d_proj or None})


@declare
class FdeBuild(AnnConfig, EncoderOptions, FdeOptions, panel=ENCODING):
    """Options of building an FDE index; see `intrex.retrievers.fde.source.open_source`."""

    encoder: str | None = option(
        default=None, common=True, help="For a collection: a multi-vector model, any transformer, or hashing."
    )


@declare
class FdeSearch(NearestOptions, VectorFeedback, panel=PANEL):
    """Options of a search in an FDE index: ranked by FDE, or its nearest by exact MaxSim."""

    candidates: int | None = option(
        default=None, low=1, help="Nearest documents, ranked by exact MaxSim.",
        when=When("tokens", built=True, text="the token vectors of a multivector system"),
    )  # fmt: skip
    ball_carving: float | None = option(
        default=None, above=0, when=When("candidates"),
        help="Add up query tokens as similar as this before MaxSim; the paper uses 0.7.",
    )  # fmt: skip


FDE = IndexKind(
    "fde",
    "MUVERA: fixed dimensional encodings of token vectors. A killed build goes on where it was.",
    FdeSearch,
    "intrex.retrievers.fde.index:FdeIndex",
    FdeBuild,
    "intrex.retrievers.fde.build:build",
    estimate="intrex.retrievers.fde.estimate:estimate",
    encoder="token",
    sources=("multivector", "collection"),
    example="intrex index fde idx/tokens idx/fde --final-dim 1280",
)
