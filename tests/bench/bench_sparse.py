"""Search by term weights against a scipy.sparse product, SciFact by splade-tiny and generated documents.

Prints Markdown: encoding against sentence-transformers' own, queries/s with ratios of the same rounds (minimum of ROUNDS),
with and without pruning, and what quantising costs and saves. ``--documents N`` sets the generated corpus' size,
``--skip-scifact`` leaves the model out.
"""

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import scipy.sparse
from sentence_transformers import SparseEncoder

from intrex.data.collection import Queries
from intrex.data.ids import IdWriter
from intrex.data.importers.sources import import_collection
from intrex.data.specs import EncoderSpec
from intrex.data.store.artifact import build_artifact
from intrex.data.store.manifest import Manifest
from intrex.data.store.vectors import SparseVectors
from intrex.encoders.base import make_sparse_encoder
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.models import resolve_model
from intrex.eval.scoring.score import evaluate
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.sparse.build import build_sparse
from intrex.retrievers.sparse.index import KIND, LAYOUT, ImpactIndex
from intrex.retrievers.sparse.options import Quantized
from intrex.retrievers.sparse.storage import ForwardWriter, finish, remove_forward
from tests.conftest import SHARED

ROUNDS, BATCH, TERMS = 5, 64, 30_000
SAMPLE = 16
"""Encoding is compared on every so many texts."""


class Prepared:
    """An encoder that has encoded its texts: building and search are measured without it."""

    def __init__(self, spec, texts, vectors):
        self.spec, self._rows = spec, {text: i for i, text in enumerate(texts)}
        self._vectors = vectors

    def save(self, folder):
        pass

    def terms(self):
        return [str(i) for i in range(self.spec.dim)]

    def encode(self, texts, role):
        rows = [self._rows[text] for text in texts]
        parts = [slice(*self._vectors.offsets[i : i + 2]) for i in rows]
        sizes = [part.stop - part.start for part in parts]
        columns = [np.concatenate([column[part] for part in parts]) for column in self._vectors[1:]]
        return SparseVectors(np.concatenate([[0], np.cumsum(sizes)]), *columns)


def matrix(vectors, dim):
    return scipy.sparse.csr_matrix(
        (vectors.weights, vectors.terms, vectors.offsets), (len(vectors.offsets) - 1, dim)
    )


def product(queries, documents, k):
    """The k best of each query by a sparse product: BATCH queries at a time, whole rows, argpartition."""
    k = min(k, documents.shape[1])
    best = []
    for low in range(0, queries.shape[0], BATCH):
        scores = (queries[low : low + BATCH] @ documents).toarray()
        top = np.argpartition(scores, scores.shape[1] - k, axis=1)[:, -k:]
        order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1)
        best.append(np.take_along_axis(top, order, axis=1))
    return best


def compare(name, index, encoder, texts, asked, documents):
    """One table row for each k and number of threads; all take turns so that noise meets all."""
    queries = Queries([f"q{i}" for i in range(len(texts))], texts)
    prepared = Prepared(encoder, texts, asked)
    sparse = matrix(asked, documents.shape[0])

    def ours(prune, options):
        index._searcher.prune = prune
        return index.search(queries, options, prepared)

    for k in (10, 1000):
        for threads in (1, 2):
            options = SearchOptions(k=k, threads=threads)
            calls = [
                partial(ours, True, options),
                partial(ours, False, options),
                partial(product, sparse, documents, k),
            ]
            times = []
            for _ in range(ROUNDS):
                row = []
                for call in calls:
                    start = time.perf_counter()
                    call()
                    row.append(time.perf_counter() - start)
                times.append(row)
            pruned, whole, theirs = (min(column) for column in zip(*times, strict=True))
            n = len(texts)
            rates = f"{n / pruned:,.0f} | {n / whole:,.0f} | {n / theirs:,.0f} | {theirs / pruned:.1f}"
            print(f"| {name} | {k} | {threads} | {rates} |", flush=True)


HEAD = """
| collection | k | threads | queries/s | without pruning | scipy product (1 thread) | times as fast |
| --- | --: | --: | --: | --: | --: | --: |"""


