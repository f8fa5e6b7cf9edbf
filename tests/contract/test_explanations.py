"""Explanations of every kind of index: of any document the score of a search, as the sum of its parts."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.collection import Collection, Queries
from intrex.data.ids import as_strings
from intrex.retrievers.base import open_index
from intrex.retrievers.bm25.build import build_bm25
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.explanation import Explainer
from intrex.retrievers.options import BuildTask
from intrex.retrievers.search import prepare_search, run_search
from tests.contract.test_indexes import ASKED, BUILD

KINDS = sorted(set(BUILD) - {"lucene"})
"""Lucene's own indexes have scores only."""
BM25_OPTIONS = (
    {},
    {"rm3": True, "rm3_fb_docs": 2},
    {"rocchio": True},
    {"bm25_prf": True},
    {"tie_order": "trec_eval", "k": 2},
)


def check(path: Path, collection: Collection, options: dict, summed: bool = True) -> int:
    """Compare explanations of all rows with a search for all of them; return how many documents scored."""
    index = open_index(path)
    assert isinstance(index, Explainer)
    search = prepare_search(index, {**options, "k": len(index.ids)})
    rows = np.arange(len(index.ids))
    ids = as_strings(index.ids.gather(rows))
    texts = {d.id: d.passage for d in collection.documents()}
    scored = 0
    for name, text in zip(ASKED.ids, ASKED.texts, strict=True):
        found = run_search(index, Queries([name], [text]), search, tag="t")
        scores = dict(zip(as_strings(found.doc_ids), found.scores.tolist(), strict=True))
        explained = index.explain(text, rows, search, [texts[i] for i in ids])
        for id_, one in zip(ids, explained, strict=True):
            if id_ in scores:
                scored += 1
                assert one.score == scores[id_], (name, id_)
                if summed and one.parts:
                    assert float(np.float32(sum(part.score for part in one.parts))) == one.score
            elif one.score is not None:
                assert one.score == 0, "a document that a search leaves out has no score"
    return scored


@pytest.mark.parametrize("kind", KINDS)
def test_parts_sum_to_the_score_of_a_search(kind: str, small: Collection, tmp_path: Path) -> None:
    BUILD[kind](small, tmp_path / "i")
    assert check(tmp_path / "i", small, {}, summed=kind != "fde") >= 6


@pytest.mark.parametrize("options", BM25_OPTIONS)
def test_bm25_with_feedback(options: dict, small: Collection, tmp_path: Path) -> None:
    build_bm25(small, BuildTask(tmp_path / "i"))
    assert check(tmp_path / "i", small, options) >= 6


def test_bm25_in_several_fields_and_segments(small: Collection, tmp_path: Path, all_well) -> None:
    """Lucene rounds the sum of a field whose weight is not 1: the parts add up to the score but for that."""
    build_bm25(small, BuildTask(tmp_path / "i"), Bm25Build(fields=("title",)))
    for fields in ({"contents": 1.0, "title": 0.3}, {"title": 2.0}, {"contents": 0.7, "title": 1.0}):
        assert check(tmp_path / "i", small, {"fields": fields}, summed=False) > 1
    (tmp_path / "more.jsonl").write_text('{"_id": "n1", "text": "boundary layers and wings, wings, wings"}\n')
    all_well(
        f"collection import {tmp_path}/more.jsonl {tmp_path}/more",
        f"index bm25 {small.path} {tmp_path}/s",
        f"index add {tmp_path}/s {tmp_path}/more",
    )
    index = open_index(tmp_path / "s")
    rows = np.arange(len(index.ids))
    options = prepare_search(index, {})
    found = run_search(index, Queries(["q"], ["wings boundary"]), options, tag="t")
    scores = dict(zip(as_strings(found.doc_ids), found.scores.tolist(), strict=True))
    explained = index.explain("wings boundary", rows, options, [None] * len(rows))
    names = as_strings(index.ids.gather(rows))
    assert {i: one.score for i, one in zip(names, explained, strict=True) if one.score is not None} == scores
    last = explained[names.index("n1")].parts
    assert [(part.name, part.numbers["tf"]) for part in last] == [("wing", 3), ("boundari", 1)]


def test_fde_shows_the_exact_score_beside_its_estimate(small: Collection, tmp_path: Path) -> None:
    BUILD["fde"](small, tmp_path / "fde")
    index, tokens = open_index(tmp_path / "fde"), open_index(tmp_path / "tokens")
    rows, text = np.arange(len(index.ids)), "flat boundary layers"
    explained = index.explain(text, rows, prepare_search(index, {}), [None] * len(rows))
    exact = tokens.explain(text, rows, prepare_search(tokens, {}), [None] * len(rows))
    assert [one.numbers.get("exact") for one in explained] == [one.score for one in exact]
    for one in explained:
        if one.score is not None:
            assert one.numbers["estimate"] == pytest.approx(one.score / 10)
            assert float(np.float32(sum(part.score for part in one.parts))) == one.numbers["exact"]
    by_maxsim = index.explain(text, rows, prepare_search(index, {"candidates": 6}), [None] * len(rows))
    assert [one.score for one in by_maxsim] == [one.score for one in exact]


def test_tokens_have_their_names(small: Collection, tmp_path: Path) -> None:
    BUILD["multivector"](small, tmp_path / "i")
    index = open_index(tmp_path / "i")
    row = index.ids.find(np.array([b"d3"]))
    (one,) = index.explain(
        "heat wings", row, prepare_search(index, {}), ["Heat heat transfer through a boundary layer"]
    )
    assert [part.name for part in one.parts] == ["heat", "wings"]
    assert one.parts[0].numbers["document"] == "heat" and one.parts[0].numbers["at"] == 1
    assert one.parts[0].score == pytest.approx(1, abs=1e-3) and abs(one.parts[1].score) < 0.9
    (one,) = index.explain("heat wings", row, prepare_search(index, {}), ["another text"])
    assert one.parts[0].numbers["document"] == "#1", "names of another text are not taken"
    xtr = prepare_search(index, {"scoring": "xtr"})
    assert index.explain("heat", row, xtr, [None])[0].score is None
