"""QUERIES and QRELS of the command line: an existing path first, else COLLECTION:SET."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from intrex.data.artifact import manifest_path
from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, Problems
from intrex.data.files import read_jsonl, read_lines
from intrex.data.ids import id_problem
from intrex.data.qrels import Qrels, read_qrels


@dataclass(frozen=True)
class Judged:
    """Judgements and where they are from: a collection's name and set, or a file's name and no set."""

    qrels: Qrels
    collection: str
    query_set: str


def find_queries(text: str) -> tuple[Queries, Collection | None]:
    """Queries from a file (BEIR jsonl, or ``id<TAB>text``), plain or gzip, or from ``COLLECTION:SET``.

    Raises:
        BadInput: neither exists, the set does not (the message names those that do), or the file is malformed.
    """
    path = Path(text)
    if path.is_file():
        return read_topics(path), None
    collection, name = _collection(text, "queries")
    return collection.queries(name), collection


def find_qrels(text: str) -> Judged:
    """Judgements from a file or from ``COLLECTION:SET``; see `find_queries`."""
    path = Path(text)
    if path.is_file():
        return Judged(read_qrels(path), path.name, "")
    collection, name = _collection(text, "qrels")
    return Judged(collection.qrels(name), collection.name, name)


def _collection(text: str, what: str) -> tuple[Collection, str]:
    folder, _, name = text.rpartition(":") if ":" in text and not Path(text).is_dir() else (text, "", "")
    path = Path(folder)
    if not path.is_dir():
        raise BadInput(f"{what} not found: {text}", "name a file, or a collection and one of its sets, as COLLECTION:test")
    if manifest_path(path) is None and not (path / "corpus.jsonl").exists():
        raise BadInput(f"neither a file nor a collection: {path}", "intrex collection import SOURCE OUT makes a collection")
    collection = Collection.open(path)
    if not name:
        if len(collection.sets) != 1:
            there = ", ".join(f"{path}:{s}" for s in collection.sets) or "none"
            raise BadInput(f"{collection.name} has {len(collection.sets)} query sets, name one", f"there are: {there}")
        name = next(iter(collection.sets))
    return collection, name


def read_topics(path: Path) -> Queries:
    """Read a query file: JSON lines with ``_id`` (or ``id``) and ``text``, or ``id<TAB>text``.

    Raises:
        BadInput: every malformed line and repeated id is counted.
    """
    problems = Problems(path.name)
    first = next(read_lines(path, Problems(path.name)), (0, ""))[1].lstrip()
    rows = _json_topics(path, problems) if first.startswith("{") else _tsv_topics(path, problems)
    seen: dict[str, int] = {}
    for number, id_, text in rows:
        where = f"{path.name}:{number}"
        if wrong := id_problem(id_):
            problems.add(where, wrong)
        elif not isinstance(text, str):
            problems.add(where, f"the text of query {id_} is missing")
        elif id_ in seen:
            problems.add(where, f"the query id {id_} occurred before, at line {seen[id_]}")
        else:
            seen[str(id_)] = number
    problems.raise_if_any()
    if not rows:
        raise BadInput(f"the file has no query ({path})", "a line is: id<TAB>text, or JSON with _id and text")
    return Queries([str(i) for _, i, _ in rows], [str(t) for _, _, t in rows])


def _json_topics(path: Path, problems: Problems) -> list[tuple[int, object, object]]:
    return [(n, row.get("_id", row.get("id")), row.get("text")) for n, row in read_jsonl(path, problems)]


def _tsv_topics(path: Path, problems: Problems) -> list[tuple[int, object, object]]:
    rows: list[tuple[int, object, object]] = []
    for number, line in read_lines(path, problems):
        id_, tab, text = line.partition("\t")
        if tab:
            rows.append((number, id_.strip(), text))
        else:
            problems.add(f"{path.name}:{number}", "a line needs a tab between id and text")
    return rows
