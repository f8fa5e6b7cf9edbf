"""``split resttest`` and ``split restrain`` of 500,000 training and 7,000 test queries, vectors of 384 dimensions given.

Each command runs in a process of its own, from the query files to the finished folder; what is left out is encoding.
The vectors lie about 300 topics. Time and peak memory have budgets; clustering and neighbours also stand beside faiss,
from equally many iterations and on the same vectors. ``--train N`` and ``--test N`` make it smaller (budgets stay).
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.bench.process import in_a_process, peak_gb, run_step_or_all
from tests.bench.targets import Targets

DIM, TOPICS, PER_QUERY = 384, 300, 10
SECONDS, GB = 180, 3.0
COMMANDS = {
    "resttest": "split resttest train.tsv test.tsv resttest --encoder given",
    "restrain": f"split restrain train.tsv test.tsv restrain --encoder given --per-query {PER_QUERY}",
}


def make(train: int, test: int) -> None:
    """Query files and vectors in the working directory; training queries first."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((TOPICS, DIM), np.float32)
    sizes = rng.dirichlet(np.full(TOPICS, 0.5))
    vectors = rng.standard_normal((train + test, DIM), np.float32)
    vectors += centres[rng.choice(TOPICS, train + test, p=sizes)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save("vectors.npy", vectors)
    for name, prefix, count in (("train.tsv", "t", train), ("test.tsv", "x", test)):
        lines = (f"{prefix}{i}\tquery {prefix} {i}\n" for i in rng.permutation(10 * count)[:count].tolist())
        Path(name).write_text("".join(lines), encoding="utf-8")


def command(name: str) -> dict[str, float]:
    """Run a command in this process, with the vectors in an encoder's place."""
    from intrex.cli.app import run
    from intrex.eval.pipelines import splitting

    splitting._vectors = lambda texts, *_: (np.load("vectors.npy"), {"kind": "given"})
    start = time.perf_counter()
    if code := run(COMMANDS[name].split()):
        sys.exit(code)
    return {"seconds": time.perf_counter() - start, "cpu": time.process_time(), "gb": peak_gb()}


def peer(name: str, train: int) -> dict[str, float]:
    """faiss on the same vectors, and ours: seconds of each, and how good what they found is."""
    import faiss

    from intrex.data.numeric.kmeans import kmeans
    from intrex.eval.splits.similarity import nearest_queries

    vectors = np.load("vectors.npy")
    start = time.perf_counter()
    if name == "resttest":
        ours = kmeans(vectors, 5, spherical=True, iterations=25, seed=1)
        middle = time.perf_counter()
        made = faiss.Kmeans(DIM, 5, niter=25, spherical=True, seed=1, max_points_per_centroid=len(vectors))
        made.train(vectors)
        end = time.perf_counter()
        best, _ = faiss.knn(vectors, made.centroids, 1, metric=faiss.METRIC_INNER_PRODUCT)
        agree = float((1 - best).sum(dtype=np.float64)) / ours.inertia
    else:
        rows, _ = nearest_queries(vectors[train:], vectors[:train], PER_QUERY)
        middle = time.perf_counter()
        _, found = faiss.knn(vectors[train:], vectors[:train], PER_QUERY, metric=faiss.METRIC_INNER_PRODUCT)
        end = time.perf_counter()
        agree = float((rows == found).mean())
    return {"ours": middle - start, "theirs": end - middle, "agree": agree}


def step(folder: str, *arguments: object) -> dict[str, float]:
    return json.loads(in_a_process("bench_split", folder, *arguments)[-1])


def main(train: int, test: int) -> None:
    targets = Targets()
    print(f"load before: {os.getloadavg()[0]:.1f}\n")
    print("| command | training | test | s | CPU s | GB at the peak |\n| --- | --: | --: | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as folder:
        step(folder, "make", "--train", train, "--test", test)
        for name in COMMANDS:
            found = step(folder, "command", name)
            print(
                f"| {name} | {train:,} | {test:,} | {found['seconds']:.0f} | {found['cpu']:.0f} | {found['gb']:.2f} |",
                flush=True,
            )
            targets.at_most(f"{name}, seconds", found["seconds"], SECONDS)
            targets.at_most(f"{name}, GB", found["gb"], GB)
        print("\n| part | ours, s | faiss, s | times as fast | agreement |\n| --- | --: | --: | --: | --: |")
        for name, part in (
            ("resttest", "k-means, k = 5, 25 iterations; inertia of faiss / ours"),
            ("restrain", f"the {PER_QUERY} nearest; equal rows"),
        ):
            found = step(folder, "peer", name, "--train", train)
            ratio = found["theirs"] / found["ours"]
            print(
                f"| {part} | {found['ours']:.1f} | {found['theirs']:.1f} | {ratio:.2f} | {found['agree']:.4f} |"
            )
    print(f"\nload after: {os.getloadavg()[0]:.1f}")
    targets.report()


def run_step(arguments: argparse.Namespace) -> None:
    if arguments.step[0] == "make":
        make(arguments.train, arguments.test)
        print("{}")
    elif arguments.step[0] == "command":
        print(json.dumps(command(arguments.step[1])))
    else:
        print(json.dumps(peer(arguments.step[1], arguments.train)))


if __name__ == "__main__":
    run_step_or_all(run_step, main)
