"""Measures that the user wrote: a Python function of a file or a module, one call a query.

A function takes the gains of the retrieved documents, best first, and those of all judged documents, highest first; a third
parameter, where it has one, tells which of the retrieved documents were judged. It returns a number.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import re
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from intrex.data.arrays import Float64s
from intrex.data.errors import UsageError, nearest_name
from intrex.eval.measures.rankings import Rankings

Definition = Callable[..., Any]
SPELLING = re.compile(
    r"(?P<place>[^:(){}#\s]+\.py|[A-Za-z_][\w.]*):(?P<function>[A-Za-z_]\w*)(?:#(?P<code>[0-9a-f]{12}))?(?P<rest>[(@].*)?"
)
"""``FILE.py:FUNCTION`` or ``package.module:FUNCTION``, with the first digits of the code's sha256 where it is named in scores."""
_LOADED: dict[str, Definition] = {}
"""Functions by name with digits, of this process."""


def is_custom(name: str) -> bool:
    """Tell whether the name of a measure is one of a user's function."""
    return "#" in name


def custom_name(place: str, function: str, code: str | None) -> str:
    """Return the name of a user's measure: file, function and digits of the code.

    With ``code``, as it stands in files of scores, nothing is read and nothing runs.

    Raises:
        UsageError: there is no such file, module or function, it cannot be imported, or it takes other parameters.
    """
    if code is not None:
        return f"{place}:{function}#{code}"
    module, path = _from_file(place) if place.endswith(".py") else _from_module(place)
    found = getattr(module, function, None)
    if not callable(found):
        known = [n for n, v in vars(module).items() if inspect.isfunction(v) and not n.startswith("_")]
        raise UsageError(
            f"{place} has no function {function}", nearest_name(function, known) if known else None
        )
    name = f"{path.name if place.endswith('.py') else place}:{function}#{_digits(path)}"
    _LOADED[name] = _measure(found, f"{place}:{function}")
    return name


def custom_definition(name: str) -> Definition:
    """Return what computes a user's measure; where its code was not named, what refuses to."""
    return _LOADED.get(name) or _measure(_absent(name), name)


def _from_file(place: str) -> tuple[ModuleType, Path]:
    path = Path(place)
    if not path.is_file():
        raise UsageError(f"no file {place}", "a measure of your own reads like FILE.py:FUNCTION@10")
    spec = spec_from_file_location(f"_intrex_measures_{_digits(path)}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{place} cannot be imported")
    module = module_from_spec(spec)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # no folder beside the user's file
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{place} cannot be imported: {_reason(error, spec.origin or '')}", "mend the file"
        ) from error
    finally:
        sys.dont_write_bytecode = writes
    return module, path


def _from_module(place: str) -> tuple[ModuleType, Path]:
    try:
        module = import_module(place)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"the module {place} cannot be imported: {_reason(error, '')}", "or name a file: FILE.py:FUNCTION"
        ) from error
    file = getattr(module, "__file__", None)
    if file is None or not file.endswith(".py"):
        raise UsageError(f"the module {place} is no Python file")
    return module, Path(file)


def _digits(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _reason(error: BaseException, file: str) -> str:
    """Return an exception in words, with the last line of the user's file that it came through."""
    words = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return words
    lines = []
    trace = error.__traceback__
    while trace is not None:
        if file and trace.tb_frame.f_code.co_filename == file:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f"{words} (line {lines[-1]})" if lines else words


def _measure(function: Definition, text: str) -> Definition:
    """Make a measure of a user's function."""
    takes_judged = _width(function, text) == 3

    def measure(r: Rankings, *, cutoff: int | None = None) -> Float64s:
        out = np.zeros(len(r))
        for i in range(len(r)):
            ideal = np.maximum(r.pool[r.pool_offsets[i] : r.pool_offsets[i + 1]], 0).astype(np.float64)
            if r.retrieved[i] and ideal.any():
                gains, judged = _seen(r, i, cutoff)
                arguments = (gains, ideal, judged) if takes_judged else (gains, ideal)
                out[i] = _number(function, arguments, f"{text}, query {i + 1:,} of the judgements")
        return out

    return measure


def _seen(r: Rankings, i: int, cutoff: int | None) -> tuple[Float64s, Any]:
    """Return the gains [n] of a query's ranking, and which of its documents were judged."""
    size = int(r.retrieved[i] if cutoff is None else min(cutoff, r.retrieved[i]))
    hits = slice(r.offsets[i], r.offsets[i + 1])
    ranks, grades = r.ranks[hits], r.grades[hits]
    keep = ranks <= size
    gains, judged = np.zeros(size), np.zeros(size, np.bool_)
    gains[ranks[keep] - 1] = np.maximum(grades[keep], 0)
    judged[ranks[keep] - 1] = grades[keep] >= 0
    return gains, judged


def _width(function: Definition, text: str) -> int:
    """Return how many arrays a function takes; raises `UsageError` where it is not 2 or 3."""
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{text} does not tell its parameters", "wrap it: def measure(gains, ideal): ..."
        ) from error
    places = [p for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in places if p.default is p.empty]
    other = [p for p in given if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if not len(places) >= 2 or len(needed) > 3 or other:
        names = ", ".join(p.name for p in given) or "none"
        raise UsageError(
            f"{text} takes {names}",
            "a measure takes gains and ideal, and judged where it wants: def measure(gains, ideal): ...",
        )
    return 3 if len(needed) == 3 else 2


def _number(function: Definition, arguments: tuple[Any, ...], place: str) -> float:
    try:
        value = function(*arguments)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        code = getattr(function, "__code__", None)
        raise UsageError(f"{place}: {_reason(error, code.co_filename if code else '')}") from error
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{place}: the value is {value!r}, a number is needed") from error
    if not math.isfinite(number):
        raise UsageError(f"{place}: the value is {number}, a finite number is needed")
    return number


def _absent(name: str) -> Definition:
    def refuse(gains: Float64s, ideal: Float64s) -> float:
        spelling = name.partition("#")[0]
        raise UsageError(
            f"the code of {name} is not at hand", f"name it with -m {spelling}: its file or module"
        )

    return refuse
