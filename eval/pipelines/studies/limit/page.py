"""Page of the LIMIT studies, made of the CSV files beside it, and what its figures are expected to be."""

from collections.abc import Mapping
from pathlib import Path

from intrex.data.builders.options import PATTERNS
from intrex.eval.pipelines.studies.limit.free import FreeSettings
from intrex.eval.pipelines.studies.limit.free_report import CRITICAL_FILE, free_section, read_table
from intrex.eval.pipelines.studies.limit.published import FULL, SMALL
from intrex.eval.pipelines.studies.limit.report import limit_section
from intrex.eval.pipelines.studies.limit.study import MEASURES
from intrex.eval.tables import markdown_lines

ALL, CHEAP = "bm25,static,dense,multivector,fde", "bm25,static"
COLLECTIONS = {
    "published-small": (None, ALL),
    "dense-2000": ("--documents 2000", ALL),
    **{f"{pattern}-50000": (f"--pattern {pattern}", CHEAP) for pattern in PATTERNS},
}
"""Collections of the page: the options of the build (None: imported), and the systems that are tried."""
FREE = {"free": 1000, "free-patient": 10_000}
"""Studies of free embeddings, with their patience."""
EXPECTED = {
    "published-small": {
        "bm25": (0.98, 0.005),
        "dense": (0.162, 0.01),
        "static": (0.28, 0.02),
        "multivector": (0.96, 0.02),
    },
}
"""R@2 at the full dimensions, and its tolerance on both sides."""
CRITICAL_EXPECTED = {"free": {4: 9, 5: 13, 6: 19, 7: 26, 8: 30}}
"""Critical n of five seeds, within 1: near the edge the last bits of a processor's arithmetic decide."""
HEAD = """# LIMIT: relevant together, near to each other

Made by `make reproduce-limit`, which regenerates this page from the CSV files beside it and compares its figures with those
expected; the commands are at the end. The collection and the optimisation are those of Weller et al., "On the Theoretical Limitations of
Embedding-Based Retrieval" (arXiv 2508.21038). What limits what follows:

- The models are all-MiniLM-L6-v2 and a static encoder distilled from it: small ones, trained without LIMIT. Their vectors were not trained to
  be cut; figures at few dimensions are those of cut vectors, brought back to length 1, not of models of so few dimensions.
- Exact MaxSim is over the token vectors of MiniLM, which was not trained for it (no trained ColBERT could be had).
- Our generated collections have other names and things than the published one: figures compare in kind. Of the published collection the
  46 documents of limit-small are here; its 50,000 could not be had.
- Published figures are quoted, not computed here: of the paper's ICLR version, and of the settings in the code of google-deepmind/limit.
"""


def command_lines() -> list[tuple[str | None, str]]:
    """Return the commands, each with the output that it need not make again; None where it goes on by itself."""
    lines: list[tuple[str | None, str]] = []
    for name, (options, systems) in COLLECTIONS.items():
        if options is None:
            lines.append((name, f"intrex collection import limit-small {name}"))
        else:
            lines.append((name, f"intrex collection build limit {name} {options}"))
        lines.append((None, f"intrex study limit {name}:test --systems {systems} --output {name}-study"))
    for name, patience in FREE.items():
        lines.append((None, f"intrex study free-embeddings --dims 4-8 --patience {patience} --output {name}"))
    return lines


def make_page(docs: Path) -> str:
    """Write the whole page in Markdown, of the CSV files in a folder."""
    lines = [HEAD, "## Free embeddings", ""]
    lines += [*_free(docs, "free"), "", _beside(docs)]
    lines += [
        "",
        "### With ten times the patience",
        "",
        _patient(docs),
        "",
        *_free(docs, "free-patient")[2:-2],
    ]
    lines += ["", "## Retrievers", "", "Published, recall in percent:", "", *_published(), ""]
    lines += ["The four patterns at 50,000 documents, recall in percent:", "", *_patterns(docs), ""]
    for name, (options, _) in COLLECTIONS.items():
        build = "limit-small, as published" if options is None else f"`collection build limit {options}`"
        lines += [f"### {name}", "", f"{build}.", ""]
        lines += [*limit_section(docs, f"limit-{name}-recall.csv", f"limit-{name}-recall.png"), ""]
    commands = [line for _, line in command_lines()]
    lines += ["## Commands", "", "```", *commands, "```", ""]
    return "\n".join(lines)


