"""Scorer of a CUR index: made when it is built, recorded, and made again when it is searched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput
from intrex.data.specs import EncoderSpec
from intrex.data.store.manifest import Manifest
from intrex.encoders.cross.base import PairScorer
from intrex.encoders.cross.scorer import make_pair_scorer
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.cur.options import CurBuild

_CHOSEN = ("revision", "query_prompt", "document_prompt", "max_length", "dtype")
"""Options of a scorer that decide its scores."""
_COMMIT = "commit:"


def record_scorer(scorer: PairScorer, options: CurBuild, out: Path) -> dict[str, Any]:
    """Return the entries of a manifest that bring a scorer back: its spelling, what was chosen, and its spec.

    The path of a model's folder is written relative to the index's.
    """
    chosen = options.part(EncoderOptions)
    kind, _, name = options.scorer.rpartition(":")
    path = Path(name).expanduser()
    if path.is_dir():
        name = os.path.relpath(path.resolve(), out.parent.resolve() / out.name)
    spec = scorer.spec
    values = {key: value for key in _CHOSEN if (value := getattr(chosen, key)) is not None}
    if spec.revision.startswith(_COMMIT):
        values["revision"] = spec.revision.removeprefix(_COMMIT)
    return {
        "scorer": spec.to_dict(),
        "scorer_source": {"kind": kind, "name": name, "folder": path.is_dir(), **values},
    }


def open_scorer(
    folder: Path, manifest: Manifest, named: str | None, device: str | None, threads: int | None
) -> PairScorer:
    """Make the scorer that an index was built with.

    Args:
        folder: of the index.
        manifest: of the index.
        named: spelling of the scorer where it is now; None looks where it was.
        device: that it computes on.
        threads: of torch, in the whole process; None leaves them alone.

    Raises:
        BadInput: it is nowhere to be found, or is another one by now.
    """
    source = dict(manifest.params["scorer_source"])
    kind, name, in_folder = source.pop("kind"), source.pop("name"), source.pop("folder")
    if in_folder:
        name = str(Path(folder.resolve(), name).resolve())
        if named is None and not Path(name).is_dir():
            raise BadInput(
                f"the scorer of {folder} is not where it was: {name}",
                "name the folder where it is now: --scorer MODEL",
            )
    spelling = named or (f"{kind}:{name}" if kind else name)
    scorer = make_pair_scorer(spelling, EncoderOptions(**source, device=device), threads=threads)
    recorded = EncoderSpec(**manifest.params["scorer"])
    if scorer.spec.fingerprint != recorded.fingerprint:
        raise BadInput(
            f"the scorer {_label(scorer.spec)} is not the one that {folder} was built with: {_label(recorded)}",
            "name that one with --scorer, or build the index again",
        )
    return scorer


def _label(spec: EncoderSpec) -> str:
    return f"{spec.kind}:{spec.name} ({spec.revision[:19] or 'no revision'}, fingerprint {spec.fingerprint[:12]})"
