"""LIMIT as it is built here: who likes what, in every pattern; and the published collection as it is imported."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from math import comb
from pathlib import Path

import pytest

from intrex.data.builders.items import OWN_ITEMS, read_items
from intrex.data.builders.limit import build_limit
from intrex.data.builders.options import PATTERNS
from intrex.data.builders.patterns import members_needed, relevant_sets
from intrex.data.builders.people import name_words
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, IntrexError, UsageError
from tests.conftest import contents

SIZES = {"dense": 46, "random": 3000, "cycle": 1000, "disjoint": 2000}
"""Documents that a pattern uses for 1,000 queries with two relevant ones among 3,000."""


@pytest.fixture(scope="module", params=PATTERNS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Collection]:
    out = tmp_path_factory.mktemp("limit") / request.param
    return request.param, build_limit(out, documents=3000, pattern=request.param)


def words(text: str) -> str:
    """A text as lower-case words between blanks, so that a phrase is found as whole words alone."""
    found = re.findall(r"\w+", text.lower())
    return f" {' '.join(found)} "


def relevant(collection: Collection) -> dict[str, set[str]]:
    judged = collection.qrels("test").to_dict()
    return {query: set(documents) for query, documents in judged.items()}


def test_each_item_stands_in_the_relevant_documents_and_in_no_other(built: tuple[str, Collection]) -> None:
    _, collection = built
    texts = {d.id: words(d.text) for d in collection.documents()}
    queries = collection.queries("test")
    assert len(texts) == 3000 and len(queries) == len(set(queries.texts)) == 1000
    sought = {}
    for query, text in zip(queries.ids, queries.texts, strict=True):
        phrase = re.fullmatch(r"Who likes (.+)\?", text)
        assert phrase is not None
        sought[query] = words(phrase[1])
    everything = relevant(collection)
    for query, phrase in sought.items():
        assert {d for d, text in texts.items() if phrase in text} == everything[query]


def test_counts_and_degrees_of_every_pattern(built: tuple[str, Collection]) -> None:
    pattern, collection = built
    pairs = relevant(collection)
    assert len(pairs) == 1000 and collection.sets["test"] == {"queries": 1000, "judgements": 2000}
    assert {len(p) for p in pairs.values()} == {2}
    assert len({frozenset(p) for p in pairs.values()}) == 1000
    degrees = Counter(d for p in pairs.values() for d in p)
    assert len(degrees) <= SIZES[pattern] and sum(degrees.values()) == 2000
    spread = Counter(degrees.values())
    if pattern == "dense":  # as published: docs of google-deepmind/limit's data
        assert spread == {45: 37, 37: 7, 38: 2}
        strength = sum(n * (n - 1) for n in degrees.values()) / 3000
        assert strength == pytest.approx(28.4653, abs=5e-5)
    elif pattern == "cycle":
        assert spread == {2: 1000}
    elif pattern == "disjoint":
        assert spread == {1: 2000}
    else:
        assert len(degrees) > 1300 and max(spread) < 9


def test_every_person_likes_as_much(built: tuple[str, Collection]) -> None:
    _, collection = built
    items = set(read_items(OWN_ITEMS))
    names = set()
    for document in collection.documents():
        name, likes = document.text.removesuffix(".").split(" likes ", 1)
        names.add(name)
        assert name.replace(" ", "_") == document.id
        *first, last = likes.split(", ")
        parts = last.split(" and ")  # an item may have an "and" of its own
        pairs = [(" and ".join(parts[:i]), " and ".join(parts[i:])) for i in range(1, len(parts))]
        (pair,) = (pair for pair in pairs if set(pair) <= items)
        listed = [*first, *pair]
        assert len(listed) == len(set(listed)) == 45 and set(listed) <= items
    assert len(names) == 3000


def test_relevant_documents_stand_anywhere(built: tuple[str, Collection]) -> None:
    _, collection = built
    rows = {d.id: row for row, d in enumerate(collection.documents())}
    places = sorted(rows[d] for documents in relevant(collection).values() for d in documents)
    assert places[0] < 300 and places[-1] > 2700


def test_the_dense_pattern_is_the_published_one(shared: Path) -> None:
    """The first 1,000 pairs of 46 documents in lexicographic order, each once, as limit-small has them."""
    lines = (shared / "limit-small" / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]
    published: dict[str, list[str]] = {}
    for line in lines:
        query, document, _ = line.split("\t")
        published.setdefault(query, []).append(document)
    numbers = {d: i for i, d in enumerate(dict.fromkeys(d for pair in published.values() for d in pair))}
    ours = relevant_sets("dense", 46, 1000, 2, seed=0)
    assert ours.tolist() == [sorted(numbers[d] for d in pair) for pair in published.values()]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(("queries", "k"), [(1, 1), (1, 3), (20, 1), (20, 3), (21, 5)])
def test_patterns_of_other_sizes(pattern: str, queries: int, k: int) -> None:
    needed = members_needed(pattern, queries, k)
    sets = relevant_sets(pattern, needed, queries, k, seed=3)
    assert sets.shape == (queries, k) and sets.min() >= 0 and sets.max() < needed
    assert len({frozenset(row) for row in sets.tolist()}) == queries
    assert all(len(set(row)) == k for row in sets.tolist())
    with pytest.raises(UsageError, match=r"has no|has one set"):
        relevant_sets(pattern, needed - 1, queries, k, seed=3)


def test_random_sets_are_spread_evenly_over_all_there_are() -> None:
    """A sampler that leaves some sets out, or prefers some, fails: chi-squared over 66 sets, p above .001."""
    counts = Counter(
        tuple(row) for seed in range(400) for row in relevant_sets("random", 12, 9, 2, seed).tolist()
    )
    assert set(counts) == set(combinations(range(12), 2))
    expected = 400 * 9 / comb(12, 2)
    assert sum((n - expected) ** 2 / expected for n in counts.values()) < 105


def test_the_same_arguments_give_the_same_bytes_and_a_seed_another(tmp_path: Path) -> None:
    size = {"documents": 700, "queries": 50, "likes": 12}
    one, two = (build_limit(tmp_path / name, seed=4, **size) for name in ("one", "two"))
    three = build_limit(tmp_path / "three", seed=5, **size)
    first, second = (
        {n: b for n, b in contents(c.path).items() if n != "collection.json"} for c in (one, two)
    )
    assert first == second and one.fingerprint == two.fingerprint != three.fingerprint
    assert {d.id for d in one.documents()} != {d.id for d in three.documents()}


def test_a_document_lists_more_where_it_is_relevant_to_more(tmp_path: Path) -> None:
    built = build_limit(tmp_path / "c", documents=60, queries=200, relevant=3, likes=4)
    listed = {d.text.count(",") + 2 for d in built.documents()}
    degrees = Counter(d for p in relevant(built).values() for d in p)
    assert listed == {max(degrees.values())} and built.manifest.params["origin"]["likes"] == max(listed)


def test_a_list_of_things_of_the_users_own(tmp_path: Path) -> None:
    file = tmp_path / "things.txt"
    file.write_text("# mine\n\nfast cars\r\nslow  cars\nGrößen\n東京 タワー\nbig tea\n", encoding="utf-8")
    built = build_limit(tmp_path / "c", documents=9, queries=3, likes=2, items=str(file), pattern="disjoint")
    asked = {text[len("Who likes ") : -1] for text in built.queries().texts}
    assert len(asked) == 3 and asked <= {"fast cars", "slow cars", "Größen", "東京 タワー", "big tea"}


def test_the_own_list_is_what_it_says() -> None:
    items = read_items(OWN_ITEMS)
    assert len(items) == 1848
    heads = {item.split()[0].lower() for item in items if " " not in item}
    assert not heads & name_words()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no item"),
        ("# nothing\n", "has no item"),
        ("tea\ncakes\nTea\n", r"'Tea' stands in 'tea', line 1 \(t.txt:3\)"),
        ("tea\ncakes\ngreen TEA leaves\n", r"'tea' stands in 'green TEA leaves', line 3 \(t.txt:1\)"),
        ("tea\n...\n", r"'...' is no thing to like \(t.txt:2\)"),
        ("tea\nAda Aldbeck\n", r"'Ada Aldbeck' is no thing to like"),
        ("tea\x07pot\n", "is no thing to like"),
        (" ".join(f"w{i}" for i in range(21)), "is no thing to like"),
    ],
)
def test_lists_that_cannot_be(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "t.txt").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=problem):
        build_limit(tmp_path / "c", documents=9, queries=1, items=str(tmp_path / "t.txt"))
    assert not (tmp_path / "c").exists()


def test_files_that_are_no_list(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere"):
        build_limit(tmp_path / "c", items=str(tmp_path / "nowhere"))
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    with pytest.raises(BadInput, match="not UTF-8"):
        build_limit(tmp_path / "c", items=str(tmp_path / "latin"))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"documents": 45}, "the pattern dense has no 1,000 sets of 2 among 45 documents"),
        ({"documents": 999, "pattern": "cycle"}, "the pattern cycle has no 1,000 sets"),
        ({"documents": 1999, "pattern": "disjoint"}, "the pattern disjoint has no 1,000 sets"),
        ({"documents": 45, "pattern": "random"}, "the pattern random has no 1,000 sets"),
        ({"documents": 3, "queries": 1, "relevant": 4}, "has no 1 sets of 4 among 3"),
        ({"documents": 50, "queries": 3, "relevant": 3, "pattern": "cycle"}, "has one set of 3, not 3"),
        ({"queries": 1849}, "has 1,848 items: 1,849 queries need one each"),
        ({"queries": 1804}, "has 1,848 items: 1,804 queries need one each and the documents 60 more"),
        ({"documents": 10_000_000, "queries": 9}, "names for"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, arguments: dict[str, int], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        build_limit(tmp_path / "c", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_replaced_on_request_only(tmp_path: Path) -> None:
    small = {"documents": 60, "queries": 20}
    build_limit(tmp_path / "c", **small)
    with pytest.raises(IntrexError, match="exists"):
        build_limit(tmp_path / "c", seed=1, **small)
    assert build_limit(tmp_path / "c", seed=1, overwrite=True, **small).n_documents == 60


def as_published(collection: Collection, folder: Path, qrels: str) -> Path:
    """A collection in the layout of google-deepmind/limit: ids are names with a blank, judgements JSON lines or BEIR's."""
    folder.mkdir()
    blank = {d.id: d.id.replace("_", " ") for d in collection.documents()}
    corpus = [{"_id": blank[d.id], "title": "", "text": d.text} for d in collection.documents()]
    queries = collection.queries("test")
    asked = [{"_id": i, "text": t} for i, t in zip(queries.ids, queries.texts, strict=True)]
    pairs = [(q, blank[d]) for q, documents in relevant(collection).items() for d in sorted(documents)]
    for name, rows in (("corpus", corpus), ("queries", asked)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if qrels == "qrels.jsonl":
        rows = [{"query-id": q, "corpus-id": d, "score": 1} for q, d in pairs]
        (folder / qrels).write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        (folder / "qrels").mkdir()
        lines = ["query-id\tcorpus-id\tscore", *(f"{q}\t{d}\t1" for q, d in pairs)]
        (folder / qrels).write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("qrels", ["qrels.jsonl", "qrels/test.tsv"])
def test_the_layout_of_the_published_50k_is_imported_as_it_is(tmp_path: Path, all_well, qrels: str) -> None:
    """50,000 documents whose ids have a blank, 2,000 judgements: the published file itself could not be had."""
    made = build_limit(tmp_path / "made")
    source = as_published(made, tmp_path / "source", qrels)
    all_well(f"collection import {source} {tmp_path / 'c'}")
    imported = Collection.open(tmp_path / "c")
    assert imported.n_documents == imported.manifest.params["encoded_ids"] == 50_000
    assert imported.sets == {"test": {"queries": 1000, "judgements": 2000}}
    assert relevant(imported) == {
        q: {d.replace("_", "%20") for d in documents} for q, documents in relevant(made).items()
    }


def test_the_published_small_one_is_imported_as_it_is(shared: Path, tmp_path: Path, all_well) -> None:
    all_well(f"collection import {shared / 'limit-small'} {tmp_path / 'c'}")
    imported = Collection.open(tmp_path / "c")
    assert (imported.n_documents, imported.sets) == (46, {"test": {"queries": 1000, "judgements": 2000}})
