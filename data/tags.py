"""Default tags of runs: the name of what ranks, and every choice that changed the ranking.

The form is ``NAME(key=value,...)+METHOD(key=value,...)``: an index, a model or a run by its name, then what was chosen of
it; behind ``+`` each method that further choices belong to (feedback, an engine), with these in parentheses of its own.
Only choices that differ from the default are spelled, in the order of their declarations, so that two different
searches of one index never share a tag, and equal ones always do. An option whose default is made by a function is always
spelled, so that every tag of a CUR index says how many calls a query took.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from intrex.data.options import Option, Options, options_of

_PUNCTUATION = "%(),=+"
_DIGITS = 8
_MARK = re.compile(r"\+tuned\(on=[^(),=+]+@[0-9a-f]+,by=[^(),=+]*\)")
_TUNED = re.compile(rf"\+tuned\(on=([^(),=+]+)@([0-9a-f]{{{_DIGITS}}}),")


def name_of(path: Path | str) -> str:
    """Return the last part of a path as it was typed, a link's own name included, without white space.

    >>> name_of("idx/c.bm25/"), name_of("idx/my index")
    ('c.bm25', 'my_index')
    """
    return "_".join(Path(os.path.abspath(path)).name.split()) or "index"  # noqa: PTH100 - links are not followed


def tag_of(name: str, *options: Options, named: tuple[str, ...] = ()) -> str:
    """Return the tag of what a name stands for with these choices; see the module's text.

    Args:
        name: of an index, a model, a method or a run.
        options: what was chosen.
        named: keys of the choices that the name says itself.

    >>> from intrex.retrievers.bm25.options import Bm25Search
    >>> tag_of("c.bm25", Bm25Search(k=100, rm3=True, rm3_fb_docs=20))
    'c.bm25(k=100)+rm3(fb_docs=20)'
    """
    return name + "".join(f"{head}{_listed(parts)}" for head, parts in _methods(options, named).items())


def tuned_tag(tag: str, name: str, qrels: str, measure: str) -> str:
    """Return the tag of what was tuned on judgements: it says on which ones, whatever the rest of it says.

    >>> tuned_tag("mine", "c:dev", "0123456789abcdef", "nDCG@10")
    'mine+tuned(on=c:dev@01234567,by=nDCG@10)'
    """
    return f"{tag}+tuned(on={_spell(name)}@{qrels[:_DIGITS]},by={_spell(measure)})"


def tuned_on(tag: str) -> list[tuple[str, str]]:
    """Return the judgements that a tag says it was tuned on: their names, as it spells them, and the first digits of their fingerprints."""
    return _TUNED.findall(tag)


def with_marks(tag: str, *sources: str) -> str:
    """Return the tag of a run that was made of others: what these were tuned on is said behind it, unless it says so already.

    >>> with_marks("rrf", "a+tuned(on=c:dev@01234567,by=nDCG@10)", "b")
    'rrf+tuned(on=c:dev@01234567,by=nDCG@10)'
    """
    marks = dict.fromkeys(mark[0] for source in sources for mark in _MARK.finditer(source))
    return tag + "".join(mark for mark in marks if mark not in tag)


def _methods(options: tuple[Options, ...], named: tuple[str, ...]) -> dict[str, list[str]]:
    """Return what was chosen by the method that it belongs to, ``+METHOD``; of no method what belongs to the whole."""
    declared = [(item, choices) for choices in options for item in options_of(type(choices)).values()]
    heads = {item.when.key for item, _ in declared if item.when is not None and item.when.values}
    heads |= {item.owner for item, _ in declared}
    methods: dict[str, list[str]] = {"": []}
    names: dict[str, str] = {}
    for item, value in _chosen([pair for pair in declared if pair[0].key not in named]):
        owner = item.owner or (item.when.key if item.when is not None and not item.when.built else "")
        if item.key in heads:
            names[item.key] = item.key if value is True else _spell(value)
            methods[f"+{names[item.key]}"] = []
        elif owner in names:
            key = item.key.removeprefix(f"{names[owner]}_")
            methods[f"+{names[owner]}"].append(_pair(key, value))
        else:
            methods[""].append(_pair(item.key, value))
    return methods


def _chosen(declared: list[tuple[Option, Options]]) -> Iterator[tuple[Option, Any]]:
    for item, choices in declared:
        value = getattr(choices, item.field)
        empty = value is None or (item.type in (dict, tuple) and not value)
        if not (item.neutral or empty or value == item.default):
            yield item, value


def _listed(parts: list[str]) -> str:
    return f"({','.join(parts)})" if parts else ""


def _pair(key: str, value: Any) -> str:
    return key if value is True else f"{key}={_spell(value)}"


def _spell(value: Any) -> str:
    """Spell a value in one word, different ones differently; of a file its name."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, Mapping):
        return "/".join(f"{_spell(key)}:{_spell(weight)}" for key, weight in value.items())
    if isinstance(value, (tuple, list)):
        return "/".join(map(_spell, value))
    text = value.name if isinstance(value, Path) else str(value)
    return quote_word(text)


def quote_word(text: str) -> str:
    """Quote what a tag cannot hold, different texts differently.

    >>> quote_word("command:python score.py --k=1")
    'command:python%20score.py%20--k%3D1'
    """
    return "".join(
        quote(c, safe="") if c.isspace() or c in _PUNCTUATION or not c.isprintable() else c for c in text
    )
