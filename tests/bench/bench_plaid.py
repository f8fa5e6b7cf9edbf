"""PLAID against exact MaxSim on a shared collection: queries/s, and how much of the exact top it finds.

Prints Markdown: bytes a token and recall of the float16 store's exact top for each number of bits, then queries/s of
PLAID with its defaults for k = 10 and 100 as a ratio to exact MaxSim over the same compressed store in the same rounds.
``--collection NAME`` (cranfield), ``--encoder E`` (all-MiniLM-L6-v2; hashing is fast and says little), ``--threads N``.
Queries are encoded before the clock starts.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from intrex.data.importers.sources import import_collection
from intrex.encoders.base import make_token_encoder
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.multivector.build import build_multivector
from intrex.retrievers.multivector.options import MultiVectorSearch, TokenStore
from intrex.retrievers.options import BuildTask
from tests.conftest import SHARED

ROUNDS = 3


def recall(found, exact, k):
    """Share of each query's exact ``k`` best that were found."""
    shares = [
        len(np.intersect1d(rows[:k], best[:k])) / len(best[:k])
        for (rows, _), (best, _) in zip(found, exact, strict=True)
        if len(best)
    ]
    return float(np.mean(shares))


def ranked(index, queries, k, threads, engine="native"):
    return list(index.rank(queries, MultiVectorSearch(k=k, threads=threads, engine=engine)))


def timed(call):
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def compare(index, queries, k, threads):
    """Seconds of exact search and of PLAID, which take turns, and the share of the exact ``k`` best that PLAID finds."""
    times = []
    for _ in range(ROUNDS):
        exact_time, exact = timed(lambda: ranked(index, queries, k, threads))
        plaid_time, found = timed(lambda: ranked(index, queries, k, threads, engine="plaid"))
        times.append((exact_time, plaid_time))
    exact_time, plaid_time = (min(column) for column in zip(*times, strict=True))
    return exact_time, plaid_time, recall(found, exact, k)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--collection", default="cranfield")
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        collection = import_collection(str(SHARED / given.collection), Path(folder) / "collection")
        encoder = make_token_encoder(given.encoder, EncoderOptions())
        whole = build_multivector(collection, BuildTask(Path(folder) / "whole"), encoder)
        queries = whole.encode(collection.queries().texts)
        n, tokens = len(queries.offsets) - 1, whole.manifest.params["tokens"]
        full = whole.tokens.dim * 2
        truth = ranked(whole, queries, 100, given.threads)
        print(
            f"{given.collection}: {collection.n_documents:,} documents, {tokens:,} tokens of {whole.tokens.dim} dimensions,"
        )
        print(f"{n:,} queries, {given.encoder}, {given.threads} threads, minimum of {ROUNDS} rounds.\n")
        sizes = [
            "| bits | bytes a token | of float16 | exact: recall@10 of float16 | recall@100 | build, s |"
        ]
        speeds = ["| bits | k | exact, queries/s | PLAID, queries/s | ratio | recall of the exact k best |"]
        for table, columns in ((sizes, 6), (speeds, 6)):
            table.append("| " + " | ".join(["---"] * columns) + " |")
        for bits in (1, 2, 4):
            seconds, index = timed(
                lambda bits=bits: build_multivector(
                    collection, BuildTask(Path(folder) / str(bits)), encoder, TokenStore(nbits=bits)
                )
            )
            size = sum(e["bytes"] for f, e in index.manifest.files.items() if not f.startswith("ids."))
            top = ranked(index, queries, 100, given.threads)
            sizes.append(
                f"| {bits} | {size / tokens:.1f} | 1/{full * tokens / size:.1f} | {recall(top, truth, 10):.3f} | "
                f"{recall(top, truth, 100):.3f} | {seconds:.1f} |"
            )
            for k in (10, 100):
                exact, plaid, share = compare(index, queries, k, given.threads)
                speeds.append(
                    f"| {bits} | {k} | {n / exact:,.0f} | {n / plaid:,.0f} | {exact / plaid:.2f} | {share:.3f} |"
                )
        print("\n".join([*sizes, "", *speeds]))


if __name__ == "__main__":
    main()
