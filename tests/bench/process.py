"""Steps of a benchmark in processes of their own, for their peak memory."""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.support.needs import MINILM_PACKAGES, missing


def peak_gb() -> float:
    """The most memory this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)  # bytes there, kB here


def in_a_process(module: str, folder: str, *arguments: object) -> list[str]:
    """The lines that a benchmark's step prints: ``python -m tests.bench.MODULE --in FOLDER ...``."""
    line = [sys.executable, "-m", f"tests.bench.{module}", "--in", folder, *map(str, arguments)]
    return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def measure_in_a_folder(main: Callable[..., None], *arguments: object) -> None:
    """Call ``main`` with a temporary folder, where MiniLM's packages are installed."""
    if absent := missing(MINILM_PACKAGES):
        print(f"not measured, not installed: {absent}")
        return
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder), *arguments)


def run_step_or_all(steps: Callable[[argparse.Namespace], None], main: Callable[[int, int], None]) -> None:
    """Read the arguments of a benchmark of many queries: one of its steps in a folder, or all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", nargs="*")
    parser.add_argument("--train", type=int, default=500_000)
    parser.add_argument("--test", type=int, default=7_000)
    parser.add_argument("--in", dest="folder", help="Of a step: its working directory.")
    arguments = parser.parse_args()
    if arguments.folder:
        os.chdir(arguments.folder)
        steps(arguments)
    else:
        main(arguments.train, arguments.test)
