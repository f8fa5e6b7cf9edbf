"""JSON as intrex reads it: each name once in an object, which Python's own reader does not ask for."""

from __future__ import annotations

import json
from typing import Any


def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members; raises ValueError where two have one name (an ``object_pairs_hook``)."""
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r} stands twice in one object")
    return members


DECODER = json.JSONDecoder(object_pairs_hook=unique_members)
"""Parser of texts from outside; kept, since ``json.loads`` with a hook would make one for each line."""
