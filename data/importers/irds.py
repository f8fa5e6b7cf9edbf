"""Any data set of ir_datasets, by its id."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from intrex.data.errors import BadInput, IntrexError, MissingExtra, nearest_name
from intrex.data.importers.inputs import count_items
from intrex.data.io.network import all_unreachable, connect_seconds
from intrex.data.progress import Progress
from intrex.data.writer import CollectionWriter, RecordSource


def load_library(need: str) -> ModuleType:
    """Import ir_datasets, or raise `MissingExtra`."""
    try:
        import ir_datasets
    except ImportError as error:
        raise MissingExtra("ir_datasets", "beir", need) from error
    library: ModuleType = ir_datasets
    return library


def irds_names() -> list[str]:
    """List the ids that ir_datasets knows, or none where it is not installed; nothing is downloaded."""
    try:
        return sorted(load_library("the catalogue").registry)
    except MissingExtra:
        return []


def is_known(id_: str) -> bool:
    """Tell whether ir_datasets is installed and has this id; nothing is downloaded."""
    with contextlib.suppress(KeyError, MissingExtra):
        return load_library("the catalogue").load(id_) is not None
    return False


def members_of(id_: str) -> dict[str, str]:
    """Return the data sets directly below an id that has no documents itself, by the last part of their ids.

    Only those with documents, and none where they are fewer than two: ``nano-beir``, ``beir/cqadupstack``.
    """
    below = [name for name in irds_names() if name.startswith(f"{id_}/") and "/" not in name[len(id_) + 1 :]]
    library = load_library("the catalogue") if below else None
    if library is None or (is_known(id_) and library.load(id_).has_docs()):
        return {}
    members = {name[len(id_) + 1 :]: name for name in below if library.load(name).has_docs()}
    return members if len(members) > 1 else {}


def origin_of(id_: str) -> dict[str, Any]:
    """Describe the source for the manifest; raises `BadInput` for an unknown id and for one without documents."""
    library = load_library(f"the data set irds:{id_}")
    if not is_known(id_):
        raise BadInput(f"ir_datasets has no data set {id_!r}", _near(id_))
    if not library.load(id_).has_docs():
        raise BadInput(f"the data set irds:{id_} has no documents", _near(id_))
    return {"importer": "ir_datasets", "source": f"irds:{id_}", "ir_datasets": library.__version__}


def _near(id_: str) -> str:
    family = [
        name for name in irds_names() if name.partition("/")[0] == id_.partition("/")[0] and name != id_
    ]
    return nearest_name(id_, family[:40]) if family else "the ids are listed at https://ir-datasets.com"


def set_of(id_: str) -> str:
    """Return the query set that an id stands for: its last part, as in ``antique/test``, else ``test``."""
    last = id_.rpartition("/")[2] if "/" in id_ else "test"
    return last if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", last) else "test"


def fill_from_irds(id_: str, writer: CollectionWriter, progress: Progress | None = None) -> None:
    """Stream a data set of ir_datasets into a collection.

    What the data set has already downloaded is used; the rest it downloads itself, with its own checksums. Where none
    of its servers can be reached it gets one try of a second instead of three of fifteen.

    Raises:
        IntrexError: a download failed.
        BadInput: ir_datasets cannot read its own files.
    """
    library = load_library(f"the data set irds:{id_}")
    data, label = library.load(id_), f"irds:{id_}"
    with _short_tries(library, id_) as offline:
        for n, doc in count_items(_items(id_, "documents", data.docs_iter, offline), progress):
            title, text = title_and_text(doc)
            writer.document(doc.doc_id, title, text, RecordSource(f"{label} document", n))
        if data.has_queries():
            for n, query in _items(id_, "queries", data.queries_iter, offline):
                writer.query(query.query_id, _full_text(query), RecordSource(f"{label} query", n))
        if data.has_qrels():
            for n, judgement in _items(id_, "judgements", data.qrels_iter, offline):
                source, grade = RecordSource(f"{label} judgement", n), int(judgement.relevance)
                topic = str(getattr(judgement, "subtopic_id", getattr(judgement, "iteration", "")))
                writer.judgement(set_of(id_), judgement.query_id, judgement.doc_id, grade, source, topic)


def title_and_text(doc: Any) -> tuple[str, str]:
    """Return title and text of a document so that, joined, they are what ir_datasets itself would index.

    A field ``title`` is the title; the text is the rest of ``default_text()``.
    """
    title, text = getattr(doc, "title", None), getattr(doc, "text", None)
    if title is None and isinstance(text, str) and "title" in getattr(doc, "_fields", ()):
        return "", text  # default_text() would begin with the word None
    contents = _full_text(doc)
    if not isinstance(title, str) or not contents.startswith(title):
        return "", contents
    if isinstance(text, str) and contents == f"{title} {text}":
        return title, text
    return title, contents[len(title) :].strip()


def _full_text(item: Any) -> str:
    if hasattr(item, "default_text"):
        return str(item.default_text())
    return " ".join(value for value in item[1:] if isinstance(value, str))


def _items(
    id_: str, noun: str, open_: Callable[[], Iterator[Any]], offline: bool
) -> Iterator[tuple[int, Any]]:
    """Yield the items, numbered from 1, and turn any failure of ir_datasets into one line.

    Offline, what it prints while it fails is held back: five lines of it say what our one line says.
    """
    try:
        with contextlib.redirect_stderr(io.StringIO()) if offline else contextlib.nullcontext():
            items = iter(open_())
            first = next(items, None)
        if first is not None:
            yield 1, first
            yield from enumerate(items, 2)
    except Exception as error:  # its parsers and downloaders raise whatever happens to them
        raise _failure(id_, noun, error, offline) from error


def _failure(id_: str, noun: str, error: Exception, offline: bool) -> IntrexError:
    label = f"irds:{id_}"
    if isinstance(error, FileNotFoundError):
        page = f"https://ir-datasets.com/{id_.partition('/')[0]}.html"
        return IntrexError(f"{label} is not public; its file is needed at {error}", f"how to get it: {page}")
    requests_failed = type(error).__module__.startswith(("requests", "urllib3"))
    if requests_failed or isinstance(error, (OSError, EOFError)) or "download" in str(error).lower():
        reason = "its servers cannot be reached" if offline else f"{type(error).__name__}: {str(error)[:200]}"
        hint = (
            f"where there is a network: intrex collection import {label} OUT; then copy the folder OUT here"
        )
        return IntrexError(f"the {noun} of {label} could not be downloaded: {reason}", hint)
    return BadInput(f"ir_datasets cannot read the {noun} of {label}: {type(error).__name__}: {error}")


@contextlib.contextmanager
def _short_tries(library: ModuleType, id_: str) -> Iterator[bool]:
    """Tell whether none of the data set's servers can be reached, and if so let each download try once."""
    catalogue = library.util.DownloadConfig.contents()
    offline = all_unreachable(_urls(catalogue.get(id_.partition("/")[0], {})))
    limits = (
        {"IR_DATASETS_DL_TRIES": "1", "IR_DATASETS_DL_TIMEOUT": str(connect_seconds())} if offline else {}
    )
    saved = {key: os.environ.get(key) for key in limits}
    os.environ.update(limits)
    try:
        yield offline
    finally:
        for key, value in saved.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})


def _urls(entry: Any) -> Iterator[str]:
    """Yield every ``url`` in a part of ir_datasets' catalogue of downloads."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            if key == "url" and isinstance(value, str):
                yield value
            else:
                yield from _urls(value)
