"""``overlap`` of 500,000 training and 7,000 test queries of one collection: every flag, time and peak memory.

Queries have some 7 words, documents some 60 (an MS MARCO passage has 56), with Zipfian frequencies; each query has one
relevant document of its own. One test query in ten repeats a training query but for a word, and one in ten has a
document that does. Vectors for neighbours are given, encoding is left out. Each line is a process of its own; the last
one looks for all flags and has a budget. ``--train N`` and ``--test N`` make it smaller.
"""

import argparse
import csv
import json
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from tests.bench.process import in_a_process, peak_gb, run_step_or_all
from tests.bench.targets import Targets
from tests.bench.zipf import zipf_corpus, zipf_words

DIM, VOCABULARY = 384, 100_000
SECONDS, GB = 300, 4.0
KINDS = ("exact", "normalised", "ngram", "neighbour", "entity", "label", "document")


def texts(words: list[str], count: int, length: int, seed: int) -> list[list[str]]:
    """Texts as lists of words; one word in ten has a capital."""
    tokens, offsets = zipf_corpus(count, VOCABULARY, length, seed)
    capital = np.random.default_rng(seed).random(len(tokens)) < 0.1
    said = [
        words[t].capitalize() if c else words[t]
        for t, c in zip(tokens.tolist(), capital.tolist(), strict=True)
    ]
    return [said[a:b] for a, b in pairwise(offsets.tolist())]


def alike(known: list[str], seed: int) -> list[str]:
    """The same words but for one."""
    at = seed % len(known)
    return [*known[:at], f"other{seed}", *known[at + 1 :]]


def make(train: int, test: int) -> None:
    """The collection ``c`` with both sets, and vectors, in the working directory."""
    from intrex.data.writer import CollectionWriter, RecordSource, write_collection

    words = zipf_words(VOCABULARY)
    queries = texts(words, train + test, 7, 1)
    documents = texts(words, train + test, 60, 2)
    for i in range(train, train + test, 10):
        queries[i] = alike(queries[i - train], i)
        documents[i + 5] = alike(documents[i - train + 5], i)

    def fill(writer: CollectionWriter) -> None:
        for i, said in enumerate(documents):
            writer.document(f"d{i}", "", " ".join(said), RecordSource("made", i + 1))
        for i, said in enumerate(queries):
            writer.query(f"q{i}", " ".join(said), RecordSource("made", i + 1))
        for i in range(train + test):
            writer.judgement(
                "train" if i < train else "test", f"q{i}", f"d{i}", 1, RecordSource("made", i + 1)
            )

    write_collection(Path("c"), "made", {"train": train, "test": test}, fill)
    vectors = np.random.default_rng(0).standard_normal((train + test, DIM), np.float32)
    np.save("vectors.npy", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


class Given:
    """The vectors made before, in an encoder's place."""

    def __init__(self, train: int) -> None:
        self._train = train

    def encode(self, given: list[str], _: str) -> np.ndarray:
        vectors = np.load("vectors.npy", mmap_mode="r")
        return np.array(vectors[: self._train] if len(given) == self._train else vectors[self._train :])


def audit(kinds: list[str], train: int) -> dict[str, float]:
    """Run the command in this process."""
    from intrex.cli.app import run
    from intrex.eval.pipelines import auditing

    auditing.make_encoder = lambda *_: Given(train)
    flags = [part for kind in kinds for part in ("--flag", kind)]
    start = time.perf_counter()
    if code := run(
        ["overlap", "c:train", "c:test", "--encoder", "given", "-o", "f.jsonl", "--overwrite", *flags]
    ):
        sys.exit(code)
    return {"seconds": time.perf_counter() - start, "cpu": time.process_time(), "gb": peak_gb()}


def main(train: int, test: int) -> None:
    targets = Targets()
    print(f"load before: {os.getloadavg()[0]:.1f}\n")
    print("| flag | flagged | s | CPU s | GB at the peak |\n| --- | --: | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as folder:
        in_a_process("bench_overlap", folder, "make", "--train", train, "--test", test)
        for kinds in (*([kind] for kind in KINDS), KINDS):
            *table, last = in_a_process("bench_overlap", folder, "audit", *kinds, "--train", train)
            flagged = {row["flag"]: row["queries"] for row in csv.DictReader(table)}
            found, name = json.loads(last), kinds[0] if len(kinds) == 1 else "all"
            count = flagged["any" if name == "all" else name]
            print(
                f"| {name} | {count} | {found['seconds']:.1f} | {found['cpu']:.1f} | {found['gb']:.2f} |",
                flush=True,
            )
    targets.at_most("all flags, seconds", found["seconds"], SECONDS)
    targets.at_most("all flags, GB", found["gb"], GB)
    print(f"\nload after: {os.getloadavg()[0]:.1f}")
    targets.report()


def step(arguments: argparse.Namespace) -> None:
    if arguments.step[0] == "make":
        make(arguments.train, arguments.test)
    else:
        print(json.dumps(audit(arguments.step[1:], arguments.train)))


if __name__ == "__main__":
    run_step_or_all(step, main)
