"""Per-query output of other tools, read and held against intrex's account of it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Float64s
from intrex.data.errors import BadInput, Problems, UsageError, json_type
from intrex.data.io.files import json_reason, read_lines, read_pieces, require_file, spooled
from intrex.data.io.jsontext import unique_members
from intrex.data.io.lines import first_line
from intrex.eval.dialects.dialect import Dialect
from intrex.eval.measures import Measure, parse_measures

TOLERANCE = 1e-9
UNSAID = "leave out the queries that the tool gives no value of"


@dataclass(frozen=True)
class ToolOutput:
    """Values that a tool printed: (name of the measure, query) to (value, decimals printed)."""

    cells: Mapping[tuple[str, str], tuple[float, int]]

    @cached_property
    def spellings(self) -> dict[Measure, list[str]]:
        """Names in the file by measure of intrex, in the spelling of any tool."""
        names_of: dict[Measure, list[str]] = {}
        for name in dict.fromkeys(name for name, _ in self.cells):
            try:
                parsed = parse_measures([name])
            except UsageError:
                continue
            if len(parsed) == 1:
                names_of.setdefault(parsed[0], []).append(name)
        return names_of

    def values(self, measure: Measure, queries: list[str]) -> tuple[Float64s, int]:
        """Return the values [q], not a number where the file has none, and how many decimals they are printed with."""
        names = [measure.label or "", str(measure), *self.spellings.get(measure, [])]
        without = Measure(measure.name, measure.cutoff, tuple(p for p in measure.params if p[0] != "rel"))
        names += self.spellings.get(without, [])  # trec_eval and ranx print no level
        for name in names:
            cells = [self.cells.get((name, query)) for query in queries]
            if any(cells):
                _require_numbers(name, queries, cells)
                values = np.array([np.nan if c is None else c[0] for c in cells])
                decimals = max(c[1] for c in cells if c)  # one number can end in zeros that are not printed
                return values, decimals
        # trec_eval prints these over all queries only
        if measure.kind == "geometric" or measure.name == "NumQ":
            return np.full(len(queries), np.nan), 15
        raise BadInput(
            f"the file of --theirs has no value of {measure}",
            f"it is looked for as {' or '.join(dict.fromkeys(filter(None, names)))}, or as any tool spells {measure}",
        )


def compare_output(
    printed: ToolOutput,
    measure: Measure,
    tool: Dialect,
    queries: list[str],
    account: Float64s,
    answered: Bools,
) -> tuple[Float64s, Float64s]:
    """Return what the tool printed, and what of it our account does not reach, beyond its rounding.

    Args:
        printed: the tool's values.
        measure: ours.
        tool: the dialect.
        queries: [q] the judged queries.
        account: [q] our account of the tool; not a number where it leaves a query out.
        answered: [q] whether the run has the query.
    """
    values, digits = printed.values(measure, queries)
    if np.isnan(values).all():
        return account, np.zeros(len(account))
    if tool.silent:  # it counts what it does not print
        values = np.where(np.isnan(values) & ~answered, account, values)
    exact = digits == 0 and measure.kind != "sum"
    room = TOLERANCE if exact else max(TOLERANCE, 0.5 * 10.0**-digits * (1 + 1e-9))
    gap = np.nan_to_num(values) - np.nan_to_num(account)
    one_sided = np.isnan(values) != np.isnan(account)
    residual = np.where(np.abs(gap) > room, gap, 0.0)
    return values, np.where(one_sided & (residual == 0), 2 * TOLERANCE, residual)


def read_tool_output(path: Path) -> ToolOutput:
    """Read trec_eval's lines, or JSON ``{query: {measure: value}}`` (pytrec_eval) or ``{measure: {query: value}}``.

    The second form of JSON is that of ranx's ``Run.scores``; it is told from the first by its names of measures.
    """
    require_file(path, "file of --theirs")
    with spooled(path) as file:
        if first_line(file).lstrip().startswith("{"):
            return ToolOutput(_from_json(b"".join(read_pieces(file)), path))
        return ToolOutput(_from_lines(file))


def _require_numbers(name: str, queries: list[str], cells: Sequence[tuple[float, int] | None]) -> None:
    """Raise `BadInput` where trec_eval printed nan, which is no matter for other measures."""
    for query, cell in zip(queries, cells, strict=True):
        if cell is not None and math.isnan(cell[0]):
            raise BadInput(f"the file of --theirs has nan for {name} of query {query}", UNSAID)


def _from_lines(path: Path) -> dict[tuple[str, str], tuple[float, int]]:
    problems = Problems(path.name)
    cells: dict[tuple[str, str], tuple[float, int]] = {}
    for number, line in read_lines(path, problems):
        fields = line.split()
        where = f"{path.name}:{number}"
        if len(fields) < 3 or (len(fields) > 3 and fields[0] not in ("runid", "relstring")):
            problems.add(where, "3 columns are needed: measure, query, value")
            continue
        name, query, text = fields[:3]
        if query == "all" or name in ("runid", "relstring"):
            continue
        try:
            value = float(text)
        except ValueError:
            problems.add(where, f"the value is {text!r}, a number is needed")
            continue
        if math.isinf(value):
            problems.add(where, f"the value is {text!r}, a finite number is needed", UNSAID)
        elif (name, query) in cells:
            problems.add(where, f"{name} of query {query} a second time", "give one value for each query")
        else:
            cells[name, query] = value, len(text.partition(".")[2])
    problems.raise_if_any()
    return cells


def _from_json(raw: bytes, path: Path) -> dict[tuple[str, str], tuple[float, int]]:
    try:
        tree = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=unique_members)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"--theirs: broken JSON: {json_reason(error)} ({path})") from error
    rows = []
    for a, inner in tree.items():
        if not isinstance(inner, dict):
            raise BadInput(
                f"--theirs reads {{query: {{measure: value}}}}; {a!r} has {json_type(inner)} ({path})",
                "write one object for each query, or for each measure",
            )
        rows += [(a, b, _number(v, f"{b!r} of {a!r}", path)) for b, v in inner.items()]
    outer = {a for a, _, _ in rows}
    if outer and all(_is_measure(name) for name in outer):
        return {(a, b): (v, 15) for a, b, v in rows}
    return {(b, a): (v, 15) for a, b, v in rows}


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number; {UNSAID}")


def _number(value: object, place: str, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadInput(
            f"--theirs: the value of {place} is {json_type(value)}, a number is needed ({path})", UNSAID
        )
    if not abs(value) <= sys.float_info.max:
        raise BadInput(f"--theirs: the value of {place} is not a finite number ({path})", UNSAID)
    return float(value)


def _is_measure(name: str) -> bool:
    try:
        return bool(parse_measures([name]))
    except UsageError:
        return False
