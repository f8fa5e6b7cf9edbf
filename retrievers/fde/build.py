"""Building FDE indexes, block by block; a killed build is resumed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from intrex.data.errors import BadInput
from intrex.data.io.files import fingerprint, refuse_existing
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest
from intrex.data.system.machine import require_disk, require_memory
from intrex.data.system.threads import cores
from intrex.encoders.fde.config import FdeConfig
from intrex.encoders.fde.encoder import Fde
from intrex.retrievers.encoded import cut_params, library_versions
from intrex.retrievers.fde.index import FdeIndex
from intrex.retrievers.fde.options import FdeBuild
from intrex.retrievers.fde.source import NUMBERS_AT_ONCE, FdeSource, FdeWriter, open_source
from intrex.retrievers.options import BuildTask
from intrex.retrievers.vectors.nearest import add_ann
from intrex.retrievers.vectors.options import FLAT, AnnConfig


def build_fde(source: FdeSource, task: BuildTask, config: FdeConfig, ann: AnnConfig = FLAT) -> FdeIndex:
    """Make an index of the FDEs of a source's documents, in constant memory but for ``ann``.

    A killed build is resumed at its last saved block by the next one with the same arguments.

    Args:
        source: gives the token vectors.
        task: where the index is made, and how.
        config: of the FDEs.
        ann: what finds the nearest ones.

    Raises:
        UsageError: ``ann`` cannot be built of these vectors.
        BadInput: ``config`` is of tokens of another dimension, or a document's tokens have NaN or infinity.
        IntrexError: the output exists, or is being built by another process; or memory or disk do not suffice.
    """
    spec, documents = source.spec, source.documents
    if config.dim != spec.dim:
        raise BadInput(f"FDEs of tokens of {config.dim} dimensions, the tokens have {spec.dim}")
    ann = ann.resolved(documents, config.fde_dim)
    require_room(config, documents, task.out)
    fde, origin = Fde.draw(config), source.params(task)

    def make(build: Build) -> Manifest:
        if not build.state.get("searchable"):
            writer = FdeWriter(build, fde, documents)
            cut = source.write(build, writer, task)
            search = add_ann(build.path, ann)
            build.save_state(searchable=True, max_norm=writer.longest, **cut_params(cut), **search)
        if ann.engine != "flat":  # faiss's file has them, or their codes
            (build.path / "vectors.npy").unlink(missing_ok=True)
        fde.save(build.path)
        source.save_encoder(build.path / "encoder")
        params = {**origin, "fde": asdict(config), "projections": fde.fingerprint}
        kept = ("max_norm", "ann", "shared_nodes", "cut_documents")
        params |= {key: build.state[key] for key in kept if key in build.state}
        params |= {"documents": documents, "fde_dim": config.fde_dim}
        return Manifest("fde", source.collection, spec.to_dict(), params, versions=library_versions())

    inputs = ["fde", source.collection, spec.to_dict(), fde.fingerprint, ann.params(), origin]
    build_artifact(task.out, fingerprint(inputs), make, overwrite=task.overwrite)
    return FdeIndex.open(task.out)


def require_room(config: FdeConfig, documents: int, out: Path) -> None:
    """Raise `IntrexError` if FDEs of so many documents need more memory than there is, or more disk at ``out``."""
    noun = f"an index of FDEs of {config.fde_dim:,} dimensions"
    hint = "choose smaller --reps, --k-sim or --d-proj, or a --final-dim"
    memory = config.memory(cores()) + 4 * max(NUMBERS_AT_ONCE, config.fde_dim)
    require_memory(memory, noun, hint)
    require_disk(4 * documents * config.fde_dim, out, f"{noun} of {documents:,} documents", hint)


def build(source: Path, task: BuildTask, options: FdeBuild) -> int:
    """Build as ``intrex index fde`` does; return the number of documents. Raises as `open_source` and `build_fde`."""
    refuse_existing(task.out, task.overwrite)  # before the model is loaded
    options.require_engine()
    tokens = open_source(source, options)
    build_fde(tokens, task, options.config(tokens.spec.dim), options)
    return tokens.documents
