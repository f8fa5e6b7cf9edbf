"""Scores with and without the queries that an audit flagged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from intrex.data.errors import BadInput
from intrex.eval.overlap.audit import Audit, read_audit
from intrex.eval.scoring.score import Scores
from intrex.eval.scoring.scorefile import SystemScores


def find_flags(text: str) -> tuple[Audit, tuple[str, ...]]:
    """An audit and the kinds of flags of ``FILE`` (any flag) or ``FILE:KIND+KIND``.

    Raises:
        BadInput: the file is missing or damaged.
        UsageError: the audit did not look for such a flag.
    """
    path, _, kinds = text.rpartition(":") if not Path(text).exists() and ":" in text else (text, "", "")
    chosen = tuple(kinds.split("+")) if kinds else ()
    audit = read_audit(Path(path))
    audit.flagged(chosen)
    return audit, chosen


def with_unflagged(
    systems: Sequence[SystemScores], audit: Audit, kinds: Sequence[str] = ()
) -> list[SystemScores]:
    """The scores of all queries, then those of the queries without a flag, under names and query sets that say so.

    Raises:
        BadInput: the audit is of other queries, or every query is flagged.
    """
    bad, known = audit.flagged(kinds), set(audit.queries)
    name = f"-without-{'+'.join(kinds or audit.flags)}@{audit.fingerprint[:8]}"
    kept = []
    for one in systems:
        ids = one.scores.query_ids
        if strange := [q for q in ids if q not in known]:
            raise BadInput(
                f"{len(strange):,} judged queries were not audited, for example {', '.join(strange[:3])}",
                "audit the query set that is scored: intrex overlap TRAIN TEST --output FILE",
            )
        rows = np.array([q not in bad for q in ids], np.bool_)
        if not rows.any():
            raise BadInput(
                f"all {len(ids):,} queries are flagged, none is left to score", "name fewer flags: FILE:KIND"
            )
        conditions = replace(one.conditions, query_set=one.conditions.query_set + name)
        kept.append(
            SystemScores(f"{one.system} (unflagged)", _only(one.scores, rows), conditions, one.run_sha256)
        )
    return [*systems, *kept]


def _only(scores: Scores, rows: np.typing.NDArray[np.bool_]) -> Scores:
    ids = [q for q, keep in zip(scores.query_ids, rows.tolist(), strict=True) if keep]
    return Scores(scores.measures, ids, scores.values[rows], scores.answered[rows], scores.n_extra)
