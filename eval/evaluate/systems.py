"""Scoring several runs at once, each under a name of its own."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from intrex.data.collection import PASSAGES
from intrex.data.errors import BadInput, UsageError
from intrex.data.exclusions import Exclusions
from intrex.data.ids import as_strings
from intrex.data.io.files import STDIO
from intrex.data.locate import Judged
from intrex.data.qrels import Qrels
from intrex.data.run import Run, RunTable
from intrex.data.runformats import read_table_and_run
from intrex.eval.dialects.dialect import Dialect
from intrex.eval.measures import Measure
from intrex.eval.measures.aliases import TEXTS
from intrex.eval.measures.measure import DIVERSE
from intrex.eval.scoring.groups import relevant_digests
from intrex.eval.scoring.matching import RunHits, match
from intrex.eval.scoring.rules import Rules, SelfMatch, Ties, order_run
from intrex.eval.scoring.score import Scores, require_judged, score_hits
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.scoring.signature import HIGHEST, THESE, Conditions, qrels_fingerprint, run_fingerprint
from intrex.eval.scoring.stream import match_any

_log = logging.getLogger("intrex")
ALWAYS = Measure("Judged", 10)
"""Scored for every system: a leaderboard without it hides pool bias."""


def score_systems(
    judged: Judged, runs: Sequence[tuple[str, Run]], measures: Sequence[Measure], rules: Rules | None = None
) -> list[SystemScores]:
    """Score runs in memory against the same judgements, by intrex's order.

    Args:
        judged: the judgements and where they come from.
        runs: (file name, run). Runs that share a tag stay apart: their name is ``tag (file name)``, with folders where names are alike.
        measures: what to compute; Judged@10 is always added.
        rules: what counts; the order is always that of `Run`, or none at all (``Ties.expected``).

    Raises:
        BadInput: a run has none of the judged queries.
    """
    rules = rules or Rules()
    hits_of_runs = []
    if judged.exclusions is not None:
        runs = [(file, judged.exclusions.thin_run(run)) for file, run in runs]
    for _, run in runs:
        hits = match(judged.qrels, run, rules.self_match is SelfMatch.drop, tied=rules.ties is Ties.expected)
        require_judged(judged.qrels, hits, as_strings(run.query_ids[:3]))
        hits_of_runs.append(hits)
    return _score_all(judged, name_systems([(f, r.tag) for f, r in runs]), hits_of_runs, measures, rules)


def _score_all(
    judged: Judged, names: list[str], hits_of_runs: list[RunHits], measures: Sequence[Measure], rules: Rules
) -> list[SystemScores]:
    conditions = conditions_of(judged, rules)
    if PASSAGES in judged.corpus:
        for name in (name for name, hits in zip(names, hits_of_runs, strict=True) if not len(hits.rows)):
            _log.info(
                "%s: no judged document; judgements name whole documents, are these passages? (search --max-passage)",
                name,
            )
    for name in names:
        if THESE in conditions.tuned_on(name):
            _log.info(
                "%s was tuned on these judgements: its figures are no better than training figures", name
            )
    measures = [*measures, *([] if ALWAYS in measures else [ALWAYS])]
    relevant = relevant_digests(judged.qrels)
    return [
        SystemScores(
            name, score_hits(judged.qrels, hits, measures, rules), conditions, hits.run_sha256 or "", relevant
        )
        for name, hits in zip(names, hits_of_runs, strict=True)
    ]


def name_systems(runs: Sequence[tuple[str, str]]) -> list[str]:
    """Name each run by its tag, with its file's name where several share it; no folder that is not needed to tell them apart."""
    tags = Counter(tag for _, tag in runs)
    if repeated := [file for file, n in Counter(file for file, _ in runs).items() if n > 1]:
        raise UsageError(f"the run {repeated[0]} is given twice")
    return [
        tag if tags[tag] == 1 else f"{tag} ({_shortest(file, [f for f, t in runs if t == tag])})"
        for file, tag in runs
    ]


def _shortest(file: str, files: Sequence[str]) -> str:
    """Return the end of a path that no other of the files has: its name, with as many folders as that takes."""
    parts = Path(file).parts
    other_parts = [Path(path).parts for path in files if path != file]
    for k in range(1, len(parts)):
        if all(path[-k:] != parts[-k:] for path in other_parts):
            return "/".join(parts[-k:])
    return file


def conditions_of(judged: Judged, rules: Rules, dialect: str = "intrex") -> Conditions:
    """Return the rules and judgements under which scores are computed."""
    if judged.exclusions is not None:
        rules = replace(rules, excluded=judged.exclusions.name)
    return Conditions(
        judged.collection, judged.query_set, qrels_fingerprint(judged.qrels), rules, dialect=dialect,
        subtopics=HIGHEST if judged.qrels.merged else "", removed=judged.removed, corpus=judged.corpus,
    )  # fmt: skip


def score_files(
    judged: Judged, paths: Sequence[Path], measures: Sequence[Measure], rules: Rules, digest: bool = False
) -> list[SystemScores]:
    """Score run files against the same judgements; see `score_systems`.

    Large files are streamed: what is held of a run is where its judged documents stand. ``digest`` computes each
    run's sha256, which the leaderboard wants.
    """
    strays = any(m.wants_strays for m in measures)
    hits_of_runs = [
        match_path(judged.qrels, path, rules, strays, digest=digest, exclusions=judged.exclusions)
        for path in paths
    ]
    names = name_systems([(str(p), hits.tag) for p, hits in zip(paths, hits_of_runs, strict=True)])
    return _score_all(judged, names, hits_of_runs, measures, rules)


