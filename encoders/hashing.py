"""Encoders without weights, from hashes of tokens: one vector a text, one a token, or term weights. For tests and benches."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from intrex.data.arrays import Float32s, Int64s
from intrex.data.errors import UsageError
from intrex.data.numeric.rows import unit
from intrex.data.numeric.spans import offsets_of
from intrex.data.specs import EncoderSpec
from intrex.data.store.vectors import PackedVectors, SparseVectors
from intrex.encoders.base import Role, Stateless
from intrex.encoders.multivector.reductions import Reductions
from intrex.encoders.options import (
    HASHING,
    HASHING_TERMS,
    HASHING_TOKENS,
    EncoderKind,
    EncoderOptions,
    TokenEncoderOptions,
)

CACHED_TOKENS = 1 << 16
AT_ONCE = 2048
_TOKEN = re.compile(r"\w+")
_TOKENS = r"\w+, lower case"
_KEY = b"intrex hashing 1"


class _HashingBase(Stateless):
    """Spec and making of an encoder whose name is its number of dimensions."""

    kind: ClassVar[EncoderKind]
    default_dim: ClassVar[int]
    params: ClassVar[Mapping[str, Any]]
    pooling: ClassVar[str | None] = None

    def __init__(self, dim: int, **params: Any) -> None:
        self.spec = EncoderSpec(
            "hashing",
            "hashing",
            revision="1",
            dim=dim,
            pooling=self.pooling,
            params={**self.params, **params},
        )
        self._code = lru_cache(maxsize=CACHED_TOKENS)(self._hash)

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """Make the encoder; ``name`` is the number of dimensions or empty (then ``options.dim``, then the default).

        Raises:
            UsageError: the number of dimensions is not a positive integer, or an option has no meaning here.
        """
        cls.kind.refuse(options)
        cls.kind.note_device(options)
        if name and options.dim is not None and name != str(options.dim):
            raise UsageError(f"two numbers of dimensions: hashing:{name} and {options.dim}")
        text = name or str(cls.default_dim if options.dim is None else options.dim)
        if not (text.isascii() and text.isdigit()) or int(text) < 1:
            example = f"for example hashing:{cls.default_dim}"
            raise UsageError(f"hashing:{text} is not a number of dimensions", example)
        return cls(int(text), **cls._chosen_params(options))

    @classmethod
    def load(cls, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Self:
        """Make the encoder of ``spec``; nothing is read from ``folder``."""
        cls.kind.note_device(options)
        return cls(spec.dim, **{key: value for key, value in spec.params.items() if key not in cls.params})

    @classmethod
    def _chosen_params(cls, options: EncoderOptions) -> dict[str, Any]:
        return {}

    def _hash(self, token: str) -> Any:
        raise NotImplementedError

    def _hashes(self, texts: list[str]) -> tuple[Int64s, Int64s]:
        """Return the text and the hash [n] of each token of all texts."""
        tokens = _tokenize(texts)
        owners = np.repeat(np.arange(len(texts)), [len(words) for words in tokens])
        return owners, np.fromiter(map(self._code, chain.from_iterable(tokens)), np.int64, len(owners))


class HashingEncoder(_HashingBase):
    """Feature hashing (Weinberger et al. 2009): each token adds +1 or -1 to one dimension, then the sum is normalised.

    Counts are integers up to the last division, so the vectors are the same bits in every process and batch.
    """

    kind, default_dim, pooling = HASHING, 256, "sum"
    params: ClassVar = {"normalized": True, "similarity": "dot", "tokens": _TOKENS}

    def encode(self, texts: list[str], role: Role) -> Float32s:
        """Return vectors [len(texts), dim] in float32 of length 1; zero for a text without any token."""
        out = np.empty((len(texts), self.spec.dim), np.float32)
        for start in range(0, len(texts), AT_ONCE):
            out[start : start + AT_ONCE] = self._encode(texts[start : start + AT_ONCE])
        return out

    def _encode(self, texts: list[str]) -> Float32s:
        dim = self.spec.dim
        owners, codes = self._hashes(texts)
        sums: Any = np.bincount(owners * dim + (codes >> 1), 1.0 - 2.0 * (codes & 1), len(texts) * dim)
        return unit(sums.reshape(len(texts), dim))

    def _hash(self, token: str) -> int:
        """Return the token's dimension, times two, plus one when its sign is negative."""
        value = _digest(token)
        return (value >> 1) % self.spec.dim * 2 + (value & 1)


