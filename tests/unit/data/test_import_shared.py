"""Real collections: what is imported has the counts that their sources state."""

import re

import pytest

from intrex.data.collection import Collection
from intrex.data.importers.sources import import_collection
from tests.conftest import SHARED

FOLDERS = sorted(path.parent for path in SHARED.glob("*/corpus.jsonl")) or [None]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name if path else "none")
def test_shared_collections_have_the_counts_that_their_source_states(folder, tmp_path):
    if folder is None:
        pytest.skip(f"no collections in {SHARED}; INTREX_SHARED_DATA names another folder")
    made = import_collection(folder, tmp_path / "out")
    source = (folder / "SOURCE.md").read_text("utf-8").replace(",", "")
    n_documents, n_queries = re.search(r"^- documents (\d+).*? queries (\d+)", source, re.M).groups()
    stated = re.findall(r"^- qrels/(\w+)\.tsv: (\d+) queries (\d+) lines", source, re.M)
    assert (made.n_documents, len(made.queries())) == (int(n_documents), int(n_queries))
    assert made.sets == {name: {"queries": int(q), "judgements": int(j)} for name, q, j in stated}
    assert sum(1 for _ in Collection.open(made.path).documents()) == made.n_documents
