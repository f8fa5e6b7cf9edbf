"""Building FDE indexes: of the token vectors of a multivector index, or straight from a collection."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.collection import Collection, Document
from intrex.data.errors import BadInput
from intrex.data.io.files import fingerprint
from intrex.data.numeric.rows import row_norms
from intrex.data.progress import Progress, no_progress
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import Build, Manifest, build_artifact
from intrex.data.store.vectors import PackedVectors, RowWriter, VectorWriter
from intrex.data.system.machine import require_disk, require_memory
from intrex.data.system.threads import cores
from intrex.encoders.base import TokenEncoder
from intrex.encoders.fde.config import FdeConfig
from intrex.encoders.fde.encoder import Fde
from intrex.retrievers.encoded import BLOCK, SECONDS_BETWEEN_SAVES, library_versions, write_documents
from intrex.retrievers.fde.index import FdeIndex
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.vectors.nearest import add_ann
from intrex.retrievers.vectors.options import FLAT, AnnConfig

NUMBERS_AT_ONCE = 1 << 24
"""Numbers of FDEs that are in memory at once, unless one has more: 64 MB."""
IDS = ("ids.txt", "ids.offsets.npy", "ids.rank.npy")


def build_fde(
    source: MultiVectorIndex,
    out: Path,
    config: FdeConfig,
    *,
    ann: AnnConfig = FLAT,
    overwrite: bool = False,
    block: int = BLOCK,
    progress: Progress = no_progress,
) -> FdeIndex:
    """Make an index of the FDEs of all documents of a multivector index, in constant memory but for ``ann``.

    A killed build is resumed at its last saved block by the next one with the same arguments.

    Args:
        source: has the token vectors, and ranks candidates later; the index remembers where it is.
        out: the folder to make; nothing stands there unless all went well.
        config: of the FDEs.
        ann: what finds the nearest ones.
        overwrite: replace an existing index.
        block: documents between two calls of ``progress``. It changes no bit.
        progress: called after each block, and once with the documents that an earlier run finished.

    Raises:
        UsageError: ``ann`` cannot be built of these vectors.
        BadInput: ``config`` is of tokens of another dimension, or a document's tokens have NaN or infinity.
        IntrexError: the output exists, or is being built by another process; or memory or disk do not suffice.
    """
    here = out.parent.resolve() / out.name
    params = {
        "source": {
            "path": os.path.relpath(source.path.resolve(), here),
            "fingerprint": source.manifest.fingerprint,
        }
    }

    def write(build: Build, sink: _FdeSink) -> None:
        for name in IDS:
            shutil.copyfile(source.path / name, build.path / name)
        _write_tokens(build, source, block, sink, progress)

    def save(folder: Path) -> None:
        if (source.path / "encoder").is_dir():
            shutil.copytree(source.path / "encoder", folder, dirs_exist_ok=True)

    work = _Work(config, ann, len(source.ids), source.spec, source.manifest.collection, params)
    return work.build(out, overwrite, write, save)


def build_fde_of_collection(
    collection: Collection,
    out: Path,
    encoder: TokenEncoder,
    config: FdeConfig,
    *,
    ann: AnnConfig = FLAT,
    overwrite: bool = False,
    block: int = BLOCK,
    progress: Progress = no_progress,
) -> FdeIndex:
    """Make an index of the FDEs of a collection's documents; their token vectors are not kept.

    Args:
        collection: the documents; ``contents`` is what is encoded.
        out: as in `build_fde`.
        encoder: turns a text into token vectors.
        config: as in `build_fde`.
        ann: as in `build_fde`.
        overwrite: as in `build_fde`.
        block: documents encoded together. The last bits of a transformer's vectors depend on it.
        progress: as in `build_fde`.

    Raises:
        IntrexError: as `build_fde`.
    """

    def write(build: Build, sink: _FdeSink) -> None:
        write_documents(build, collection, block, _TextSink(encoder, sink), progress)

    work = _Work(
        config, ann, collection.n_documents, encoder.spec, collection.corpus_fingerprint, {"block": block}
    )
    return work.build(out, overwrite, write, encoder.save)


def require_room(config: FdeConfig, documents: int, out: Path) -> None:
    """Raise `IntrexError` if FDEs of so many documents need more memory than there is, or more disk at ``out``."""
    what = f"an index of FDEs of {config.fde_dim:,} dimensions"
    hint = "choose smaller --reps, --k-sim or --d-proj, or a --final-dim"
    need = config.memory(cores()) + 4 * max(NUMBERS_AT_ONCE, config.fde_dim)
    require_memory(need, what, hint)
    size = 4 * documents * config.fde_dim
    require_disk(size, out, f"{what} of {documents:,} documents", hint)


class _Work:
    """What both ways to build an index have in common."""

    def __init__(
        self,
        config: FdeConfig,
        ann: AnnConfig,
        documents: int,
        spec: EncoderSpec,
        collection: str,
        params: dict[str, Any],
    ) -> None:
        if config.dim != spec.dim:
            raise BadInput(f"FDEs of tokens of {config.dim} dimensions, the tokens have {spec.dim}")
        self.config, self.documents, self.spec, self.collection = config, documents, spec, collection
        self.ann = ann.resolved(documents, config.fde_dim)
        self.params = params

    def build(
        self,
        out: Path,
        overwrite: bool,
        write: Callable[[Build, _FdeSink], None],
        save_encoder: Callable[[Path], None],
    ) -> FdeIndex:
        require_room(self.config, self.documents, out)
        fde = Fde.draw(self.config)
        inputs = [self.collection, self.spec.to_dict(), fde.fingerprint, self.ann.params(), self.params]

        def make(build: Build) -> Manifest:
            if not build.state.get("searchable"):
                self._vectors(build, fde, write)
            if self.ann.engine != "flat":  # faiss's file has them, or their codes
                (build.path / "vectors.npy").unlink(missing_ok=True)
            fde.save(build.path)
            save_encoder(build.path / "encoder")
            params = {**self.params, "fde": asdict(self.config), "projections": fde.fingerprint}
            params |= {key: build.state[key] for key in ("max_norm", "ann") if key in build.state}
            params |= {"documents": self.documents, "fde_dim": self.config.fde_dim}
            return Manifest("fde", self.collection, self.spec.to_dict(), params, versions=library_versions())

        build_artifact(out, fingerprint(["fde", *inputs]), make, overwrite=overwrite)
        return FdeIndex.open(out)

    def _vectors(self, build: Build, fde: Fde, write: Callable[[Build, _FdeSink], None]) -> None:
        """Write the FDEs, and what searches them; the state then says that this is done."""
        sink = _FdeSink(build, fde, self.documents)
        write(build, sink)
        ann = add_ann(build.path, self.ann)
        build.save_state(searchable=True, max_norm=sink.longest, **ann)


class _FdeSink:
    """Documents' FDEs on their way to ``vectors.npy``."""

    def __init__(self, build: Build, fde: Fde, documents: int) -> None:
        self._fde = fde
        state = build.state
        self.rows, self.longest = int(state.get("rows", 0)), float(state.get("longest", 0.0))
        shape = documents, fde.config.fde_dim
        self._vectors = VectorWriter(build.path / "vectors.npy", shape, resumed=self.rows)
        empty = int(state.get("empty", 0))
        self._empty = RowWriter(build.path / "empty.npy", (None,), np.int64, resumed=empty)

    def append(self, tokens: PackedVectors, names: Sequence[str]) -> None:
        """Encode the next documents and write them; zeros for one without tokens."""
        step = max(1, NUMBERS_AT_ONCE // self._fde.config.fde_dim)
        for start in range(0, len(names), step):
            some = slice(start, start + step)
            offsets = tokens.offsets[start : start + step + 1]
            full = np.diff(offsets) > 0
            rows = np.zeros((len(full), self._fde.config.fde_dim), np.float32)
            called = [name for name, has in zip(names[some], full, strict=True) if has]
            kept = PackedVectors(tokens.vectors, np.append(offsets[:-1][full], offsets[-1]))
            encoded = self._fde.encode(kept, "document", threads=cores(), names=called)
            rows[full] = encoded
            self._vectors.append(rows, lambda i, some=some: f"document {names[some][i]}")  # type: ignore[misc]
            self._empty.append(np.flatnonzero(~full) + self.rows)
            self.longest = max(self.longest, float(row_norms(rows).max(initial=0.0)))
            self.rows += len(rows)

    def flush(self) -> dict[str, Any]:
        self._vectors.flush()
        self._empty.flush()
        return {"longest": self.longest, "empty": self._empty.rows}

    def close(self) -> None:
        self._vectors.close()
        self._empty.close()


class _TextSink:
    """Documents on their way to an `_FdeSink`."""

    def __init__(self, encoder: TokenEncoder, sink: _FdeSink) -> None:
        self._encoder, self._sink = encoder, sink
        self.flush, self.close = sink.flush, sink.close

    def append(self, documents: list[Document]) -> None:
        tokens = self._encoder.encode([d.contents for d in documents], "document")
        self._sink.append(tokens, [d.id for d in documents])


def _write_tokens(
    build: Build, source: MultiVectorIndex, block: int, sink: _FdeSink, progress: Progress
) -> None:
    """Feed the documents of an index to ``sink``, from the block on that was last saved."""
    tokens, saved = source.tokens, time.monotonic()
    if sink.rows:
        progress(sink.rows)
    while sink.rows < len(source.ids):
        rows = np.arange(sink.rows, min(sink.rows + block, len(source.ids)))
        offsets = tokens.offsets[rows[0] : rows[-1] + 2]
        buffer = np.empty((offsets[-1] - offsets[0], tokens.dim), np.float32)
        vectors = tokens.read(int(offsets[0]), int(offsets[-1]), buffer)
        names = [name.decode("utf-8") for name in source.ids.gather(rows).tolist()]
        sink.append(PackedVectors(vectors, offsets - offsets[0]), names)
        if time.monotonic() - saved >= SECONDS_BETWEEN_SAVES:
            build.save_state(**sink.flush(), rows=sink.rows)
            saved = time.monotonic()
        progress(len(rows))
    sink.close()
