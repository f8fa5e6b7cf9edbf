"""Exact MaxSim against matrix products alone and against maxsim-cpu, over generated token vectors.

Prints the table of docs/benchmarks.md: GFLOP/s (two for each dimension of a pair of tokens) of a search at k = 10, and
ratios to, in the same rounds and with as many threads: numpy's product of the same shape, a square product, and
maxsim-cpu, which takes one query at a time. Minimum of ROUNDS, wall time; ``--cpu`` takes CPU time instead, for a machine
that is not quiet. Then what more of a ranking costs: k = 1000, reranking 1,000 documents, XTR.
"""

import argparse
import time

import maxsim_cpu
import numpy as np

from intrex.data.numeric.rows import row_norms
from intrex.data.store.vectors import PackedVectors
from intrex.data.system.threads import blas_threads
from intrex.retrievers.multivector import maxsim, xtr
from intrex.retrievers.multivector.tokens import StoredTokens

ROUNDS, QUERY, SHORTEST, LONGEST = 7, 32, 40, 180


def packed(rng, lengths, dim):
    vectors = rng.standard_normal((int(lengths.sum()), dim), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return PackedVectors(vectors, np.concatenate([[0], np.cumsum(lengths)]))


def rounds(clock, calls):
    """The shortest time of each call; all take turns, so that noise meets all."""
    times = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, own in zip(calls, times, strict=True):
            start = clock()
            call()
            own.append(clock() - start)
    return [min(own) for own in times]


def limited(threads, call):
    def work():
        with blas_threads(threads):
            call()

    return work


def bench(documents, dim, threads, clock):
    rng = np.random.default_rng(0)
    whole = packed(rng, rng.integers(SHORTEST, LONGEST + 1, documents), dim)
    total = len(whole.vectors)
    halves = PackedVectors(whole.vectors.astype(np.float16), whole.offsets)
    stores = {
        np.dtype(v.vectors.dtype).name: StoredTokens(v, float(row_norms(v.vectors).max()))
        for v in (whole, halves)
    }
    rank = rng.permutation(documents).astype(np.uint32)
    apart = np.split(whole.vectors, whole.offsets[1:-1])
    square = rng.standard_normal((2048, 2048), dtype=np.float32)
    for stacked in (1, 8):
        queries = packed(rng, np.full(stacked, QUERY), dim)
        each = np.split(queries.vectors, stacked)
        out = np.empty((total, stacked * QUERY), np.float32)
        calls = [
            limited(threads, lambda: np.matmul(square, square)),
            limited(threads, lambda q=queries, o=out: np.matmul(whole.vectors, q.vectors.T, out=o)),
            lambda e=each: [maxsim_cpu.maxsim_scores_variable(q, apart) for q in e],
            *(
                lambda s=s, q=queries, k=k: maxsim.search(s, q, rank, k, threads)
                for s in stores.values()
                for k in (10, 1000)
            ),
        ]
        box, shape, peer, *ours = rounds(clock, calls)
        flops = 2e-9 * total * stacked * QUERY * dim
        peak = 2e-9 * 2048**3 / box
        for i, name in enumerate(stores):
            best, deep = ours[2 * i : 2 * i + 2]
            print(
                f"| {dim} | {name} | {stacked} | {threads} | {flops / best:.0f} | {shape / best:.2f} | "
                f"{flops / best / peak:.2f} | {peer / best:.1f} | {flops / deep:.0f} | {flops / shape:.0f} | {peak:.0f} |",
                flush=True,
            )
    queries = packed(rng, np.full(8, QUERY), dim)
    rows = [rng.permutation(documents)[:1000] for _ in range(8)]
    again, tokens = rounds(
        clock,
        [
            lambda: maxsim.scores(stores["float16"], queries, rows, threads),
            lambda: xtr.search(stores["float16"], queries, rank, 10, 1000, threads),
        ],
    )
    print(f"\n8 queries, float16, {threads} threads: 1,000 documents each again {again / 8 * 1e3:.1f} ms a query, XTR with "
          f"k' = 1,000 {tokens / 8 * 1e3:.1f} ms a query\n")  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--cpu", action="store_true")
    given = parser.parse_args()
    print(
        "| d | store | queries | threads | GFLOP/s | to same shape | to square | to maxsim-cpu | k = 1000 | same shape | square |"
    )
    print("| --: | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |")
    for dim in (128, 384):
        for threads in (1, 2):
            bench(
                given.documents * 128 // dim,
                dim,
                threads,
                time.process_time if given.cpu else time.perf_counter,
            )


if __name__ == "__main__":
    main()
