"""Options of scoring a run again; plain data."""

from intrex.data.errors import UsageError
from intrex.data.options import Options, When, declare, flag_of, option
from intrex.encoders.options import DTYPES, EncoderOptions

PANEL, ELSEWHERE = "Model", "Scorer elsewhere"
COMMAND, BM25_INDEX = "command:", "bm25:"
ADDRESSES = ("http:", "https:")
REQUESTS = ("documents", "texts")
"""Forms of a call: ``{model, query, documents}``, or text-embeddings-inference's ``{query, texts}``."""
PAIRS_AT_ONCE = 32
OUTSIDE = (COMMAND, *ADDRESSES)
"""Beginnings of scorers that intrex starts or calls."""
_MODEL = When("with")
_COMMAND = When("with", starts=(COMMAND,))
_ADDRESS = When("with", starts=ADDRESSES)
_LISTWISE = When("listwise", (True,))
_OUTSIDE = When("with", starts=OUTSIDE)
OF_MODELS = ("max_length", "dtype", "revision", "device")


@declare
class RerankOptions(Options, panel=PANEL):
    """Options of scoring the best documents of a run again: by an index, or by a model of pairs of texts."""

    index: str | None = option(
        default=None, panel="Common", common=True, metavar="PATH",
        help="A multivector, dense, sparse or BM25 index: exact scores.",
    )  # fmt: skip
    model: str | None = option(
        default=None, key="with", panel="Common", common=True, metavar="SCORER",
        help="A cross-encoder; dense:NAME, static:NAME or hashing; command:PROGRAM, http:URL or bm25:INDEX.",
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
        default=None, low=1, when=_MODEL, neutral=True,
        help="Pairs of 64 tokens at a time, elsewhere pairs in a batch or call; 32 by default.",
    )  # fmt: skip
    dtype: str | None = option(
        default=None, choices=DTYPES, when=_MODEL, help="float32 by default; int8 is for dense:NAME."
    )
    revision: str | None = option(default=None, when=_MODEL, help="Revision of the model on the hub.")
    cache: str | None = option(
        default=None, when=_MODEL, neutral=True, metavar="PATH",
        help="Where scores are kept; by default in intrex's cache folder.",
    )  # fmt: skip
    no_cache: bool = option(default=False, when=_MODEL, neutral=True, help="Keep no scores.")
    scorer_version: str | None = option(
        default=None, panel=ELSEWHERE, when=_OUTSIDE, metavar="NAME",
        help="What the scorer is now: kept scores of another version do not count. A change behind it cannot be seen.",
    )  # fmt: skip
    time_limit: float = option(
        default=120.0, above=0, panel=ELSEWHERE, when=_OUTSIDE, neutral=True,
        help="Seconds for a batch or call; the first of a program has its start in it.",
    )  # fmt: skip
    retries: int = option(
        default=4, low=0, high=100, panel=ELSEWHERE, when=_OUTSIDE, neutral=True,
        help="Further attempts of a batch or call that failed, with pauses that double.",
    )  # fmt: skip
    listwise: bool = option(
        default=False, panel=ELSEWHERE, when=_COMMAND,
        help="The program orders windows of passages instead of scoring pairs; scores then say the order only.",
    )  # fmt: skip
    window: int = option(
        default=20, low=2, panel=ELSEWHERE, when=_LISTWISE, help="Passages in a window, from the bottom of the ranking to its top."
    )  # fmt: skip
    stride: int | None = option(
        default=None, low=1, panel=ELSEWHERE, when=_LISTWISE,
        help="Ranks from a window to the one above it; at most the window, half of it by default.",
    )  # fmt: skip
    served_model: str | None = option(
        default=None, key="model", panel=ELSEWHERE, when=_ADDRESS, metavar="NAME", help="The model that a call names."
    )  # fmt: skip
    request: str = option(
        default=REQUESTS[0], choices=REQUESTS, panel=ELSEWHERE, when=_ADDRESS,
        help="Form of a call: of infinity, vLLM, Jina and Cohere, or texts, of text-embeddings-inference.",
    )  # fmt: skip
    key_env: str | None = option(
        default=None, panel=ELSEWHERE, when=_ADDRESS, metavar="VARIABLE", neutral=True,
        help="Environment variable with the server's key, sent as a bearer token.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse two scorers, and options of a model for what is none; see `Options`."""
        if self.index is not None and self.model is not None:
            raise UsageError(
                "an index or a model is needed, one of the two",
                "--index INDEX, or --with MODEL such as cross-encoder/ms-marco-MiniLM-L6-v2",
            )
        super().__post_init__()
        if self.step > self.window:
            raise UsageError(
                f"--stride {self.stride} leaves out passages between windows of {self.window}",
                "--stride of half the --window is usual",
            )
        kept = ("cache", "no_cache", "batch_size") if self.by_index is not None else ()
        if self.model is not None and self.model.startswith((*OUTSIDE, BM25_INDEX)):
            for name in (*OF_MODELS, *kept):
                if getattr(self, name) not in (None, False):
                    flag = flag_of(name)
                    raise UsageError(f"{flag} is for models that intrex loads", f"leave {flag} out")

    @property
    def by_index(self) -> str | None:
        """Path of the index that scores, also of ``--with bm25:INDEX``; None where a model or a scorer elsewhere does."""
        named = (self.model or "").startswith(BM25_INDEX)
        return (self.model or "").removeprefix(BM25_INDEX) if named else self.index

    @property
    def step(self) -> int:
        """Ranks from a window to the one above it."""
        return self.window // 2 if self.stride is None else self.stride

    @property
    def pairs_at_once(self) -> int:
        """Pairs that a scorer elsewhere gets at once."""
        return self.batch_size or PAIRS_AT_ONCE

    def encoding(self) -> EncoderOptions:
        """Return the options of the model."""
        names = ("max_length", "batch_size", "dtype", "revision", "device")
        return EncoderOptions(**{n: v for n in names if (v := getattr(self, n)) is not None})
