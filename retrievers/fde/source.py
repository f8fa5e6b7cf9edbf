"""What FDEs are made of: the token vectors of a multivector index, or a collection and an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.io.files import refuse_existing
from intrex.data.progress import Progress, no_progress
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import read_manifest
from intrex.encoders.base import TokenEncoder, make_token_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.fde.build import build_fde, build_fde_of_collection
from intrex.retrievers.fde.index import FdeIndex
from intrex.retrievers.fde.options import FdeBuild, FdeOptions
from intrex.retrievers.multivector.index import MultiVectorIndex
from intrex.retrievers.options import Stage, no_stage
from intrex.retrievers.vectors.options import FLAT, AnnConfig


@dataclass(frozen=True)
class Source:
    """What FDEs are made of: ``tokens``, or ``collection`` with ``encoder``."""

    documents: int
    tokens: MultiVectorIndex | None = None
    collection: Collection | None = None
    encoder: TokenEncoder | None = None

    @property
    def spec(self) -> EncoderSpec:
        """Of the encoder of the tokens."""
        known = self.tokens or self.encoder
        if known is None:
            raise ValueError("neither token vectors, nor a collection with an encoder")
        return known.spec

    def build(
        self,
        out: Path,
        options: FdeOptions,
        *,
        ann: AnnConfig = FLAT,
        overwrite: bool = False,
        progress: Progress = no_progress,
    ) -> FdeIndex:
        """Make an index of the FDEs; see `intrex.retrievers.fde.build.build_fde`."""
        if self.tokens is not None:
            config = options.config(self.tokens.spec.dim)
            return build_fde(self.tokens, out, config, ann=ann, overwrite=overwrite, progress=progress)
        if self.collection is None or self.encoder is None:
            raise ValueError("neither token vectors, nor a collection with an encoder")
        config = options.config(self.encoder.spec.dim)
        return build_fde_of_collection(
            self.collection, out, self.encoder, config, ann=ann, overwrite=overwrite, progress=progress
        )


def open_source(path: Path, encoder: str | None, options: EncoderOptions) -> Source:
    """Open a multivector index, or a collection together with the encoder of that name.

    Raises:
        UsageError: a collection without an encoder, or an index with one or with options of one.
        BadInput: ``path`` is neither.
    """
    kind = read_manifest(path, rebuild="intrex index multivector COLLECTION OUT").kind
    if kind == "multivector":
        plain = EncoderOptions(device=options.device, batch_size=options.batch_size)
        if encoder is not None or options != plain:
            raise UsageError(
                "a multivector index has its encoder and its tokens already",
                "leave --encoder and its options out, or name a collection",
            )
        tokens = MultiVectorIndex.open(path)
        return Source(len(tokens.ids), tokens=tokens)
    if kind != "collection":
        raise BadInput(
            f"FDEs are made of a multivector index or a collection, {path} holds an index of kind {kind}",
            "intrex index multivector COLLECTION OUT",
        )
    if encoder is None:
        raise UsageError(
            "a collection needs --encoder, or an index of its token vectors",
            "intrex index multivector COLLECTION TOKENS --encoder E, then intrex index fde TOKENS OUT",
        )
    collection = Collection.open(path)
    made = make_token_encoder(encoder, options)
    return Source(collection.n_documents, collection=collection, encoder=made)


def build(
    source: Path, out: Path, options: FdeBuild, *, overwrite: bool = False, stage: Stage = no_stage
) -> int:
    """Build as ``intrex index fde`` does; return the number of documents. Raises as `open_source` and `Source.build`."""
    refuse_existing(out, overwrite)  # before the model is loaded
    opened = open_source(source, options.encoder, options.part(EncoderOptions))
    step = stage("encoding", opened.documents)
    opened.build(
        out, options.part(FdeOptions), ann=options.part(AnnConfig), overwrite=overwrite, progress=step
    )
    return opened.documents
