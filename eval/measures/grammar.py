"""Parsing measures: the grammar of ir_measures, and the spellings of other tools as aliases."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from intrex.data.errors import UsageError, nearest_name, shorten_words
from intrex.eval.measures.aliases import SYNONYMS, TEXTS, parse_other_tools, parse_ranx, parse_trec_eval
from intrex.eval.measures.custom import SPELLING, custom_name
from intrex.eval.measures.cwl import COLUMNS
from intrex.eval.measures.measure import MEASURES, Measure, parameters

HINT = "a measure reads like nDCG@10, RR@10, R@100, AP, P(rel=2)@5, or as trec_eval, ranx, BEIR and MTEB spell it"
TOP = 2**31 - 1
"""Highest integer that a measure takes: a cutoff, a grade, a relevance level."""
HUGE = 1e100
"""Largest gain or weight: sums of such numbers, and the squares of those, are still finite."""
MOST_DOCUMENTS = 10**15
"""Largest collection."""
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
    "rest": (-HUGE, HUGE),
    "docs": (0, MOST_DOCUMENTS),
    "max_rel": (1, TOP),
    "min_rel": (0, TOP),
    "T": (1e-3, 1e6),
    "depth": (1, 100_000),
}
"""Lowest and highest value of each parameter; a level whose default is 0 may be 0."""
SPECIAL_LIMITS: dict[tuple[str, str], tuple[float, float]] = {
    (name, "beta"): (0, 1) for name in ("NRBP", "nNRBP")
}
"""Those of single measures."""
CUTOFF_NAMES = {"IPrec": "recall"}
"""What ir_measures calls the parameter after ``@`` where it is not ``cutoff``."""
EXAMPLES = {"max_rel": 3}
"""Values of needed parameters, for error messages."""
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
    measures: dict[Measure, None] = {}
    unknown: list[str] = []
    hints: list[str] = []
    for text in texts:
        try:
            for measure in _parse(text.strip()):
                if measure.name not in TEXTS:
                    measures.setdefault(_canonical(_with_level(measure, rel)))
                elif keep_texts:
                    measures.setdefault(measure)
        except UsageError as error:
            unknown.append(shorten_words(error.message))
            hints.append(error.hint or HINT)
    if unknown:
        raise UsageError("; ".join(unknown), hints[0] if len(set(hints)) == 1 else HINT)
    return list(measures)


def _with_level(measure: Measure, rel: int | None) -> Measure:
    known = parameters(measure.name)
    if rel is None or rel == 1 or "rel" not in known or "rel" in dict(measure.params):
        return measure
    if measure.name == "NumRet":
        return measure  # its level says whether relevance is asked for at all
    return measure.with_params(rel=rel)


def _canonical(measure: Measure) -> Measure:
    """Return the measure without the parameters that have their default."""
    known = parameters(measure.name)
    params = tuple((k, v) for k, v in measure.params if v != known[k].default)
    return replace(measure, params=params)


def _parse(text: str) -> list[Measure]:
    if spelt := SPELLING.fullmatch(text):
        return [_parse_custom(spelt, text)]
    if measures := parse_trec_eval(text):
        return _fit(measures, text)
    try:
        tree = ast.parse(text, mode="eval").body
        name, cutoff, params = _read_tree(tree)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        name, cutoff, params = "", None, {}
    if name == "Accuracy" and cutoff is None and "cutoff" not in params:
        raise UsageError(
            f"Accuracy needs a cutoff, as in Accuracy@10: {text!r}; ir_measures' measure of that name is PairAccuracy"
        )
    if cutoff is None and name in SYNONYMS and (measures := parse_ranx(text)):
        return _fit(measures, text)  # precision without a cutoff
    name = SYNONYMS.get(name, name)
    if name == "SetRelP":  # ir_measures
        name, params = "SetP", {**params, "relative": True}
    if name in MEASURES:
        return [_build(name, cutoff, params, text)]
    if measures := parse_other_tools(text):
        return _fit(measures, text)
    word = text.split("(")[0].split("@")[0]
    if not word or not any(c.isalpha() for c in word):
        raise UsageError(f"not a measure: {text!r}")
    folded = {name.lower() for name in MEASURES.table}
    known = [*MEASURES.table, *(name for name in SYNONYMS if name.lower() not in folded)]
    raise UsageError(f"unknown measure {text!r}: {nearest_name(word, known)}")


def _parse_custom(spelt: re.Match[str], text: str) -> Measure:
    """Parse a measure of the user's own: ``FILE.py:FUNCTION@10``."""
    try:
        _, cutoff, params = _read_tree(ast.parse("f" + (spelt["rest"] or ""), mode="eval").body)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise UsageError(f"not a measure: {text!r}") from error
    return _build(custom_name(spelt["place"], spelt["function"], spelt["code"]), cutoff, params, text)


def _fit(measures: list[Measure], text: str) -> list[Measure]:
    """Hold another tool's measures to the same limits as those of our grammar."""
    return [
        m if m.name in TEXTS else replace(_build(m.name, m.cutoff, m.arguments, text), label=m.label)
        for m in measures
    ]


