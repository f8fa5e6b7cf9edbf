"""A command line as a request: what it reads, so that nothing is written over it and a repetition is known."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from intrex.data.errors import UsageError
from intrex.data.io.request import Request, run_request
from intrex.encoders.options import FAMILIES
from intrex.retrievers.rerank.options import COMMAND

WRITTEN = (
    "out",
    "output",
    "choice_output",
    "fix",
    "choice_scores",
    "choice_cache",
    "choice_json",
    "choice_junit",
    "choice_markdown",
)
"""Parameters that name what is written."""
_LABELS = (
    "name",
    "choice_name",
    "choice_tag",
    "choice_measure",
    "choice_method",
    "choice_device",
    "choice_delimiter",
    "choice_max_passage_delimiter",
    "choice_document_prompt",
    "choice_query_prompt",
    "kind",
    "ids",
)
_MODELS = ("choice_encoder", "choice_with", "choice_base", "choice_teacher", "choice_scorer")
"""Parameters that name a model: FAMILY, MODEL or FAMILY:MODEL."""
_AGAIN = ("overwrite", "choice_overwrite")


def request_of(command: Any, context: Any) -> AbstractContextManager[None]:
    """Make a command that was parsed the current request.

    One that reads stdin is never taken for a repetition of another.

    Raises:
        UsageError: two of its inputs are stdin.
    """
    given = {name: value for name, value in context.params.items() if value not in (None, [], ())}
    declared = getattr(command.callback, "declared", {})
    read = {
        name: value
        for name, value in given.items()
        if name not in WRITTEN + _LABELS
        and not (name in declared and (declared[name].choices or declared[name].names))
    }
    last = getattr(command.callback, "output_last", "")
    if last in read and "output" not in given:
        read[last] = read[last][:-1]
    words = [context.command_path]
    words += [f"{name}={value}" for name, value in sorted(given.items()) if name not in _AGAIN]
    stdin = [value for _, value in _values(read)].count("-")
    if stdin > 1:
        raise UsageError(
            "standard input (-) is named twice, it can be read once", "write one of them to a file"
        )
    prints = getattr(command.callback, "prints", False)
    return run_request(Request([] if stdin else words, sorted(_files(read)), again=prints))


def _values(read: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in read.items():
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, str | Path):
                yield name, str(part)


def _files(read: Mapping[str, Any]) -> set[Path]:
    """Return the files and folders that values may name, whether they are there or not."""
    names = set()
    for name, value in _values(read):
        if name in _MODELS:
            families = {n for family in FAMILIES.values() for n in family.registry} | {"bm25"}
            model = value.partition(":")[2]
            with contextlib.suppress(ValueError):  # a quotation that does not end is said later
                names |= set(shlex.split(model)) if value.startswith(COMMAND) else set()
            names |= ({value} - families) | ({model} if not model.isdecimal() else set())  # hashing:64
        else:  # COLLECTION:SET, SPLIT:FOLD, TAG=PATH
            names |= {value, value.rpartition(":")[0], value.partition("=")[2]}
    return {Path(name) for name in names - {"", "-"} if _may_be_a_file(Path(name))}


def _may_be_a_file(path: Path) -> bool:
    try:
        path.exists()
    except (OSError, ValueError):  # no name of a file at all
        return False
    return True
