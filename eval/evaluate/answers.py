"""Accuracy by answers: which of the retrieved texts contain an answer to the question, without any judgement.

Source: V. Karpukhin et al., "Dense Passage Retrieval for Open-Domain Question Answering", EMNLP 2020, whose code takes a
text for a hit where the words of an answer stand in it one after another, after Unicode's NFD, in lower case.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError
from intrex.data.io.files import fingerprint
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.data.runformats import read_any_run
from intrex.eval.evaluate.systems import ALWAYS, name_systems
from intrex.eval.measures import Measure
from intrex.eval.scoring.matching import match
from intrex.eval.scoring.rules import Rules
from intrex.eval.scoring.score import require_judged, score_hits
from intrex.eval.scoring.scorefile import SystemScores
from intrex.eval.scoring.signature import Conditions

MEASURES = ("P", "RR", "Success")
"""Measures that need to know of the retrieved documents alone whether they are relevant."""
_BETWEEN = "\0"
_NOTHING = "-"


class _Cuts(dict[int, str]):
    """Each character's replacement: letters, marks and digits stay, blanks and controls go, others are words by themselves."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind = unicodedata.category(character)[0]
        cut = character if kind in "LMN" else _BETWEEN if kind in "ZC" else _BETWEEN + character + _BETWEEN
        self[code] = cut
        return cut


_CUTS = _Cuts()


def answer_words(text: str) -> str:
    """Return the words of a text in lower case, each between two separators.

    >>> answer_words("To Port Ellen!") == _BETWEEN + _BETWEEN.join(["to", "port", "ellen", "!"]) + _BETWEEN
    True
    """
    words = unicodedata.normalize("NFD", text).translate(_CUTS).split(_BETWEEN)
    return _BETWEEN + "".join(word.lower() + _BETWEEN for word in words if word)


def has_answer(text: str, answers: Iterable[str]) -> bool:
    """Tell whether a text contains an answer; one without any word is never found.

    >>> has_answer("The ferry to Port Ellen", ["Islay", "port ellen"]), has_answer("Portsmouth", ["port"])
    (True, False)
    """
    words = answer_words(text)
    return any(sought != _BETWEEN and sought in words for sought in map(answer_words, answers))


def score_answers(
    name: str,
    answers: Mapping[str, list[str]],
    paths: Sequence[Path],
    measures: Sequence[Measure],
    collection: Collection,
    complete: bool = True,
) -> list[SystemScores]:
    """Score run files by the answers in the texts of the documents, titles left out, as DPR does.

    Args:
        name: of the answers.
        answers: strings by query.
        paths: the runs.
        measures: of `MEASURES`, with a cutoff.
        collection: where the texts are.
        complete: whether a query that a run lacks counts as an empty ranking.

    Raises:
        UsageError: a measure that needs judgements, or has no cutoff.
        BadInput: a document is not in the collection, or a run has none of the queries.
    """
    for measure in measures:
        if measure.name not in MEASURES or measure.cutoff is None or measure.params:
            known = ", ".join(f"{known}@k" for known in MEASURES)
            raise UsageError(
                f"{measure} cannot be told from answers", f"there are: {known}; accuracy@k is Success@k"
            )
    depth = int(max(ALWAYS.cutoff or 0, *(m.cutoff or 0 for m in measures)))
    measures = [*measures, ALWAYS]
    runs = [read_any_run(path) for path in paths]
    tops = [{q: docs for q, docs in _tops(run, depth) if q in answers} for run in runs]
    texts = _texts(collection, {doc for top in tops for docs in top.values() for doc in docs})
    identity = fingerprint([sorted(answers.items()), collection.corpus_fingerprint])
    conditions = Conditions(name, f"answers-in-{collection.name}", identity, Rules(complete=complete))
    systems = []
    for system, run, top in zip(
        name_systems([(str(p), r.tag) for p, r in zip(paths, runs, strict=True)]), runs, tops, strict=True
    ):
        judged = {
            q: {doc: int(has_answer(texts[doc], answers[q])) for doc in top.get(q, ())} or {_NOTHING: 0}
            for q in answers
        }
        qrels = Qrels.from_dict(judged)
        hits = match(qrels, run)
        require_judged(qrels, hits, [q.decode() for q in run.query_ids[:3].tolist()])
        scores = score_hits(qrels, hits, measures, conditions.rules)
        systems.append(SystemScores(system, scores, conditions, hits.run_sha256 or "", [""] * len(qrels)))
    return systems


def _tops(run: Run, depth: int) -> Iterable[tuple[str, list[str]]]:
    for query, docs, _ in run.rankings():
        yield query.decode(), [doc.decode() for doc in docs[:depth].tolist()]


def _texts(collection: Collection, needed: set[str]) -> dict[str, str]:
    texts = {d.id: d.text for d in collection.documents() if d.id in needed}
    if missing := sorted(needed - texts.keys()):
        raise BadInput(
            f"{len(missing):,} retrieved documents are not in {collection.name}, for example {missing[0]}",
            "name the collection that the runs are of",
        )
    return texts
