"""Scores with and without the queries that an audit flagged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools
from intrex.data.errors import BadInput
from intrex.eval.overlap.audit import Audit, read_audit
from intrex.eval.scoring.score import Scores
from intrex.eval.scoring.scorefile import SystemScores


def find_flags(text: str) -> tuple[Audit, tuple[str, ...]]:
    """Read an audit and the kinds of flags of ``FILE`` (any flag) or ``FILE:KIND+KIND``.

    Raises:
        BadInput: the file is missing or damaged.
        UsageError: the audit did not look for such a flag.
    """
    path, _, kinds = text.rpartition(":") if not Path(text).exists() and ":" in text else (text, "", "")
    selected = tuple(kinds.split("+")) if kinds else ()
    audit = read_audit(Path(path))
    audit.flagged(selected)
    return audit, selected


def with_unflagged(
    systems: Sequence[SystemScores], audit: Audit, kinds: Sequence[str] = ()
) -> list[SystemScores]:
    """Return the scores of all queries, then those of the queries without a flag, under names and query sets that say so.

    Raises:
        BadInput: the audit is of other queries, or every query is flagged.
    """
    flagged, known = audit.flagged(kinds), set(audit.queries)
    suffix = f"-without-{'+'.join(kinds or audit.flags)}@{audit.fingerprint[:8]}"
    unflagged = []
    for system in systems:
        ids = system.scores.query_ids
        if unknown := [q for q in ids if q not in known]:
            raise BadInput(
                f"{len(unknown):,} judged queries were not audited, for example {', '.join(unknown[:3])}",
                "audit the query set that is scored: intrex overlap TRAIN TEST --output FILE",
            )
        rows = np.array([q not in flagged for q in ids], np.bool_)
        if not rows.any():
            raise BadInput(
                f"all {len(ids):,} queries are flagged, none is left to score", "name fewer flags: FILE:KIND"
            )
        conditions = replace(system.conditions, query_set=system.conditions.query_set + suffix)
        scores, name = _only(system.scores, rows), f"{system.system} (unflagged)"
        relevant = [r for r, keep in zip(system.relevant, rows.tolist(), strict=True) if keep]
        unflagged.append(SystemScores(name, scores, conditions, system.run_sha256, relevant))
    return [*systems, *unflagged]


def _only(scores: Scores, rows: Bools) -> Scores:
    ids = [q for q, keep in zip(scores.query_ids, rows.tolist(), strict=True) if keep]
    return Scores(scores.measures, ids, scores.values[rows], scores.answered[rows], scores.n_extra)
