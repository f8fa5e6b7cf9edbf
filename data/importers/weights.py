"""Term weights that a learned sparse model has computed: of documents, and of queries."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from intrex.data.errors import BadInput, Problems, json_type
from intrex.data.importers.inputs import Input, text_id
from intrex.data.io.containers import SUFFIXES
from intrex.data.io.files import require_file
from intrex.data.options import LARGEST_FLOAT
from intrex.data.writer import RecordSource

_IDS = ("id", "_id", "docid", "docno", "qid", "query_id")
_VECTORS = ("vector", "toks", "query_toks")
_TEXTS = ("text", "contents", "content", "query")
_SUFFIXES = (".json", ".jsonl", *SUFFIXES)


class Weights(NamedTuple):
    """Weights of a document or a query by term, none of them 0; its text, if the file has it, and its line."""

    id: Any
    vector: dict[str, float]
    text: str
    source: RecordSource


def weight_files(path: Path) -> list[Input]:
    """List the files of weights that a path names: itself, or every ``.json``, ``.jsonl`` and compressed file of a folder.

    Raises:
        BadInput: the path does not exist, or the folder has no such file.
    """
    if not path.is_dir():
        return [Input(require_file(path, "file of weights"), path.name)]
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix in _SUFFIXES)
    if not files:
        raise BadInput(
            f"no .json or .jsonl file, plain or compressed, in the folder {path}",
            "name the file, or the folder it is in",
        )
    return [Input(p, p.relative_to(path).as_posix()) for p in files]


def has_weights(file: Input) -> bool:
    """Tell whether the first JSON object of a file has term weights."""
    line = next((line.lstrip() for _, line in file.lines(Problems(file.label))), "")
    if not line.startswith(("{", "[")):
        return False
    first = next((row for _, row in file.objects(Problems(file.label))), {})
    return any(isinstance(first.get(key), dict) for key in _VECTORS)


def read_weights(file: Input, problems: Problems) -> Iterator[Weights]:
    """Yield what a file of JSON objects says; what cannot be goes to ``problems``, with its line.

    An object has an id (``id``, ``_id``, ``docid``, ``docno``, ``qid`` or ``query_id``) and a ``vector`` of weights by
    term, as in Anserini's JsonVectorCollection and SPLADE's own files; PyTerrier calls it ``toks`` or ``query_toks``.
    Weights of 0 are left out.
    """
    for line, row in file.objects(problems):
        source = file.at(line)
        id_ = next((key for key in _IDS if key in row), None)
        vector = next((key for key in _VECTORS if key in row), None)
        if id_ is None or vector is None:
            missing = "'id'" if id_ is None else "'vector'"
            problems.add(
                source, f"the object has no {missing}", 'a line is: {"id", "vector": {term: weight}}'
            )
        elif not isinstance(row[vector], dict):
            problems.add(source, f"'{vector}' is {json_type(row[vector])}, an object of weights is needed")
        else:
            text = next((row[key] for key in _TEXTS if isinstance(row.get(key), str)), "")
            yield Weights(text_id(row[id_]), _sound_weights(row[vector], source, problems), text, source)


def _sound_weights(vector: Mapping[str, Any], where: RecordSource, problems: Problems) -> dict[str, float]:
    """Return the weights that are not 0; those that cannot be are reported."""
    weights = {}
    for term, weight in vector.items():
        if type(weight) not in (int, float):
            problems.add(where, f"the weight of {term!r} is {json_type(weight)}, a number is needed")
        elif not 0 <= weight <= LARGEST_FLOAT:  # they are kept in float32
            problems.add(where, f"the weight of {term!r} is {_weight_problem(weight)}")
        elif problem := _term_problem(term):
            problems.add(where, problem)
        elif weight:
            weights[term] = weight
    return weights


def _term_problem(term: str) -> str | None:
    if not term:
        return "a term is empty"
    if "\n" in term:
        return f"the term {term!r} has a line break"
    surrogate = not term.isascii() and any("\ud800" <= c <= "\udfff" for c in term)
    return f"the term {term!r} has an unpaired surrogate" if surrogate else None


def _weight_problem(weight: float) -> str:
    if isinstance(weight, float) and not math.isfinite(weight):
        return "not a finite number"
    return "negative" if weight < 0 else "too large for float32"
