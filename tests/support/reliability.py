"""Write the figures of `make faults` into docs/reliability.md: ``reliability.py FIGURES PAGE``."""

import json
import sys
from collections import Counter
from pathlib import Path

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def table(lines: list[str]) -> str:
    """The tables of the page, of the lines that the tests of faults appended."""
    records = [json.loads(line) for line in lines]
    rows = ["| command | operations | tried | outcomes |", "| --- | --: | --: | --- |"]
    killed: Counter[str] = Counter()
    for record in (r for r in records if "job" in r):
        killed += Counter(record["figures"])
        told = "; ".join(f"{name} {count}" for name, count in sorted(record["figures"].items()))
        rows.append(f"| {record['job']} | {record['operations']:,} | {record['tried']:,} | {told} |")
    kills = sum(count for name, count in killed.items() if name.startswith("killed"))
    failed = sum(killed.values()) - kills
    made = [r for r in records if "made" in r]
    counts = sum((Counter(r["figures"]) for r in made), Counter[str]())
    beside = [r for r in records if "exchange" in r]
    flips = sum(r["flips"]["named"] for r in records if "flips" in r)
    inputs = sum((Counter(r["inputs"]) for r in records if "inputs" in r), Counter[str]())
    summary = [
        "| attack | tried | outcome |",
        "| --- | --: | --- |",
        f"| kill -9 before or after a file operation | {kills:,} | the output absent, the old one or the new one; "
        "the same command then ended with equal bytes |",
        f"| a file operation that fails (ENOSPC, EIO), or a run past it | {failed:,} | "
        "a clear error or no harm; then as above |",
        f"| made and altered indexes with sound hashes | {sum(counts.values()):,} | "
        f"clear errors {counts['clear error']:,}, runs {counts['run']:,}, nothing else |",
        f"| bits flipped in files of a collection and of indexes | {flips:,} | each named by `verify` |",
        f"| damaged files of users, each given to ten commands | {sum(inputs.values()):,} | "
        f"clear errors {inputs['clear error']:,}, read {inputs['taken']:,}, nothing else, none beyond a minute |",
        f"| searches beside a process that exchanges the index | {sum(r['exchange'] for r in beside):,} | "
        "each the run of the one index or of the other |",
    ]
    kinds = ["| kind of index | altered | clear error | run |", "| --- | --: | --: | --: |"]
    for r in made:
        error, run = r["figures"].get("clear error", 0), r["figures"].get("run", 0)
        kinds.append(f"| {r['made']} | {error + run:,} | {error:,} | {run:,} |")
    return "\n\n".join("\n".join(part) for part in (summary, rows, kinds))


def main(figures: Path, page: Path) -> None:
    """Put the tables between the marks of the page."""
    text = page.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    lines = figures.read_text(encoding="utf-8").splitlines()
    page.write_text(f"{before}{BEGIN}\n\n{table(lines)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
