"""Judgements from clicks: what a model estimates, in grades, with the bias that is left written down beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Bools, Float64s, Int32s
from intrex.data.clicks.log import ClickCounts, read_clicks
from intrex.data.clicks.models import ROUNDS, Estimate, click_count, click_through, position_based
from intrex.data.clicks.options import BIAS, click_columns
from intrex.data.errors import BadInput, Problems, UsageError
from intrex.data.importers.judgements import CLICKS_HEAD
from intrex.data.io.files import (
    canonical_json,
    file_sha256,
    read_lines,
    refuse_existing,
    require_file,
    spooled,
    writing,
)

_COUNT = "--model count takes each row for a click"


@dataclass(frozen=True)
class ClickJudgements:
    """Graded judgements of a click log.

    Attributes:
        pairs: queries and documents, in byte order.
        grades: [pairs] int32.
        texts: texts of queries, where the log has them.
        record: log, model, what it found, counts and bias.
    """

    pairs: Sequence[tuple[str, str]]
    grades: Int32s
    texts: Mapping[str, str]
    record: Mapping[str, Any]

    def remarks(self) -> Iterator[str]:
        """Yield what a person has to know of them."""
        record, model = self.record, self.record["model"]
        counts = np.bincount(self.grades, minlength=record["grades"])
        yield "grades: " + ", ".join(f"{grade} of {n:,}" for grade, n in enumerate(counts))
        if examination := record.get("examination"):
            yield "examination by position: " + ", ".join(f"{p} {g:.3f}" for p, g in examination.items())
        if record.get("rounds") == ROUNDS:
            yield f"the estimate still moved after {ROUNDS:,} rounds; it was taken as it was"
        if n := record.get("unlinked_impressions"):
            yield f"{n:,} impressions are left out: no document links their positions with the others"
        if n := record["left_out"]:
            yield f"{n:,} pairs are left out: they were shown fewer than {record['min_impressions']} times, or say nothing"
        yield f"bias that is left (model {model}): {record['bias']}"


def judge_clicks(
    log: Path,
    *,
    model: str = "position",
    columns: Sequence[str] = (),
    grades: int = 4,
    min_impressions: int = 1,
    examination: Path | None = None,
) -> ClickJudgements:
    """Make graded judgements of a click log.

    Grade 0 is no click; of the pairs with clicks each grade from 1 on has as many as the next, by quantiles of what the
    model estimates over the whole log, but equal estimates have one grade.

    Args:
        log: see `intrex.data.clicks.log.read_clicks`; ``-`` is stdin.
        model: one of `intrex.data.clicks.options.MODELS`.
        columns: what its columns are, as typed; the common names are known.
        grades: number of grades, 0 among them.
        min_impressions: pairs that were shown less often are left out.
        examination: lines of position and probability, for the model ``position``.

    Raises:
        BadInput: every malformed row is counted; the model needs a column that is not there, or nothing is left.
        UsageError: the options do not fit together.
    """
    if examination is not None and model != "position":
        raise UsageError("--examination is for --model position", "leave it out")
    known = None if examination is None else _read_examination(examination)
    with spooled(require_file(log, "click log") if str(log) != "-" else log) as path:
        counts = read_clicks(path, click_columns(tuple(columns)) if columns else None, Problems(log.name))
        digest = file_sha256(path)
    _check(counts, model, min_impressions, log)
    pairs, positions, impressions, clicks = counts.table()
    if not clicks.any():
        raise BadInput(f"no row is a click ({log})", "--columns clicked=NAME names the column that says it")
    if model == "position":
        estimate = position_based(pairs, positions, impressions, clicks, known)
    else:
        estimate = click_through(pairs, impressions, clicks) if model == "ctr" else click_count(pairs, clicks)
    shown = np.bincount(pairs, impressions)
    keep = (shown >= min_impressions) & ~np.isnan(estimate.values)
    if not keep.any():
        raise BadInput(
            f"no document was shown {min_impressions} times for a query ({log})", "lower --min-impressions"
        )
    record = _record(counts, estimate, keep, model, grades, min_impressions, log, digest)
    record |= {"impressions": int(impressions.sum()), "clicks": int(clicks.sum())}
    named = [pair for pair, kept in zip(counts.pairs, keep, strict=True) if kept]
    clicked = np.bincount(pairs, clicks)[keep] > 0
    return ClickJudgements(
        named, grade_quantiles(estimate.values[keep], clicked, grades), counts.texts, record
    )


def _check(counts: ClickCounts, model: str, min_impressions: int, log: Path) -> None:
    if not counts.complete and model != "count":
        raise BadInput(
            f"no column says whether a document was clicked ({log})", f"--columns names it, or {_COUNT}"
        )
    if not counts.complete and min_impressions > 1:
        raise UsageError("--min-impressions is for logs of what was shown, clicked or not", "leave it out")
    if model == "position" and not counts.positioned:
        raise BadInput(f"no column is the position ({log})", "--columns names it; --model ctr does without")


def _record(
    counts: ClickCounts,
    estimate: Estimate,
    keep: Bools,
    model: str,
    grades: int,
    least: int,
    log: Path,
    digest: str,
) -> dict[str, Any]:
    return {
        "log": log.name, "sha256": digest, "rows": counts.rows, "model": model, "grades": grades,
        "min_impressions": least, "left_out": int((~keep).sum()), "bias": BIAS[model], **estimate.record,
    }  # fmt: skip


def grade_quantiles(values: Float64s, clicked: Bools, grades: int) -> Int32s:
    """Return [n] grades from 0 to ``grades`` - 1: 0 without a click, else by the rank of the value among those with one.

    Of m such values the one with r below it has grade 1 + floor(r (grades - 1) / m), so that equal values have one grade.
    """
    order = np.sort(values[clicked])
    below = np.searchsorted(order, values, side="left")
    graded = 1 + below * (grades - 1) // max(len(order), 1)
    return np.where(clicked, graded, 0).astype(np.int32)


def _read_examination(path: Path) -> dict[int, float]:
    problems, table = Problems(path.name), dict[int, float]()
    for line, text in read_lines(require_file(path, "examination"), problems):
        words = text.split()
        try:
            position, probability = int(words[0]), float(words[1])
        except (IndexError, ValueError):
            position, probability = -1, 0.0
        if len(words) != 2 or position < 0 or not 0 < probability <= 1 or position in table:
            problems.add(
                f"{path.name}:{line}", f"{text!r} is no position with its probability, above 0 to 1, once"
            )
        table[position] = probability
    problems.raise_if_any()
    return table


def write_click_judgements(
    judged: ClickJudgements, out: Path, queries: Path | None = None, overwrite: bool = False
) -> None:
    """Write judgements, BEIR's three columns for ``.tsv``, else TREC's four below a line that says how they were made.

    Raises:
        BadInput: ``queries`` is asked for, and the log has no texts.
    """
    tsv = ".tsv" in out.suffixes
    for path in filter(None, (out, queries)):
        refuse_existing(path, overwrite)
    if queries is not None and not judged.texts:
        raise BadInput("the log has no texts of queries", "--columns text=NAME names their column")
    if queries is not None:
        judged_ids = dict.fromkeys(query for query, _ in judged.pairs)
        rows = ({"_id": q, "text": judged.texts[q]} for q in judged_ids if q in judged.texts)
        with writing(queries, overwrite) as stream:
            stream.writelines(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    with writing(out, overwrite) as stream:
        stream.write(
            b"query-id\tcorpus-id\tscore\n"
            if tsv
            else f"{CLICKS_HEAD}{canonical_json(judged.record)}\n".encode()
        )
        for (query, document), grade in zip(judged.pairs, judged.grades.tolist(), strict=True):
            line = f"{query}\t{document}\t{grade}\n" if tsv else f"{query} 0 {document} {grade}\n"
            stream.write(line.encode())
