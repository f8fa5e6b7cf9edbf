"""Layout of a folder: its corpus, its queries, its judgements."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, Problems, UsageError, nearest_name
from intrex.data.importers.documents import NAMED, READERS
from intrex.data.importers.inputs import NO_FIELDS, Fields, Input, bare_name
from intrex.data.importers.judgements import click_record
from intrex.data.importers.records import IDS, TEXTS, has_header, is_table, json_layout
from intrex.data.importers.trecdocuments import is_trec_documents
from intrex.data.io.containers import plain_name, with_suffixes

_log = logging.getLogger("intrex")
_JSON = (".jsonl", ".json")
_TSV = (".tsv", ".txt")
_TABLES = (".csv", ".parquet", ".parq", ".arrow")
_JUDGED = (*_TSV, ".qrels", ".trec", ".jsonl", *_TABLES)
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_TOPICS = re.compile(r"(queries|topics|questions)(?![a-z0-9])", re.IGNORECASE)
_QRELS = re.compile(r"qrels?(?![a-z0-9])[._-]*", re.IGNORECASE)
_PARTS = {"train", "test", "dev", "validation", "valid", "corpus", "queries"}
"""Splits of a data set of Hugging Face that are parts of one collection."""
_SET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NEEDED = f"needed: an id ({', '.join(IDS)}) and a text ({', '.join(TEXTS)})"
_NO_JSON = ("colbert", "table", "dpr")
_NAME_IT = "or name the corpus file itself, with --queries FILE and --qrels SET=FILE"
_HINT = (
    "a folder holds corpus.jsonl (BEIR), .jsonl files with id and contents (pyserini), collection.tsv (ColBERT), or files of "
    f"<DOC> (TREC); {_NAME_IT}"
)


@dataclass(frozen=True)
class Layout:
    """Files of a collection, before any is read whole."""

    format: str
    corpus: list[Input]
    queries: list[Input]
    qrels: dict[str, Input]

    def record(self) -> dict[str, Any]:
        """Return what the manifest keeps: names, sizes and hashes."""
        return {
            "corpus": [file.record() for file in self.corpus],
            "queries": [file.record() for file in self.queries],
            "qrels": {name: _judged_record(file) for name, file in self.qrels.items()},
        }


def _judged_record(file: Input) -> dict[str, Any]:
    """Return what the manifest keeps of a file of judgements: also how they were made, where they were made of clicks."""
    clicks = click_record(file.path)
    return file.record() if clicks is None else {**file.record(), "clicks": clicks}


def find_layout(
    source: Path,
    layout: str = "auto",
    queries: Sequence[Path] = (),
    qrels: Mapping[str, Path] | None = None,
    fields: Fields = NO_FIELDS,
) -> Layout:
    """Tell the files of ``source``, a corpus file or a folder, apart.

    Args:
        source: a corpus file, or a folder with a corpus and perhaps queries and judgements.
        layout: that of the corpus, or ``auto`` to tell it from names and the first record.
        queries: read these query files instead of those in the folder.
        qrels: read these judgements, by set name, instead of those in the folder.
        fields: names of the keys or columns of a document.

    Raises:
        BadInput: there is no corpus, or no telling what it is.
        UsageError: the layout or a set name cannot be.
    """
    if layout != "auto" and layout not in READERS:
        raise UsageError(f"unknown corpus layout {layout!r}", nearest_name(layout, ["auto", *READERS]))
    folder = source if source.is_dir() else None
    corpus = _corpus_files(folder, layout) if folder else [Input(source, source.name)]
    corpus = [replace(file, fields=fields) for file in corpus]
    topics = [Input(path, str(path)) for path in queries]
    judgements = {check_set(name, path): Input(path, str(path)) for name, path in (qrels or {}).items()}
    if folder:
        topics = topics or _query_files(folder)
        judgements = judgements if qrels else _qrels_files(folder)
    if judgements and not topics:
        raise BadInput(f"there are judgements and no queries: {source}", "add --queries FILE")
    form = _format(corpus[0]) if layout == "auto" else layout
    if fields and form not in NAMED:
        raise UsageError(
            f"--id-field and --text-fields are for the layouts {', '.join(NAMED)}, this is {form} ({corpus[0].label})",
            "leave them out, or --layout json, which reads any keys"
            if form in ("beir", "pyserini")
            else "leave them out",
        )
    return Layout(form, corpus, topics, judgements)


def _visible(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and those below it, in order, without hidden ones; links to folders are followed."""
    paths, seen = list[Path](), set[str]()
    for top, folders, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(top))
        folders[:] = [name for name in folders if os.path.realpath(Path(top, name)) not in seen]
        paths += [Path(top, name) for name in names]
    for path in sorted(paths):
        below = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith((".", "__MACOSX")) for part in below):
            yield path


