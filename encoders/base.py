"""What an encoder is, and how one is found by name or from an index's manifest."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from intrex.data.arrays import Float32s
from intrex.data.errors import UsageError
from intrex.data.registry import Registry
from intrex.data.specs import EncoderSpec
from intrex.data.store.vectors import PackedVectors, SparseVectors

Role = Literal["query", "document"]

ENCODERS = Registry(
    "intrex.encoders",
    "encoder",
    {
        "dense": "intrex.encoders.dense:DenseEncoder",
        "hashing": "intrex.encoders.hashing:HashingEncoder",
        "static": "intrex.encoders.static:StaticEncoder",
    },
)
TOKEN_ENCODERS = Registry(
    "intrex.token_encoders",
    "multi-vector encoder",
    {
        "hashing": "intrex.encoders.hashing:HashingTokenEncoder",
        "multivector": "intrex.encoders.multivector.encoder:MultiVectorEncoder",
    },
)
SPARSE_ENCODERS = Registry(
    "intrex.sparse_encoders",
    "learned sparse encoder",
    {
        "hashing": "intrex.encoders.hashing:HashingSparseEncoder",
        "sparse": "intrex.encoders.sparse:LearnedSparseEncoder",
    },
)


@dataclass(frozen=True)
class EncoderOptions:
    """What a user may ask of an encoder; None leaves the model's own setting.

    The last five are for multi-vector encoders: see `intrex.encoders.multivector.reductions`.
    """

    revision: str | None = None
    max_length: int | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    dtype: str = "float32"
    device: str | None = None
    batch_size: int = 32
    dim: int | None = None
    query_length: int | None = None
    whole_words: bool = False
    pool_factor: float = 1.0
    protected_tokens: int = 1
    single: str | None = None


def refuse_options(options: EncoderOptions, kind: str, known: set[str]) -> None:
    """Raise `UsageError` if an option was set that an encoder of this kind could only ignore."""
    for field in fields(EncoderOptions):
        if (
            field.name not in known | {"device", "batch_size"}
            and getattr(options, field.name) != field.default
        ):
            raise UsageError(f"the {kind} encoder has no --{field.name.replace('_', '-')}")


class Recorded(Protocol):
    """What every encoder has: a spec, and ways to be made by name, saved beside an index, and brought back."""

    spec: EncoderSpec

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """Make the encoder ``name``: for ``dense`` and ``static`` a model name or path."""
        ...

    @classmethod
    def load(cls, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Self:
        """Make the encoder that a spec describes; ``folder`` has what `save` wrote.

        Runtime options (device, batch size) come from ``options``, everything else from the spec.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write into ``folder`` what the spec alone cannot bring back; most encoders write nothing."""
        ...


class Encoder(Recorded, Protocol):
    """Turns texts into vectors; the same text and spec give the same vector in any batch (to 1e-5 on torch)."""

    def encode(self, texts: list[str], role: Role) -> Float32s:
        """Vectors [len(texts), spec.dim] in float32, in the order of ``texts``; an empty text gets a row too."""
        ...


class TokenEncoder(Recorded, Protocol):
    """Turns a text into one vector a token; the same text and spec give the same vectors in any batch (to 1e-5)."""

    def encode(self, texts: list[str], role: Role) -> PackedVectors:
        """The token vectors of each text in float32, in the order of ``texts``; a text may have none.

        ``single`` of the result is set if ``spec.params["single"]`` is (``"cls"`` or ``"mean"``). The score of a query
        and a document is then σ(γ) · the dot product of the single vectors + (1 − σ(γ)) · MaxSim, with γ =
        ``spec.params["gamma"]`` (ColBERTer, Hofstätter et al. 2022).
        """
        ...


class SparseEncoder(Recorded, Protocol):
    """Turns a text into term weights; the same text and spec give the same weights in any batch (to 1e-5)."""

    def encode(self, texts: list[str], role: Role) -> SparseVectors:
        """The weights of each text over ``spec.dim`` terms, in the order of ``texts``; a text may have none."""
        ...

    def terms(self) -> list[str]:
        """The term of each of the ``spec.dim`` dimensions."""
        ...


def make_encoder(name: str, options: EncoderOptions) -> Encoder:
    """An encoder from the spelling of the command line.

    ``KIND`` or ``KIND:NAME`` with a registered kind (``hashing``, ``static:all-MiniLM-L6-v2``); anything else is
    the name or path of a sentence-transformers model.
    """
    made: Encoder = _make(ENCODERS, "dense", name, options)
    return made


def load_encoder(spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Encoder:
    """The encoder recorded in an index's manifest."""
    loaded: Encoder = ENCODERS.load(spec.kind).load(spec, folder, options)
    return loaded


def make_token_encoder(name: str, options: EncoderOptions) -> TokenEncoder:
    """A multi-vector encoder, spelled as for `make_encoder`."""
    made: TokenEncoder = _make(TOKEN_ENCODERS, "multivector", name, options)
    return made


def load_token_encoder(spec: EncoderSpec, folder: Path, options: EncoderOptions) -> TokenEncoder:
    """The multi-vector encoder recorded in an index's manifest."""
    loaded: TokenEncoder = TOKEN_ENCODERS.load(spec.kind).load(spec, folder, options)
    return loaded


def make_sparse_encoder(name: str, options: EncoderOptions) -> SparseEncoder:
    """A learned sparse encoder, spelled as for `make_encoder`."""
    made: SparseEncoder = _make(SPARSE_ENCODERS, "sparse", name, options)
    return made


def load_sparse_encoder(spec: EncoderSpec, folder: Path, options: EncoderOptions) -> SparseEncoder:
    """The learned sparse encoder recorded in an index's manifest."""
    loaded: SparseEncoder = SPARSE_ENCODERS.load(spec.kind).load(spec, folder, options)
    return loaded


def _make(registry: Registry, default: str, name: str, options: EncoderOptions) -> Any:
    kind, _, rest = name.partition(":")
    if kind in registry:
        return registry.load(kind).create(rest, options)
    return registry.load(default).create(name, options)