class HashingTokenEncoder(_HashingBase):
    """One vector of length 1 a token, its signs the bits of the token's SHAKE-128: equal tokens have equal vectors.

    Vectors of different tokens are all but orthogonal: their dot product has mean 0 and variance 1/dim. They are the
    same bits in every process and batch. A text without any token has no vector.
    """

    kind, default_dim = HASHING_TOKENS, 128
    params: ClassVar = {"normalized": True, "tokens": _TOKENS}

    @classmethod
    def _chosen_params(cls, options: EncoderOptions) -> dict[str, Any]:
        return Reductions.of(TokenEncoderOptions.of(options)).params()

    def encode(self, texts: list[str], role: Role) -> PackedVectors:
        """Return vectors [tokens of all texts, dim] in float32 of length 1, one a token in the order of the text.

        A token is a whole word already: of equal ones, ``whole_words`` keeps one.
        """
        dim = self.spec.dim
        tokens = _tokenize(texts)
        offsets = np.cumsum([0, *map(len, tokens)], dtype=np.int64)
        data = b"".join(map(self._code, chain.from_iterable(tokens)))
        bits = np.frombuffer(data, np.uint8).reshape(int(offsets[-1]), -(-dim // 8))
        signs = np.unpackbits(bits, axis=1, count=dim)
        length = np.float32(1 / np.sqrt(dim))
        packed = PackedVectors(np.where(signs, length, -length), offsets)
        numbers = [{token: i for i, token in enumerate(dict.fromkeys(words))} for words in tokens]
        ids = [of[token] for of, words in zip(numbers, tokens, strict=True) for token in words]
        return Reductions.of(self.spec).apply(packed, np.array(ids, np.int64), role)

    def token_names(self, texts: list[str], role: Role) -> list[list[str]] | None:
        """Return the token that each vector of `encode` is of; None where vectors are merged or left out."""
        return None if Reductions.of(self.spec).params() else _tokenize(texts)

    def _hash(self, token: str) -> bytes:
        data = _KEY + b"\0" + token.encode("utf-8", "surrogatepass")
        return hashlib.shake_128(data).digest(-(-self.spec.dim // 8))


class HashingSparseEncoder(_HashingBase):
    """Term weights ln(1 + count), where a term is a hash of a token; the same bits in every process and batch."""

    kind, default_dim = HASHING_TERMS, 1 << 15
    params: ClassVar = {"weights": "ln(1 + count)", "tokens": _TOKENS}

    def encode(self, texts: list[str], role: Role) -> SparseVectors:
        """Return the weights of each text's tokens; a text without any has none."""
        owners, codes = self._hashes(texts)
        cells, counts = np.unique(owners * self.spec.dim + codes, return_counts=True)
        rows, terms = np.divmod(cells, self.spec.dim)
        offsets = offsets_of(np.bincount(rows, minlength=len(texts)))
        weights = np.array([0.0, *(math.log1p(i) for i in range(1, counts.max(initial=0) + 1))], np.float32)
        return SparseVectors(offsets, terms.astype(np.int32), weights[counts])

    def terms(self) -> list[str]:
        """Return the numbers of the dimensions."""
        return [str(i) for i in range(self.spec.dim)]

    def _hash(self, token: str) -> int:
        return _digest(token) % self.spec.dim


def _tokenize(texts: list[str]) -> list[list[str]]:
    return [_TOKEN.findall(text.lower()) for text in texts]


def _digest(token: str) -> int:
    digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8, key=_KEY).digest()
    return int.from_bytes(digest, "big")
