"""``make reproduce-limit``: the studies of LIMIT and of free embeddings, from collections to docs/studies/limit.md.

Every step is a command of intrex; what an earlier run finished is not done again, and a killed one goes on. The page is
made of the CSV files beside it, and compared with what is expected. Usage: WORK DOCS
"""

import shutil
import subprocess
import sys
from pathlib import Path

from intrex.eval.pipelines.studies.limit.page import COLLECTIONS, FREE, command_lines, make_page, unexpected
from intrex.eval.pipelines.studies.shared import SHARED


def run(line: str, work: Path) -> None:
    """Run a command of intrex in a folder, shown first."""
    print(f"$ {line}", flush=True)
    words = [str(SHARED / "limit-small") if word == "limit-small" else word for word in line.split()[1:]]
    subprocess.run(
        [sys.executable, "-m", "intrex.cli", *words], check=True, cwd=work, stdout=subprocess.DEVNULL
    )


def main() -> None:
    """Run what the command line names, see the module."""
    work, docs = (Path(argument).resolve() for argument in sys.argv[1:3])
    if not SHARED.is_dir():
        sys.exit("the folder of shared collections is not here (INTREX_SHARED_DATA)")
    work.mkdir(parents=True, exist_ok=True)
    docs.mkdir(parents=True, exist_ok=True)
    for output, line in command_lines():
        if output is None or not (work / output).exists():
            run(line, work)
    for name in COLLECTIONS:
        for file in ("recall.csv", "recall.png"):
            shutil.copyfile(work / f"{name}-study" / file, docs / f"limit-{name}-{file}")
    for name in FREE:
        for file in ("critical.csv", "shares.csv", "critical.png"):
            shutil.copyfile(work / name / file, docs / f"limit-{name}-{file}")
    page = docs / "limit.md"
    page.write_text(make_page(docs), encoding="utf-8")
    problems = unexpected(docs)
    for problem in problems:
        print(f"problem: {problem}")
    print(f"{page}: written; {len(problems)} problems")
    sys.exit(3 if problems else 0)


if __name__ == "__main__":
    main()
