"""``--as sentence_transformers`` and ``--as torchmetrics`` against the libraries' own classes, without a model."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intrex.data.errors import BadInput
from tests.differential.adversarial import CUTS, make, scores_as, write
from tests.support.needs import needs

Grades = dict[str, dict[str, int]]
Scores = dict[str, dict[str, float]]
NAMES = {"accuracy": "Success", "precision": "P", "recall": "R", "ndcg": "nDCG", "mrr": "RR", "map": "AP"}


def sentence_transformers(qrels: Grades, run: Scores, level: int = 1) -> dict[str, float]:
    """Means by ``ndcg@10`` and the like: the evaluator's own computation, of lists of results instead of a model."""
    module = pytest.importorskip("sentence_transformers.sentence_transformer.evaluation")
    relevant = {q: {d for d, g in docs.items() if g >= level} for q, docs in qrels.items()}
    tool = module.InformationRetrievalEvaluator(
        dict.fromkeys(qrels, "text"), {"none": "text"}, relevant,
        mrr_at_k=list(CUTS), ndcg_at_k=list(CUTS), accuracy_at_k=list(CUTS), precision_recall_at_k=list(CUTS),
        map_at_k=list(CUTS),
    )  # fmt: skip
    results = [[{"corpus_id": d, "score": s} for d, s in run.get(q, {}).items()] for q in tool.queries_ids]
    found = tool.compute_metrics(results)
    return {
        f"{name.removesuffix('@k')}@{k}": float(v) for name, by_k in found.items() for k, v in by_k.items()
    }


@needs("sentence_transformers")
@pytest.mark.parametrize("level", [1, 2])
def test_sentence_transformers(level: int, tmp_path: Path) -> None:
    for seed in range(8):
        case = write(tmp_path / f"case{seed}", *make(seed))
        theirs = sentence_transformers(case.qrels, case.run, level)
        names = [f"{NAMES[name.partition('@')[0]]}@{name.partition('@')[2]}" for name in theirs]
        ours = scores_as("sentence_transformers", case, names, level=level)
        assert list(ours.means().values()) == pytest.approx(list(theirs.values()), abs=1e-9), seed
        kept = [any(g >= level for g in case.qrels[q].values()) for q in ours.query_ids]
        assert (ours.counted() == np.array(kept)[:, None]).all()


@needs("sentence_transformers")
def test_where_sentence_transformers_divides_by_zero_we_refuse(tmp_path: Path) -> None:
    case = write(tmp_path, {"q": {"a": 0}}, {"q": {"a": 1.0}})
    with pytest.raises(ZeroDivisionError):
        sentence_transformers(case.qrels, case.run)
    with pytest.raises(BadInput, match="divides by zero here: no query has a relevant document"):
        scores_as("sentence_transformers", case, ["MRR@10"])


METRICS = {
    "AP": "RetrievalMAP",
    "P": "RetrievalPrecision",
    "SetP": "RetrievalPrecision",
    "R": "RetrievalRecall",
    "SetR": "RetrievalRecall",
    "RR": "RetrievalMRR",
    "Rprec": "RetrievalRPrecision",
    "Success": "RetrievalHitRate",
    "nDCG": "RetrievalNormalizedDCG",
}
MEASURES = ["AP", "SetP", "SetR", "RR", "Rprec", "nDCG"]
MEASURES += [f"{name}@{k}" for name in ("AP", "P", "R", "RR", "Success", "nDCG") for k in (1, 3, 5, 100)]


def torchmetrics(qrels: Grades, run: Scores, measure: str, level: int = 1) -> float:
    """The metric of the rows of the run, as its users update it: one query's number in ``indexes`` a row."""
    torch, tool = pytest.importorskip("torch"), pytest.importorskip("torchmetrics.retrieval")
    name, _, cutoff = measure.partition("@")
    options: dict[str, Any] = {"top_k": int(cutoff)} if cutoff else {}
    metric = getattr(tool, METRICS[name])(**options)
    for i, query in enumerate(q for q in run if q in qrels):
        grades = [max(0, qrels[query].get(doc, 0)) for doc in run[query]]
        target = [g if name == "nDCG" else int(g >= level) for g in grades]
        preds = torch.tensor(list(run[query].values()), dtype=torch.float64)
        metric.update(preds, torch.tensor(target), torch.full((len(target),), i))
    return float(metric.compute())


def distinct(run: Scores, seed: int) -> Scores:
    """The same rankings without ties, some scores at 0 and below."""
    random = np.random.default_rng(seed)
    return {
        q: {d: float(s) for d, s in zip(docs, random.permutation(len(docs)) - len(docs) // 3, strict=True)}
        for q, docs in run.items()
    }


@needs("torch", "torchmetrics")
@pytest.mark.parametrize("level", [1, 2])
def test_torchmetrics(level: int, tmp_path: Path) -> None:
    for seed in range(6):
        qrels, run = make(seed)
        case = write(tmp_path / f"case{seed}", qrels, distinct(run, seed))
        means = scores_as("torchmetrics", case, MEASURES, level=level).means()
        theirs = [torchmetrics(case.qrels, case.run, name, level) for name in MEASURES]
        assert list(means.values()) == pytest.approx(theirs, abs=2e-6), seed  # it computes with 32 bits


@needs("torch", "torchmetrics")
def test_torchmetrics_averages_ndcg_over_ties(tmp_path: Path) -> None:
    names = [name for name in MEASURES if name.startswith("nDCG")]
    for seed in range(6):
        case = write(tmp_path / f"case{seed}", *make(seed))
        theirs = [torchmetrics(case.qrels, case.run, name) for name in names]
        assert list(scores_as("torchmetrics", case, names).means().values()) == pytest.approx(
            theirs, abs=2e-6
        )


def orders(run: Scores) -> list[Scores]:
    """The same ranking in every order of its rows."""
    return [{"q": dict(order)} for order in itertools.permutations(run["q"].items())]


@needs("torch", "torchmetrics")
def test_ties_are_refused_where_and_only_where_torch_decides(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    refused = dict.fromkeys(MEASURES, 0)
    for n in range(24):
        docs = [f"d{i}" for i in range(4)]
        qrels = {"q": {d: int(g) for d, g in zip(docs, random.integers(0, 2, 4), strict=True)}}
        run = {"q": {d: float(s) for d, s in zip(docs, random.integers(0, 3, 4), strict=True)}}
        case = write(tmp_path / f"case{n}", qrels, run)
        for name in [m for m in MEASURES if not m.endswith(("@5", "@100"))]:
            found = [torchmetrics(qrels, one, name) for one in orders(run)]
            try:
                value = scores_as("torchmetrics", case, [name]).means()
            except BadInput as error:
                assert "depends on torch's order of equal scores here: query q" in str(error)
                if name != "AP@3":  # a document more can leave a mean of precisions as it is
                    assert max(found) - min(found) > 1e-3, (name, qrels, run)
                refused[name] += 1
                continue
            ours = [*value.values()] * len(found)
            assert found == pytest.approx(ours, abs=2e-6), (name, qrels, run)
    assert {name for name, times in refused.items() if not times} >= {"nDCG", "nDCG@3", "SetP", "SetR"}
    assert all(refused[name] for name in ("AP", "AP@3", "P@3", "R@1", "RR", "RR@1", "Rprec", "Success@1"))
