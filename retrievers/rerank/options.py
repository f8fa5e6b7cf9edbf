"""Options of scoring a run again; plain data."""

from intrex.data.errors import UsageError
from intrex.data.options import Options, When, declare, option
from intrex.encoders.options import DTYPES, EncoderOptions

PANEL = "Model"
_MODEL = When("with")


@declare
class RerankOptions(Options, panel=PANEL):
    """Options of scoring the best documents of a run again: by an index, or by a model of pairs of texts."""

    index: str | None = option(
        default=None, panel="Common", common=True, metavar="PATH",
        help="A multivector, dense or sparse index: exact scores.",
    )  # fmt: skip
    model: str | None = option(
        default=None, key="with", panel="Common", common=True, metavar="MODEL",
        help="A cross-encoder's name or path; dense:NAME, static:NAME or hashing for an encoder's similarity.",
    )  # fmt: skip
    depth: int = option(
        default=100, low=1, panel="Common", common=True,
        help="Documents of each query; those below are dropped, unless --keep-rest is given.",
    )  # fmt: skip
    keep_rest: bool = option(
        default=False, panel="Common",
        help="Other documents of the run stay, below and in their order; their scores say no more than that.",
    )  # fmt: skip
    threads: int | None = option(
        default=None, low=1, panel="Common", neutral=True,
        help="Threads; all cores by default. Never changes the result of an index.",
    )  # fmt: skip
    device: str | None = option(default=None, neutral=True, help="For the model: cpu, cuda, mps.")
    collection: str | None = option(
        default=None,
        when=_MODEL,
        neutral=True,
        metavar="PATH",
        help="The documents, where QUERIES is not COLLECTION:SET.",
    )
    max_length: int | None = option(default=None, low=1, when=_MODEL, help="Tokens of a pair that are read.")
    batch_size: int | None = option(
        default=None, low=1, when=_MODEL, neutral=True, help="Pairs of 64 tokens at a time; 32 by default."
    )
    dtype: str | None = option(
        default=None, choices=DTYPES, when=_MODEL, help="float32 by default; int8 is for dense:NAME."
    )
    revision: str | None = option(default=None, when=_MODEL, help="Revision of the model on the hub.")
    cache: str | None = option(
        default=None, when=_MODEL, neutral=True, metavar="PATH",
        help="Where scores are kept; by default in intrex's cache folder.",
    )  # fmt: skip
    no_cache: bool = option(default=False, when=_MODEL, neutral=True, help="Keep no scores.")

    def __post_init__(self) -> None:
        """Refuse two scorers; see `Options`."""
        if self.index is not None and self.model is not None:
            raise UsageError(
                "an index or a model is needed, one of the two",
                "--index INDEX, or --with MODEL such as cross-encoder/ms-marco-MiniLM-L6-v2",
            )
        super().__post_init__()

    def encoding(self) -> EncoderOptions:
        """Return the options of the model."""
        names = ("max_length", "batch_size", "dtype", "revision", "device")
        return EncoderOptions(**{n: v for n in names if (v := getattr(self, n)) is not None})
