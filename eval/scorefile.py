"""The file ``scores.jsonl``: per-query values of any number of systems, with the conditions they hold under."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.errors import BadInput, Problems
from intrex.data.files import read_jsonl, require_file, writing
from intrex.eval.measures import parse_measures
from intrex.eval.rules import Rules, SelfMatch, Ties
from intrex.eval.scoring import Scores
from intrex.eval.signature import Conditions

SCHEMA = 2


@dataclass(frozen=True)
class SystemScores:
    """One system's scores, the conditions, and the sha256 of its ranking."""

    system: str
    scores: Scores
    conditions: Conditions
    run_sha256: str


def write_scores(systems: Iterable[SystemScores], path: Path, overwrite: bool = False) -> None:
    """Write a header line for each system, then a line for each of its queries."""
    with writing(path, overwrite) as stream:
        for one in systems:
            head = {
                "schema": SCHEMA,
                "system": one.system,
                "measures": [str(m) for m in one.scores.measures],
                "conditions": asdict(one.conditions),
                "run_sha256": one.run_sha256,
                "n_queries": len(one.scores.query_ids),
                "n_extra": one.scores.n_extra,
            }
            lines = [json.dumps(head, ensure_ascii=False)]
            rows = zip(
                one.scores.query_ids, one.scores.answered.tolist(), one.scores.values.tolist(), strict=True
            )
            lines += [
                json.dumps({"query": q, "answered": a, "values": v}, ensure_ascii=False) for q, a, v in rows
            ]
            stream.write(("\n".join(lines) + "\n").encode("utf-8"))


def read_scores(path: Path) -> list[SystemScores]:
    """Read what `write_scores` wrote; raises `BadInput` when it is cut off, damaged or of another schema."""
    require_file(path, "scores", "intrex evaluate QRELS RUN --scores FILE writes one")
    problems = Problems(path.name)
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for number, row in read_jsonl(path, problems):
        if "schema" in row:
            if row["schema"] != SCHEMA:
                problems.add(
                    f"{path.name}:{number}",
                    f"schema {row['schema']!r} is not one this intrex reads ({SCHEMA})",
                )
            blocks.append((row, []))
        elif blocks:
            blocks[-1][1].append(row)
        else:
            problems.add(f"{path.name}:{number}", "not a scores file: it does not begin with a header")
    problems.raise_if_any()
    if not blocks:
        raise BadInput(f"the scores file is empty ({path})")
    return [_system(head, rows, path) for head, rows in blocks]


def _system(head: dict[str, Any], rows: list[dict[str, Any]], path: Path) -> SystemScores:
    try:
        measures = tuple(parse_measures(head["measures"]))
        values = np.array([row["values"] for row in rows], np.float64).reshape(len(rows), len(measures))
        scores = Scores(
            measures,
            [r["query"] for r in rows],
            values,
            np.array([r["answered"] for r in rows], np.bool_),
            head["n_extra"],
        )
        whole = len(rows) == head["n_queries"]
        found = SystemScores(head["system"], scores, _conditions(head["conditions"]), head["run_sha256"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"damaged scores of {head.get('system')}: {error!r} ({path})", "score the run again"
        ) from error
    if not whole:
        raise BadInput(
            f"the scores of {head['system']} are cut off: {len(rows)} of {head['n_queries']} queries ({path})"
        )
    return found


def _conditions(record: dict[str, Any]) -> Conditions:
    rules = record["rules"]
    rules |= {"ties": Ties(rules["ties"]), "self_match": SelfMatch(rules["self_match"])}
    return Conditions(**{**record, "rules": Rules(**rules)})
