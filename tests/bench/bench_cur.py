"""Time of a search in a CUR index beside the calls of its scorer: 5,183 documents of SciFact, 500 anchor queries.

The time is the processor's. The scorer compares hashed vectors, so that its calls cost little; what they take is taken off. What is left is the search: texts and
keys of the pairs, pseudo-inverses, estimates of all documents, the order. Queries one at a time, as a service has them, and all together;
nothing is cached. From the folder of shared collections (``INTREX_SHARED_DATA``), a quarter of a minute.
"""

import os
import statistics
import time
from pathlib import Path

from intrex.data.collection import Queries
from intrex.data.importers.sources import import_collection
from intrex.encoders.cross.base import PairScorer
from intrex.encoders.cross.scorer import make_pair_scorer
from intrex.encoders.options import EncoderOptions
from intrex.retrievers.cur.anchors import draw_anchors
from intrex.retrievers.cur.build import build_cur
from intrex.retrievers.cur.options import CurBuild, CurSearch
from intrex.retrievers.options import BuildTask
from tests.bench.process import measure_in_a_folder
from tests.bench.targets import Targets

SHARED = Path(os.environ.get("INTREX_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
SEARCHES = {
    "ANNCUR": {"budget": 100, "anchor_documents": 50},
    "ADACUR, 5 rounds": {"budget": 100, "anchor_documents": 80, "rounds": 5},
    "ADACUR, 10 rounds": {"budget": 200, "anchor_documents": 150, "rounds": 10},
}


class TimedScorer(PairScorer):
    """Scorer whose processor time is added up.

    Attributes:
        seconds: of all calls so far.
    """

    def __init__(self, scorer: PairScorer) -> None:
        self._scorer, self.spec, self.seconds = scorer, scorer.spec, 0.0

    def parts(self, queries, documents):
        start = time.process_time()
        found = list(self._scorer.parts(queries, documents))
        self.seconds += time.process_time() - start
        yield from found


def overheads(index, queries: Queries, values: dict[str, int], single: bool) -> list[float]:
    """Milliseconds of processor time a query beside the calls, of each query or of all together."""
    options = CurSearch(**values, threads=1, query_cache=False)
    index.prepare(options)
    scorer = TimedScorer(index._scorers[None, None])
    index._scorers[None, None] = scorer
    parts = (
        [Queries([i], [t]) for i, t in zip(queries.ids, queries.texts, strict=True)] if single else [queries]
    )
    out = []
    for part in parts:
        start, scorer.seconds = time.process_time(), 0.0
        index.search(part, options)
        out.append(1000 * (time.process_time() - start - scorer.seconds) / len(part))
    return out


def main(folder: Path) -> None:
    collection = import_collection(SHARED / "scifact", folder / "scifact")
    queries = collection.queries("test")
    chosen = CurBuild(scorer="hashing:256", anchors=500)
    scorer = make_pair_scorer(chosen.scorer, EncoderOptions())
    index = build_cur(collection, BuildTask(folder / "cur"), scorer, draw_anchors(collection, chosen), chosen)
    print(
        f"{len(index.ids):,} documents, {index.vectors.shape[1]} anchor queries, {len(queries)} queries, one thread\n"
    )
    print("| search | calls a query | one at a time, CPU ms a query (median) | together, CPU ms a query |")
    print("| --- | --: | --: | --: |")
    targets = Targets()
    for name, values in SEARCHES.items():
        overheads(index, Queries(queries.ids[:20], queries.texts[:20]), values, single=True)
        alone = statistics.median(overheads(index, queries, values, single=True))
        (together,) = overheads(index, queries, values, single=False)
        print(f"| {name} | {values['budget']} | {alone:.2f} | {together:.2f} |")
        if values["budget"] == 100:
            targets.at_most(f"{name}: CPU ms a query, one at a time,", alone, 5)
            targets.at_most(f"{name}: CPU ms a query, together,", together, 5)
    targets.report()


if __name__ == "__main__":
    if (SHARED / "scifact").is_dir():
        measure_in_a_folder(main)
    else:
        print(f"not measured, not here: {SHARED / 'scifact'}")
