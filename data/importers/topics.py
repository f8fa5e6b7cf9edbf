"""Queries: BEIR and Pyserini JSON, tab-separated files, and the topics of the tracks."""

from __future__ import annotations

from collections.abc import Iterator

from intrex.data.errors import Problems, UsageError
from intrex.data.importers.conversations import Conversations, turns_of
from intrex.data.importers.inputs import Input, Record, text_id
from intrex.data.importers.records import is_table, join_texts, table_queries
from intrex.data.importers.tracktopics import ALL, parse_fields, short_name, track_topics
from intrex.data.io.lines import HEADERS

_HINT = (
    "--topic-field NAME names the field that is searched; NAME,NAME joins several, all takes the whole text"
)
_IDS, _TEXTS = ("_id", "id", "qid", "query_id"), ("text", "query", "contents")


def read_topics(file: Input, problems: Problems, field: str | None = None) -> Iterator[Record]:
    """Yield the queries of a file whose format its first line tells.

    ``{`` or ``[``: JSON objects with an id (``_id``, ``id``, ``qid``) and a text (``text``, ``query``, ``contents``; or as
    ``field`` names it), or conversations, see `intrex.data.importers.conversations`.
    ``<``: topics of TREC or in XML; ``field`` names what is searched of them, or several fields with commas between.
    Tables with a header: see `table_queries`. Anything else: ``id TAB text`` lines, with or without a header. Ids are
    as they are written.

    Raises:
        UsageError: a ``field`` is named, and the queries have none.
    """
    table = is_table(file)
    first = "" if table else file.head()
    if first.startswith("<"):
        return _track(file, problems, field)
    if not table and first.startswith(("{", "[")):
        return _json(file, problems, field)
    if field is not None:
        raise UsageError(
            f"--topic-field is for topics of TREC, in XML and in JSON ({file.label})", "leave it out"
        )
    return table_queries(file, problems) if table else _tsv(file, problems)


def is_markup(file: Input) -> bool:
    """Tell the topics of the tracks, in TREC's markup or XML, from other files of queries."""
    return not is_table(file) and file.head().startswith("<")


def describe_unread_tags(file: Input) -> Iterator[str]:
    """Yield a note on the tags of topics that were not read, though nothing says what they are, when `read_topics` is through."""
    if file.unread and is_markup(file):
        tags = ", ".join(f"<{tag}> ({n:,})" for tag, n in file.unread.most_common(8))
        yield f"{file.label}: tags whose text is not read, with the topics that have them: {tags}; --topic-field reads others"


def has_zeros(id_: str) -> bool:
    """Tell whether a topic number is written with leading zeros (``051``)."""
    return len(id_) > 1 and id_.startswith("0") and id_.isascii() and id_.isdigit()


def without_zeros(id_: str) -> str:
    """Return a topic number without leading zeros; anything else as it is."""
    return (id_.lstrip("0") or "0") if has_zeros(id_) else id_


def numbers_as_judged(ids: list[str], judged: set[str]) -> dict[str, str]:
    """Return topic numbers whose zeros the judgements leave out, with what they have instead (``051``: ``51``).

    A number that is judged as it is written stays, and so does one whose short form is another topic.
    """
    taken = set(ids)
    padded = {id_: without_zeros(id_) for id_ in ids if has_zeros(id_) and id_ not in judged}
    return {id_: short for id_, short in padded.items() if short in judged and short not in taken}


def _json(file: Input, problems: Problems, field: str | None) -> Iterator[Record]:
    fields = [name.strip() for name in (field or "").split(",") if name.strip()]
    conversations = Conversations(file, problems, fields)
    for line, row in file.objects(problems):
        if (turns := turns_of(row)) is not None:
            yield from conversations.queries(line, row, turns)
            continue
        id_ = next((key for key in _IDS if key in row), None)
        texts = fields or [key for key in _TEXTS if key in row][:1]
        if id_ is None or not texts or any(key not in row for key in texts):
            missing = "'_id'" if id_ is None else repr(", ".join(fields) or "text")
            problems.add(
                file.at(line),
                f"the query has no {missing}",
                "a line is: _id, text; --topic-field names another key",
            )
        else:
            id_value = row[id_] if id_ == "_id" else text_id(row[id_])
            yield Record(id_value, "", join_texts([row[key] for key in texts]), file.at(line))
    conversations.note()


def _tsv(file: Input, problems: Problems) -> Iterator[Record]:
    for line, text in file.lines(problems):
        fields = text.split("\t")
        if line == 1 and fields[0].lower() in HEADERS:
            continue
        if len(fields) != 2:
            reason = f"the line has {len(fields)} column{'s' * (len(fields) != 1)}, 2 are needed"
            problems.add(file.at(line), reason, "a line is: id TAB text")
        else:
            yield Record(fields[0], "", fields[1], file.at(line))


def _track(file: Input, problems: Problems, field: str | None) -> Iterator[Record]:
    wanted = parse_fields(field)
    for topic in track_topics(file, problems):
        number = topic.number
        if ALL not in wanted:
            file.note_unread(tag for tag, _ in topic.unread() if short_name(tag) not in wanted)
        try:
            text = topic.text(wanted)
        except ValueError as error:
            problems.add(file.at(topic.line), str(error), _HINT)
            continue
        if number:
            yield Record(number, "", text, file.at(topic.line))
        else:
            problems.add(file.at(topic.line), "the topic has no number")
