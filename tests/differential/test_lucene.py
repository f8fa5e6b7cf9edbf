"""The native BM25 against Anserini on real collections, and the native analysis against Lucene's on random text."""

import random
import unicodedata
from pathlib import Path

import pytest

from intrex.data.importers.sources import import_collection
from intrex.eval.pipelines.parity.bm25 import bm25_parity
from intrex.retrievers.lucene.build import build_lucene
from intrex.retrievers.lucene.options import LuceneSearch
from intrex.retrievers.options import BuildTask
from intrex.retrievers.text.analyzer import Analyzer

pytest.importorskip("pyserini", reason="needs the extra lucene")

COMMON = list(
    "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789   '.,:;_-’\"/·\u200d\ufe0f\u0301אבגアイウ東京ก\U0001f600\U0001f1e6\U0001f1e7#*\u20e3ſKÅİıßςΣ"
)


@pytest.mark.parametrize("name", ["adi", "cranfield", "scifact"])
def test_parity_on_real_collections(name: str, shared: Path, tmp_path: Path) -> None:
    collection = import_collection(shared / name, tmp_path / name)
    result = bm25_parity(collection, "test", LuceneSearch())
    assert result.at_parity and not result.documents.differing and not result.queries.differing
    if name == "scifact":  # what Anserini's own pages state
        found = result.figures["anserini", "anserini"]
        assert (round(found["nDCG@10"], 4), round(found["R@100"], 4)) == (0.6789, 0.9253)
        assert result.statistics["tokens"] == (838_128, 838_128)


def test_terms_of_every_character_and_of_random_text(small, tmp_path: Path) -> None:
    index, analyzer = build_lucene(small, BuildTask(tmp_path / "i")), Analyzer()
    letters = [chr(c) for c in range(0x20, 0x110000) if unicodedata.category(chr(c)) != "Cs"]
    draw = random.Random(1)
    texts = [f"ab{c}cd" for c in letters] + [
        "".join(draw.choice(COMMON if draw.random() < 0.6 else letters) for _ in range(draw.randint(1, 40)))
        for _ in range(20_000)
    ]
    for text, terms in zip(texts, index.terms(texts), strict=True):
        assert analyzer(text) == terms, ascii(text)
