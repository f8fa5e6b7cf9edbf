"""Queries as their encoder gives them, which is asked only for what is not in the cache."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from intrex import encoders
from intrex.data.arrays import Array
from intrex.data.errors import BadInput
from intrex.data.specs import EncoderSpec
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectorcache import Block, VectorCache, block_key
from intrex.data.store.vectors import PackedVectors, SparseVectors
from intrex.encoders.base import Role, overlong
from intrex.encoders.options import EncoderOptions, has_weights
from intrex.retrievers.options import SearchOptions

Vectors = TypeVar("Vectors")
Encoded = TypeVar("Encoded", covariant=True)


class TextEncoder(Protocol[Encoded]):
    """An encoder of any kind, as far as an index needs it."""

    spec: EncoderSpec

    def encode(self, texts: list[str], role: Role) -> Encoded:
        """Encode texts."""
        ...

    def save(self, folder: Path) -> None:
        """Write the encoder's own files."""
        ...


class QueryEncoder(Generic[Vectors]):
    """Encoder of queries that is loaded when a block of them was never encoded before.

    Args:
        spec: of the encoder.
        manifest: of the index, which names the encoder's own files.
        options: ``device`` is where it computes, ``encoding`` is told of the seconds of each call, loading included.
        load: returns the encoder.
        cache: keeps what it gives; None keeps nothing. An encoder without weights takes no time, and is not cached.

    Attributes:
        cut: how many queries so far are longer than the encoder reads.
    """

    def __init__(
        self, spec: EncoderSpec, manifest: Manifest, options: SearchOptions, load: Callable[[], Any],
        cache: VectorCache | None,
    ) -> None:  # fmt: skip
        self._spec, self._options, self._load = spec, options, load
        self._files = {name: e["sha256"] for name, e in manifest.files.items() if name.startswith("encoder/")}
        self._cache = cache if has_weights(spec.kind) else None
        self.cut = 0

    def encode(self, texts: list[str]) -> Vectors:
        """Encode queries, all together; the same bits with and without a cache.

        Raises:
            BadInput: the encoder is needed and gone.
        """
        start = time.perf_counter()
        try:
            return self._find_or_encode(texts)
        finally:
            self._options.encoding(time.perf_counter() - start)

    def _find_or_encode(self, texts: list[str]) -> Vectors:
        if self._cache is None:
            return self._encode(texts)[0]
        key = block_key(self._spec, {**self._files, "code": encoders_code()}, self._options.device, texts)
        if (block := self._cache.find(key)) is not None and (found := _joined(block.arrays)) is not None:
            self._cache.hits += len(texts)
            self.cut += block.cut
            vectors: Vectors = found
            return vectors
        encoded, cut = self._encode(texts)
        self._cache.add(key, Block(_parts(encoded), cut))
        return encoded

    def _encode(self, texts: list[str]) -> tuple[Vectors, int]:
        encoder = self._load()
        before = overlong(encoder, "query")
        encoded: Vectors = encoder.encode(texts, "query")
        cut = overlong(encoder, "query") - before
        self.cut += cut
        return encoded, cut


Loader = Callable[[EncoderSpec, Path, EncoderOptions], TextEncoder[Vectors]]


class RecordedEncoder(Generic[Vectors]):
    """Encoder that an index was built with, loaded for a device when it is first needed.

    Args:
        spec: the encoder's, in the index.
        folder: the encoder's own files in the index.
        load: makes an encoder of ``spec`` and ``folder``.
    """

    def __init__(self, spec: EncoderSpec, folder: Path, load: Loader[Vectors]) -> None:
        self._spec, self._folder, self._load = spec, folder, load
        self._loaded: dict[str | None, TextEncoder[Vectors]] = {}

    def get(self, device: str | None, substitute: TextEncoder[Vectors] | None = None) -> TextEncoder[Vectors]:
        """Return the encoder for a device, or ``substitute`` in its place.

        Raises:
            BadInput: ``substitute`` is another encoder, or the recorded one is gone.
        """
        if substitute is not None:
            if substitute.spec.fingerprint != self._spec.fingerprint:
                raise BadInput(
                    f"the queries' encoder {_label(substitute.spec)} is not the index's {_label(self._spec)}",
                    "search with the encoder that the index was built with, or rebuild the index",
                )
            return substitute
        if device not in self._loaded:
            self._loaded[device] = self._load(self._spec, self._folder, EncoderOptions(device=device))
        return self._loaded[device]

    def queries(
        self, manifest: Manifest, options: SearchOptions, substitute: TextEncoder[Vectors] | None = None
    ) -> QueryEncoder[Vectors]:
        """Return what encodes queries for an index of a manifest; ``substitute`` as in `get`, which is not cached."""
        cache = VectorCache() if options.query_cache and substitute is None else None
        if substitute is not None:
            self.get(options.device, substitute)
        load = partial(self.get, options.device, substitute)
        return QueryEncoder(self._spec, manifest, options, load, cache)


def _label(spec: EncoderSpec) -> str:
    return f"{spec.kind}:{spec.name} ({spec.revision[:19] or 'no revision'}, fingerprint {spec.fingerprint[:12]})"


@cache
def encoders_code() -> str:
    """Return the sha256 of intrex's own encoders, so that vectors of another state of them are not found."""
    root = Path(encoders.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(f"{file.relative_to(root).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _parts(encoded: Any) -> dict[str, Array]:
    """Take what an encoder of any family gives apart into arrays by name."""
    if isinstance(encoded, np.ndarray):
        return {"dense": encoded}
    return {name: array for name, array in encoded._asdict().items() if array is not None}


def _joined(arrays: Mapping[str, Array]) -> Any:
    """Undo `_parts`; None where these are the arrays of nothing that an encoder gives."""
    if set(arrays) == {"dense"}:
        return arrays["dense"]
    for kind in (PackedVectors, SparseVectors):
        needed = {name for name in kind._fields if name not in kind._field_defaults}
        if needed <= set(arrays) <= set(kind._fields):
            return kind(**arrays)
    return None
