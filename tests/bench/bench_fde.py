"""Speed of FDE generation against muvera-python and fastembed, on the same token vectors, taken in turns.

20 repetitions of 2^5 partitions of 16 dimensions (10,240 in all), 110 tokens a document, of 128 dimensions (ColBERT) and
of 384 (MiniLM). The peers are not dependencies: ``pip install muvera-python`` and ``fastembed`` where they are wanted;
what is missing is left out. All make filled document FDEs; their random matrices differ, so no vectors are compared.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np

from intrex.data.store.vectors import PackedVectors
from intrex.data.system.threads import cores
from intrex.encoders.fde.config import FdeConfig
from intrex.encoders.fde.encoder import Fde

REPS, K_SIM, D_PROJ, TOKENS = 20, 5, 16, 110


def documents(count: int, dim: int) -> PackedVectors:
    rng = np.random.default_rng(0)
    lengths = rng.integers(TOKENS - 50, TOKENS + 51, count)
    vectors = rng.standard_normal((lengths.sum(), dim), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return PackedVectors(vectors, np.concatenate([[0], np.cumsum(lengths)]))


def peers(dim: int) -> dict[str, Callable[[list[np.ndarray]], object]]:
    """What encodes a list of documents, each in the way that is fastest."""
    found: dict[str, Callable[[list[np.ndarray]], object]] = {}
    if find_spec("muvera"):
        from muvera import Muvera

        theirs = Muvera(
            num_repetitions=REPS, num_simhash_projections=K_SIM, dimension=dim, projection_dimension=D_PROJ,
            projection_type="ams_sketch", fill_empty_partitions=True, seed=42,
        )  # fmt: skip
        found["muvera-python"] = theirs.encode_documents
        found["muvera-python, one by one"] = lambda texts: [theirs.encode_documents(text) for text in texts]
    if find_spec("fastembed"):
        from fastembed.postprocess import Muvera as FastMuvera

        fast = FastMuvera(dim, k_sim=K_SIM, dim_proj=D_PROJ, r_reps=REPS)
        found["fastembed"] = lambda texts: [fast.process_document(text) for text in texts]
    return found


Work = dict[str, tuple[int, Callable[[], object]]]
"""How many documents each piece of work encodes, and the work."""


def contestants(dim: int, count: int, of_peers: int) -> Work:
    tokens = documents(count, dim)
    ends = zip(tokens.offsets, tokens.offsets[1 : of_peers + 1], strict=False)
    lists = [tokens.vectors[first:last] for first, last in ends]
    fde = Fde.draw(FdeConfig(dim, REPS, K_SIM, D_PROJ))

    def encode(threads: int) -> None:
        fde.encode(tokens, "document", threads=threads)

    work: Work = {
        "intrex": (count, partial(encode, cores())),
        "intrex, one thread": (count, partial(encode, 1)),
    }
    return work | {name: (len(lists), partial(one, lists)) for name, one in peers(dim).items()}


def main(count: int, of_peers: int, rounds: int) -> None:
    print(f"{count} documents ({of_peers} for peers), {TOKENS} tokens each, {rounds} rounds, best of them\n")
    print(f"| tokens | encoder | docs/s | intrex on {cores()} threads is so many times as fast (median) |")
    print("| --- | --- | --: | --: |")
    for dim in (128, 384):
        taken = rates(contestants(dim, count, of_peers), rounds)
        for name, own in taken.items():
            ratio = statistics.median(a / b for a, b in zip(taken["intrex"], own, strict=True))
            print(f"| {dim} | {name} | {max(own):,.0f} | {ratio:.2f} |")


def rates(work: Work, rounds: int) -> dict[str, list[float]]:
    """Documents per second of each, round by round, in turns."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(rounds + 1):
        for name, (count, run) in work.items():
            start = time.perf_counter()
            run()
            if turn:  # the first round warms up
                taken[name].append(count / (time.perf_counter() - start))
    return taken


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=4000)
    parser.add_argument("--of-peers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    main(given.documents, given.of_peers, given.rounds)
