"""Kinds of encoders, and the options of each; plain data."""

import logging
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from intrex.data.errors import UsageError
from intrex.data.options import Options, declare, flag_of, option
from intrex.data.registry import Registry, load_target

_log = logging.getLogger("intrex")

DTYPES = ("float32", "bfloat16", "int8")
SINGLES = ("cls", "mean")
"""Origins of a single vector beside token vectors."""
ENCODING, REDUCTION = "Encoder", "Token vectors"
_RUNTIME = {"device", "batch_size"}
"""Options that every encoder has."""


@declare
class EncoderOptions(Options, panel=ENCODING):
    """Options of an encoder; None leaves the model's own setting.

    Attributes:
        dim: dimensions of a static or hashing encoder; on the command line a part of the encoder's name.
    """

    revision: str | None = option(default=None, help="Revision of the model on the hub.")
    query_prompt: str | None = option(
        default=None, flags=("--query-prefix",), blank=True,
        help="Put before each query; the model's own by default.",
    )  # fmt: skip
    document_prompt: str | None = option(
        default=None, flags=("--prefix",), blank=True,
        help="Put before each document; the model's own by default.",
    )  # fmt: skip
    max_length: int | None = option(default=None, low=1, help="Tokens of a text that are read.")
    dtype: str = option(default="float32", choices=DTYPES, help="Of the model's matrix products.")
    device: str | None = option(default=None, help="cpu, cuda, mps; the best one there by default.")
    batch_size: int = option(default=32, low=1, help="Texts encoded at a time.")
    dim: int | None = field(default=None)


@declare
class TokenEncoderOptions(EncoderOptions, panel=REDUCTION):
    """Options of a multi-vector encoder; see `intrex.encoders.multivector.reductions`."""

    query_length: int | None = option(
        default=None, flags=("--query-maxlen",), low=1,
        help="Tokens of a query that are read, or filled up with [MASK]; the model's own by default.",
    )  # fmt: skip
    whole_words: bool = option(
        default=False, help="Keep the mean of the sub-words of each different word (BOW2)."
    )
    pool_factor: float = option(
        default=1.0, low=1, help="Cluster a document's tokens to one in so many, and keep the means."
    )
    protected_tokens: int = option(default=1, low=0, help="First tokens that --pool-factor leaves alone.")
    single: str | None = option(
        default=None, choices=SINGLES,
        help="Also keep one vector a text; its score is mixed in (search --gamma).",
    )  # fmt: skip


@dataclass(frozen=True)
class EncoderKind:
    """A kind of encoder: its name before the colon of a spelling such as ``static:NAME``.

    Attributes:
        name: of the kind.
        target: ``module:Class`` of what encodes.
        options: keys of the options that it takes beside those of every encoder.
        weights: it loads the weights of a model, so that a revision of these decides its vectors.
        trains: the kind of model that `intrex train` makes for it; None if it learns nothing.
    """

    name: str
    target: str
    options: frozenset[str]
    weights: bool = True
    trains: str | None = None

    def load(self) -> Any:
        """Import the class that encodes."""
        return load_target(self.target)

    def refuse(self, options: EncoderOptions) -> None:
        """Raise `UsageError` if an option was chosen that this kind could only ignore."""
        for item in fields(options):
            if not self.takes(item.name) and getattr(options, item.name) != item.default:
                raise UsageError(f"the {self.name} encoder has no {flag_of(item.name)}")

    def note_device(self, options: EncoderOptions) -> None:
        """Say that a device was chosen for an encoder of this kind that always computes on the processor."""
        if options.device not in (None, "cpu"):
            _log.info(
                "the %s encoder computes on the processor, --device %s is ignored", self.name, options.device
            )

    def takes(self, key: str) -> bool:
        """Tell whether its encoders have an option."""
        return key in self.options or key in _RUNTIME


class EncoderFamily(NamedTuple):
    """Encoders that give the same kind of vectors: their registry, and the kind of a name without one."""

    registry: Registry[EncoderKind]
    default: str

    def kind_of(self, spelling: str) -> tuple[EncoderKind, str]:
        """Split a spelling such as ``static:NAME`` into its kind and the rest."""
        kind, _, name = spelling.partition(":")
        if kind in self.registry:
            return self.registry.load(kind), name
        return self.registry.load(self.default), spelling


_MODEL = frozenset({"revision", "max_length", "query_prompt", "document_prompt", "dtype"})
_HASHING = frozenset({"dim"})
_REDUCED = frozenset({"query_length", "whole_words", "pool_factor", "protected_tokens", "single"})
_CLASSES = "intrex.encoders"

DENSE = EncoderKind("dense", f"{_CLASSES}.dense:DenseEncoder", _MODEL | {"dim"}, trains="dense")
STATIC = EncoderKind(
    "static",
    f"{_CLASSES}.static:StaticEncoder",
    frozenset({"revision", "dim", "max_length"}),
    trains="static",
)
HASHING = EncoderKind("hashing", f"{_CLASSES}.hashing:HashingEncoder", _HASHING, weights=False)
MULTIVECTOR = EncoderKind(
    "multivector",
    f"{_CLASSES}.multivector.encoder:MultiVectorEncoder",
    _MODEL | _REDUCED,
    trains="multivector",
)
HASHING_TOKENS = EncoderKind(
    "hashing", f"{_CLASSES}.hashing:HashingTokenEncoder", _HASHING | (_REDUCED - {"query_length", "single"}),
    weights=False,
)  # fmt: skip
SPARSE = EncoderKind("sparse", f"{_CLASSES}.sparse:LearnedSparseEncoder", _MODEL, trains="sparse")
HASHING_TERMS = EncoderKind("hashing", f"{_CLASSES}.hashing:HashingSparseEncoder", _HASHING, weights=False)
CROSS = EncoderKind(
    "cross-encoder", f"{_CLASSES}.cross.encoder:CrossEncoderScorer", frozenset({"revision", "max_length", "dtype"}),
    trains="cross-encoder",
)  # fmt: skip


def _family(group: str, noun: str, default: str, **kinds: str) -> EncoderFamily:
    table = {name: f"{_CLASSES}.options:{constant}" for name, constant in kinds.items()}
    return EncoderFamily(Registry(f"intrex.{group}", noun, table), default)


FAMILIES = {
    "dense": _family("encoders", "encoder", "dense", dense="DENSE", hashing="HASHING", static="STATIC"),
    "token": _family(
        "token_encoders", "multi-vector encoder", "multivector",
        hashing="HASHING_TOKENS", multivector="MULTIVECTOR",
    ),
    "sparse": _family(
        "sparse_encoders", "learned sparse encoder", "sparse", hashing="HASHING_TERMS", sparse="SPARSE"
    ),
}  # fmt: skip
"""Families of encoders, by the kind of vectors that they give."""


def has_weights(kind: str) -> bool:
    """Tell whether encoders of a kind, of any family, load the weights of a model; those of an unknown kind may."""
    known = [family.registry.load(kind) for family in FAMILIES.values() if kind in family.registry]
    return any(one.weights for one in known) or not known
