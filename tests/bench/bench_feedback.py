"""What feedback on vectors adds to a search, in turns with the search without it: 100,000 vectors, and term weights.

Documents and queries are Zipfian, hashed to 256 dimensions or weighed by hashed terms; encoded queries are ranked, in one thread. Of
several rounds the least CPU time counts. ``--documents N`` makes it smaller.
"""

import argparse
import tempfile
import time
from pathlib import Path

from intrex.data.collection import Queries
from intrex.encoders.base import make_encoder, make_sparse_encoder, make_token_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.options import BuildTask
from intrex.retrievers.search import prepare_search
from intrex.retrievers.sparse.build import build_sparse
from tests.bench.targets import Targets
from tests.bench.zipf import write_zipf_collection, zipf_queries, zipf_words

QUERIES, ROUNDS, VOCABULARY = 200, 5, 50_000
FED = {
    "dense": {
        "avg": {"prf_depth": 3},
        "rocchio": {"prf_depth": 5, "prf_method": "rocchio", "rocchio_bottomk": 2},
    },
    "sparse": {"avg": {"prf_depth": 3}},
    "multivector": {"colbert": {"prf_depth": 3}},
}
MOST = {"dense": 2.0}
"""A search with feedback is at most two searches."""
TARGETS = Targets()


def cpu(call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def rows(kind: str, index, queries: Queries, k: int) -> list[list[str]]:
    """A row for each method: CPU time of the search without it and with it, and their ratio."""
    shared = {"k": k, "threads": 1, "query_cache": False}
    plain = prepare_search(index, shared)
    fed = {name: prepare_search(index, {**shared, **values}) for name, values in FED[kind].items()}
    index.search(queries, plain)
    times: dict[str, list[float]] = {name: [] for name in ("", *fed)}
    for _ in range(ROUNDS):
        times[""].append(cpu(lambda: index.search(queries, plain)))
        for name, options in fed.items():
            times[name].append(cpu(lambda options=options: index.search(queries, options)))
    least = {name: min(found) for name, found in times.items()}
    out = []
    for name in fed:
        ratio = least[name] / least[""]
        if kind in MOST:
            TARGETS.at_most(f"CPU time with {name}, k {k}, of a {kind} search", ratio, MOST[kind])
        cells = (1000 * least[""] / len(queries), 1000 * least[name] / len(queries), ratio)
        out.append([kind, name, str(k), *(f"{cell:.2f}" for cell in cells)])
    return out


def main(folder: Path) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=100_000)
    documents = parser.parse_args().documents
    words = zipf_words(VOCABULARY)
    texts = [" ".join(words[i] for i in terms) for terms in zipf_queries(QUERIES, VOCABULARY)]
    queries = Queries([f"q{i}" for i in range(QUERIES)], texts)
    large = write_zipf_collection(folder / "large", documents, VOCABULARY)
    small = write_zipf_collection(folder / "small", documents // 20, VOCABULARY)
    options = EncoderOptions()
    dense = build_dense(large, BuildTask(folder / "dense"), make_encoder("hashing:256", options))
    sparse = build_sparse(large, BuildTask(folder / "sparse"), make_sparse_encoder("hashing:30000", options))
    tokens = build_multivector(small, BuildTask(folder / "tokens"), make_token_encoder("hashing:64", options))
    print(f"\n{documents:,} documents ({documents // 20:,} for multivector), {QUERIES} queries, one thread\n")
    print(
        "| index | method | k | ms a query without | ms a query with feedback | times |\n| --- | --- | --: | --: | --: | --: |"
    )
    for kind, index, depths in (
        ("dense", dense, (10, 1000)),
        ("sparse", sparse, (10, 1000)),
        ("multivector", tokens, (10,)),
    ):
        for k in depths:
            for row in rows(kind, index, queries, k):
                print("| " + " | ".join(row) + " |", flush=True)
    TARGETS.report()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(Path(made))
