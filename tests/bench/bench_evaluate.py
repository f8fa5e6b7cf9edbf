"""Whole-process time and memory of scoring a run of 7 million lines, beside other tools in the same minutes; and a small one.

Each command is started from the shell several times in turn, best time and highest peak; ratios are to trec_eval where
it is on the path. ``--ranx`` adds ranx, which takes a minute; ``--rounds N`` says how often. The files (230 MB) are made
once and kept in ``INTREX_BENCH_DIR``, or in the folder of temporary files.
"""

import argparse
import compileall
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np

MEASURES = ("nDCG@10", "RR@10", "R@100", "AP")
PASSAGES = 8_841_823  # of MS MARCO, whose ids are numbers
LARGE, SMALL = (6980, 1000), (300, 100)

MATCH = """
import sys
from pathlib import Path
from intrex.data.qrels import read_qrels
from intrex.eval.scoring.stream import match_any
qrels = read_qrels(Path(sys.argv[1]))
found = match_any(qrels, Path(sys.argv[2]))
print(sum(1 / r for r in found.ranks[found.offsets[:-1][found.offsets[:-1] < found.offsets[1:]]] if r <= 10) / len(qrels))
"""
PYTREC_EVAL = """
import sys, pytrec_eval
with open(sys.argv[1]) as a, open(sys.argv[2]) as b:
    qrels, run = pytrec_eval.parse_qrel(a), pytrec_eval.parse_run(b)
names = {"ndcg_cut.10", "recip_rank", "recall.100", "map"}
found = pytrec_eval.RelevanceEvaluator(qrels, names).evaluate(run)
print({m: sum(v[m] for v in found.values()) / len(qrels) for m in next(iter(found.values()))})
"""
RANX = """
import sys
from ranx import Qrels, Run, evaluate
qrels, run = Qrels.from_file(sys.argv[1], kind="trec"), Run.from_file(sys.argv[2], kind="trec")
print(evaluate(qrels, run, ["ndcg@10", "mrr@10", "recall@100", "map"], make_comparable=True))
"""


def make(folder: Path, queries: int, depth: int) -> tuple[Path, Path]:
    """Qrels of 1 or 2 judgements a query, and a run: numbers as ids, scores of six decimals, falling."""
    qrels, run = folder / f"qrels-{queries}.txt", folder / f"run-{queries}x{depth}.txt"
    if qrels.exists() and run.exists():
        return qrels, run
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    names = rng.permutation(np.unique(rng.integers(2, 1_102_400, 2 * queries)))[:queries].tolist()
    hidden = run.with_suffix(".part")
    with hidden.open("w") as out, qrels.open("w") as judged:
        for i, name in enumerate(names):
            docs = rng.choice(PASSAGES, depth, replace=False).tolist()
            scores = np.sort(np.abs(rng.normal(9, 2.2, depth)))[::-1].tolist()
            rows = zip(docs, range(1, depth + 1), scores, strict=True)
            out.write("".join(f"{name} Q0 {d} {r} {s:f} b\n" for d, r, s in rows))
            wanted = {min(int(rng.exponential(60)), depth - 1) for _ in range(1 + (i % 15 == 0))}
            judged.write("".join(f"{name} 0 {docs[at]} 1\n" for at in sorted(wanted)))
    hidden.replace(run)
    return qrels, run


@dataclass
class Tool:
    name: str
    command: list[str]
    once: bool = False
    fresh: bool = False
    seconds: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)

    def measure(self, qrels: Path, run: Path) -> None:
        """Start the command, wait for it, note wall time and peak memory."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
            if self.fresh:
                environment["NUMBA_CACHE_DIR"] = folder
            start = time.perf_counter()
            child = subprocess.Popen(
                [*self.command, str(qrels), str(run), *self.after()],
                env=environment,
                stdout=said,
                stderr=said,
            )
            _, status, usage = os.wait4(child.pid, 0)
            self.seconds.append(time.perf_counter() - start)
            child.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            if child.returncode:
                sys.exit(f"{self.name} failed:\n{said.read().decode()}")
        self.worked.append(usage.ru_utime + usage.ru_stime)
        self.peaks.append(usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3))

    def after(self) -> list[str]:
        """Arguments that follow the two files."""
        return {"intrex evaluate": ["-m", " ".join(MEASURES)], "ir_measures": list(MEASURES)}.get(
            self.name.split(",")[0], []
        )


def tools(ranx: bool) -> list[Tool]:
    python = sys.executable
    evaluate = [python, "-m", "intrex.cli", "evaluate"]
    found = [
        Tool("intrex evaluate", evaluate),
        Tool("intrex evaluate, first time ever", evaluate, once=True, fresh=True),
        Tool("intrex, matching alone", [python, "-c", MATCH]),
        Tool("intrex, matching alone, first time ever", [python, "-c", MATCH], once=True, fresh=True),
    ]
    if there := shutil.which("trec_eval"):
        names = [w for m in ("ndcg_cut.10", "recip_rank", "recall.100", "map") for w in ("-m", m)]
        found.append(Tool("trec_eval", [there, *names]))
    if find_spec("pytrec_eval"):
        found.append(Tool("pytrec_eval", [python, "-c", PYTREC_EVAL]))
    if find_spec("ir_measures"):
        found.append(Tool("ir_measures", [python, "-m", "ir_measures"]))
    if ranx and find_spec("ranx"):
        found.append(Tool("ranx", [python, "-c", RANX], once=True))
    return found


def table(title: str, shape: tuple[int, int], folder: Path, measured: list[Tool], rounds: int) -> None:
    qrels, run = make(folder, *shape)
    for turn in range(rounds):
        for tool in measured:
            if turn == 0 or not tool.once:
                tool.measure(qrels, run)
    base = next((t for t in measured if t.name == "trec_eval"), measured[0])
    size = run.stat().st_size / 1e6
    print(f"\n{title}: {shape[0]:,} queries x {shape[1]:,}, {size:.0f} MB, best of {rounds}\n")
    print(
        f"| command | best s | CPU s | peak MB | time of {base.name} / its | its memory / that of {base.name} |"
    )
    print("| --- | --: | --: | --: | --: | --: |")
    for tool in measured:
        best, peak = min(tool.seconds), max(tool.peaks)
        ratios = f"{min(base.seconds) / best:.2f} | {peak / max(base.peaks):.2f}"
        print(f"| {tool.name} | {best:.2f} | {min(tool.worked):.2f} | {peak:.0f} | {ratios} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranx", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=[""], help="beginnings of the names of commands")
    asked = parser.parse_args()
    folder = Path(os.environ.get("INTREX_BENCH_DIR", Path(tempfile.gettempdir()) / "intrex-bench"))
    for package in ("cli", "data", "eval"):
        compileall.compile_dir(str(files(f"intrex.{package}")), quiet=2)
    large, small = ([t for t in tools(asked.ranx) if t.name.startswith(tuple(asked.only))] for _ in range(2))
    table("Large", LARGE, folder, large, asked.rounds)
    table("Small", SMALL, folder, [t for t in small if not t.fresh], 2 * asked.rounds)


if __name__ == "__main__":
    main()