def _free(docs: Path, name: str) -> list[str]:
    files = {file: f"limit-{name}-{file}" for file in ("critical.csv", "shares.csv", "critical.png")}
    return free_section(docs, FreeSettings(patience=FREE[name]), files)


def _beside(docs: Path) -> str:
    """Say where figures are off the published ones."""
    rows = read_table(docs / f"limit-free-{CRITICAL_FILE}")
    far = [f"d = {r['dimensions']} ({r['difference']})" for r in rows if abs(int(r["difference"] or 0)) > 1]
    return (
        f"Off the published figures by more than 1: {', '.join(far) or 'none'}. Those are of one seed each, ours the best of "
        f"{rows[0]['seeds']}; how much of a difference is the seed's, and how much of other libraries and hardware, is not known here."
    )


def _patient(docs: Path) -> str:
    """Say what more steps changed."""
    before, after = (
        {r["dimensions"]: r["critical_n"] for r in read_table(docs / f"limit-{name}-{CRITICAL_FILE}")}
        for name in FREE
    )
    changes = [f"d = {dim}: {n} to {after[dim]}" for dim, n in before.items() if after.get(dim, n) != n]
    return (
        f"An end after {FREE['free-patient']:,} steps without a better loss instead of {FREE['free']:,}, all else the same. "
        f"Critical n changed at {', '.join(changes) or 'no dimension'}: what is called critical is where this optimiser stops."
    )


def _published() -> list[str]:
    rows = [
        [name, *(f"{value:g}" for value in FULL[name]), *(f"{value:g}" for value in SMALL[name])]
        for name in FULL
    ]
    head = ["model", "50,000: R@2", "R@10", "R@100", "46: R@2", "R@10", "R@20"]
    return markdown_lines(head, rows, ["---"] + ["--:"] * 6)


def _patterns(docs: Path) -> list[str]:
    """Return a table of the systems at their full dimensions, by pattern."""
    rows = []
    for pattern in PATTERNS:
        table = read_table(docs / f"limit-{pattern}-50000-recall.csv")
        for r in table:
            if r["truncated"] == "0":
                rows.append([pattern, r["system"], *(f"{100 * float(r[m]):.1f}" for m in MEASURES)])
    return markdown_lines(["pattern", "system", *MEASURES], rows, ["---", "---"] + ["--:"] * len(MEASURES))


def unexpected(docs: Path) -> list[str]:
    """List every figure that is not where it is expected, above or below, or is missing."""
    problems = []
    for name, systems in EXPECTED.items():
        rows = [r for r in read_table(docs / f"limit-{name}-recall.csv") if r["truncated"] == "0"]
        found = {r["system"]: float(r["R@2"]) for r in rows}
        for system, (value, tolerance) in systems.items():
            problems += _far(f"{name} {system} R@2", found.get(system), value, tolerance)
    for name, expected in CRITICAL_EXPECTED.items():
        critical = _critical(read_table(docs / f"limit-{name}-{CRITICAL_FILE}"))
        for dim, n in expected.items():
            problems += _far(f"{name} d = {dim} critical n", critical.get(str(dim)), n, 1)
    return problems


def _critical(rows: list[dict[str, str]]) -> Mapping[str, float]:
    return {r["dimensions"]: float(r["critical_n"]) for r in rows if r["critical_n"].isdigit()}


def _far(name: str, found: float | None, expected: float, tolerance: float) -> list[str]:
    if found is None:
        return [f"{name}: missing"]
    return (
        []
        if abs(found - expected) <= tolerance
        else [f"{name}: {found:g}, expected {expected:g} within {tolerance:g}"]
    )
