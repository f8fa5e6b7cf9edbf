"""File ``scores.jsonl``: per-query values of any number of systems, with the conditions they hold under."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.errors import BadInput, Problems, UsageError, json_type
from intrex.data.io.files import read_jsonl, require_file, writing
from intrex.eval.measures import Measure, parse_measures
from intrex.eval.scoring.rules import Rules, SelfMatch, Ties
from intrex.eval.scoring.score import Scores
from intrex.eval.scoring.signature import Conditions

SCHEMA = 5


@dataclass(frozen=True)
class SystemScores:
    """Scores of one system.

    Attributes:
        system: its name.
        scores: the values of each query.
        conditions: rules and judgements.
        run_sha256: of its ranking.
        relevant: [q] what stands for the relevant documents of each query, see `relevant_digests`.
        group: the group of collections that the set was scored with, empty without one: its sets together count as one set
            in a mean over sets.
    """

    system: str
    scores: Scores
    conditions: Conditions
    run_sha256: str
    relevant: Sequence[str]
    group: str = ""


def write_scores(systems: Iterable[SystemScores], path: Path, overwrite: bool = False) -> None:
    """Write a header line for each system, then a line for each of its queries."""
    with writing(path, overwrite) as stream:
        for system in systems:
            scores = system.scores
            head = {
                "schema": SCHEMA,
                "system": system.system,
                **({"group": system.group} if system.group else {}),
                "measures": [str(m) for m in scores.measures],
                "conditions": asdict(system.conditions),
                "run_sha256": system.run_sha256,
                "n_queries": len(scores.query_ids),
                "n_extra": scores.n_extra,
            }
            lines = [json.dumps(head, ensure_ascii=False)]
            answered, values = scores.answered.tolist(), scores.values.tolist()
            rows = zip(scores.query_ids, system.relevant, answered, values, strict=True)
            lines += [
                json.dumps({"query": q, "relevant": r, "answered": a, "values": v}, ensure_ascii=False)
                for q, r, a, v in rows
            ]
            stream.write(("\n".join(lines) + "\n").encode("utf-8"))


def read_scores(path: Path) -> list[SystemScores]:
    """Read what `write_scores` wrote; raises `BadInput` when it is cut off, damaged or of another schema."""
    require_file(path, "scores", "intrex evaluate QRELS RUN --scores FILE writes one")
    problems = Problems(path.name, "score the run again")
    blocks: list[_Block] = []
    for number, row in read_jsonl(path, problems):
        where = f"{path.name}:{number}"
        if "schema" in row:
            if type(row["schema"]) is not int or row["schema"] != SCHEMA:
                problems.add(where, f"schema {row['schema']!r} is not one this intrex reads ({SCHEMA})")
            blocks.append(_Block(where, row))
        elif blocks:
            blocks[-1].rows.append((number, row))
        else:
            problems.add(where, "not a scores file: it does not begin with a header")
    problems.raise_if_any()
    if not blocks:
        raise BadInput(f"the scores file is empty ({path})")
    return [_system(block, path) for block in blocks]


@dataclass(frozen=True)
class _Block:
    """Header, where it stands, and the numbered lines below it."""

    where: str
    head: dict[str, Any]
    rows: list[tuple[int, dict[str, Any]]] = field(default_factory=list)


def _system(block: _Block, path: Path) -> SystemScores:
    try:
        measures, conditions = _head(block.head)
    except _Damaged as error:
        raise BadInput(f"damaged scores: {error} ({block.where})", "score the run again") from error
    head, rows = block.head, block.rows
    problems = Problems(path.name, "score the run again")
    last: str | None = None
    for number, row in rows:
        try:
            last = _row(row, len(measures), last)
        except _Damaged as error:
            problems.add(f"{path.name}:{number}", f"damaged scores of {head['system']}: {error}")
    problems.raise_if_any()
    if len(rows) != head["n_queries"]:
        raise BadInput(
            f"the scores of {head['system']} are cut off: {len(rows)} of {head['n_queries']} queries ({path})",
            "score the run again",
        )
    query_ids = [row["query"] for _, row in rows]
    values = np.array([row["values"] for _, row in rows], np.float64).reshape(len(rows), len(measures))
    answered = np.array([row["answered"] for _, row in rows], np.bool_)
    scores = Scores(measures, query_ids, values, answered, head["n_extra"])
    relevant = [row["relevant"] for _, row in rows]
    group = head.get("group", "")
    return SystemScores(head["system"], scores, conditions, head["run_sha256"], relevant, group)


class _Damaged(ValueError):
    """Description of what is wrong with a line."""


def _head(head: dict[str, Any]) -> tuple[tuple[Measure, ...], Conditions]:
    """Return the measures and the conditions of a header, every field of it checked."""
    for key in ("system", "run_sha256", *(["group"] if "group" in head else [])):
        _text(head.get(key), key)
    for key in ("n_queries", "n_extra"):
        _count(head.get(key), key)
    names = head.get("measures")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise _Damaged("measures is not a list of names")
    try:
        measures = tuple(parse_measures(names))
    except UsageError as error:
        raise _Damaged(error.message) from error
    if len(measures) != len(names):
        raise _Damaged(f"{len(names)} names of measures name {len(measures)} measures")
    return measures, _conditions(head.get("conditions"))


def _row(row: dict[str, Any], width: int, last: str | None) -> str:
    """Return the query of a line that is sound and comes after the query ``last``."""
    _text(row.get("query"), "query")
    query, values = str(row["query"]), row.get("values")
    if last is not None and query <= last:  # text is ordered as its UTF-8 is
        raise _Damaged(f"query {query} a second time" if query == last else f"query {query} after {last}")
    if row.get("relevant") != "":
        _text(row.get("relevant"), "relevant")
    if not isinstance(row.get("answered"), bool):
        raise _Damaged(f"answered is {json_type(row.get('answered'))}, true or false is needed")
    if not isinstance(values, list) or len(values) != width:
        actual = f"{len(values)} values" if isinstance(values, list) else f"values is {json_type(values)}"
        raise _Damaged(f"{actual}, a list of {width} is needed")
    for value in values:
        if type(value) not in (int, float):
            raise _Damaged(f"a value is {json_type(value)}, a number is needed")
        if not abs(value) <= sys.float_info.max:
            raise _Damaged("a value is not a finite number")
    return query


def _text(value: object, name: str) -> None:
    if not isinstance(value, str) or not value:
        raise _Damaged(f"{name} is {json_type(value) if value != '' else 'empty'}, a string is needed")
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise _Damaged(f"{name} is no sound text: {value!r}")


def _count(value: object, name: str, least: int = 0) -> None:
    if type(value) is not int or value < least:
        raise _Damaged(f"{name} is {value!r}, an integer from {least} is needed")


def _conditions(record: object) -> Conditions:
    values = _fields(record, Conditions, "conditions")
    for key in ("collection", "query_set", "qrels", "dialect", "split", "fold", "corpus", "version"):
        if values[key] != "":  # a file of judgements has no query set
            _text(values[key], key)
    rules = _fields(values["rules"], Rules, "rules")
    if type(rules["precision"]) is not int or rules["precision"] not in (32, 64):
        raise _Damaged(f"precision is {rules['precision']!r}, 32 or 64 is needed")
    for key in ("complete", "judged_only"):
        if not isinstance(rules[key], bool):
            raise _Damaged(f"{key} is {json_type(rules[key])}, true or false is needed")
    if rules["depth"] is not None:
        _count(rules["depth"], "depth", 1)
    enums = {"ties": _choice(Ties, rules, "ties"), "self_match": _choice(SelfMatch, rules, "self_match")}
    return Conditions(**{**values, "rules": Rules(**{**rules, **enums})})


def _choice(kind: type[StrEnum], rules: dict[str, Any], key: str) -> StrEnum:
    known = [str(way) for way in kind]
    if not isinstance(rules[key], str) or rules[key] not in known:
        raise _Damaged(f"{key} is {rules[key]!r}, one of {', '.join(known)} is needed")
    return kind(rules[key])


def _fields(record: object, kind: type[Conditions | Rules], name: str) -> dict[str, Any]:
    """Check that an object has the fields of a class, all of them and no others, and return it."""
    if not isinstance(record, dict):
        raise _Damaged(f"{name} is {json_type(record)}, an object is needed")
    names = {f.name for f in fields(kind)}
    if mismatched := sorted(names ^ set(record)):
        raise _Damaged(f"{name}: {mismatched[0]!r} is {'missing' if mismatched[0] in names else 'unknown'}")
    return record
