"""Measures as other tools compute them: each with the parameters that make ours theirs."""

from __future__ import annotations

from intrex.data.errors import UsageError
from intrex.eval.measures import Measure


def trec_eval9(measure: Measure, level: int) -> Measure:
    """Spell a measure for trec_eval: its collection has 0 documents unless ``-N`` says otherwise, whatever its help says."""
    known = dict(measure.params)
    if known.get("rest") and "docs" not in known:
        return measure.with_params(docs=0)
    points = known.get("points", ())
    return measure if list(points) == sorted(points) else measure.with_params(as_given=True)


def trec_eval10(measure: Measure, level: int) -> Measure:
    """Spell a measure for trec_eval 10, which rounds a recall to the nearest number of documents."""
    measure = trec_eval9(measure, level)
    return measure.with_params(rule="nearest") if measure.name in ("IPrec", "IPrecAvg") else measure


def ranx(measure: Measure, level: int) -> Measure:
    """Spell a measure for ranx: ``-l`` cuts grades in nDCG, RBP is graded, Bpref has a rule of its own."""
    if measure.arguments.get("dcg") == "binary":
        raise UsageError(f"ranx has no {measure}: its gains are the grade, or 2^grade - 1")
    if measure.name in ("nDCG", "DCG") and level > 1 and "floor" not in dict(measure.params):
        return measure.with_params(floor=level)
    if measure.name == "RBP":
        return measure.with_params(graded=True)
    return measure.with_params(rule="ranx") if measure.name == "Bpref" else measure


def beir(measure: Measure, level: int) -> Measure:
    """Spell a measure for BEIR: a hole is a document that was judged for no query."""
    return measure.with_params(scope="collection") if measure.name == "Hole" else measure
