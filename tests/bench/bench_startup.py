"""Whole-process time of the commands that should answer at once: best and median of 5, bytecode compiled."""

import compileall
import os
import subprocess
import sys
import time
from importlib.resources import files
from statistics import median

COMMANDS = (["--version"], ["--help"], ["evaluate", "--help"], ["search", "--help"])


def main() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for package in ("cli", "data"):
        compileall.compile_dir(str(files(f"intrex.{package}")), quiet=2)
    print("| command | best s | median s |\n| --- | --: | --: |")
    for command in COMMANDS:
        times = []
        for _ in range(6):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "intrex.cli", *command],
                env=environment,
                check=True,
                capture_output=True,
            )
            times.append(time.perf_counter() - start)
        print(f"| intrex {' '.join(command)} | {min(times[1:]):.3f} | {median(times[1:]):.3f} |")


if __name__ == "__main__":
    main()
