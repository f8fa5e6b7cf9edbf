"""Protocols of encoders, and how one is made by its name or loaded from an index's manifest."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, Self, TypeVar

from intrex.data.arrays import Float32s
from intrex.data.specs import EncoderSpec
from intrex.data.store.vectors import PackedVectors, SparseVectors
from intrex.encoders.options import FAMILIES, EncoderOptions

_log = logging.getLogger(__name__)
Role = Literal["query", "document"]
E = TypeVar("E")
Make = Callable[[str, EncoderOptions], E]
Load = Callable[[EncoderSpec, Path, EncoderOptions], E]


class Recorded(Protocol):
    """An encoder that an index can record: made by name, saved beside the index, and loaded again."""

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
    """Encoder of texts as vectors; the same text and spec give the same vector in any batch (to 1e-5 on torch)."""

    def encode(self, texts: list[str], role: Role) -> Float32s:
        """Return vectors [len(texts), spec.dim] in float32, in the order of ``texts``; an empty text gets a row too."""
        ...


class TokenEncoder(Recorded, Protocol):
    """Encoder of a text as one vector a token; the same text and spec give the same vectors in any batch (to 1e-5)."""

    def encode(self, texts: list[str], role: Role) -> PackedVectors:
        """Return the token vectors of each text in float32, in the order of ``texts``; a text may have none.

        ``single`` of the result is set if ``spec.params["single"]`` is (``"cls"`` or ``"mean"``). The score of a query
        and a document is then σ(γ) · the dot product of the single vectors + (1 − σ(γ)) · MaxSim, with γ =
        ``spec.params["gamma"]`` (ColBERTer, Hofstätter et al. 2022).

        An encoder may have ``token_names(texts, role)`` too: the text of the token that each vector is of, by text.
        """
        ...


class SparseEncoder(Recorded, Protocol):
    """Encoder of a text as term weights; the same text and spec give the same weights in any batch (to 1e-5)."""

    def encode(self, texts: list[str], role: Role) -> SparseVectors:
        """Return the weights of each text over ``spec.dim`` terms, in the order of ``texts``; a text may have none."""
        ...

    def terms(self) -> list[str]:
        """Return the term of each of the ``spec.dim`` dimensions."""
        ...


def overlong(encoder: object, role: Role) -> int:
    """Return how many texts of a role an encoder has cut at its maximum length so far; 0 for one that does not count them."""
    return int(getattr(encoder, "overlong", {}).get(role, 0))


def note_cut(cut: int, n: int, noun: str, length: int | None, flag: str) -> None:
    """Say in a message at level INFO how many of ``n`` texts were cut at ``length`` tokens, and what sets it, if any were."""
    if cut:
        limit = f"{length} tokens" if length else "the model reads"
        counts = f"{cut:,} of {n:,} {noun}"
        _log.info("%s are longer than %s; what follows is not read (%s)", counts, limit, flag)


class Stateless:
    """Part of an encoder whose spec says it all."""

    def save(self, folder: Path) -> None:
        """Write nothing: the spec, or a model that is found by its name, brings the encoder back."""


def _make(family: str, spelling: str, options: EncoderOptions) -> Any:
    kind, name = FAMILIES[family].kind_of(spelling)
    return kind.load().create(name, options)


def _load(family: str, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Any:
    return FAMILIES[family].registry.load(spec.kind).load().load(spec, folder, options)


make_encoder: Make[Encoder] = partial(_make, "dense")
"""Make an encoder of the spelling of the command line.

``KIND`` or ``KIND:NAME`` with a registered kind (``hashing``, ``static:all-MiniLM-L6-v2``); anything else is
the name or path of a sentence-transformers model.
"""
make_token_encoder: Make[TokenEncoder] = partial(_make, "token")
"""Make a multi-vector encoder, spelled as for `make_encoder`."""
make_sparse_encoder: Make[SparseEncoder] = partial(_make, "sparse")
"""Make a learned sparse encoder, spelled as for `make_encoder`."""

load_encoder: Load[Encoder] = partial(_load, "dense")
"""Load the encoder that an index's manifest records."""
load_token_encoder: Load[TokenEncoder] = partial(_load, "token")
"""Load the multi-vector encoder that an index's manifest records."""
load_sparse_encoder: Load[SparseEncoder] = partial(_load, "sparse")
"""Load the learned sparse encoder that an index's manifest records."""
