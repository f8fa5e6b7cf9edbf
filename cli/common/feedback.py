"""Options of lexical feedback, under Anserini's names, for every command that searches with it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_type_hints

import typer

from intrex.data.errors import UsageError

if TYPE_CHECKING:
    from intrex.retrievers.prf.lexical import Expansion


class Flag(NamedTuple):
    """An option: its default, what it means, and the range of its values."""

    default: Any
    help: str
    least: float | None = None
    most: float | None = None


_METHODS: dict[str, tuple[str, str, dict[str, Flag]]] = {
    "rm3": (
        "RM3",
        "Search again with a relevance model of the best documents.",
        {
            "fb_terms": Flag(10, "terms.", 1),
            "fb_docs": Flag(10, "documents.", 1),
            "original_query_weight": Flag(0.5, "weight of the query.", 0, 1),
            "no_term_filter": Flag(False, "take terms of any characters."),
        },
    ),
    "rocchio": (
        "Rocchio",
        "Search again with the query moved towards the best documents.",
        {
            "top_fb_terms": Flag(10, "terms of the best documents.", 1),
            "top_fb_docs": Flag(10, "how many of the best documents.", 1),
            "bottom_fb_terms": Flag(10, "terms of the last documents.", 1),
            "bottom_fb_docs": Flag(10, "how many of the last documents.", 1),
            "alpha": Flag(1.0, "weight of the query."),
            "beta": Flag(0.75, "weight of the best documents."),
            "gamma": Flag(0.15, "weight of the last documents."),
            "use_negative": Flag(False, "move away from the last documents."),
        },
    ),
    "bm25_prf": (
        "BM25-PRF",
        "Search again with terms that the best documents favour.",
        {
            "fb_terms": Flag(20, "new terms.", 1),
            "fb_docs": Flag(10, "documents.", 1),
            "k1": Flag(0.9, "k1.", 0),
            "b": Flag(0.4, "b.", 0, 1),
            "new_term_weight": Flag(0.2, "weight of new terms."),
        },
    ),
}


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of feedback; it takes what they ask for as its argument ``expansion``."""

    @wraps(command)
    def wrapped(**given: Any) -> None:
        asked = {parameter.name: given.pop(parameter.name) for parameter in ours}
        command(**given, expansion=_method(asked))

    ours = list(_parameters())
    own = inspect.signature(command)
    hints = get_type_hints(
        command, localns={"Expansion": object}, include_extras=True
    )  # numpy is not imported yet
    kept = [p.replace(annotation=hints[p.name]) for p in own.parameters.values() if p.name != "expansion"]
    wrapped.__signature__ = inspect.Signature([*kept, *ours])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in (*kept, *ours)}
    return wrapped


def _parameters() -> Iterator[inspect.Parameter]:
    for method, (title, meaning, flags) in _METHODS.items():
        yield _parameter(method, bool, False, typer.Option(*_spellings(method), help=meaning))
        for name, flag in flags.items():
            option = typer.Option(
                *_spellings(method, name), help=f"{title}: {flag.help}", min=flag.least, max=flag.most
            )
            yield _parameter(f"{method}_{name}", type(flag.default), flag.default, option)


def _parameter(name: str, kind: type, default: object, option: Any) -> inspect.Parameter:
    annotation: Any = Annotated[kind, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _spellings(method: str, name: str = "") -> list[str]:
    """Ours, ``--bm25-prf-fb-terms``, and Anserini's, ``--bm25prf.fbTerms``."""
    first, *others = name.split("_")
    camel = first + "".join(word.title() for word in others)
    ours, theirs = f"--{method}_{name}".strip("_").replace("_", "-"), f"--{method.replace('_', '')}"
    return list(dict.fromkeys([ours, f"{theirs}.{camel}" if name else theirs]))


def _method(given: Mapping[str, Any]) -> Expansion | None:
    """The method that was asked for."""
    asked = []
    for method, (_, _, flags) in _METHODS.items():
        flag = _spellings(method)[0]
        if given[method]:
            asked.append(method)
        elif any(given[f"{method}_{name}"] != one.default for name, one in flags.items()):
            raise UsageError(f"parameters of {flag} without {flag}", f"add {flag}, or leave them out")
    if len(asked) > 1:
        names = ", ".join(_spellings(method)[0] for method in asked)
        raise UsageError(f"more than one method of feedback: {names}", "take one of them")
    if not asked:
        return None
    from intrex.retrievers.prf.lexical import BM25PRF, RM3, Rocchio

    values = {name: given[f"{asked[0]}_{name}"] for name in _METHODS[asked[0]][2]}
    if asked[0] == "rm3":
        return RM3(filter_terms=not values.pop("no_term_filter"), **values)
    return Rocchio(**values) if asked[0] == "rocchio" else BM25PRF(**values)
