"""Checks across files: do the ids of runs, judgements, topics and corpora fit together?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from intrex.data.arrays import Bytes
from intrex.data.check.facts import Facts, examples, plural, spell
from intrex.data.check.findings import Findings
from intrex.data.check.idchecks import without_case, without_form, without_prefix, without_zeros
from intrex.data.ids import as_bytes
from intrex.data.importers.topics import numbers_as_judged

_ALIKE = (
    ("without regard to case", without_case),
    ("without leading zeros", without_zeros),
    ("in one Unicode form", without_form),
    ("without what stands before the number", without_prefix),
)
_ENOUGH = 0.5  # of the unknown ids: fewer prefixes that happen to match are chance


def check_across(files: Sequence[Facts]) -> list[Findings]:
    """Compare the files of one evaluation with each other; return findings by pair of files."""
    findings: list[Findings] = []
    runs, qrels, topics, corpora = (
        [f for f in files if f.kind == k] for k in ("run", "qrels", "queries", "corpus")
    )
    corpora = [replace(f, docs=np.union1d(f.docs, f.whole)) if len(f.whole) else f for f in corpora]
    for run in runs:
        if qrels:
            _run_and_judgements(run, max(qrels, key=lambda f: len(_common(run.queries, f.queries))), findings)
    for judged in (*runs, *qrels):
        if topics:
            _unknown(judged, topics, "queries", findings)
        if corpora:
            _unknown(judged, corpora, "docs", findings)
    _self_matches([*topics, *qrels, *runs], corpora or qrels, findings)
    _twins(runs, findings)
    return [f for f in findings if f.found]


def check_parts(files: Sequence[Facts]) -> list[Findings]:
    """Report ids that two files of one folder's corpus, or of its queries, share."""
    findings: list[Findings] = []
    for kind, ids in (("corpus", "docs"), ("queries", "queries")):
        parts = [f for f in files if f.kind == kind]
        for a, b in combinations(parts, 2):
            common = _common(getattr(a, ids), getattr(b, ids))
            name = plural(len(common), "id")
            _between(a, b, findings).add("X013", [], f"{name} in both: {examples(common)}", len(common))
    return [f for f in findings if f.found]


def _between(a: Facts, b: Facts, report: list[Findings], more: int = 0) -> Findings:
    suffix = f" and {more} more" if more else ""
    report.append(Findings(f"{a.label} and {b.label}{suffix}"))
    return report[-1]


def _common(a: Bytes, b: Bytes) -> Bytes:
    return np.intersect1d(a, b, assume_unique=True)


def _lacking(a: Bytes, b: Bytes) -> Bytes:
    return np.setdiff1d(a, b, assume_unique=True)


def _union(files: Sequence[Facts], ids: str) -> Bytes:
    return np.unique(np.concatenate([getattr(f, ids) for f in files]))


def _alike(unknown: Bytes, known: Bytes, noun: str, findings: Findings) -> None:
    """Report ids that another spelling would match: the spelling that matches most."""
    best: tuple[int, str, bytes, bytes] | None = None
    for manner, key in _ALIKE:
        spellings = {key(i): i for i in known.tolist()}
        if key is without_prefix:
            spellings = {k: i for k, i in spellings.items() if k.isdigit()}
        pairs = [(i, spellings[key(i)]) for i in unknown.tolist() if key(i) in spellings]
        if key is without_prefix and (len(pairs) < _ENOUGH * len(unknown) or len(spellings) < len(known)):
            continue
        if pairs and (best is None or len(pairs) > best[0]):
            best = len(pairs), manner, *pairs[0]
    if best:
        n, manner, a, b = best
        text = f"{n:,} of {len(unknown):,} unknown {noun} ids match {manner}: {spell(a)} is {spell(b)}"
        findings.add("X008", [], text, n)


