"""Feedback for tests."""

from dataclasses import fields
from typing import Any

from intrex.data.options import Options
from intrex.retrievers.prf.options import METHODS


def flat_values(method: Options) -> dict[str, Any]:
    """The options of a search, flat, for a method's parameters: the inverse of `expansion_of`."""
    (name,) = (name for name, one in METHODS.items() if isinstance(method, one.options))
    values = {f"{name}_{f.name}": getattr(method, f.name) for f in fields(METHODS[name].options)}
    return {name: True, **values}
