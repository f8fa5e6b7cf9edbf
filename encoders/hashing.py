"""Encoders without weights, from hashes of tokens: one vector a text, one a token, or term weights. For tests and benches."""

from __future__ import annotations

import hashlib
import math
import re
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np

from intrex.data.arrays import Float32s
from intrex.data.errors import UsageError
from intrex.data.specs import EncoderSpec
from intrex.data.store.vectors import PackedVectors, SparseVectors
from intrex.encoders.base import Role
from intrex.encoders.multivector.reductions import Reductions
from intrex.encoders.options import (
    HASHING,
    HASHING_TERMS,
    HASHING_TOKENS,
    EncoderKind,
    EncoderOptions,
    TokenEncoderOptions,
)

DEFAULT_DIM = 256
DEFAULT_TOKEN_DIM = 128
DEFAULT_SPARSE_DIM = 1 << 15
CACHED_TOKENS = 1 << 16
AT_ONCE = 2048
_TOKEN = re.compile(r"\w+")
_KEY = b"intrex hashing 1"


class HashingEncoder:
    """Feature hashing (Weinberger et al. 2009): each token adds +1 or -1 to one dimension, then the sum is normalised.

    Counts are integers up to the last division, so the vectors are the same bits in every process and batch.
    """

    def __init__(self, dim: int) -> None:
        params = {"normalized": True, "similarity": "dot", "tokens": r"\w+, lower case"}
        self.spec = EncoderSpec("hashing", "hashing", revision="1", dim=dim, pooling="sum", params=params)
        self._code = lru_cache(maxsize=CACHED_TOKENS)(self._hash)

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """Make the encoder; ``name`` is the number of dimensions or empty (then ``options.dim``, then 256).

        Raises:
            UsageError: the number of dimensions is not a positive integer, or an option has no meaning here.
        """
        return cls(_dimensions(name, options, DEFAULT_DIM, HASHING))

    @classmethod
    def load(cls, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Self:
        """Make the encoder of ``spec``; nothing is read from ``folder``."""
        return cls(spec.dim)

    def save(self, folder: Path) -> None:
        """Write nothing: the spec says it all."""

    def encode(self, texts: list[str], role: Role) -> Float32s:
        """Vectors [len(texts), dim] in float32 of length 1; zero for a text without any token."""
        out = np.empty((len(texts), self.spec.dim), np.float32)
        for start in range(0, len(texts), AT_ONCE):
            out[start : start + AT_ONCE] = self._encode(texts[start : start + AT_ONCE])
        return out

    def _encode(self, texts: list[str]) -> Float32s:
        dim = self.spec.dim
        tokens = [_TOKEN.findall(text.lower()) for text in texts]
        lengths = np.array([len(t) for t in tokens], np.int64)
        codes = np.fromiter(map(self._code, chain.from_iterable(tokens)), np.int64, int(lengths.sum()))
        cells = np.repeat(np.arange(len(texts)) * dim, lengths) + (codes >> 1)
        sums = np.bincount(cells, 1.0 - 2.0 * (codes & 1), len(texts) * dim).reshape(len(texts), dim)
        norms = np.sqrt((sums * sums).sum(axis=1, keepdims=True))
        vectors: Float32s = (sums / np.where(norms > 0, norms, 1.0)).astype(np.float32)
        return vectors

    def _hash(self, token: str) -> int:
        """The token's dimension, times two, plus one when its sign is negative."""
        digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8, key=_KEY).digest()
        value = int.from_bytes(digest, "big")
        return (value >> 1) % self.spec.dim * 2 + (value & 1)


