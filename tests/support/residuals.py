"""Compressed token vectors for tests."""

from pathlib import Path

import numpy as np

from intrex.data.numeric.rows import row_norms
from intrex.data.store.artifact import Build
from intrex.data.store.vectors import PackedVectors, PackedWriter
from intrex.retrievers.multivector.compressed import ResidualTokens, compress
from intrex.retrievers.options import no_stage


def token_vectors(documents: int, dim: int, seed: int = 0, most: int = 9) -> PackedVectors:
    """Documents of 0 to ``most`` tokens about some topics, in float16; every seventh has the tokens of the one before."""
    rng = np.random.default_rng(seed)
    topics = rng.standard_normal((12, dim))
    sizes = rng.integers(0, most + 1, documents)
    sizes[7::7] = sizes[6:-1:7]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    vectors = topics[rng.integers(0, 12, offsets[-1])] + 0.7 * rng.standard_normal((offsets[-1], dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for i in range(7, documents, 7):
        vectors[offsets[i] : offsets[i + 1]] = vectors[offsets[i - 1] : offsets[i]]
    return PackedVectors(vectors.astype(np.float16), offsets)


def query_vectors(queries: int, dim: int, seed: int = 0) -> PackedVectors:
    """Queries of 0 to 5 tokens in float32, about the topics of `token_vectors` with the same seed."""
    documents = token_vectors(queries, dim, seed, most=5)
    return PackedVectors(documents.vectors.astype(np.float32), documents.offsets)


def compressed(folder: Path, packed: PackedVectors, bits: int = 2) -> ResidualTokens:
    """The same tokens, compressed on disk."""
    folder.mkdir()
    writer = PackedWriter(folder, packed.vectors.shape[1], packed.vectors.dtype)
    writer.append(packed)
    writer.close()
    lengths = row_norms(packed.vectors.astype(np.float32))
    build = Build(folder, "test")
    build.save_state(shortest=float(lengths.min(initial=1)), longest=float(lengths.max(initial=1)))
    compress(build, bits, no_stage)
    return ResidualTokens(folder, "rebuild it")
