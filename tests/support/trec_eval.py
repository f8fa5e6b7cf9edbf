"""What trec_eval printed: ``trec_eval.txt`` beside, of versions 9.0.8 and 10.0 built from source (usnistgov/trec_eval, x86-64).

A line that begins with ``$`` is a command line: the version, options, and a pair of `FILES`. What the program printed
follows. ``python -m tests.support.trec_eval`` writes it anew with the programs that INTREX_TREC_EVAL9 and
INTREX_TREC_EVAL10 name.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PRINTED = Path(__file__).with_suffix(".txt")
FILES = {
    # q1 is not in the run, q2 retrieves a document that was judged, q3 none, q4 has no relevant document
    "missing": (
        "q1 0 a 1\nq2 0 b 1\nq2 0 c 2\nq3 0 a 1\nq3 0 b 0\nq4 0 a 0\n",
        "q2 Q0 u 1 3 s\nq2 Q0 b 2 2 s\nq3 Q0 u 1 3 s\nq3 Q0 v 2 1 s\nq4 Q0 a 1 1 s\nq4 Q0 u 2 1 t\n",
    ),
    "whole": (
        "q1 0 a 1\nq1 0 b 3\nq1 0 c 0\nq2 0 a 2\nq2 0 d 1\nq3 0 a 1\n",
        "q1 Q0 a 1 3 s\nq1 Q0 u 2 2 s\nq1 Q0 b 3 1 s\nq2 Q0 d 1 5 s\nq2 Q0 c 2 4 s\nq3 Q0 u 1 1 last\n",
    ),
    # nothing but the query that the run lacks is without a judged document
    "absent": ("q1 0 a 1\nq2 0 b 1\n", "q1 Q0 u 1 2 t\nq1 Q0 a 2 1 t\n"),
    # scores that float64 tells apart and float32 does not hold
    "wide": (
        "q1 0 a 1\nq2 0 b 1\n",
        "q1 Q0 a 1 2e39 t\nq1 Q0 u 2 1e39 t\nq2 Q0 u 1 -1e39 t\nq2 Q0 b 2 -1e300 t\n",
    ),
}


def printed() -> Iterator[tuple[str, str, str, str]]:
    """Yield version, options, name of the files, and what was printed."""
    for block in PRINTED.read_text(encoding="utf-8").split("$ ")[1:]:
        head, _, text = block.partition("\n")
        version, *options, files = head.split()
        yield version, " ".join(options), files, text


def write(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a pair of files."""
    paths = folder / "qrels", folder / "run"
    for path, text in zip(paths, FILES[name], strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def run(program: str, options: str, paths: tuple[Path, Path]) -> str:
    """Return what trec_eval prints; raises CalledProcessError where it stops."""
    line = [program, *options.split(), *map(str, paths)]
    return subprocess.run(line, capture_output=True, text=True, check=True, timeout=60).stdout


def main() -> None:
    blocks = []
    for version, options, name, _ in printed():
        with tempfile.TemporaryDirectory() as folder:
            text = run(os.environ[f"INTREX_TREC_EVAL{version}"], options, write(Path(folder), name))
        blocks.append(f"$ {version} {options} {name}\n{text}")
    PRINTED.write_text("".join(blocks), encoding="utf-8")


if __name__ == "__main__":
    main()
