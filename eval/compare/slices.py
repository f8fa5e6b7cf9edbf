"""Differences by slice: queries that share a length, a question word, a flag, or a name in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intrex.data.errors import BadInput, UsageError
from intrex.data.io.files import reading, require_file
from intrex.eval.compare.comparison import Comparison, pair_effect
from intrex.eval.overlap.audit import read_audit
from intrex.eval.scoring.groups import read_groups
from intrex.eval.splits.shift import by_length, by_question_word

BY_TEXT = {"length": by_length, "type": by_question_word}
UNFLAGGED = "unflagged"


@dataclass(frozen=True)
class SliceRow:
    """Pair of systems on the queries of a slice; the interval is of this slice alone, and not corrected."""

    measure: str
    slice: str
    a: str
    b: str
    mean_a: float
    mean_b: float
    difference: float
    ci_low: float
    ci_high: float
    n_queries: int
    n_groups: int
    signature: str


def find_slices(by: str, query_ids: Sequence[str], texts: Mapping[str, str]) -> list[str]:
    """Return the slice of each query.

    Args:
        by: ``length`` (short: up to 6 words, long), ``type`` (its first question word), a file that `overlap` wrote (its
            flags, or ``unflagged``), or a file of lines QUERY<TAB>SLICE.
        query_ids: the queries.
        texts: their texts, where they are known.

    Raises:
        UsageError: texts are needed and not known.
        BadInput: the file is missing, malformed, or lacks queries.
    """
    if by in BY_TEXT:
        if missing := [q for q in query_ids if q not in texts]:
            raise UsageError(
                f"--by {by} needs the texts of the queries, {len(missing):,} of {len(query_ids):,} have none",
                "name the collection (COLLECTION:SET), or --queries FILE",
            )
        return BY_TEXT[by]([texts[q] for q in query_ids])
    names = _names(Path(by))
    if missing := [q for q in query_ids if q not in names]:
        raise BadInput(
            f"{len(missing):,} of {len(query_ids):,} queries are not in {Path(by).name}, for example {', '.join(missing[:3])}",
            "give each of them a line",
        )
    return [names[q] for q in query_ids]


def _names(path: Path) -> Mapping[str, str]:
    require_file(path, "slices", "length, type, what `intrex overlap -o` wrote, or lines of QUERY<TAB>SLICE")
    with reading(path) as stream:
        is_audit = stream.read(10).startswith(b'{"schema"')
    if not is_audit:
        return read_groups(path)
    audit = read_audit(path)
    kinds = {q: [kind for kind, flagged in audit.flags.items() if q in flagged] for q in audit.queries}
    return {q: "+".join(found) or UNFLAGGED for q, found in kinds.items()}


def slice_rows(comparison: Comparison, slices: Sequence[str]) -> list[SliceRow]:
    """Return each pair by each measure on each slice, slices in byte order; those without a shared query are left out."""
    data, of = comparison.data, np.asarray(slices, object)
    rows = []
    for m, measure in enumerate(data.measures):
        for name in sorted(set(slices), key=str.encode):
            for a, b in comparison.pairs:
                mask = np.asarray(data.shared((a, b)) & (of == name), np.bool_)
                if not mask.any():
                    continue
                mean_a, mean_b, found = pair_effect(data, (a, b), m, mask, comparison.settings)
                groups = len(data.groups.only(mask))
                rows.append(
                    SliceRow(
                        measure, name, data.systems[a], data.systems[b], mean_a, mean_b,
                        found.mean, found.low, found.high, int(mask.sum()), groups, comparison.signature,
                    )
                )  # fmt: skip
    return rows
