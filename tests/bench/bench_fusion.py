"""Whole-process time and memory of fusing two runs, file to file: every native method, an older build, ranx.

``--queries 7000 --depth 1000`` is the size of the target, ranx has its own, smaller one. ``--before COMMAND`` is the
``intrex`` of an older build. Ratios are of CPU time in the same minutes. The files are kept in ``INTREX_BENCH_DIR``, or in
the folder of temporary files.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from intrex.retrievers.fusion.methods import METHODS

PASSAGES = 8_841_823  # of MS MARCO, whose ids are numbers
RANX = """
import sys
from ranx import Run, fuse
runs = [Run.from_file(path, kind="trec") for path in sys.argv[1:3]]
fuse(runs=runs, norm=None, method="rrf", params={"k": 60}).save(sys.argv[3], kind="trec")
"""


def make(folder: Path, queries: int, depth: int) -> list[Path]:
    """Two runs with half of their documents in common: numbers as ids, scores of six decimals, falling."""
    paths = [folder / f"fusion-{name}-{queries}x{depth}.txt" for name in "ab"]
    if all(path.exists() for path in paths):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    names = rng.permutation(np.unique(rng.integers(2, 1_102_400, 2 * queries)))[:queries].tolist()
    hidden = [path.with_suffix(".part") for path in paths]
    with hidden[0].open("w") as one, hidden[1].open("w") as other:
        for name in names:
            pool = rng.choice(PASSAGES, depth + depth // 2, replace=False)
            for out, scale in ((one, 9.0), (other, 0.7)):
                docs = rng.permutation(pool)[:depth].tolist()
                scores = np.sort(np.abs(rng.normal(scale, scale / 4, depth)))[::-1].tolist()
                rows = zip(docs, range(1, depth + 1), scores, strict=True)
                out.write("".join(f"{name} Q0 {d} {r} {s:f} b\n" for d, r, s in rows))
    for part, path in zip(hidden, paths, strict=True):
        part.replace(path)
    return paths


def judge(paths: list[Path]) -> Path:
    """Judgements of those queries: a document of the first run, at a rank that is mostly low."""
    qrels = paths[0].with_suffix(".qrels")
    rng = np.random.default_rng(2)
    with paths[0].open() as run, qrels.open("w") as out:
        wanted = {}
        for line in run:
            query, _, doc, rank, _, _ = line.split()
            if query not in wanted:
                wanted[query] = str(1 + min(int(rng.exponential(60)), 900))
            if rank == wanted[query]:
                out.write(f"{query} 0 {doc} 1\n")
    return qrels


def measure(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MB of a command."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if child.returncode:
            sys.exit(f"{' '.join(command[:4])} failed:\n{said.read().decode()}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def extras(name: str) -> list[str]:
    norm = ["--norm", "none"] if METHODS[name].norm == "none" else []
    return ["--method", name, *norm]


def table(title: str, commands: dict[str, list[str]], rounds: int) -> None:
    found = {name: [measure(command) for _ in range(rounds)] for name, command in commands.items()}
    base = min(cpu for _, cpu, _ in found["intrex rrf"])
    print(
        f"\n{title}\n\n| command | best s | CPU s | peak MB | CPU / that of rrf |\n| --- | --: | --: | --: | --: |"
    )
    for name, runs in found.items():
        wall, cpu, peak = min(r[0] for r in runs), min(r[1] for r in runs), max(r[2] for r in runs)
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {cpu / base:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=7_000)
    parser.add_argument("--depth", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--before", help="the intrex of an older build")
    parser.add_argument("--ranx", type=int, default=500, help="queries for ranx; 0 leaves it out")
    parser.add_argument("--methods", nargs="+", default=[n for n, m in METHODS.items() if not m.trained])
    parser.add_argument("--no-tune", dest="tune", action="store_false", help="leave tuning out")
    asked = parser.parse_args()
    folder = Path(os.environ.get("INTREX_BENCH_DIR", Path(tempfile.gettempdir()) / "intrex-bench"))
    out = folder / "fused.txt"

    def ours(paths: list[Path], name: str, program: list[str]) -> list[str]:
        return [*program, "fuse", *map(str, paths), *extras(name), "-o", str(out), "--overwrite"]

    intrex = [sys.executable, "-m", "intrex.cli"]
    paths = make(folder, asked.queries, asked.depth)
    measure(ours(make(folder, 500, asked.depth), "rrf", intrex))  # the kernels are compiled
    commands = {f"intrex {name}": ours(paths, name, intrex) for name in ("rrf", *asked.methods)}
    if asked.before:
        commands |= {f"before, {name}": ours(paths, name, [asked.before]) for name in ("rrf", "wsum")}
    table(f"{asked.queries:,} queries x {asked.depth:,}, two runs", commands, asked.rounds)
    if asked.tune:
        qrels = judge(paths)
        tuned = ["--tune", "nDCG@10", "--on", str(qrels)]
        line = [*intrex, "fuse", *map(str, paths), "--method", "wsum", "-o", str(out), "--overwrite"]
        measure([*line, *tuned])
        commands = {
            "intrex rrf": ours(paths, "rrf", intrex),
            "intrex wsum": line,
            "intrex wsum, 101 weights tuned": [*line, *tuned],
            "intrex evaluate, one run": [*intrex, "evaluate", str(qrels), str(paths[0]), "-m", "nDCG@10"],
        }
        table(
            f"{asked.queries:,} queries x {asked.depth:,}, two runs, tuned by nDCG@10", commands, asked.rounds
        )
        out.with_name(f"{out.name}.weights.json").unlink(missing_ok=True)
    if asked.ranx and find_spec("ranx"):
        paths = make(folder, asked.ranx, asked.depth)
        commands = {
            "intrex rrf": ours(paths, "rrf", intrex),
            "ranx": [sys.executable, "-W", "ignore", "-c", RANX, *map(str, paths), str(out)],
        }
        table(f"{asked.ranx:,} queries x {asked.depth:,}, two runs, with ranx", commands, asked.rounds)
    out.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
