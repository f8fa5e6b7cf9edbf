"""Identifiers: characters that some tools trip over, and ids that nearly are each other."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import numpy as np

from intrex.data.arrays import Bytes, Int64s
from intrex.data.check.facts import spell
from intrex.data.check.findings import Findings
from intrex.data.ids import needs_encoding

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_ZEROS = re.compile(rb"(?<!\d)0+(?=\d)")


def check_ids(ids: Bytes, first: Int64s, noun: str, findings: Findings) -> None:
    """Report unusual ids.

    Args:
        ids: [n], unique.
        first: [n], the line where each occurs first.
        noun: ``query`` or ``document``.
        findings: where to report.
    """
    values = ids.tolist()
    unusual = [i for i, v in enumerate(values) if not v.isascii() or v[:1] == b'"' or b" " in v or b"\t" in v]
    texts = {i: values[i].decode("utf-8", "replace") for i in unusual}
    _report(
        "I002",
        [i for i in unusual if needs_encoding(texts[i])],
        "has white space or a leading quote",
        ids,
        first,
        noun,
        findings,
    )
    _report(
        "I003",
        [i for i in unusual if _INVISIBLE.search(texts[i])],
        "holds an invisible character",
        ids,
        first,
        noun,
        findings,
    )
    for code, key, maybe in (
        ("I004", without_case, _has_case),
        ("I005", without_zeros, _has_zero),
        ("I006", without_form, _not_ascii),
    ):
        pairs = _alike(values, key, maybe)
        lines = [int(max(first[a], first[b])) for a, b in pairs]
        findings.add(code, lines, _pair_text(noun, values, pairs))


def _report(
    code: str, rows: list[int], problem: str, ids: Bytes, first: Int64s, noun: str, findings: Findings
) -> None:
    findings.add(
        code, first[rows], lambda i: f"the {noun} id {ids[rows[i]].decode('utf-8', 'replace')!a} {problem}"
    )


def _alike(
    values: list[bytes], key: Callable[[bytes], bytes], may_change: Callable[[bytes], bool]
) -> list[tuple[int, int]]:
    """Return pairs of ids whose keys are equal; an id for which ``may_change`` is False is its own key."""
    changed = [(i, key(v)) for i, v in enumerate(values) if may_change(v)]
    changed = [(i, k) for i, k in changed if k != values[i]]
    if not changed:
        return []
    keys = {k for _, k in changed}
    known = {v: i for i, v in enumerate(values) if v in keys}
    pairs = []
    for i, k in changed:
        if k in known:
            pairs.append((known[k], i))
        else:
            known[k] = i
    return pairs


def _pair_text(noun: str, values: list[bytes], pairs: list[tuple[int, int]]) -> Callable[[int], str]:
    return lambda i: f"the {noun} ids " + " and ".join(spell(values[at]) for at in pairs[i])


def _has_case(value: bytes) -> bool:
    return value != value.lower()


def _has_zero(value: bytes) -> bool:
    return b"0" in value


def _not_ascii(value: bytes) -> bool:
    return not value.isascii()


def without_case(value: bytes) -> bytes:
    """Return an id in lower case (ASCII letters)."""
    return value.lower()


def without_zeros(value: bytes) -> bytes:
    """Return an id without the leading zeros of every number in it."""
    return _ZEROS.sub(b"", value)


def without_form(value: bytes) -> bytes:
    """Return an id in Unicode's compatibility form, without invisible characters and white space around it."""
    if value.isascii():
        return value
    text = unicodedata.normalize("NFKC", value.decode("utf-8", "replace"))
    return _INVISIBLE.sub("", text).strip().encode("utf-8")


def without_prefix(value: bytes) -> bytes:
    """Return what follows the last separator of an id: ``CACM-756`` and ``doc_756`` are ``756``."""
    return re.split(rb"[^0-9A-Za-z]|(?<=[A-Za-z])(?=\d)", value)[-1]


def first_lines(codes: Int64s, n: int, lines: Int64s) -> Int64s:
    """Return the line where each of ``n`` codes occurs first."""
    out = np.full(n, np.iinfo(np.int64).max, np.int64)
    np.minimum.at(out, codes, lines)
    return out
