"""Answers beside queries: strings, of which a document that answers a question contains one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, Problems, json_type
from intrex.data.ids import id_problem
from intrex.data.importers.inputs import Input, text_id
from intrex.data.io.files import require_file, spooled
from intrex.data.writer import RecordSource

_IDS, _ANSWERS = ("_id", "id", "qid", "query_id"), ("answers", "answer")
_HINT = 'a line is: {"_id": ..., "answers": [...]}, or: id TAB ["answer", ...], or: id TAB question TAB ["answer", ...]'


def read_answers(path: Path) -> dict[str, list[str]]:
    """Read the answers to each query: JSON objects with an id and ``answers``, or lines between TABs; ``-`` is stdin.

    Raises:
        BadInput: every malformed line and repeated id is counted; or there is no query.
    """
    problems = Problems(path.name, _HINT)
    answers: dict[str, list[str]] = {}
    with spooled(require_file(path, "answers") if str(path) != "-" else path) as copy:
        for source, id_, value in _rows(Input(copy, path.name), problems):
            value = [value] if isinstance(value, str) else value
            if problem := id_problem(id_):
                problems.add(source, problem)
            elif not isinstance(value, list) or not all(isinstance(answer, str) for answer in value):
                problems.add(source, f"the answers are {json_type(value)}, a list of strings is needed")
            elif id_ in answers:
                problems.add(source, f"the query id {id_} occurred before")
            else:
                answers[id_] = value
    problems.raise_if_any()
    if not answers:
        raise BadInput(f"the file has no query ({path})", _HINT)
    return answers


def _rows(file: Input, problems: Problems) -> Iterator[tuple[RecordSource, Any, Any]]:
    if file.head().startswith(("{", "[")):
        for line, row in file.objects(problems):
            id_ = next((row[key] for key in _IDS if key in row), None)
            value = next((row[key] for key in _ANSWERS if key in row), None)
            if id_ is None or value is None:
                problems.add(file.at(line), f"the query has no {'id' if id_ is None else 'answers'}")
            else:
                yield file.at(line), text_id(id_), value
        return
    for line, text in file.lines(problems):
        fields = text.split("\t")
        try:
            value = json.loads(fields[-1]) if len(fields) in (2, 3) else None
        except (ValueError, RecursionError):
            value = None
        if value is None:
            problems.add(file.at(line), "the last of two or three columns is no list of answers")
        else:
            yield file.at(line), fields[0], value
