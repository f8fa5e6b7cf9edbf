"""The one place that tells the forms of runs apart, and reads each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, Problems, UsageError
from intrex.data.growth import note_growth, note_padding
from intrex.data.io.containers import is_tabular, plain_name
from intrex.data.io.delimited import delimiter_of
from intrex.data.io.lines import first_line
from intrex.data.rankings.answers import ANSWERS, Answer, find_answers
from intrex.data.rankings.assemble import answers_table
from intrex.data.rankings.columns import read_blank_cells, read_delimited_cells, read_tabular_cells
from intrex.data.rankings.jsonfiles import load_values
from intrex.data.rankings.nested import JSON_LAYOUT, mteb_rankings, nested_table
from intrex.data.rankings.options import FORMS, RunSource
from intrex.data.run import RunTable, read_trec_table, run_name

COLUMN_FORMS = {"msmarco": "rank", "tevatron": "score", "colbert": None}
_BY_WIDTH = {3: "columns", 4: "colbert"}
_FOLDER = "a run that is a folder has an answer for each query, in a file that is called by the query's id"
_KNOWN = "known: {query: {document: score}}, and the lists of docs/formats.md; --from NAME names a form"


def read_table(path: Path, source: RunSource, problems: Problems, more: bool, ends: float) -> RunTable:
    """Read a run as it stands, in the form that its content or ``source`` says.

    Args:
        path: a file, or a folder with an answer of a search engine for each query, in a file called by its id.
        source: form, columns and order of queries, where the user named them.
        problems: told of everything that is malformed.
        more: allow columns after the sixth of TREC's form.
        ends: scores are below it.
    """
    if path.is_dir():
        return _folder_table(path, source, problems, ends)
    form = source.form or tell_form(path, source)
    if form == "trec":
        if source.columns:
            raise UsageError(
                "--columns is for runs that are not in TREC's six columns", "leave --columns out"
            )
        table = read_trec_table(path, problems, more)
        note_growth(path)
        note_padding(path, table.doc_ids, table.scores)
        return table
    if form == "table" and is_tabular(path):
        return read_tabular_cells(path, problems, source.table).table(path, problems, run_name(path))
    if form == "table":
        delimiter = delimiter_of(path) or "\t"
        return read_delimited_cells(path, problems, delimiter, source.table).table(
            path, problems, run_name(path)
        )
    if form in COLUMN_FORMS or form == "columns":
        value = COLUMN_FORMS.get(form)
        cells = read_blank_cells(path, problems, source.table, value)  # type: ignore[arg-type]
        return cells.table(path, problems, run_name(path))
    return _json_table(path, form, source, problems, ends)


def tell_form(path: Path, source: RunSource) -> str:
    """Tell a run's form from its first line: a name of `FORMS`, ``columns`` or ``json``."""
    if is_tabular(path):
        return "table"
    first = first_line(path).lstrip()
    if first.startswith(("{", "[")):
        return "json"
    if delimiter_of(path, first):
        return "table"
    if source.columns:
        return "table" if "\t" in first and len(first.split("\t")) != len(first.split()) else "columns"
    return _BY_WIDTH.get(len(first.split()), "trec")


def _json_table(path: Path, form: str, source: RunSource, problems: Problems, ends: float) -> RunTable:
    values, lines = load_values(path, problems, f"a JSON run reads {JSON_LAYOUT}")
    named = None if form == "json" else form
    if named in (None, *ANSWERS) and (found := find_answers(values, named)) is not None:
        return answers_table(found[1], found[0], path, problems, source, ends)
    value = values[0][1] if len(values) == 1 else None
    runs = mteb_rankings(value)
    if runs is not None and named in (None, "mteb"):
        return _mteb_table(runs, path, problems, ends)
    if isinstance(value, dict) and named is None:
        return nested_table(value, path, problems, ends)
    problems.raise_if_any()
    if named:
        raise BadInput(f"the file is not in the form {named}: {FORMS[named]} ({path})", _KNOWN)
    keys = _keys(values)
    raise BadInput(f"no run is in this JSON{' lines' * lines}: {keys} ({path})", _KNOWN)


def _keys(values: Sequence[tuple[str, Any]]) -> str:
    value = values[0][1] if values else None
    value = value[0] if isinstance(value, list) and value else value
    return (
        f"the keys are {', '.join(list(value)[:8])}"
        if isinstance(value, dict)
        else "there is no object in it"
    )


def _mteb_table(
    runs: Mapping[str, Mapping[str, Any]], path: Path, problems: Problems, ends: float
) -> RunTable:
    if len(runs) > 1:
        raise BadInput(
            f"the predictions hold {len(runs)} runs: {', '.join(runs)} ({path})",
            "keep one subset and split in a file",
        )
    (run,) = runs.values()
    return nested_table(run, path, problems, ends)


def _folder_table(path: Path, source: RunSource, problems: Problems, ends: float) -> RunTable:
    """Read the answers in a folder, each the answer to the query that its file is called by."""
    files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    answers: list[Answer] = []
    form = None
    for file in files:
        stem = Path(plain_name(file)).stem
        try:
            found = find_answers(load_values(file, problems, "")[0], source.form)
        except BadInput:
            found = None
        if found is None or len(found[1]) != 1:
            problems.add(f"{path.name}/{file.name}", "no answer of a search engine to one query", _FOLDER)
            continue
        form, (answer,) = found
        answers.append(replace(answer, query=stem if answer.query is None else answer.query, place=file.name))
    if not answers:
        raise BadInput(f"the run is a folder without answers of a search engine: {path}", _FOLDER)
    problems.raise_if_any()
    return answers_table(answers, form or "", path, problems, replace(source, query_order=None), ends)
