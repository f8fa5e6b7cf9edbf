"""Splitting of a collection into passages, by units of text or by the tokens of a model."""

from __future__ import annotations

import logging
from pathlib import Path

from intrex.data.builders.options import SplitOptions
from intrex.data.builders.split import Cutter, prepare_split, split_collection, unit_cutter
from intrex.data.collection import Collection
from intrex.data.progress import Progress

_log = logging.getLogger("intrex")


def split_passages(
    collection: Collection,
    out: Path,
    options: SplitOptions,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Collection:
    """Cut the documents of a collection into passages; for all else see `intrex.data.builders.split.split_collection`.

    Raises:
        IntrexError: the output exists.
        UsageError: size or stride does not suit the model.
        BadInput: the documents are passages already, an id has the delimiter, or the model is nowhere to be found.
    """
    prepare_split(collection, out, options, overwrite)
    if options.unit == "tokens":
        from intrex.encoders.runtime.passages import token_cutter

        cutter: Cutter = token_cutter(options)
    else:
        cutter = unit_cutter(options)
    made = split_collection(collection, out, cutter, options, overwrite=overwrite, progress=progress)
    for remark in cutter.remarks():
        _log.info("%s", remark)
    return made
