"""Identifiers: characters that some tools trip over, and ids that nearly are each other."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import numpy as np

from intrex.data.arrays import Bytes, Int64s
from intrex.data.check.facts import shown
from intrex.data.check.findings import Findings
from intrex.data.ids import needs_encoding

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_ZEROS = re.compile(rb"(?<!\d)0+(?=\d)")


def check_ids(ids: Bytes, first: Int64s, what: str, findings: Findings) -> None:
    """Report unusual ids.

    Args:
        ids: [n], unique.
        first: [n], the line where each occurs first.
        what: ``query`` or ``document``.
        findings: where to report.
    """
    values = ids.tolist()
    odd = [i for i, v in enumerate(values) if not v.isascii() or v[:1] == b'"' or b" " in v or b"\t" in v]
    texts = {i: values[i].decode("utf-8", "replace") for i in odd}
    _say(
        "I002",
        [i for i in odd if needs_encoding(texts[i])],
        "has white space or a leading quote",
        ids,
        first,
        what,
        findings,
    )
    _say(
        "I003",
        [i for i in odd if _INVISIBLE.search(texts[i])],
        "holds an invisible character",
        ids,
        first,
        what,
        findings,
    )
    for code, key, maybe in (
        ("I004", without_case, _has_case),
        ("I005", without_zeros, _has_zero),
        ("I006", without_form, _not_ascii),
    ):
        pairs = _alike(values, key, maybe)
        lines = [int(max(first[a], first[b])) for a, b in pairs]
        findings.add(code, lines, _pair_text(what, values, pairs))


def _say(
    code: str, rows: list[int], wrong: str, ids: Bytes, first: Int64s, what: str, findings: Findings
) -> None:
    findings.add(
        code, first[rows], lambda i: f"the {what} id {ids[rows[i]].decode('utf-8', 'replace')!a} {wrong}"
    )


def _alike(
    values: list[bytes], key: Callable[[bytes], bytes], maybe: Callable[[bytes], bool]
) -> list[tuple[int, int]]:
    """Pairs of ids whose keys are equal; an id for which ``maybe`` is False is its own key."""
    changed = [(i, key(v)) for i, v in enumerate(values) if maybe(v)]
    changed = [(i, k) for i, k in changed if k != values[i]]
    if not changed:
        return []
    wanted = {k for _, k in changed}
    known = {v: i for i, v in enumerate(values) if v in wanted}
    pairs = []
    for i, k in changed:
        if k in known:
            pairs.append((known[k], i))
        else:
            known[k] = i
    return pairs


def _pair_text(what: str, values: list[bytes], pairs: list[tuple[int, int]]) -> Callable[[int], str]:
    return lambda i: f"the {what} ids " + " and ".join(shown(values[at]) for at in pairs[i])


def _has_case(value: bytes) -> bool:
    return value != value.lower()


def _has_zero(value: bytes) -> bool:
    return b"0" in value


def _not_ascii(value: bytes) -> bool:
    return not value.isascii()


def without_case(value: bytes) -> bytes:
    """An id in lower case (ASCII letters)."""
    return value.lower()


def without_zeros(value: bytes) -> bytes:
    """An id without the leading zeros of every number in it."""
    return _ZEROS.sub(b"", value)


def without_form(value: bytes) -> bytes:
    """An id in Unicode's compatibility form, without invisible characters and white space around it."""
    if value.isascii():
        return value
    text = unicodedata.normalize("NFKC", value.decode("utf-8", "replace"))
    return _INVISIBLE.sub("", text).strip().encode("utf-8")


def without_prefix(value: bytes) -> bytes:
    """What follows the last separator of an id: ``CACM-756`` and ``doc_756`` are ``756``."""
    return re.split(rb"[^0-9A-Za-z]|(?<=[A-Za-z])(?=\d)", value)[-1]


def firsts(codes: Int64s, n: int, lines: Int64s) -> Int64s:
    """The line where each of ``n`` codes occurs first."""
    out = np.full(n, np.iinfo(np.int64).max, np.int64)
    np.minimum.at(out, codes, lines)
    return out