def match_path(
    qrels: Qrels,
    path: Path,
    rules: Rules,
    strays: bool = False,
    more: bool = False,
    digest: bool = False,
    exclusions: Exclusions | None = None,
) -> RunHits:
    """Order a run file by the rules and find the judged documents.

    Args:
        qrels: the judgements.
        path: the run file.
        rules: the order, and whether documents with the query's id are dropped.
        strays: look for documents that were judged for other queries only.
        more: allow columns after the sixth, as trec_eval does.
        digest: compute the run's sha256, which is of the file as it stands.
        exclusions: documents that are taken out first.

    Raises:
        BadInput: malformed lines, or no judged query.
    """
    drop = rules.self_match is SelfMatch.drop
    if rules.canonical and not strays and not more and exclusions is None:
        hits = match_any(qrels, path, drop, digest)
    else:
        table, run = _read(path, rules, more)
        table = table if exclusions is None else exclusions.thin_table(table)
        hits = match(qrels, order_run(table, rules), drop, strays=strays, tied=rules.ties is Ties.expected)
        hits = replace(hits, run_sha256=run_fingerprint(run)) if digest else hits
    if not hits.answered.any():
        queries = np.unique(_read(path, rules, more)[0].query_ids) if path != STDIO else None
        require_judged(qrels, hits, [] if queries is None else as_strings(queries[:3]))
    return hits


def _read(path: Path, rules: Rules, more: bool) -> tuple[RunTable, Run]:
    return read_table_and_run(path, more, wide=rules.precision == 64)


def match_once(qrels: Qrels, path: Path, more: bool) -> Callable[[Rules, Measure], RunHits]:
    """Make a function that returns a run's hits in the order of rules, as a measure needs it; `match_path`, each way once."""

    @cache
    def hits(precision: int, ties: Ties, self_match: SelfMatch, strays: bool) -> RunHits:
        return match_path(qrels, path, Rules(precision, ties, self_match), strays, more)

    return lambda rules, m: hits(rules.precision, rules.ties, rules.self_match, m.wants_strays)


def score_as(
    tool: Dialect,
    judged: Judged,
    paths: Sequence[Path],
    measures: Sequence[Measure],
    options: Rules,
    complete_given: bool,
    level: int,
) -> list[SystemScores]:
    """Score run files as another tool would; each measure by the tool's own rules for it.

    Args:
        tool: the dialect.
        judged: the judgements.
        paths: the run files, read as they stand.
        measures: what to compute, and texts (``runid``, ``relstring``): there is no value of these, but the tool stops
            at a run for them too.
        options: the ``-J``, ``-M`` and ``-c`` of the command line.
        complete_given: whether ``-c`` or ``--no-complete`` was given.
        level: the relevance level of ``-l``.

    Raises:
        BadInput: a run has none of the judged queries, or the tool would stop with an error.
        UsageError: the tool lacks a measure or an option.
    """
    refuse_merged(judged.qrels, measures)
    plan = [(tool.as_computed(m, level), tool.rules_for(m, options, complete_given)) for m in measures]
    scored = [_score_one(tool, judged.qrels, path, plan) for path in paths]
    conditions = conditions_of(judged, plan[0][1], tool.name)
    names = name_systems([(str(p), tag) for p, (tag, _) in zip(paths, scored, strict=True)])
    known = dict(zip(as_strings(judged.qrels.query_ids), relevant_digests(judged.qrels), strict=True))
    return [
        SystemScores(n, scores, conditions, "", [known.get(q, "") for q in scores.query_ids])
        for n, (_, scores) in zip(names, scored, strict=True)
    ]


def refuse_merged(qrels: Qrels, measures: Sequence[Measure]) -> None:
    """Raise `BadInput` where another tool's relevance measures are asked for on judgements by subtopic."""
    if qrels.merged and any(m.name not in DIVERSE for m in measures):
        raise BadInput(
            "the judgements are by subtopic, and other tools do not take the highest grade of a document",
            "leave the tool out, or write judgements with one line for each query and document",
        )


def _score_one(
    tool: Dialect, qrels: Qrels, path: Path, plan: Sequence[tuple[Measure, Rules]]
) -> tuple[str, Scores]:
    hits_by = match_once(qrels, path, tool.more_columns)
    numeric = [(measure, rules) for measure, rules in plan if measure.name not in TEXTS]
    values = np.empty((len(qrels), len(numeric)))
    left_out = np.empty((len(qrels), len(numeric)), np.bool_)
    figures = {}
    for measure, rules in plan:
        hits = tool.hits(hits_by(rules, measure), rules)
        for check in tool.checks:
            check(qrels, hits, measure, rules)
    for i, (measure, rules) in enumerate(numeric):
        hits = tool.hits(hits_by(rules, measure), rules)
        column = score_hits(qrels, hits, [measure], rules).values[:, 0]
        values[:, i] = tool.values(qrels, hits, measure, rules, column)
        left_out[:, i] = ~tool.counted(qrels, hits, measure, rules)
        figures[measure] = tool.total(qrels, measure, rules, values[~left_out[:, i], i])
    computed = tuple(m for m, _ in numeric), as_strings(qrels.query_ids), values
    return hits.tag, Scores(*computed, hits.answered, hits.n_extra, left_out, figures)
