"""Run benchmarks and append what they print to ``docs/benchmarks/*.csv``, then write the page of their history.

python -m tests.bench.record [BENCHMARK ...] [--note TEXT] [-- ARGUMENT ...]

All of them run without names; startup or bench_startup is a name. What follows ``--`` goes to each of them,
and is not recorded, since it may name folders: ``--note`` says what is to be known of it.
"""

import argparse
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from intrex.data.system.threads import cores
from tests.bench import figures, history

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("benchmarks", nargs="*")
    parser.add_argument("--note", default="")
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    told = parser.parse_args(words[:at])
    every = sorted(file.stem.removeprefix("bench_") for file in HERE.glob("bench_*.py"))
    chosen = [name.removeprefix("bench_") for name in told.benchmarks] or every
    if unknown := sorted(set(chosen) - set(every)):
        parser.error(f"no benchmark {unknown[0]}; there are: {' '.join(every)}")
    failed = [name for name in chosen if run(name, told.note, words[at + 1 :])]
    history.write()
    if failed:
        sys.exit(f"failed, or a target was missed: {', '.join(failed)}")


def run(name: str, note: str, arguments: list[str]) -> int:
    """Run a benchmark, show what it prints, and append the figures of its tables; returns its exit code."""
    load = f"load {os.getloadavg()[0]:.1f} before"
    print(f"== {name}", flush=True)
    command = [sys.executable, "-m", f"tests.bench.bench_{name}", *arguments]
    printed = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            printed.append(line)
    told = datetime.now(UTC).date().isoformat(), commit(), machine()
    found = (
        figures.Figure(
            *told,
            name,
            cell.name,
            cell.value,
            cell.unit,
            cell.ratio_to,
            "; ".join(filter(None, (load, note))),
        )
        for table in figures.tables_in("".join(printed))
        for cell in figures.cells_of(table)
    )
    file = figures.FOLDER / f"{name}.csv"
    print(f"{figures.append(file, found)} figures appended to docs/benchmarks/{file.name}")
    return process.returncode


def commit() -> str:
    """The commit that is checked out, with a plus sign where tracked files were changed since."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":!/docs/benchmarks")
    return git("rev-parse", "--short=10", "HEAD") + ("+" if changed else "") or "unknown"


def machine() -> str:
    """The machine in words: cores, processor, memory, system, Python."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cores()} cores, {_processor()}, {memory:.0f} GiB, {platform.system()}, {python}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


if __name__ == "__main__":
    main()
