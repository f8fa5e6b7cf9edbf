"""Amounts of memory and disk, as people write them."""

from __future__ import annotations

import re

from intrex.data.errors import UsageError


def parse_bytes(text: str) -> int:
    """Read ``1G``, ``512M``, ``1.5GiB`` or a number of bytes; units are powers of 1024.

    >>> parse_bytes("1.5G")
    1610612736
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match:
        raise UsageError(f"not an amount of memory: {text!r}", "such as 1G, 512M or a number of bytes")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
