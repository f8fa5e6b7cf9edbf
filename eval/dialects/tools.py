"""Every tool whose rules are known, by its name."""

from __future__ import annotations

from intrex.data.errors import UsageError, nearest_name
from intrex.eval.dialects.dialect import EVALUATORS, Dialect
from intrex.eval.dialects.irmeasures import IR_MEASURES
from intrex.eval.dialects.libraries import LIBRARIES

TOOLS: dict[str, Dialect] = {**EVALUATORS, IR_MEASURES.name: IR_MEASURES, **LIBRARIES}


def find_tool(name: str) -> Dialect:
    """Return a dialect by name; raises `UsageError` with the nearest one."""
    if name not in TOOLS:
        raise UsageError(f"unknown tool {name!r}", nearest_name(name, TOOLS))
    return TOOLS[name]
