"""What the models of an experiment were trained on, as the test queries see it: their relevant documents among positives and negatives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from intrex.data.arrays import Int64s
from intrex.data.qrels import Qrels
from intrex.eval.overlap.labels import positives
from intrex.eval.pipelines.experiment.stages import Result
from intrex.eval.pipelines.training.uses import read_uses
from intrex.eval.splits.split import REGIMES, Split
from intrex.eval.tables import Table


def seen_in_training(results: Iterable[Result], split: Split, qrels: Qrels) -> Table[str]:
    """Count test queries of which a relevant document was an example's positive, and of which one was a negative.

    Args:
        results: of the stages; those that trained a model count.
        split: its folds and regimes.
        qrels: judgements of the test queries.

    Returns:
        A row for each system: by regime the share, of all pairs of test query and model, that has such a document.
    """
    relevant = positives(qrels)
    counts: dict[str, list[Int64s]] = defaultdict(list)
    for result in results:
        if result.stage.kind != "train":
            continue
        name = result.stage.name.removeprefix("train/").rpartition(".fold-")[0]
        uses = read_uses(result.output)
        seen = [{d for d, count in uses.items() if count[way]} for way in range(2)]
        fold = split.folds[result.stage.params["fold"]]
        touched = [
            [
                sum(bool(relevant.get(q, set()) & documents) for q in fold.regimes.get(r, ()))
                for documents in seen
            ]
            for r in REGIMES
        ]
        sizes = [[len(fold.regimes.get(r, ()))] * 2 for r in REGIMES]
        counts[name].append(np.array([touched, sizes]))
    rows = []
    for name, parts in counts.items():
        touched, sizes = np.sum(parts, axis=0)
        shares = (touched / np.maximum(sizes, 1)).ravel().tolist()
        rows.append([name, *(f"{share:.0%}" for share in shares)])
    return ["system", *(f"{way}, {regime}" for regime in REGIMES for way in ("positives", "negatives"))], rows
