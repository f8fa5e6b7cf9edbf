"""``make reproduce-prf``: the study of feedback on vectors on real collections, from import to docs/studies/prf.md.

Every step is a command of intrex; what an earlier run finished is not done again. Usage: WORK DOCS
"""

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

from intrex.eval.pipelines.studies.prf.grid import COLLECTIONS, evaluation, index_commands, systems
from intrex.eval.pipelines.studies.prf.page import draw, make_page
from intrex.eval.pipelines.studies.prf.results import read_means, run_tests, write_scores, write_tests
from intrex.eval.pipelines.studies.shared import SHARED


def run(command: str) -> None:
    """Run a command of intrex, shown first."""
    print(f"$ {command}", flush=True)
    words = [sorted(map(str, Path().glob(word))) if "*" in word else [word] for word in command.split()[1:]]
    output = subprocess.DEVNULL if words[0] == ["evaluate"] else None  # the page has the table
    line = [sys.executable, "-m", "intrex.cli", *chain.from_iterable(words)]
    subprocess.run(line, check=True, stdout=output)


def run_collection(name: str) -> Path:
    """Import, index and search a collection in the working folder; return the file of its scores."""
    for folder, command in index_commands(name):
        if not Path(folder).exists():
            run(command.replace(f"import {name} ", f"import {SHARED / name} "))
    Path(f"{name}-runs").mkdir(exist_ok=True)
    for system in systems():
        if not Path(f"{name}-runs/{system.name}.txt.gz").exists():
            run(system.search(name))
    run(evaluation(name))
    return Path(f"{name}.jsonl").resolve()


def main() -> None:
    """Run what the command line names, see the module."""
    work, docs = (Path(word).resolve() for word in sys.argv[1:])
    if not SHARED.is_dir():
        sys.exit("the folder of shared collections is not here (INTREX_SHARED_DATA)")
    for folder in (work, docs):
        folder.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    files = {name: run_collection(name) for name in COLLECTIONS}
    scores = [score for name, file in files.items() for score in read_means(name, file)]
    write_scores(scores, docs / "prf-scores.csv")
    write_tests(run_tests(files), docs / "prf-tests.csv")
    draw(docs, docs / "prf.png")
    (docs / "prf.md").write_text(make_page(docs), encoding="utf-8")
    print(f"{docs / 'prf.md'}: written")


if __name__ == "__main__":
    main()