def encoding(encoder, texts):
    """Documents/s of our encoder and of sentence-transformers' own, in turns, by CPU time too."""
    model = SparseEncoder(str(resolve_model("splade-tiny").path), device="cpu", local_files_only=True)
    model.max_seq_length = encoder.spec.max_length
    calls = [
        partial(encoder.encode, texts, "document"),
        partial(model.encode_document, texts, show_progress_bar=False),
    ]
    times = []
    for _ in range(3):
        row = []
        for call in calls:
            start = time.perf_counter(), time.process_time()
            call()
            row += [time.perf_counter() - start[0], time.process_time() - start[1]]
        times.append(row)
    wall, cpu, their_wall, their_cpu = (min(column) for column in zip(*times, strict=True))
    print(
        f"encode: {len(texts) / wall:.0f} documents/s, sentence-transformers' {len(texts) / their_wall:.0f}; "
        f"{their_wall / wall:.2f} times as fast, {their_cpu / cpu:.2f} by CPU time",
        flush=True,
    )


def scifact(work):
    collection = import_collection(SHARED / "scifact", work / "c")
    encoder = make_sparse_encoder("splade-tiny", EncoderOptions(max_length=256))
    texts = [d.contents for d in collection.documents()]
    encoding(encoder, texts[::SAMPLE])
    vectors = encoder.encode(texts, "document")
    print(f"{len(vectors.terms) / len(texts):.0f} weights a document", flush=True)
    prepared = Prepared(encoder.spec, texts, vectors)
    queries, qrels = collection.queries("test"), collection.qrels("test").to_dict()
    print("\n| weights | MiB | nDCG@10 | R@100 |\n| --- | --: | --: | --: |")
    asked = encoder.encode(queries.texts, "query")
    for bits in (None, 16, 8):
        made = build_sparse(collection, BuildTask(work / str(bits)), prepared, Quantized(quantize=bits))
        run = made.search(
            queries, SearchOptions(k=100), Prepared(encoder.spec, queries.texts, asked)
        ).to_dict()
        found = evaluate(qrels, run, ["nDCG@10", "R@100"])
        size = sum(entry["bytes"] for entry in made.manifest.files.values()) / (1 << 20)
        print(
            f"| {made.manifest.params['weights']} | {size:.1f} | "
            + " | ".join(f"{v:.4f}" for v in found.values())
            + " |"
        )
    documents = matrix(vectors, encoder.spec.dim).T.tocsr()
    print(HEAD, flush=True)
    index = ImpactIndex.open(work / "None")
    compare("SciFact, splade-tiny, 300 queries", index, encoder.spec, queries.texts, asked, documents)


def generated(draw, texts, terms_each):
    """Texts of about so many terms, frequent ones as in a vocabulary of Zipf's, with weights of SPLADE's size."""
    chance = 1 / (np.arange(TERMS) + 100.0)
    sizes = np.maximum(draw.poisson(terms_each, texts), 1)
    terms = draw.choice(TERMS, int(sizes.sum()), p=chance / chance.sum())
    cells = np.unique(np.repeat(np.arange(texts), sizes) * TERMS + terms)
    rows, terms = np.divmod(cells, TERMS)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=texts))])
    weights = draw.gamma(1.5, 0.4, len(terms)) * (1 + np.log1p(terms) / 10)  # rare terms weigh more
    return SparseVectors(offsets, terms.astype(np.int32), weights.astype(np.float32))


def large(work, n):
    draw = np.random.default_rng(1)
    spec = EncoderSpec("hashing", "hashing", dim=TERMS)

    def make(build):
        writer, ids = ForwardWriter(build.path), IdWriter(build.path)
        for low in range(0, n, 10_000):
            writer.append(generated(draw, min(10_000, n - low), 120))
            ids.extend([f"d{i:07}" for i in range(low, min(low + 10_000, n))])
        writer.close()
        ids.close()
        start = time.perf_counter()
        counts = finish(build.path, [str(i) for i in range(TERMS)], None)
        print(f"\n{counts['postings']:,} postings inverted in {time.perf_counter() - start:.1f} s")
        start = time.perf_counter()
        remove_forward(build.path)
        return Manifest(KIND, "generated", spec.to_dict(), {"layout": LAYOUT, **counts})

    build_artifact(work / "large", "generated", make)
    index, asked = ImpactIndex.open(work / "large"), generated(np.random.default_rng(2), 100, 30)
    postings = index._searcher.postings
    documents = scipy.sparse.csr_matrix((postings.weights, postings.docs, postings.offsets), (TERMS, n))
    print(HEAD)
    compare(
        f"{n:,} generated documents, 100 queries", index, spec, [str(i) for i in range(100)], asked, documents
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--skip-scifact", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if SHARED.is_dir() and not options.skip_scifact:
            scifact(Path(folder))
        large(Path(folder), options.documents)


if __name__ == "__main__":
    main()