def _run_and_judgements(run: Facts, qrels: Facts, report: list[Findings]) -> None:
    findings = _between(run, qrels, report)
    if not len(run.queries) or not len(qrels.queries):
        return
    common = _common(run.queries, qrels.queries)
    extra, missing = _lacking(run.queries, common), _lacking(qrels.queries, common)
    if not len(common):
        text = f"no query in common: {examples(run.queries)} against {examples(qrels.queries)}"
        findings.add("X003", [], text, 1)
    else:
        queries = plural(len(run.queries), "query", "queries")
        text = f"{len(extra):,} of {queries} without judgements: {examples(extra)}"
        findings.add("X001", [], text, len(extra))
        queries = plural(len(qrels.queries), "judged query", "judged queries")
        text = f"{len(missing):,} of {queries} not in the run: {examples(missing)}"
        findings.add("X002", [], text, len(missing))
    if len(missing) and len(extra):
        _alike(extra, missing, "query", findings)
    if len(common) and len(run.docs) and not len(_common(run.docs, qrels.docs)):
        text = f"no document in common: {examples(run.docs)} against {examples(qrels.docs)}"
        findings.add("X012", [], text, 1)
        _alike(qrels.docs, run.docs, "document", findings)


def _unknown(file: Facts, holders: Sequence[Facts], ids: str, report: list[Findings]) -> None:
    """Report the ``queries`` or ``docs`` of a file that the topics, or the corpora, lack."""
    all_ids, known = getattr(file, ids), _union(holders, ids)
    unknown = _lacking(all_ids, known)
    if ids == "queries":
        topics = [i.decode() for holder in holders if holder.numbered for i in holder.queries.tolist()]
        numbers = numbers_as_judged(topics, {i.decode() for i in all_ids.tolist()})
        unknown = _lacking(unknown, np.unique(as_bytes(list(numbers.values())))) if numbers else unknown
    if not len(unknown) or not all(holder.sound for holder in holders) or not len(known):
        return
    findings = _between(file, holders[0], report, len(holders) - 1)
    if ids == "queries":
        noun, nouns, place, lacking, disjoint = "query", "queries", "topics", "X007", "X003"
    elif file.kind == "qrels":
        noun, nouns, place, lacking, disjoint = "document", "documents", "corpus", "X005", "X006"
    else:
        noun, nouns, place, lacking, disjoint = "document", "documents", "corpus", "X004", ""
    if len(unknown) == len(all_ids) and disjoint:
        findings.add(disjoint, [], f"no {noun} in common: {examples(unknown)} against {examples(known)}", 1)
    else:
        text = (
            f"{len(unknown):,} of {plural(len(all_ids), noun, nouns)} not in the {place}: {examples(unknown)}"
        )
        findings.add(lacking, [], text, len(unknown))
    _alike(unknown, known, noun, findings)


def _self_matches(askers: Sequence[Facts], holders: Sequence[Facts], report: list[Findings]) -> None:
    askers, holders = [f for f in askers if len(f.queries)], [f for f in holders if len(f.docs)]
    if not askers or not holders:
        return
    common = _common(_union(askers, "queries"), _union(holders, "docs"))
    if len(common):
        first, second = askers[0], holders[0]
        findings = Findings(first.label if first is second else f"{first.label} and {second.label}")
        text = f"{len(common):,} query ids are document ids too: {examples(common)}"
        findings.add("X009", [], text, len(common))
        report.append(findings)


def _twins(runs: Sequence[Facts], report: list[Findings]) -> None:
    for a, b in combinations(runs, 2):
        findings = _between(a, b, report)
        if a.tag and a.tag == b.tag:
            findings.add("X010", [], f"both have the tag {a.tag}", 1)
        same = len(a.pairs) == len(b.pairs) > 0 and np.array_equal(a.queries, b.queries)
        if same and np.array_equal(a.docs, b.docs) and np.array_equal(a.pairs, b.pairs):
            findings.add("X011", [], f"{plural(len(a.pairs), 'row')} rank alike", 1)