def _only(folder: Path, *names: str) -> Input | None:
    """Return the one file of these names, or None; two of them are one too many."""
    files = [Input(folder / name, name) for name in names if (folder / name).is_file()]
    if len(files) > 1:
        raise BadInput(
            f"both {files[0].label} and {files[1].label} are there: {folder}", "remove one of them"
        )
    return files[0] if files else None


def _shards(folder: Path, *names: str) -> list[Input]:
    """List the files of a subfolder, as data sets of Hugging Face have them: ``corpus/test-00000-of-00001.parquet``."""
    for name in names:
        files = [path for path in _visible(folder / name) if plain_name(path).endswith((*_JSON, *_TABLES))]
        if files:
            return [Input(path, path.relative_to(folder).as_posix()) for path in files]
    return []


def _corpus_names(layout: str) -> tuple[str, ...]:
    beir, colbert = with_suffixes("corpus.jsonl"), with_suffixes("collection.tsv")
    tables = tuple(f"corpus{ending}" for ending in (*with_suffixes(".csv", ".tsv"), *_TABLES[1:]))
    passages = with_suffixes("corpus.tsv", "collection.tsv", "psgs_w100.tsv")
    named = {
        "auto": (*beir, *colbert, *tables), "beir": beir, "colbert": colbert, "table": tables, "dpr": passages,
    }  # fmt: skip
    return named.get(layout, ())


def has_corpus(folder: Path) -> bool:
    """Tell whether a folder itself has a corpus by its name: a file, or a folder of them as data sets of Hugging Face have."""
    return any((folder / name).is_file() for name in _corpus_names("auto")) or bool(_shards(folder, "corpus"))


def split_layouts(folder: Path, layout: str = "auto", fields: Fields = NO_FIELDS) -> dict[str, Layout]:
    """Return the layouts of a data set of Hugging Face with a split for each set; empty where its splits are parts of one.

    The splits of ``corpus`` and ``queries`` have the same names then, and none is that of a part (train, test ...).
    """
    splits = {name: _splits(folder, name) for name in ("corpus", "queries")}
    names = splits["corpus"].keys()
    if len(names) < 2 or names != splits["queries"].keys() or _PARTS & names:
        return {}
    judged = _splits(folder, "qrels", "default")
    layouts = {}
    for name in sorted(names):
        corpus = [replace(file, fields=fields) for file in splits["corpus"][name]]
        if len(files := judged.get(name, [])) > 1:
            raise BadInput(f"the judgements of {name} are {len(files)} files: {folder}", "make one of them")
        form = _format(corpus[0]) if layout == "auto" else layout
        qrels = {"test": files[0]} if files else {}
        layouts[check_set(name, folder)] = Layout(form, corpus, splits["queries"][name], qrels)
    return layouts


def _splits(folder: Path, *names: str) -> dict[str, list[Input]]:
    """Return the files of a subfolder by their names without the number of the shard."""
    splits: dict[str, list[Input]] = {}
    for file in _shards(folder, *names):
        splits.setdefault(_SHARD.sub("", bare_name(file.path)), []).append(file)
    return splits


