"""Measures of diversity against ndeval's code (pyndeval)."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput
from intrex.data.qrels import read_qrels
from intrex.data.run import Run
from intrex.eval.measures import parse_measures
from intrex.eval.measures.measure import parameters
from intrex.eval.scoring.score import score

pyndeval = pytest.importorskip("pyndeval")


def case(seed: int) -> tuple[list[tuple[str, str, str, int]], dict[str, dict[str, float]]]:
    """Three queries; documents with one to three of four subtopics, graded 0 to 2, some of them unjudged."""
    random = np.random.default_rng(seed)
    docs = [f"d{i}" for i in range(12)]
    rows, run = [], {}
    for query in ("q1", "q2", "q3"):
        for doc in random.choice(docs, 8, replace=False):
            for topic in random.choice(4, random.integers(1, 4), replace=False):
                rows.append((query, str(topic), str(doc), int(random.integers(0, 3))))
        found = random.choice(docs, random.integers(2, 10), replace=False)
        run[query] = {str(d): float(s) for d, s in zip(found, random.permutation(len(found)), strict=True)}
    return rows, run


CUT = ["ERR-IA", "nERR-IA", "alpha-DCG", "alpha-nDCG", "P-IA", "strec"]


def _ours(name: str, alpha: float, rel: int) -> str:
    """Our spelling of ndeval's measure; at rank 1 it does not scale two of them."""
    (measure,) = parse_measures([name])
    known = {"alpha": alpha, "beta": 0.7, "rel": rel}
    chosen = {k: v for k, v in known.items() if k in parameters(measure.name)}
    if measure.cutoff == 1 and "scaled" in parameters(measure.name):
        chosen["scaled"] = False
    return str(measure.with_params(**chosen))


@pytest.mark.parametrize(("alpha", "rel"), [(0.5, 1), (0.3, 1), (0.5, 2)])
def test_equal_to_ndeval(tmp_path: Path, alpha: float, rel: int) -> None:
    theirs = [f"{name}@{k}" for name in CUT for k in (1, 5, 10, 20)] + ["NRBP", "nNRBP", "MAP-IA"]
    ours = [_ours(name, alpha, rel) for name in theirs]
    path = tmp_path / "qrels.txt"
    for seed in range(200):
        rows, run = case(seed)
        path.write_text("".join(f"{q} {t} {d} {g}\n" for q, t, d, g in rows))
        found = score(read_qrels(path, subtopics=True), Run.from_dict(run), parse_measures(ours))
        judged = [pyndeval.SubtopicQrel(*row) for row in rows]
        ranked = [pyndeval.ScoredDoc(q, d, s) for q, docs in run.items() for d, s in docs.items()]
        tool = pyndeval.RelevanceEvaluator(judged, theirs, relevance_level=rel, alpha=alpha, beta=0.7)
        expected = tool.evaluate(ranked)
        for query, values in zip(found.query_ids, found.values.tolist(), strict=True):
            if not any(expected[query][name] for name in theirs if name != "nNRBP"):
                expected[query]["nNRBP"] = 0.0  # 0/0 there without any relevant document found or judged
            assert values == pytest.approx([expected[query][name] for name in theirs], abs=1e-9), seed


def test_subtopics_are_read_where_they_are_asked_for(intrex, tmp_path: Path) -> None:
    (tmp_path / "q").write_text("q 1 d 1\nq 2 d 1\nq 1 e 1\n")
    (tmp_path / "r").write_text("q Q0 e 1 2 t\nq Q0 d 2 1 t\n")
    said = intrex(f"evaluate {tmp_path}/q {tmp_path}/r -m alpha_nDCG@5 -m StRecall@1 -m P@2 --format csv")
    values = [line.split(",")[2] for line in said.out.splitlines()[1:]]
    # ideal: d covers both (2), then e covers one again (1/2 / log2 3); found: e (1), then d (3/2 / log2 3)
    log3 = np.log2(3)
    assert [float(v) for v in values] == pytest.approx([(1 + 1.5 / log3) / (2 + 0.5 / log3), 0.5, 1.0])
    said = intrex(f"evaluate {tmp_path}/q {tmp_path}/r -m P@2 --format csv")
    assert said.out.splitlines()[1].split(",")[2] == "1.0" and "|subtopics=highest|" in said.out
    (tmp_path / "twice").write_text("q 1 d 1\nq 1 d 2\n")
    said = intrex(f"evaluate {tmp_path}/twice {tmp_path}/r -m alpha_nDCG@5")
    assert said.code == 1 and "judged twice: query q, subtopic 1, document d (twice:2)" in said.err
    with pytest.raises(BadInput, match="subtopics"):
        from intrex.eval.scoring.score import evaluate

        evaluate({"q": {"d": 1}}, {"q": {"d": 1.0}}, ["alpha_nDCG@5"])


