"""Statistics of collections, against values that were counted by hand or by another way."""

from collections import Counter
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from intrex.data.builders.options import SplitOptions
from intrex.data.builders.split import split_collection, unit_cutter
from intrex.data.collection import Collection
from intrex.data.importers.sources import import_collection
from intrex.data.statistics import POINTS, describe_texts, scripts, summary


def test_a_small_collection(small: Collection) -> None:
    record = describe_texts(small)
    # with titles: 9, 6, 7, 0, 6 words; "Größe the size of Straße and 東 京 in one document" has 11
    assert record["document words"] == {"min": 0, "median": 6.5, "mean": 6.5, "p95": 11, "max": 11}
    assert record["query words"] == {"min": 1, "median": 3, "mean": 2.5, "p95": 3, "max": 3}
    assert record["duplicate documents"] == 1 and record["duplicate queries"] == 0
    assert record["queries without judgements"] == 0
    assert list(record["document scripts"]) == ["Latin", "Han"] and record["query scripts"] == {"Latin": 1.0}
    assert record["set test: grades"] == {"0": 1, "1": 3, "2": 1}
    assert record["set test: judged per query"] == {"min": 1, "median": 1, "mean": 1.67, "max": 3}
    assert record["set test: relevant per query"] == {"min": 1, "median": 1, "mean": 1.33, "max": 2}
    assert record["set test: positives only"] == "no" and record["set train: positives only"] == "yes"
    assert record["set test: judgements on absent documents"] == 0


def test_documents_with_one_boundary_elsewhere_are_no_duplicates(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "a", "title": "x y", "text": "z"}\n{"_id": "b", "title": "x", "text": "y z"}\n'
        '{"_id": "c", "title": "x", "text": "y z"}\n{"_id": "d", "title": "x", "text": "y z"}\n'
    )
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "x"}\n{"_id": "2", "text": "x"}\n')
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\n1\ta\t0\n1\tgone\t1\n9\tb\t-1\n"
    )
    record = describe_texts(import_collection(tmp_path, tmp_path / "c", allow_unknown=True))
    assert record["duplicate documents"] == 2 and record["duplicate queries"] == 1
    assert record["queries without judgements"] == 1
    assert record["set test: queries without relevant documents"] == 1
    assert record["set test: judgements on absent documents"] == 1
    assert record["set test: judged queries that are absent"] == 1
    assert record["set test: grades"] == {"-1": 1, "0": 1, "1": 1}


def test_judgements_of_passages_are_looked_up_among_the_documents(small: Collection, tmp_path: Path) -> None:
    options = SplitOptions(size=2)
    made = split_collection(small, tmp_path / "p", unit_cutter(options), options)
    assert describe_texts(made)["set test: judgements on absent documents"] == 0


@pytest.mark.parametrize("name", ["scifact", "drcd-zh", "jsquad-ja"])
def test_real_collections_against_a_plain_count(name: str, shared: Path, tmp_path: Path) -> None:
    collection = import_collection(shared / name, tmp_path / "c")
    record = describe_texts(collection)
    texts = [document.contents for document in collection.documents()]
    lengths = [len(text) for text in texts]
    assert record["document characters"]["median"] == median(lengths)
    assert record["document characters"]["max"] == max(lengths)
    assert record["document characters"]["mean"] == round(sum(lengths) / len(lengths), 2)
    assert sum(n <= record["document characters"]["p95"] for n in lengths) >= 0.95 * len(lengths)
    assert sum(n < record["document characters"]["p95"] for n in lengths) < 0.95 * len(lengths)
    if name == "scifact":
        assert record["document words"]["mean"] == round(sum(len(t.split()) for t in texts) / len(texts), 2)
    assert record["duplicate documents"] == len(texts) - len(
        {(d.title, d.text) for d in collection.documents()}
    )
    judged = collection.qrels("test").to_dict()
    grades = Counter(g for docs in judged.values() for g in docs.values())
    assert record["set test: grades"] == {str(g): n for g, n in sorted(grades.items())}
    first = next(iter(record["document scripts"]))
    assert first == {"scifact": "Latin", "drcd-zh": "Han", "jsquad-ja": "Han"}[name]


def test_scripts_are_shares_of_letters() -> None:
    text = "abcDEF 123 . жшщ 東京都 ＡＢ ｱ ひ カ é ß ö"
    counts = np.bincount(np.array([ord(c) for c in text]), minlength=POINTS)
    shares = {"Latin": 0.55, "Cyrillic": 0.15, "Han": 0.15, "Katakana": 0.1, "Hiragana": 0.05}
    assert scripts(counts) == shares and list(scripts(counts)) == list(shares)


def test_summary() -> None:
    assert summary(np.arange(1, 101)) == {"min": 1, "median": 50.5, "mean": 50.5, "p95": 95, "max": 100}
    assert summary(np.array([7])) == {"min": 7, "median": 7, "mean": 7.0, "p95": 7, "max": 7}
    assert summary(np.empty(0, np.int64)) == {}