def _corpus_files(folder: Path, layout: str) -> list[Input]:
    names = _corpus_names(layout)
    if file := _only(folder, *names):
        return [file]
    if layout not in ("colbert", "sgml", "dpr") and (shards := _shards(folder, "corpus")):
        return shards
    paths = [path for path in _visible(folder) if not (_TOPICS.match(path.name) or _QRELS.match(path.name))]
    rest = [path for path in paths if path.parent != folder / "qrels"]
    paths = (
        [path for path in paths if plain_name(path).endswith(_JSON)]
        if layout not in (*_NO_JSON, "sgml")
        else []
    )
    if not paths and layout in ("auto", "sgml"):
        paths = _trec_files(folder, rest)
    below = [str(path.parent) for path in _visible(folder) if path.name in names]
    if below or not paths:
        looked = (
            f"looked for {', '.join(name for name in names if plain_name(Path(name)) == name)}, plain or compressed; "
            + _NAME_IT
        )
        hint = looked if layout in _NO_JSON else _HINT
        hint = f"there is one in {', '.join(below[:12])}; import that folder" if below else hint
        raise BadInput(f"no corpus in the folder itself: {folder}", hint)
    return [Input(path, path.relative_to(folder).as_posix()) for path in paths]


def _trec_files(folder: Path, paths: list[Path]) -> list[Path]:
    """Return the files of TREC's documents, whatever their names; a note counts the others."""
    found = [path for path in paths if is_trec_documents(Input(path, path.name))]
    if found and (others := [path for path in paths if path not in set(found)]):
        names = ", ".join(path.relative_to(folder).as_posix() for path in others[:3])
        _log.info("%d files do not begin with <DOC> and are not read: %s", len(others), names)
    return found


def _query_files(folder: Path) -> list[Input]:
    if file := _only(folder, *with_suffixes("queries.jsonl")):
        return [file]
    files = [Input(p, p.name) for p in _visible(folder) if p.parent == folder and _TOPICS.match(p.name)]
    return files or _shards(folder, "queries")


def _qrels_files(folder: Path) -> dict[str, Input]:
    sets: dict[str, Input] = {}
    for path in _visible(folder):
        below = path.relative_to(folder)
        inside = below.parts[0] in ("qrels", "default") and len(below.parts) == 2
        if inside and not plain_name(path).endswith(_JUDGED):
            _log.info("%s is not read: judgements end in %s", below, ", ".join(_JUDGED))
            continue
        if inside or (len(below.parts) == 1 and _QRELS.match(path.name)):
            name = check_set(_QRELS.sub("", _SHARD.sub("", bare_name(path)), count=1) or "test", path)
            if name in sets:
                raise BadInput(
                    f"two files are the query set {name}: {sets[name].label} and {below}", "remove one"
                )
            sets[name] = Input(path, below.as_posix())
    return sets


def check_set(name: str, path: Path) -> str:
    """Return the name of a query set; raises `UsageError` where it cannot be one."""
    if not _SET.fullmatch(name):
        hint = "use letters, digits, dot, dash and underscore; --qrels SET=FILE names a set"
        raise UsageError(f"{name!r} cannot be the name of a query set ({path.name})", hint)
    return name


def _format(corpus: Input) -> str:
    """Tell a corpus file's layout from its name and its first sound record."""
    name = plain_name(corpus.path)
    if is_table(corpus):
        return "table"
    if is_trec_documents(corpus):
        return "sgml"
    if corpus.head().startswith("<"):
        raise BadInput(
            f"markup that is no document of TREC's ({corpus.label})",
            f"read are <DOC> ... </DOC> with a <DOCNO>; {_NEEDED}",
        )
    if name.endswith(_TSV):
        return "table" if has_header(corpus) else "colbert"
    _, record = next(corpus.objects(Problems(corpus.label)), (0, None))
    if record is None:  # nothing sound in it: its reader will say what is wrong, line by line
        return "beir" if name.startswith("corpus") else "pyserini"
    if corpus.fields:
        return "json"
    if layout := json_layout(record):
        return layout
    keys = ", ".join(sorted(record)[:8])
    hint = "--id-field NAME --text-fields NAME,NAME names its keys"
    raise BadInput(f"the first record has the keys {keys}; {_NEEDED} ({corpus.label})", hint)
