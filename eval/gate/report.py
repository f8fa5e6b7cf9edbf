"""Spellings of a gate's decision: a line for the log, JSON, JUnit XML, Markdown."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict

from intrex.eval.compare.tables import signed
from intrex.eval.gate.decision import FAIL, PASS, MeasureDecision
from intrex.eval.gate.gate import Decision
from intrex.eval.tables import markdown_lines

SCHEMA = 1
DIGITS = 4
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def line(decision: Decision, part: MeasureDecision) -> str:
    """Say the decision by one measure in one line."""
    options = decision.options
    change = f"{part.measure} {part.mean_baseline:.{DIGITS}f} -> {part.mean_new:.{DIGITS}f} ({signed(part.difference, DIGITS)})"
    margin, sure = f"{options.max_drop:g}", f"{1 - options.alpha:.0%}"
    queries = f"{part.n_queries:,} queries"
    if part.n_groups != part.n_queries:
        queries += f" in {part.n_groups:,} groups"
    if part.verdict == PASS:
        return f"PASS {change}: the drop is smaller than {margin}, {sure} sure by {queries} (bound {signed(part.low, DIGITS)})"
    if part.verdict == FAIL:
        return f"FAIL {change}: the drop is {margin} or more, {sure} sure by {queries} (bound {signed(part.high, DIGITS)})"
    return f"CANNOT TELL {change}: {queries} {_power(part, margin)}"


def _power(part: MeasureDecision, margin: str) -> str:
    if part.detectable is None:
        return f"are too few to tell {margin}"
    return (
        f"detect {part.detectable:.{DIGITS}f}, asked is {margin}; some {part.queries_needed:,} queries would tell it"
        if (part.queries_needed or 0) > part.n_queries
        else f"detect {part.detectable:.{DIGITS}f} where nothing changed, the difference is too near {margin}"
    )


def json_text(decision: Decision) -> str:
    """Spell it as a JSON object; ends of intervals that are open are null."""
    record = {
        "schema": SCHEMA,
        "verdict": decision.verdict,
        "passed": decision.passed,
        "baseline": decision.baseline,
        "new": decision.new,
        "max_drop": decision.options.max_drop,
        "alpha": decision.options.alpha,
        "test": decision.options.test,
        "undecided": decision.options.undecided,
        "measures": [_closed(asdict(part)) for part in decision.measures],
        "notes": decision.notes,
        "signature": decision.signature,
    }
    return json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _closed(record: dict[str, object]) -> dict[str, object]:
    return {k: None if isinstance(v, float) and math.isinf(v) else v for k, v in record.items()}


def junit_text(decision: Decision) -> str:
    """Spell it as JUnit XML: a suite with a test case a measure; what lets the build fail is a failure."""
    from xml.etree import ElementTree as ET

    def fails(part: MeasureDecision) -> bool:
        return part.verdict == FAIL or (part.verdict != PASS and decision.options.undecided == "fail")

    failures = sum(map(fails, decision.measures))
    numbers = {"tests": str(len(decision.measures)), "failures": str(failures), "errors": "0", "skipped": "0"}
    root = ET.Element("testsuites", {"name": "intrex gate", **numbers})
    suite = ET.SubElement(
        root, "testsuite", {"name": _xml(f"{decision.new} against {decision.baseline}"), **numbers}
    )
    for part in decision.measures:
        case = ET.SubElement(suite, "testcase", {"classname": "intrex.gate", "name": _xml(part.measure)})
        text = _xml("\n".join([line(decision, part), *_losses(part), *decision.notes, decision.signature]))
        if fails(part):
            failure = ET.SubElement(
                case, "failure", {"message": _xml(line(decision, part)), "type": part.verdict}
            )
            failure.text = text
        else:
            ET.SubElement(case, "system-out").text = text
    ET.indent(root)
    body: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _xml(text: str) -> str:
    """Leave out what no XML file can hold."""
    return _NOT_XML.sub("\ufffd", text)


def _losses(part: MeasureDecision) -> list[str]:
    return [
        f"lost {loss.query} {loss.baseline:.{DIGITS}f} -> {loss.new:.{DIGITS}f} ({signed(loss.difference, DIGITS)})"
        + (f" {loss.text}" if loss.text else "")
        for loss in part.losses
    ]


def markdown_text(decision: Decision) -> str:
    """Spell it as Markdown: the verdict, a table of the measures, the queries that lost most."""
    headers = ["measure", decision.baseline, decision.new, "difference", "bounds", "verdict"]
    rows = [
        [
            part.measure, f"{part.mean_baseline:.{DIGITS}f}", f"{part.mean_new:.{DIGITS}f}", signed(part.difference, DIGITS),
            f"{signed(part.low, DIGITS)} to {signed(part.high, DIGITS)}", part.verdict,
        ]
        for part in decision.measures
    ]  # fmt: skip
    outcome = "passes" if decision.passed else "fails"
    doubt = " (the queries cannot tell)" if decision.verdict not in (PASS, FAIL) else ""
    lines = [f"### intrex gate: {outcome}{doubt}", ""]
    lines += [f"- {line(decision, part)}" for part in decision.measures]
    lines += ["", *markdown_lines(headers, rows, ["---", "---:", "---:", "---:", "---", "---"])]
    for part in decision.measures:
        if part.losses:
            lines += ["", f"<details><summary>Queries that lost most by {part.measure}</summary>", ""]
            lines += markdown_lines(
                ["query", decision.baseline, decision.new, "difference", "text"],
                [
                    [loss.query, f"{loss.baseline:.{DIGITS}f}", f"{loss.new:.{DIGITS}f}", signed(loss.difference, DIGITS), " ".join(loss.text.split())]
                    for loss in part.losses
                ],
                ["---", "---:", "---:", "---:", "---"],
            )  # fmt: skip
            lines += ["", "</details>"]
    lines += [
        "",
        *(f"- {note}" for note in decision.notes),
        *([""] if decision.notes else []),
        f"`{decision.signature}`",
    ]
    return "\n".join(lines) + "\n"
