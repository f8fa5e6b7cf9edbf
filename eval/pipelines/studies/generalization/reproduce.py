"""``make reproduce-generalization``: interpolation and extrapolation of every kind of retriever, from import to a page.

Every step is a command of intrex; what an earlier run finished is not done again, and a killed one goes on. The page is
made of the CSV files, then read back and compared with them; the scores are compared with `EXPECTED`, within
tolerances. Usage: WORK DOCS [--record] [COLLECTION ...]; ``--record`` writes `EXPECTED` anew.
"""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

from intrex.eval.leaderboard.rows import LeaderboardRow, read_leaderboard
from intrex.eval.pipelines.studies.generalization.grouping import write_effect
from intrex.eval.pipelines.studies.generalization.page import PLACES, check_page, make_page
from intrex.eval.pipelines.studies.generalization.results import MEASURE
from intrex.eval.pipelines.studies.shared import SHARED
from intrex.eval.tables import csv_text

EXPECTED = Path(__file__).with_name("expected.csv")
RECIPE = "generalization"
MINUTES = {"stackfaq": 50, "metatool": 40}
"""Minutes that each collection took on two quiet cores, rounded up: the plan that is printed."""
TOLERANCES = {"untrained": 0.005, "trained": 0.03}
"""Largest distance of scores from those expected. Untrained systems differ by bits of libraries and processors,
trained ones by the course of training too."""
COPIED = ("leaderboard.csv", "tests.csv", "costs.csv")


def commands(name: str) -> list[str]:
    """Return the commands that make a collection's results, as a user types them."""
    return [
        f"intrex experiment generalize {name} --recipe {RECIPE} --output {name}-study",
        f"intrex experiment generalize {name} --recipe {RECIPE} --groups documents --output {name}-study",
        f"intrex overlap {name}-study/collection:train {name}-study/collection:test --format csv > {name}-audit.csv",
    ]


def run(name: str, work: Path, docs: Path) -> None:
    """Run the commands, and copy what the page shows."""
    results, copied, alone = work / f"{name}-study", docs / f"generalization-{name}", work / f"{name}-alone"
    for number, command in enumerate(commands(name)):
        print(f"$ {command}", flush=True)
        words, _, target = command.partition(" > ")
        line = [sys.executable, "-m", "intrex.cli", *words.split()[1:]]
        line = [str(SHARED / name) if word == name else word for word in line]
        result = subprocess.run(line, check=True, cwd=work, stdout=subprocess.PIPE if target else None)
        if target:
            (work / target).write_bytes(result.stdout)
        if number == 0:  # the second command writes over them
            alone.mkdir(exist_ok=True)
            for file in ("leaderboard.csv", "tests.csv"):
                shutil.copyfile(results / file, alone / file)
    write_effect(name, alone, results, Path(f"{copied}-groups.csv"))
    for file in COPIED:
        shutil.copyfile(results / file, f"{copied}-{file}")
    shutil.copyfile(results / "generalization.png", f"{copied}.png")
    report = (results / "report.md").read_text(encoding="utf-8")
    linked = report.replace("(generalization.png)", f"(generalization-{name}.png)")
    Path(f"{copied}-report.md").write_text(linked, encoding="utf-8")
    shutil.copyfile(work / f"{name}-audit.csv", f"{copied}-audit.csv")


def checked_figures(rows: list[LeaderboardRow]) -> dict[tuple[str, str, str], float]:
    """Return the figures that are compared and shown: by system, fold and regime."""
    return {
        (r.system, r.fold, r.regime): r.value
        for r in rows
        if r.measure == MEASURE and (r.fold, r.regime) in PLACES
    }


def record(rows_of: dict[str, list[LeaderboardRow]]) -> None:
    """Write the scores that are expected from now on."""
    headers = ["collection", "system", "fold", "regime", "value", "tolerance"]
    lines = [
        [name, system, fold, regime, f"{value:.4f}", TOLERANCES[_kind(system)]]
        for name, rows in rows_of.items()
        for (system, fold, regime), value in sorted(checked_figures(rows).items())
    ]
    EXPECTED.write_text(csv_text(headers, lines), encoding="utf-8", newline="")


def _kind(system: str) -> str:
    return "untrained" if system == "bm25" or system.endswith(".untrained") else "trained"


def unexpected(rows_of: dict[str, list[LeaderboardRow]]) -> list[str]:
    """List every figure that is not where it is expected, above or below, and every one that is missing on either side."""
    problems: list[str] = []
    if not EXPECTED.exists():
        return [f"no scores are expected yet: --record writes {EXPECTED.name}"]
    with EXPECTED.open(encoding="utf-8", newline="") as stream:
        lines = [line for line in csv.DictReader(stream) if line["collection"] in rows_of]
    for name, rows in rows_of.items():
        figures = checked_figures(rows)
        expected = {(w["system"], w["fold"], w["regime"]): w for w in lines if w["collection"] == name}
        for place in sorted(figures.keys() | expected.keys()):
            where = f"{name} {' '.join(place)}"
            if place not in figures or place not in expected:
                problems.append(f"{where}: {'missing' if place in expected else 'not expected'}")
                continue
            value, tolerance = float(expected[place]["value"]), float(expected[place]["tolerance"])
            if not abs(figures[place] - value) <= tolerance:
                problems.append(f"{where}: {figures[place]:.4f}, expected {value:.4f} within {tolerance:g}")
    return problems


def main() -> None:
    """Run what the command line names, see the module."""
    work, docs, *arguments = sys.argv[1:]
    names = [name for name in arguments if name != "--record"] or list(MINUTES)
    if not SHARED.is_dir():
        sys.exit("the folder of shared collections is not here (INTREX_SHARED_DATA)")
    folder, target = Path(work).resolve(), Path(docs).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    total = sum(MINUTES.get(name, 60) for name in names)
    print(
        f"plan: {', '.join(names)}; from nothing at most {total} minutes on two cores; it may be killed and goes on"
    )
    for name in names:
        run(name, folder, target)
    rows_of = {name: read_leaderboard(target / f"generalization-{name}-leaderboard.csv") for name in names}
    if "--record" in arguments:
        record(rows_of)
    page = target / "generalization.md"
    page.write_text(make_page(names, target, [c for name in names for c in commands(name)]), encoding="utf-8")
    problems = [*check_page(page, rows_of), *unexpected(rows_of)]
    for problem in problems:
        print(f"problem: {problem}")
    print(f"{page}: written; {len(problems)} problems")
    sys.exit(3 if problems else 0)


if __name__ == "__main__":
    main()
