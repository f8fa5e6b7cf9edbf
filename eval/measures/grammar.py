"""Parsing measures: the grammar of ir_measures, and the spellings of other tools as aliases."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from intrex.data.errors import UsageError, nearest_name
from intrex.eval.measures.aliases import SYNONYMS, TEXTS, other_tools, ranx, trec_eval
from intrex.eval.measures.measure import MEASURES, Measure, parameters

HINT = "a measure reads like nDCG@10, RR@10, R@100, AP, P(rel=2)@5, or as trec_eval, ranx, BEIR and MTEB spell it"
TOP = 2**31 - 1
"""The highest integer that a measure takes: a cutoff, a grade, a relevance level."""
HUGE = 1e100
"""The largest gain or weight: sums of such numbers, and the squares of those, are still finite."""
LIMITS: dict[str, tuple[float, float]] = {
    "rel": (1, TOP),
    "floor": (1, TOP),
    "max": (1, 1000),
    "p": (0, 1),
    "alpha": (0, 1),
    "beta": (0, 1e6),
    "hit": (-HUGE, HUGE),
    "noise": (-HUGE, HUGE),
    "miss": (-HUGE, HUGE),
}
"""The lowest and the highest value of a parameter; a level whose default is 0 may be 0."""
KINDS = {int: "an integer", float: "a number", str: "a text", bool: "True or False"}


def parse_measures(texts: Sequence[str], rel: int | None = None, keep_texts: bool = False) -> list[Measure]:
    """Parse measures such as ``nDCG@10``, ``P(rel=2)@5`` or ``AP``, or ``ndcg_cut.10``, ``mrr@10``, ``official``.

    Args:
        texts: the spellings; repeats are dropped.
        rel: relevance level of those that allow one and name none (trec_eval's ``-l``).
        keep_texts: keep what trec_eval prints as text (``runid``, ``relstring``); otherwise left out.

    Raises:
        UsageError: naming every spelling that is unknown, each with the nearest known name.
    """
    found: dict[Measure, None] = {}
    wrong: list[str] = []
    for text in texts:
        try:
            for measure in _parse(text.strip()):
                if measure.name not in TEXTS:
                    found.setdefault(_canonical(_levelled(measure, rel)))
                elif keep_texts:
                    found.setdefault(measure)
        except UsageError as error:
            wrong.append(error.message)
    if wrong:
        raise UsageError("; ".join(wrong), HINT)
    return list(found)


def _levelled(measure: Measure, rel: int | None) -> Measure:
    known = parameters(measure.name)
    if rel is None or rel == 1 or "rel" not in known or "rel" in dict(measure.params):
        return measure
    if measure.name == "NumRet":
        return measure  # its level says whether relevance is asked for at all
    return measure.given(rel=rel)


def _canonical(measure: Measure) -> Measure:
    """The measure without the parameters that have their default."""
    known = parameters(measure.name)
    kept = tuple((k, v) for k, v in measure.params if v != known[k].default)
    return replace(measure, params=kept)


def _parse(text: str) -> list[Measure]:
    if theirs := trec_eval(text):
        return _fit(theirs, text)
    try:
        tree = ast.parse(text, mode="eval").body
        name, cutoff, given = _read(tree)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        name, cutoff, given = "", None, {}
    if cutoff is None and name in SYNONYMS and (other := ranx(text)):
        return _fit(other, text)  # precision without a cutoff
    name = SYNONYMS.get(name, name)
    if name == "SetRelP":  # ir_measures
        name, given = "SetP", {**given, "relative": True}
    if name in MEASURES:
        return [_build(name, cutoff, given, text)]
    if other := other_tools(text):
        return _fit(other, text)
    word = text.split("(")[0].split("@")[0]
    if not word or not any(c.isalpha() for c in word):
        raise UsageError(f"not a measure: {text!r}")
    folded = {name.lower() for name in MEASURES.table}
    known = [*MEASURES.table, *(name for name in SYNONYMS if name.lower() not in folded)]
    raise UsageError(f"unknown measure {text!r}: {nearest_name(word, known)}")


def _fit(measures: list[Measure], text: str) -> list[Measure]:
    """Another tool's measures, held to the same limits as those of our grammar."""
    found = []
    for one in measures:
        if one.name not in TEXTS:
            one = replace(_build(one.name, one.cutoff, one.arguments, text), label=one.label)
        found.append(one)
    return found


def _read(node: ast.expr) -> tuple[str, float | None, dict[str, Any]]:
    """Name, cutoff and parameters of ``Name(key=value)@cutoff``; raises ValueError on anything else."""
    cutoff = None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        cutoff = ast.literal_eval(node.right)
        if isinstance(cutoff, bool) or not isinstance(cutoff, (int, float)):
            raise ValueError("a cutoff is a number")
        node = node.left
    given: dict[str, Any] = {}
    if isinstance(node, ast.Call):
        if node.args or any(k.arg is None for k in node.keywords):
            raise ValueError("parameters are named")
        if len({k.arg for k in node.keywords}) < len(node.keywords):
            raise ValueError("a parameter is given once")
        given = {cast("str", k.arg): ast.literal_eval(k.value) for k in node.keywords}
        node = node.func
    if not isinstance(node, ast.Name):
        raise ValueError("a measure begins with a name")
    return node.id, cutoff, given


def _build(name: str, cutoff: float | None, given: dict[str, Any], text: str) -> Measure:
    known = parameters(name)
    params = []
    for key, value in sorted(given.items()):
        if key not in known or key == "cutoff":
            names = [k for k in known if k != "cutoff"]
            raise UsageError(
                f"unknown parameter {key!r} of {text!r}: {name} has {', '.join(names) or 'none'}"
            )
        params.append((key, _checked(value, known[key], f"{key} of {text!r}")))
    return Measure(name, _cutoff(cutoff, known.get("cutoff"), name, text), tuple(params))


def _cutoff(value: float | None, wanted: inspect.Parameter | None, name: str, text: str) -> float | None:
    if wanted is None:
        if value is not None:
            raise UsageError(f"{name} has no cutoff: {text!r}")
        return None
    if value is None:
        if wanted.default is inspect.Parameter.empty:
            raise UsageError(
                f"{name} needs a cutoff, as in {name}@{'0.1' if wanted.annotation is float else '10'}: {text!r}"
            )
        return None
    if wanted.annotation is float:
        if name == "IPrec" and not 0 <= value <= 1:
            raise UsageError(f"the cutoff of {text!r} is a recall from 0 to 1")
        if not 0 <= value <= 1e6:
            raise UsageError(f"the cutoff of {text!r} is a multiple of R from 0 to 1,000,000")
        return float(value)
    if not isinstance(value, int) or value < 1:
        raise UsageError(f"the cutoff of {text!r} must be at least 1, and an integer")
    if value > TOP:
        raise UsageError(f"the cutoff of {text!r} must be below 2^31")
    return value


def _checked(value: Any, wanted: inspect.Parameter, what: str) -> Any:
    """The value in its canonical type; raises `UsageError` where it is of the wrong one, or out of bounds."""
    kind = wanted.annotation
    if wanted.name == "gains":
        return _gains(value, what)
    if wanted.name == "points":
        return _points(value, what)
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise UsageError(f"{what} is {value!r}, {KINDS.get(kind, 'another value')} is needed")
    if wanted.name in LIMITS or kind in (int, float):
        low, high = LIMITS.get(wanted.name, (-TOP, TOP))
        low = 0 if kind is int and wanted.default == 0 else low
        if not low <= value <= high:
            needed = f"from {low:g} to {high:g}" if value > high or kind is float else f"at least {low:g}"
            raise UsageError(f"{what} is {value}, {needed} is needed")
    choices = _choices(wanted)
    if choices and value not in choices:
        raise UsageError(f"{what} is {value!r}: {nearest_name(value, choices)}")
    return float(value) if kind is float else value


def _gains(value: Any, what: str) -> tuple[tuple[int, float], ...] | None:
    """A mapping of grades to gains as sorted pairs; None where it is empty."""
    if not isinstance(value, dict) or not all(
        type(k) is int and type(v) in (int, float) for k, v in value.items()
    ):
        raise UsageError(f"{what} is {value!r}, a mapping of grades to numbers is needed: gains={{1:3.5}}")
    if not all(-TOP <= k <= TOP and -HUGE <= v <= HUGE for k, v in value.items()):
        raise UsageError(f"{what}: grades below 2^31 and gains from -1e100 to 1e100 are needed")
    return tuple(sorted((k, float(v)) for k, v in value.items())) or None


def _points(value: Any, what: str) -> tuple[float, ...]:
    """Some recalls as a tuple of numbers."""
    if not isinstance(value, (tuple, list)) or not value or not all(type(v) in (int, float) for v in value):
        raise UsageError(f"{what} is {value!r}, some recalls are needed: points=(0.2,0.5,0.8)")
    if not all(0 <= v <= 1 for v in value):
        raise UsageError(f"{what} is {value!r}, recalls from 0 to 1 are needed")
    return tuple(map(float, value))


def _choices(wanted: inspect.Parameter) -> tuple[str, ...]:
    """What a parameter may be, where that is one of a few words."""
    if wanted.name == "rule":
        return ("up", "nearest") if wanted.default == "up" else ("trec_eval", "ranx")
    return {"dcg": ("log2", "exp-log2"), "scope": ("query", "collection")}.get(wanted.name, ())
