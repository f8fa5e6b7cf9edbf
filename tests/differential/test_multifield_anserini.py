"""BM25 over several fields against Anserini's multifield search, live: the same documents, the same bits."""

from pathlib import Path

import numpy as np
import pytest

from intrex.data.importers.sources import import_collection
from intrex.eval.pipelines.parity.bm25 import TIES, bm25_parity
from intrex.retrievers.lucene.options import LuceneSearch

pytest.importorskip("pyserini", reason="needs the extra lucene")

CASES = [
    ("cranfield", {"contents": 0.3, "title": 0.7}),  # both fields' sums are rounded by themselves
    ("hotpotqa-mini", {"contents": 1.0, "title": 2.5}),  # one field's is
    ("scifact", {"contents": 1.0, "title": 1.0}),
]


@pytest.mark.parametrize(("name", "fields"), CASES)
def test_parity_in_several_fields(name: str, fields: dict[str, float], shared: Path, tmp_path: Path) -> None:
    collection = import_collection(shared / name, tmp_path / name)
    result = bm25_parity(collection, "test", LuceneSearch(fields=fields))
    assert result.at_parity
    native, lucene = result.runs["native", TIES], result.runs["lucene", TIES]
    assert np.array_equal(native.doc_ids, lucene.doc_ids)
    assert native.scores.tobytes() == lucene.scores.tobytes()
    if name == "scifact":  # what Anserini's own pages state
        assert round(result.figures["anserini", TIES]["nDCG@10"], 4) == 0.6647
