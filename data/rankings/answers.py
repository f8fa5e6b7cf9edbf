"""Runs as lists: candidates, retrieval results and answers of search engines, one list a query."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

_LOOK = 50  # answers: the first may be an error of the engine
_QUERY_IDS = ("qid", "query_id", "q_id", "question_id", "_id", "id")


class Item(NamedTuple):
    """Document of a list, and its score if it has one; both as the file has them."""

    document: Any
    score: Any


@dataclass(frozen=True)
class Answer:
    """List of documents for a query.

    Attributes:
        query: its id; None where the file does not say it.
        items: best first; None where what stands there is no list of documents.
        place: where it stands, for messages.
    """

    query: Any
    items: Sequence[Item] | None
    place: str


@dataclass(frozen=True)
class AnswerForm:
    """Form of lists of a tool.

    Attributes:
        keys: keys of an object that is in this form.
        items: takes the objects of the documents from it; None where it is not in this form.
        document: takes a document's id from its object.
        score: key of the score.
        once: only the first of several items of one document counts, as in the tool's own evaluation.
    """

    keys: tuple[str, ...]
    items: Callable[[Mapping[str, Any]], Any]
    document: Callable[[Mapping[str, Any]], Any]
    score: str = "score"
    once: bool = False


def _inner(outer: str, inner: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda value: value[outer].get(inner) if isinstance(value.get(outer), dict) else None


def _first(*keys: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda item: next((item[key] for key in keys if key in item), None)


def _vespa_id(item: Mapping[str, Any]) -> Any:
    """Return what the user called a document: the end of its address ``id:NAMESPACE:TYPE::ID``.

    Where a summary without it was asked for, ``id`` is ``index:CLUSTER/NODE/HASH`` and says nothing.
    """
    fields = item.get("fields") if isinstance(item.get("fields"), dict) else {}
    for address in (item.get("id"), (fields or {}).get("documentid")):
        if isinstance(address, str) and address.startswith("id:") and "::" in address:
            return address.partition("::")[2]
    return next(
        (fields[key] for key in ("id", "docid", "doc_id") if fields and key in fields), item.get("id")
    )


def _provenance(value: Mapping[str, Any]) -> Any:
    outputs = value.get("output")
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        return None
    return [item for output in outputs for item in output.get("provenance") or ()]


ANSWERS = {
    # rank_llm.data.DataWriter writes these, with query.qid and query.text
    "rank_llm": AnswerForm(("candidates",), _first("candidates"), _first("docid")),
    # sentence-transformers' and pylate's InformationRetrievalEvaluator with write_predictions
    "sentence_transformers": AnswerForm(("results",), _first("results"), _first("corpus_id")),
    # facebookresearch/DPR, dense_retriever.py: save_results; pyserini's convert_trec_run_to_dpr_retrieval_run
    "dpr": AnswerForm(("ctxs", "contexts"), _first("ctxs", "contexts"), _first("id", "passage_id", "docid")),
    # facebookresearch/KILT: output[].provenance[].wikipedia_id; its evaluation keeps the first passage of a page
    "kilt": AnswerForm(("output",), _provenance, _first("wikipedia_id"), once=True),
    "elasticsearch": AnswerForm(("hits",), _inner("hits", "hits"), _first("_id"), "_score"),
    "vespa": AnswerForm(("root",), _inner("root", "children"), _vespa_id, "relevance"),
    "solr": AnswerForm(("response",), _inner("response", "docs"), _first("id")),
}
_EMPTY = {"vespa": "root"}
"""An answer without any document has no list in it."""


def form_of(value: Any) -> str | None:
    """Tell the form of one object, by its keys and what they hold; None where it is in none."""
    if not isinstance(value, dict):
        return None
    for name, form in ANSWERS.items():
        if any(key in value for key in form.keys) and _items(name, value) is not None:
            return name
    return None


def _items(name: str, value: Mapping[str, Any]) -> list[Any] | None:
    items = ANSWERS[name].items(value)
    if items is None and name in _EMPTY and isinstance(value.get(_EMPTY[name]), dict):
        return [] if isinstance(value[_EMPTY[name]].get("id"), str) else None
    return items if isinstance(items, list) else None


def find_answers(
    values: Sequence[tuple[str, Any]], form: str | None = None
) -> tuple[str, list[Answer]] | None:
    """Return the form and the lists of a file's JSON values; None where they are not lists of a form that is known.

    Args:
        values: place and value of each.
        form: the form, where the user named it.
    """
    objects = list(_objects(values))
    told = form or next((name for _, _, value in objects[:_LOOK] if (name := form_of(value))), None)
    if told not in ANSWERS or not objects:
        return None
    answers = []
    for place, query, value in objects:
        items = _items(told, value) if isinstance(value, dict) else None
        named = _query_of(value) if query is None and items is not None else query
        answers.append(Answer(named, None if items is None else _listed(items, ANSWERS[told]), place))
    return None if all(answer.items is None for answer in answers) else (told, answers)


def _objects(values: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Any, Any]]:
    """Yield ``(place, query id or None, object)`` of each answer: in a list, in ``responses``, or by query in an object."""
    for place, value in values:
        if isinstance(value, dict) and isinstance(value.get("responses"), list):
            value = value["responses"]
        if isinstance(value, list):
            yield from ((f"{place}, answer {i}", None, item) for i, item in enumerate(value, 1))
        elif (
            isinstance(value, dict) and form_of(value) is None and value and all(map(form_of, value.values()))
        ):
            yield from ((f"{place}, query {query!r}", query, item) for query, item in value.items())
        else:
            yield place, None, value


def _query_of(value: Mapping[str, Any]) -> Any:
    """Return the id of an answer's query: in its object ``query``, or beside the list."""
    for holder in (value.get("query"), value):
        if isinstance(holder, dict):
            for key in _QUERY_IDS:
                if isinstance(holder.get(key), (str, int)):
                    return str(holder[key])
    return None


def _listed(items: Sequence[Any], form: AnswerForm) -> list[Item]:
    listed = [_item(item, form) for item in items]
    if not form.once:
        return listed
    first: dict[Any, Item] = {}
    for item in listed:
        first.setdefault(item.document, item)
    return list(first.values())


def _item(item: Any, form: AnswerForm) -> Item:
    if not isinstance(item, dict):
        return Item(item, None)
    document = form.document(item)
    if isinstance(document, int) and not isinstance(document, bool):
        document = str(document)
    score = item.get(form.score)
    return Item(document, _number(score) if isinstance(score, str) else score)


def _number(text: str) -> Any:
    """Return the number of a score that is written as text, as DPR writes them."""
    try:
        return float(text)
    except ValueError:
        return text
