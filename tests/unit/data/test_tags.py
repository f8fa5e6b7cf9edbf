"""Default tags of runs: of different searches different ones, of equal searches one."""

import doctest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intrex.cli import fuse, rerank, search
from intrex.data import tags
from intrex.data.options import Option, Options, options_of
from intrex.data.tags import name_of, tag_of
from intrex.eval.pipelines.tuning.options import TuneOptions
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.options import index_kinds
from intrex.retrievers.rerank.options import RerankOptions

SEARCHES = {name: kind.search for name, kind in index_kinds().items()}
PASSED = {
    "search": (search.SpellingOptions, search.TopicOptions),
    "rerank": (RerankOptions,),
    "fuse": (FuseOptions,),
}
"""Classes of options that a command gives to its tag, beside those of the kinds of indexes."""
NOT_RANKING = {"rerank": {"topic_field"}, "fuse": set(options_of(TuneOptions))}
"""Choices of queries, which a rerank has from its run; topics of another field are another text, of the same name. The tag of what is
tuned has the weights that were chosen, the measure and the judgements."""


def values_of(item: Option) -> Iterator[Any]:
    """Values of an option that differ from its default, and from one another."""
    if item.choices:
        yield from (choice for choice in item.choices if choice != item.default)
    elif item.type is bool:
        yield not item.default
    elif item.type in (int, float):
        low = 1 if item.low in (None, float("-inf")) else item.low
        kind = item.type
        yield from (v for v in (kind(low), kind(low + (1 if kind is int else 0.25))) if v != item.default)
    elif item.type is dict:
        yield from ({"contents": 1.0, "title": 0.5}, {"contents": 1.5}, {"title": 1.0, "contents": 0.5})
    elif item.type is tuple:
        yield from ((0.5, 0.5), (0.25, 0.75))
    elif item.type is Path:
        yield from (Path("a/x.txt"), Path("y z.txt"), Path("y_z.txt"))
    elif item.check is not None:  # a filter
        yield from ("a = 1", "a = 'b c'", "a in (1, 2)")
    else:
        yield from ("a", "a b", "a,b=c")


def searches(declared: type[Options]) -> Iterator[tuple[Option, dict[str, Any]]]:
    """Every option with each value, and with what it depends on."""
    options = options_of(declared)
    for item in options.values():
        for value in values_of(item):
            values = {item.key: value}
            chosen = item
            needed = [chosen.choice_when.get(value) if isinstance(value, str) else None, chosen.when]
            for when in filter(None, needed):
                while when is not None and not when.built:
                    values.setdefault(
                        when.key, when.values[0] if when.values else next(values_of(options[when.key]))
                    )
                    when = options[when.key].when
            if "interpolate" in values:  # a mixture is of two lists
                values.setdefault("with", "x.txt")
            yield item, values


@pytest.mark.parametrize("name", SEARCHES)
def test_no_two_searches_share_a_tag(name: str) -> None:
    declared = SEARCHES[name]
    found: dict[str, dict[str, Any]] = {tag_of("i", declared()): {}}
    assert list(found) == ["i(budget=100)" if name == "cur" else "i"], "calls are always said"
    for item, values in searches(declared):
        tag = tag_of("i", declared.read(values))
        assert len(tag.split()) == 1 and tag.startswith("i")
        if item.neutral:
            assert tag == tag_of("i", declared.read({k: v for k, v in values.items() if k != item.key}))
        else:
            known = found.setdefault(tag, values)
            assert known == values or declared.read(known) == declared.read(values), tag
    assert len(found) > 3


def test_whatever_a_command_declares_is_in_its_tag_or_changes_no_ranking() -> None:
    """An option that is added later stands in a class that the tag reads, or says that it is neutral."""
    for command, classes in PASSED.items():
        declared = {search: search.search, rerank: rerank.rerank, fuse: fuse.fuse}
        function = {module.__name__.rpartition(".")[2]: f for module, f in declared.items()}[command]
        known = {key for kind in classes for key in options_of(kind)} | NOT_RANKING.get(command, set())
        if command == "search":
            known |= {key for kind in SEARCHES.values() for key in options_of(kind)}
        for item in vars(function)["declared"].values():
            reads_runs = item.panel == "Reading runs"
            assert item.neutral or reads_runs or item.key in known, f"{command} {item.flags[0]}"


def test_form() -> None:
    bm25, fde, tokens = SEARCHES["bm25"], SEARCHES["fde"], SEARCHES["multivector"]
    for options, expected in (
        (bm25(rm3=True), "c+rm3"),
        (bm25(rm3=True, rm3_fb_docs=20, k=100), "c(k=100)+rm3(fb_docs=20)"),
        (bm25(rocchio=True, rocchio_use_negative=True), "c+rocchio(use_negative)"),
        (bm25(bm25_prf=True, bm25_prf_k1=1.2), "c+bm25_prf(k1=1.2)"),
        (bm25(fields={"contents": 1.0, "title": 0.5}), "c(fields=contents:1/title:0.5)"),
        (bm25(ties="anserini", threads=3, language="en"), "c(tie_order=anserini)"),
        (fde(candidates=100, ball_carving=0.7), "c(candidates=100,ball_carving=0.7)"),
        (tokens(engine="plaid", ncells=2), "c+plaid(ncells=2)"),
        (tokens(scoring="xtr", token_top_k=500), "c+xtr(token_top_k=500)"),
        (SEARCHES["dense"](engine="faiss"), "c+faiss"),
    ):
        assert tag_of("c", options) == expected
    assert (
        tag_of("wsum", FuseOptions(method="wsum", weights=(0.75, 0.25)), named=("method",))
        == "wsum(weights=0.75/0.25)"
    )
    assert tag_of("a+m", RerankOptions(index="x/m", depth=20), named=("index", "with")) == "a+m(depth=20)"


def test_a_name_is_what_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".stages-12ab").mkdir()
    (tmp_path / "c.bm25").symlink_to(".stages-12ab")
    monkeypatch.chdir(tmp_path)
    assert name_of("c.bm25") == name_of(Path("./c.bm25/")) == name_of(tmp_path / "c.bm25") == "c.bm25"
    monkeypatch.chdir(tmp_path / ".stages-12ab")
    assert name_of(".") == ".stages-12ab" and name_of("../my index") == "my_index" and name_of("/") == "index"


def test_examples() -> None:
    assert doctest.testmod(tags).failed == 0 and doctest.testmod(tags).attempted > 1
