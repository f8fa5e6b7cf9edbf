"""Identifiers: characters that some tools trip over, and ids that nearly are each other."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import numpy as np

from intrex.data.arrays import Bytes, Int64s
from intrex.data.check.facts import Facts, factorize, spell
from intrex.data.check.findings import Findings
from intrex.data.ids import find_control, needs_encoding

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_ZEROS = re.compile(rb"(?<!\d)0+(?=\d)")
_PADDED = re.compile(rb"0\d+")
_MISSING = frozenset(
    b"NA N/A n/a #N/A #NA <NA> NULL null None NaN nan -NaN -nan 1.#IND -1.#IND 1.#QNAN -1.#QNAN".split()
)
"""Words that pandas reads as missing values unless told otherwise."""


def check_rows_ids(
    facts: Facts, queries: Bytes, docs: Bytes, lines: Int64s, imported: bool = False
) -> tuple[Int64s, Int64s]:
    """Put the ids of rows into ``facts``, report unusual ones, and return the indices [n] of each row's query and document."""
    facts.queries, query = factorize(queries)
    facts.docs, doc = factorize(docs)
    for ids, at, noun in ((facts.queries, query, "query"), (facts.docs, doc, "document")):
        check_ids(ids, first_lines(at, len(ids), lines), noun, facts.findings, imported)
    return query, doc


def check_ids(ids: Bytes, first: Int64s, noun: str, findings: Findings, imported: bool = True) -> None:
    """Report unusual ids.

    Args:
        ids: [n], unique.
        first: [n], the line where each occurs first.
        noun: ``query`` or ``document``.
        findings: where to report.
        imported: an import encodes ids that no reader takes as they are.
    """
    values = ids.tolist()
    unusual = [i for i, v in enumerate(values) if not v.isascii() or v[:1] == b'"' or b" " in v or b"\t" in v]
    texts = {i: values[i].decode("utf-8", "replace") for i in unusual}

    def report(code: str, problem: str, is_problem: Callable[[str], object]) -> None:
        rows = [i for i, text in texts.items() if is_problem(text)]
        findings.add(code, first[rows], lambda i: f"the {noun} id {texts[rows[i]]!a} {problem}")

    report("I007", "has a control character", find_control)
    report("I002" if imported else "I007", "has white space or a leading quote", needs_encoding)
    report("I003", "holds an invisible character", _INVISIBLE.search)
    for code, problem, is_problem in (
        ("I008", "reads like a missing value", lambda value: value in _MISSING),
        ("I009", "is a number with leading zeros", _PADDED.fullmatch),
    ):
        rows = [i for i, value in enumerate(values) if is_problem(value)]
        findings.add(code, first[rows], _id_text(noun, values, rows, problem))
    for code, key in (("I004", without_case), ("I005", without_zeros), ("I006", without_form)):
        pairs = _alike(values, key)
        lines = [int(max(first[a], first[b])) for a, b in pairs]
        findings.add(code, lines, _pair_text(noun, values, pairs))


def _alike(values: list[bytes], key: Callable[[bytes], bytes]) -> list[tuple[int, int]]:
    """Return pairs of ids whose keys are equal."""
    changed = [(i, k) for i, k in enumerate(map(key, values)) if k != values[i]]
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


def _id_text(noun: str, values: list[bytes], rows: list[int], problem: str) -> Callable[[int], str]:
    return lambda i: f"the {noun} id {spell(values[rows[i]])} {problem}"


def _pair_text(noun: str, values: list[bytes], pairs: list[tuple[int, int]]) -> Callable[[int], str]:
    return lambda i: f"the {noun} ids " + " and ".join(spell(values[at]) for at in pairs[i])


def without_case(value: bytes) -> bytes:
    """Return an id in lower case (ASCII letters)."""
    return value.lower()


def without_zeros(value: bytes) -> bytes:
    """Return an id without the leading zeros of every number in it."""
    return _ZEROS.sub(b"", value) if b"0" in value else value


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