def test_relevance_measures_take_the_highest_grade_whatever_else_is_asked(intrex, tmp_path: Path) -> None:
    """d1 has grade 3, d2 grade 2: DCG 2 + 3/log2(3), ideal 3 + 2/log2(3)."""
    (tmp_path / "s").write_text("q1 1 d1 1\nq1 2 d1 3\nq1 1 d2 2\nq1 2 d2 0\n")
    (tmp_path / "r").write_text("q1 Q0 d2 1 2.5 t\nq1 Q0 d1 2 2.0 t\n")
    log3 = np.log2(3)
    signatures = set()
    for measures in ("nDCG@10", "'alpha_nDCG@10 nDCG@10'", "'nDCG@10 StRecall@1'"):
        said = intrex(f"evaluate {tmp_path}/s {tmp_path}/r -m {measures} --format csv")
        assert said.code == 0 and "2 judgements are of a further subtopic" in said.err
        rows = [line.split(",") for line in said.out.splitlines()[1:]]
        (row,) = (row for row in rows if row[1] == "nDCG@10")
        assert float(row[2]) == pytest.approx((2 + 3 / log3) / (3 + 2 / log3), abs=1e-12)
        signatures.add(row[-1])
    assert len(signatures) == 1 and "|subtopics=highest|" in signatures.pop()
    for option in ("--as", "--explain-diff"):
        said = intrex(f"evaluate {tmp_path}/s {tmp_path}/r -m nDCG@10 {option} trec_eval9")
        assert said.code == 1 and "the judgements are by subtopic" in said.err
    (tmp_path / "same").write_text("q1 1 d1 1\nq1 2 d2 1\n")
    assert "subtopics=" not in intrex(f"evaluate {tmp_path}/same {tmp_path}/r -m nDCG@10 --format csv").out
    (tmp_path / "twice").write_text("q1 1 d1 1\nq1 1 d1 2\nq1 2 d2 1\n")
    said = intrex(f"evaluate {tmp_path}/twice {tmp_path}/r -m nDCG@10")
    assert said.code == 1 and "judged twice: query q1, subtopic 1, document d1 (twice:2)" in said.err


def test_the_measures_of_ndeval_at_the_command_line(intrex, tmp_path: Path) -> None:
    """They are those of ir_measures."""
    (tmp_path / "s").write_text("q1 1 d1 1\nq1 2 d1 3\nq1 1 d2 2\nq1 2 d2 0\n")
    (tmp_path / "r").write_text("q1 Q0 d2 1 2.5 t\nq1 Q0 d1 2 2.0 t\n")
    ir_measures = pytest.importorskip("ir_measures")
    names = ["ERR_IA@20", "P_IA@10", "NRBP", "nERR_IA@20", "nNRBP", "AP_IA", "alpha_DCG@5", "StRecall@1"]
    said = intrex(f"evaluate {tmp_path}/s {tmp_path}/r -m '{' '.join(names)}' --format csv")
    ours = {row[1]: float(row[2]) for row in (line.split(",") for line in said.out.splitlines()[1:])}
    qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "s")))
    for name in names:
        run = list(ir_measures.read_trec_run(str(tmp_path / "r")))
        measure = ir_measures.parse_measure(name)
        assert ours[name] == pytest.approx(
            ir_measures.calc_aggregate([measure], qrels, run)[measure], abs=1e-9
        )
