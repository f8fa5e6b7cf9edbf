"""Checks across files: do the ids of runs, judgements, topics and corpora fit together?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from intrex.data.arrays import Bytes
from intrex.data.check.facts import Facts, plural, shown
from intrex.data.check.findings import Findings
from intrex.data.check.idchecks import without_case, without_form, without_prefix, without_zeros

_ALIKE = (
    ("without regard to case", without_case),
    ("without leading zeros", without_zeros),
    ("in one Unicode form", without_form),
    ("without what stands before the number", without_prefix),
)
_ENOUGH = 0.5  # of the unknown ids: fewer prefixes that happen to match are chance


def check_across(files: Sequence[Facts]) -> list[Findings]:
    """Compare the files of one evaluation with each other; returns findings by pair of files."""
    found: list[Findings] = []
    runs, qrels, topics, corpora = (
        [f for f in files if f.kind == k] for k in ("run", "qrels", "queries", "corpus")
    )
    for run in runs:
        if qrels:
            _run_and_judgements(run, max(qrels, key=lambda f: len(_both(run.queries, f.queries))), found)
    for one in (*runs, *qrels):
        if topics:
            _known_queries(one, topics, found)
        if corpora:
            _known_documents(one, corpora, found)
    _self_matches([*topics, *qrels, *runs], corpora or qrels, found)
    _twins(runs, found)
    return [f for f in found if f.found]


def check_parts(files: Sequence[Facts]) -> list[Findings]:
    """Report ids that two files of one folder's corpus, or of its queries, share."""
    found: list[Findings] = []
    for kind, what in (("corpus", "docs"), ("queries", "queries")):
        parts = [f for f in files if f.kind == kind]
        for a, b in combinations(parts, 2):
            both = _both(getattr(a, what), getattr(b, what))
            name = plural(len(both), "id")
            _between(a, b, found).add("X013", [], f"{name} in both: {_examples(both)}", len(both))
    return [f for f in found if f.found]


def _between(a: Facts, b: Facts, found: list[Findings], others: int = 0) -> Findings:
    more = f" and {others} more" if others else ""
    found.append(Findings(f"{a.label} and {b.label}{more}"))
    return found[-1]


def _both(a: Bytes, b: Bytes) -> Bytes:
    return np.intersect1d(a, b, assume_unique=True)


def _lacking(a: Bytes, b: Bytes) -> Bytes:
    return np.setdiff1d(a, b, assume_unique=True)


def _examples(ids: Bytes) -> str:
    return ", ".join(shown(i) for i in ids[:3].tolist()) + (", ..." if len(ids) > 3 else "")


def _union(files: Sequence[Facts], what: str) -> Bytes:
    return np.unique(np.concatenate([getattr(f, what) for f in files]))


def _alike(unknown: Bytes, known: Bytes, what: str, findings: Findings) -> None:
    """Report ids that another spelling would match: the spelling that matches most."""
    best: tuple[int, str, bytes, bytes] | None = None
    for how, key in _ALIKE:
        spelled = {key(i): i for i in known.tolist()}
        if key is without_prefix:
            spelled = {k: i for k, i in spelled.items() if k.isdigit()}
        pairs = [(i, spelled[key(i)]) for i in unknown.tolist() if key(i) in spelled]
        if key is without_prefix and (len(pairs) < _ENOUGH * len(unknown) or len(spelled) < len(known)):
            continue
        if pairs and (best is None or len(pairs) > best[0]):
            best = len(pairs), how, *pairs[0]
    if best:
        n, how, a, b = best
        text = f"{n:,} of {len(unknown):,} unknown {what} ids match {how}: {shown(a)} is {shown(b)}"
        findings.add("X008", [], text, n)


def _run_and_judgements(run: Facts, qrels: Facts, found: list[Findings]) -> None:
    findings = _between(run, qrels, found)
    if not len(run.queries) or not len(qrels.queries):
        return
    common = _both(run.queries, qrels.queries)
    extra, missing = _lacking(run.queries, common), _lacking(qrels.queries, common)
    if not len(common):
        what = f"no query in common: {_examples(run.queries)} against {_examples(qrels.queries)}"
        findings.add("X003", [], what, 1)
    else:
        findings.add(
            "X001",
            [],
            f"{len(extra):,} of {plural(len(run.queries), 'query', 'queries')} without judgements: {_examples(extra)}",
            len(extra),
        )
        findings.add(
            "X002",
            [],
            f"{len(missing):,} of {plural(len(qrels.queries), 'judged query', 'judged queries')} not in the run: {_examples(missing)}",
            len(missing),
        )
    if len(missing) and len(extra):
        _alike(extra, missing, "query", findings)
    if len(common) and len(run.docs) and not len(_both(run.docs, qrels.docs)):
        what = f"no document in common: {_examples(run.docs)} against {_examples(qrels.docs)}"
        findings.add("X012", [], what, 1)
        _alike(qrels.docs, run.docs, "document", findings)


def _known_queries(one: Facts, topics: Sequence[Facts], found: list[Findings]) -> None:
    known = _union(topics, "queries")
    unknown = _lacking(one.queries, known)
    if not len(unknown) or not all(t.sound for t in topics) or not len(known):
        return
    findings = _between(one, topics[0], found, len(topics) - 1)
    if len(unknown) == len(one.queries):
        findings.add("X003", [], f"no query in common: {_examples(unknown)} against {_examples(known)}", 1)
    else:
        findings.add(
            "X007",
            [],
            f"{len(unknown):,} of {plural(len(one.queries), 'query', 'queries')} not in the topics: {_examples(unknown)}",
            len(unknown),
        )
    _alike(unknown, known, "query", findings)


def _known_documents(one: Facts, corpora: Sequence[Facts], found: list[Findings]) -> None:
    known = _union(corpora, "docs")
    unknown = _lacking(one.docs, known)
    if not len(unknown) or not all(c.sound for c in corpora) or not len(known):
        return
    findings = _between(one, corpora[0], found, len(corpora) - 1)
    code = "X004" if one.kind == "run" else "X005"
    if one.kind == "qrels" and len(unknown) == len(one.docs):
        findings.add("X006", [], f"no document in common: {_examples(unknown)} against {_examples(known)}", 1)
    else:
        findings.add(
            code,
            [],
            f"{len(unknown):,} of {plural(len(one.docs), 'document')} not in the corpus: {_examples(unknown)}",
            len(unknown),
        )
    _alike(unknown, known, "document", findings)


def _self_matches(askers: Sequence[Facts], holders: Sequence[Facts], found: list[Findings]) -> None:
    askers, holders = [f for f in askers if len(f.queries)], [f for f in holders if len(f.docs)]
    if not askers or not holders:
        return
    both = _both(_union(askers, "queries"), _union(holders, "docs"))
    if len(both):
        label = (
            f"{askers[0].label} and {holders[0].label}" if askers[0] is not holders[0] else askers[0].label
        )
        findings = Findings(label)
        findings.add(
            "X009", [], f"{len(both):,} query ids are document ids too: {_examples(both)}", len(both)
        )
        found.append(findings)


def _twins(runs: Sequence[Facts], found: list[Findings]) -> None:
    for a, b in combinations(runs, 2):
        findings = _between(a, b, found)
        if a.tag and a.tag == b.tag:
            findings.add("X010", [], f"both have the tag {a.tag}", 1)
        same = len(a.pairs) == len(b.pairs) > 0 and np.array_equal(a.queries, b.queries)
        if same and np.array_equal(a.docs, b.docs) and np.array_equal(a.pairs, b.pairs):
            findings.add("X011", [], f"{plural(len(a.pairs), 'row')} rank alike", 1)