def _read_tree(node: ast.expr) -> tuple[str, float | None, dict[str, Any]]:
    """Return name, cutoff and parameters of ``Name(key=value)@cutoff``; raises ValueError on anything else."""
    cutoff = None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        cutoff = ast.literal_eval(node.right)
        if isinstance(cutoff, bool) or not isinstance(cutoff, (int, float)):
            raise ValueError("a cutoff is a number")
        node = node.left
    params: dict[str, Any] = {}
    if isinstance(node, ast.Call):
        if node.args or any(k.arg is None for k in node.keywords):
            raise ValueError("parameters are named")
        if len({k.arg for k in node.keywords}) < len(node.keywords):
            raise ValueError("a parameter is given once")
        params = {cast("str", k.arg): ast.literal_eval(k.value) for k in node.keywords}
        node = node.func
    if not isinstance(node, ast.Name):
        raise ValueError("a measure begins with a name")
    return node.id, cutoff, params


def _build(name: str, cutoff: float | None, values: dict[str, Any], text: str) -> Measure:
    known = parameters(name)
    cutoff, values = _named_cutoff(name, cutoff, values, text)
    params = []
    for key, value in sorted(values.items()):
        if key not in known:
            raise UsageError(
                f"unknown parameter {key!r} of {text!r}: {name} has {', '.join(known) or 'none'}"
            )
        limits = SPECIAL_LIMITS.get((name, key), LIMITS.get(key))
        params.append((key, _check_value(value, known[key], f"{key} of {text!r}", limits)))
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key != "cutoff" and key not in values:
            raise UsageError(f"{name} needs {key}, as in {name}({key}={EXAMPLES.get(key, 1)}): {text!r}")
    return Measure(name, _cutoff(cutoff, known.get("cutoff"), name, text), tuple(params))


def _named_cutoff(
    name: str, cutoff: float | None, values: dict[str, Any], text: str
) -> tuple[float | None, dict[str, Any]]:
    """Return the number after ``@``, which may be given as a parameter instead, and the other parameters."""
    given = [key for key in ("cutoff", CUTOFF_NAMES.get(name)) if key in values]
    if not given:
        return cutoff, values
    if len(given) > 1 or cutoff is not None:
        raise UsageError(f"the cutoff of {text!r} is given twice")
    value = values[given[0]]
    if type(value) not in (int, float):
        raise UsageError(f"{given[0]} of {text!r} is {value!r}, a number is needed")
    return value, {key: other for key, other in values.items() if key != given[0]}


def _cutoff(value: float | None, parameter: inspect.Parameter | None, name: str, text: str) -> float | None:
    if parameter is None:
        if value is not None:
            raise UsageError(f"{name} has no cutoff: {text!r}")
        return None
    if value is None:
        if parameter.default is inspect.Parameter.empty:
            raise UsageError(
                f"{name} needs a cutoff, as in {name}@{'0.1' if parameter.annotation is float else '10'}: {text!r}"
            )
        return None
    if parameter.annotation is float:
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


def _check_value(
    value: Any, parameter: inspect.Parameter, name: str, limits: tuple[float, float] | None
) -> Any:
    """Return the value in its canonical type; raises `UsageError` where it is of the wrong one, or out of bounds."""
    kind: Any = int if parameter.annotation == (int | None) else parameter.annotation
    if parameter.name == "gains":
        return _gains(value, name)
    if parameter.name == "points":
        return _points(value, name)
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise UsageError(f"{name} is {value!r}, {KINDS.get(kind, 'another value')} is needed")
    if limits is not None or kind in (int, float):
        low, high = limits or (-TOP, TOP)
        low = 0 if kind is int and parameter.default == 0 else low
        if not low <= value <= high:
            needed = f"from {low:g} to {high:g}" if value > high or kind is float else f"at least {low:g}"
            raise UsageError(f"{name} is {value}, {needed} is needed")
    choices = _choices(parameter)
    if choices and value not in choices:
        raise UsageError(f"{name} is {value!r}: {nearest_name(value, choices)}")
    return float(value) if kind is float else value


def _gains(value: Any, name: str) -> tuple[tuple[int, float], ...] | None:
    """Return a mapping of grades to gains as sorted pairs; None where it is empty."""
    if not isinstance(value, dict) or not all(
        type(k) is int and type(v) in (int, float) for k, v in value.items()
    ):
        raise UsageError(f"{name} is {value!r}, a mapping of grades to numbers is needed: gains={{1:3.5}}")
    if not all(-TOP <= k <= TOP and -HUGE <= v <= HUGE for k, v in value.items()):
        raise UsageError(f"{name}: grades below 2^31 and gains from -1e100 to 1e100 are needed")
    return tuple(sorted((k, float(v)) for k, v in value.items())) or None


def _points(value: Any, name: str) -> tuple[float, ...]:
    """Return recalls as a tuple of numbers."""
    if not isinstance(value, (tuple, list)) or not value or not all(type(v) in (int, float) for v in value):
        raise UsageError(f"{name} is {value!r}, some recalls are needed: points=(0.2,0.5,0.8)")
    if not all(0 <= v <= 1 for v in value):
        raise UsageError(f"{name} is {value!r}, recalls from 0 to 1 are needed")
    return tuple(map(float, value))


def _choices(parameter: inspect.Parameter) -> tuple[str, ...]:
    """Return the words that a parameter may be, where it is one of a few."""
    if parameter.name == "rule":
        return ("up", "nearest") if parameter.default == "up" else ("trec_eval", "ranx")
    known = {"dcg": ("log2", "exp-log2", "binary"), "scope": ("query", "collection"), "column": COLUMNS}
    return known.get(parameter.name, ())