class HashingTokenEncoder:
    """One vector of length 1 a token, its signs the bits of the token's SHAKE-128: equal tokens have equal vectors.

    Vectors of different tokens are all but orthogonal: their dot product has mean 0 and variance 1/dim. They are the
    same bits in every process and batch. A text without any token has no vector.
    """

    def __init__(self, dim: int, reductions: Reductions) -> None:
        params = {"normalized": True, "tokens": r"\w+, lower case", **reductions.params()}
        self.spec = EncoderSpec("hashing", "hashing", revision="1", dim=dim, params=params)
        self._reductions = reductions
        self._signs = lru_cache(maxsize=CACHED_TOKENS)(self._hash)

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """See `HashingEncoder.create`; without a number, the vectors have 128 dimensions."""
        return cls(
            _dimensions(name, options, DEFAULT_TOKEN_DIM, HASHING_TOKENS),
            Reductions.of(TokenEncoderOptions.of(options)),
        )

    @classmethod
    def load(cls, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Self:
        """Make the encoder of ``spec``; nothing is read from ``folder``."""
        return cls(spec.dim, Reductions.of(spec))

    def save(self, folder: Path) -> None:
        """Write nothing: the spec says it all."""

    def encode(self, texts: list[str], role: Role) -> PackedVectors:
        """Vectors [tokens of all texts, dim] in float32 of length 1, one a token in the order of the text.

        A token is a whole word already: of equal ones, ``whole_words`` keeps one.
        """
        dim = self.spec.dim
        tokens = [_TOKEN.findall(text.lower()) for text in texts]
        offsets = np.cumsum([0, *map(len, tokens)], dtype=np.int64)
        data = b"".join(map(self._signs, chain.from_iterable(tokens)))
        bits = np.frombuffer(data, np.uint8).reshape(int(offsets[-1]), -(-dim // 8))
        signs = np.unpackbits(bits, axis=1, count=dim)
        length = np.float32(1 / np.sqrt(dim))
        packed = PackedVectors(np.where(signs, length, -length), offsets)
        words = [{token: i for i, token in enumerate(dict.fromkeys(text))} for text in tokens]
        ids = [known[token] for known, text in zip(words, tokens, strict=True) for token in text]
        return self._reductions.apply(packed, np.array(ids, np.int64), role)

    def _hash(self, token: str) -> bytes:
        data = _KEY + b"\0" + token.encode("utf-8", "surrogatepass")
        return hashlib.shake_128(data).digest(-(-self.spec.dim // 8))


class HashingSparseEncoder:
    """Term weights ln(1 + count), where a term is a hash of a token; the same bits in every process and batch."""

    def __init__(self, dim: int) -> None:
        params = {"weights": "ln(1 + count)", "tokens": r"\w+, lower case"}
        self.spec = EncoderSpec("hashing", "hashing", revision="1", dim=dim, params=params)
        self._code = lru_cache(maxsize=CACHED_TOKENS)(self._hash)

    @classmethod
    def create(cls, name: str, options: EncoderOptions) -> Self:
        """See `HashingEncoder.create`; without a number, there are 32,768 terms."""
        return cls(_dimensions(name, options, DEFAULT_SPARSE_DIM, HASHING_TERMS))

    @classmethod
    def load(cls, spec: EncoderSpec, folder: Path, options: EncoderOptions) -> Self:
        """Make the encoder of ``spec``; nothing is read from ``folder``."""
        return cls(spec.dim)

    def save(self, folder: Path) -> None:
        """Write nothing: the spec says it all."""

    def encode(self, texts: list[str], role: Role) -> SparseVectors:
        """The weights of each text's tokens; a text without any has none."""
        tokens = [_TOKEN.findall(text.lower()) for text in texts]
        owners = np.repeat(np.arange(len(texts)), [len(some) for some in tokens])
        codes = np.fromiter(map(self._code, chain.from_iterable(tokens)), np.int64, len(owners))
        cells, counts = np.unique(owners * self.spec.dim + codes, return_counts=True)
        rows, terms = np.divmod(cells, self.spec.dim)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(texts)))])
        weights = np.array([0.0, *(math.log1p(i) for i in range(1, counts.max(initial=0) + 1))], np.float32)
        return SparseVectors(offsets.astype(np.int64), terms.astype(np.int32), weights[counts])

    def terms(self) -> list[str]:
        """The numbers of the dimensions."""
        return [str(i) for i in range(self.spec.dim)]

    def _hash(self, token: str) -> int:
        digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8, key=_KEY).digest()
        return int.from_bytes(digest, "big") % self.spec.dim


def _dimensions(name: str, options: EncoderOptions, default: int, kind: EncoderKind) -> int:
    kind.refuse(options)
    if name and options.dim is not None and name != str(options.dim):
        raise UsageError(f"two numbers of dimensions: hashing:{name} and {options.dim}")
    text = name or str(default if options.dim is None else options.dim)
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise UsageError(f"hashing:{text} is not a number of dimensions", f"for example hashing:{default}")
    return int(text)
