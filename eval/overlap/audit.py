"""Result of an audit: flags by test query, a table, and the file that keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, Problems, UsageError, nearest_name
from intrex.data.io.files import fingerprint, read_jsonl, require_file, writing
from intrex.eval.overlap.options import KINDS
from intrex.eval.tables import Table

SCHEMA = 1


@dataclass(frozen=True)
class LeakageFlag:
    """Training query or document that a flagged test query resembles, and how much (0 to 1)."""

    like: str
    score: float


@dataclass(frozen=True)
class Audit:
    """Flags of test queries by kind.

    Attributes:
        queries: the test queries' ids, in byte order.
        flags: for each kind that was looked for, the flagged queries.
        settings: thresholds and what compared.
        sources: training and test queries as they were named.
    """

    queries: tuple[str, ...]
    flags: Mapping[str, Mapping[str, LeakageFlag]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """sha256 of which queries are flagged as what."""
        return fingerprint([[kind, sorted(flagged)] for kind, flagged in sorted(self.flags.items())])

    def flagged(self, kinds: Sequence[str] = ()) -> set[str]:
        """Return the queries that have a flag of one of the kinds, or of any; raises `UsageError` for one not looked for."""
        for kind in kinds:
            if kind not in self.flags:
                raise UsageError(f"the audit has no flag {kind!r}", nearest_name(kind, self.flags))
        return {q for kind in kinds or self.flags for q in self.flags[kind]}

    def table(self) -> Table[str | int]:
        """Return a row for each kind, and one for any: how many queries, which part of all, and an example."""
        rows: list[list[str | int]] = []
        for kind in (*self.flags, "any"):
            queries = sorted(self.flagged() if kind == "any" else self.flags[kind])
            example = ""
            if kind != "any" and queries:
                example = f"{queries[0]} like {self.flags[kind][queries[0]].like}"
            share = f"{len(queries) / max(len(self.queries), 1):.1%}"
            rows.append([kind, KINDS.get(kind, "one of these"), len(queries), share, example])
        return ["flag", "the test query has", "queries", "share", "example"], rows


def write_audit(audit: Audit, path: Path, overwrite: bool = False) -> None:
    """Write JSON lines: a header, then a line for each test query with its flags."""
    head = {
        "schema": SCHEMA, "kinds": list(audit.flags), "settings": dict(audit.settings), "sources": dict(audit.sources),
        "n_queries": len(audit.queries),
    }  # fmt: skip
    with writing(path, overwrite) as stream:
        lines = [json.dumps(head, ensure_ascii=False)]
        for query in audit.queries:
            flags = {
                kind: {"like": by_query[query].like, "score": round(by_query[query].score, 6)}
                for kind, by_query in audit.flags.items()
                if query in by_query
            }
            lines.append(json.dumps({"query": query, "flags": flags}, ensure_ascii=False))
        stream.write(("\n".join(lines) + "\n").encode("utf-8"))


def read_audit(path: Path) -> Audit:
    """Read what `write_audit` wrote; raises `BadInput` when it is cut off, damaged or of another schema."""
    require_file(path, "flags", "intrex overlap TRAIN TEST --output FILE writes them")
    problems = Problems(path.name, "audit again: intrex overlap TRAIN TEST --output FILE")
    rows = [row for _, row in read_jsonl(path, problems)]
    problems.raise_if_any()
    try:
        head = rows[0]
        if head["schema"] != SCHEMA or len(rows) != head["n_queries"] + 1:
            raise ValueError("another schema, or cut off")
        flags: dict[str, dict[str, LeakageFlag]] = {kind: {} for kind in head["kinds"]}
        for row in rows[1:]:
            for kind, flag in row["flags"].items():
                flags[kind][row["query"]] = LeakageFlag(str(flag["like"]), float(flag["score"]))
        return Audit(tuple(row["query"] for row in rows[1:]), flags, head["settings"], head["sources"])
    except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"not a sound file of flags: {error} ({path})", problems.hint) from error
