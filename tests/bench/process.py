"""Steps of a benchmark in processes of their own, for their peak memory."""

import resource
import subprocess
import sys


def peak_gb() -> float:
    """The most memory this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)  # bytes there, kB here


def in_a_process(module: str, folder: str, *arguments: object) -> list[str]:
    """The lines that a benchmark's step prints: ``python -m tests.bench.MODULE --in FOLDER ...``."""
    line = [sys.executable, "-m", f"tests.bench.{module}", "--in", folder, *map(str, arguments)]
    return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
