"""Sources of FDEs: the token vectors of a multivector index, or a collection and an encoder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.numeric.rows import row_norms
from intrex.data.store.artifact import Build
from intrex.data.store.manifest import read_manifest
from intrex.data.store.vectors import PackedVectors, RowWriter, VectorWriter
from intrex.data.system.threads import cores
from intrex.encoders.base import TokenEncoder, make_token_encoder
from intrex.encoders.fde.encoder import Fde
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.encoded import Sink, feed, write_documents
from intrex.retrievers.fde.options import FdeBuild
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.options import BuildTask

NUMBERS_AT_ONCE = 1 << 24
"""Numbers of FDEs that are in memory at once, unless one has more: 64 MB."""
IDS = ("ids.txt", "ids.offsets.npy", "ids.rank.npy")


class FdeWriter(Sink[PackedVectors]):
    """Documents' FDEs on their way to ``vectors.npy``, and the rows of those without tokens to ``empty.npy``.

    Args:
        build: keeps the files, and what a killed run wrote of them.
        fde: encodes.
        documents: how many there will be.

    Attributes:
        rows: documents written.
        longest: the length of the longest FDE.
    """

    def __init__(self, build: Build, fde: Fde, documents: int) -> None:
        self._fde, state = fde, build.state
        self.rows, self.longest = int(state.get("rows", 0)), float(state.get("longest", 0.0))
        shape = documents, fde.config.fde_dim
        self._vectors = VectorWriter(build.path / "vectors.npy", shape, resumed=self.rows)
        empty = int(state.get("empty", 0))
        self._empty = RowWriter(build.path / "empty.npy", (None,), np.int64, resumed=empty)
        self.writers = [self._vectors, self._empty]

    def append(self, encoded: PackedVectors, names: Sequence[str]) -> None:
        """Write the FDEs of the tokens of the next documents; zeros for one without tokens."""
        step = max(1, NUMBERS_AT_ONCE // self._fde.config.fde_dim)
        for start in range(0, len(names), step):
            labels = names[start : start + step]
            batch, full = encoded.part(start, start + len(labels)).without_empty()
            rows = np.zeros((len(labels), self._fde.config.fde_dim), np.float32)
            rows[full] = self._fde.encode(
                batch, "document", threads=cores(), names=[labels[i] for i in full.tolist()]
            )
            self._vectors.append(rows, lambda i, labels=labels: f"document {labels[i]}")  # type: ignore[misc]
            self._empty.append(np.setdiff1d(np.arange(len(labels)), full) + self.rows)
            self.longest = max(self.longest, float(row_norms(rows).max(initial=0.0)))
            self.rows += len(rows)

    @property
    def state(self) -> dict[str, Any]:
        """See `Sink.state`."""
        return {"longest": self.longest, "empty": self._empty.rows}


class TokenIndex:
    """Token vectors of a multivector index, which ranks candidates later: the FDE index remembers where it is.

    Attributes:
        documents: how many there are.
        spec: of the encoder of the tokens.
        collection: fingerprint of the collection.
    """

    def __init__(self, index: MultiVectorIndex) -> None:
        self.index = index
        self.documents, self.spec, self.collection = len(index.ids), index.spec, index.manifest.collection

    def params(self, task: BuildTask) -> dict[str, Any]:
        """Return entries for the manifest of an index, on which its bytes depend; none does on the block."""
        path = os.path.relpath(self.index.path.resolve(), task.out.parent.resolve() / task.out.name)
        return {"source": {"path": path, "fingerprint": self.index.manifest.fingerprint}}

    def write(self, build: Build, writer: FdeWriter, task: BuildTask) -> int:
        """Write ids and FDEs of the documents, from the block on that was last saved; return how many the encoder cut."""
        for name in IDS:
            shutil.copyfile(self.index.path / name, build.path / name)
        feed(build, writer, self._batches(writer.rows, task.block), task.stage("encoding", self.documents))
        return int(self.index.manifest.params.get("cut_documents", 0))

    def _batches(self, first: int, block: int) -> Iterator[tuple[list[str], PackedVectors]]:
        tokens = self.index.tokens
        for start in range(first, self.documents, block):
            rows = np.arange(start, min(start + block, self.documents))
            offsets = tokens.offsets[start : rows[-1] + 2]
            buffer = np.empty((offsets[-1] - offsets[0], tokens.dim), np.float32)
            vectors = tokens.read(slice(*offsets[[0, -1]]), buffer)
            names = [name.decode("utf-8") for name in self.index.ids.gather(rows).tolist()]
            yield names, PackedVectors(vectors, offsets - offsets[0])

    def save_encoder(self, folder: Path) -> None:
        """Write the encoder's own files."""
        if (self.index.path / "encoder").is_dir():
            shutil.copytree(self.index.path / "encoder", folder, dirs_exist_ok=True)


class EncodedCollection:
    """A collection and the encoder of its tokens, which are not kept; it has what a `TokenIndex` has."""

    def __init__(self, collection: Collection, encoder: TokenEncoder) -> None:
        self.texts, self.encoder = collection, encoder
        self.documents, self.spec = collection.n_documents, encoder.spec
        self.collection = collection.corpus_fingerprint

    def params(self, task: BuildTask) -> dict[str, Any]:
        """See `TokenIndex.params`: the last bits of a transformer's vectors depend on the block."""
        return {"block": task.block}

    def write(self, build: Build, writer: FdeWriter, task: BuildTask) -> int:
        """See `TokenIndex.write`."""
        return write_documents(build, self.texts, self.encoder, writer, task)

    def save_encoder(self, folder: Path) -> None:
        """See `TokenIndex.save_encoder`."""
        self.encoder.save(folder)


FdeSource = TokenIndex | EncodedCollection
"""Documents with their token vectors."""


def open_source(path: Path, options: FdeBuild) -> FdeSource:
    """Open a multivector index, or a collection together with the encoder that is named.

    Raises:
        UsageError: a collection without an encoder, or an index with one or with options of one.
        BadInput: ``path`` is neither.
    """
    kind = read_manifest(path, rebuild="intrex index multivector COLLECTION OUT").kind
    encoding = options.part(EncoderOptions)
    if kind == "multivector":
        runtime = EncoderOptions(device=options.device, batch_size=options.batch_size)
        if options.encoder is not None or encoding != runtime:
            raise UsageError(
                "a multivector index has its encoder and its tokens already",
                "leave --encoder and its options out, or name a collection",
            )
        return TokenIndex(MultiVectorIndex.open(path))
    if kind != "collection":
        raise BadInput(
            f"FDEs are made of a multivector index or a collection, {path} holds an index of kind {kind}",
            "intrex index multivector COLLECTION OUT",
        )
    if options.encoder is None:
        raise UsageError(
            "a collection needs --encoder, or an index of its token vectors",
            "intrex index multivector COLLECTION TOKENS --encoder E, then intrex index fde TOKENS OUT",
        )
    collection = Collection.open(path)
    return EncodedCollection(collection, make_token_encoder(options.encoder, encoding))
