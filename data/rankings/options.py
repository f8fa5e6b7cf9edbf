"""Options of reading runs, and how the columns of a table are named; plain data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from intrex.data.errors import UsageError, nearest_name
from intrex.data.options import Options, declare, option

FORMS = {
    "trec": "six columns, query Q0 document rank score tag",
    "msmarco": "three columns, query document rank",
    "tevatron": "three columns, query document score",
    "colbert": "four columns, query document rank score (ranking.tsv)",
    "json": "{query: {document: score}}, also ranx's and pytrec_eval's",
    "mteb": "mteb's predictions, {subset: {split: {query: {document: score}}}}",
    "rank_llm": "lists of candidates, RankLLM's requests and results",
    "sentence_transformers": "results by query of an InformationRetrievalEvaluator, pylate's too",
    "dpr": "DPR's retrieval results with ctxs, or pyserini's with contexts",
    "kilt": "KILT's predictions with provenance",
    "elasticsearch": "responses of _search or _msearch, of OpenSearch too",
    "vespa": "responses of Vespa's query API",
    "solr": "responses of Solr's select",
    "table": "CSV, TSV, Parquet or Arrow with columns by name",
}
"""Forms of runs by name, with what they are."""
RUN_ROLES = ("query", "document", "score", "rank", "tag")
QRELS_ROLES = ("query", "document", "grade", "subtopic")
SKIPPED = "-"
PANEL = "Reading runs"


@dataclass(frozen=True)
class Columns:
    """Meaning of a table's columns: by position, with ``-`` for those not read, or by the names in its header row."""

    roles: tuple[str, ...]
    names: tuple[str, ...] = ()

    def places(self, header: list[str] | None) -> dict[str, int]:
        """Return the index of each role's column.

        Raises:
            KeyError: the header has no column of a name, or there is none.
        """
        if not self.names:
            return {role: at for at, role in enumerate(self.roles) if role != SKIPPED}
        cells = [] if header is None else header
        if missing := [name for name in self.names if name not in cells]:
            raise KeyError(missing[0])
        return {role: cells.index(name) for role, name in zip(self.roles, self.names, strict=True)}

    def __str__(self) -> str:
        pairs = zip(self.roles, self.names, strict=True) if self.names else ()
        return ",".join(f"{role}={name}" for role, name in pairs) or ",".join(self.roles)


def parse_columns(
    words: tuple[str, ...], roles: tuple[str, ...] = RUN_ROLES, *needed: tuple[str, ...]
) -> Columns:
    """Read ``query,document,score`` (by position) or ``query=qid,document=sku,score=value`` (by the header's names).

    Of each tuple of ``needed`` one is named; by default query, document, and score or rank, or the grade.

    Raises:
        UsageError: an unknown or repeated role, positions mixed with names, or a role that is missing.
    """
    parts = [part.partition("=") for word in words for part in word.split(",")]
    named = {bool(equals) for _, equals, _ in parts}
    if len(named) > 1:
        raise UsageError(
            "columns are named by position or by ROLE=NAME, not both", f"roles: {', '.join(roles)}"
        )
    found = [role.strip() for role, _, _ in parts]
    for role in found:
        if role not in (*roles, *([] if named == {True} else [SKIPPED])):
            raise UsageError(f"no such column: {role!r}", nearest_name(role, [*roles, SKIPPED]))
        if role != SKIPPED and found.count(role) > 1:
            raise UsageError(f"the column {role} is named twice", "use - for a column that is not read")
    value = ("score", "rank") if "score" in roles else ("grade",)
    needed = needed or (("query",), ("document",), value)
    for names in needed:
        if not set(names) & set(found):
            hint = f"such as {','.join(n[0] for n in needed)}, with - for a column that is not read"
            raise UsageError(f"no column is the {' or '.join(names)}", hint)
    return Columns(tuple(found), tuple(name for _, _, name in parts) if named == {True} else ())


def parse_grades(words: tuple[str, ...]) -> dict[str, int]:
    """Read ``A=3,B=2,C=1,D=0``: words and the whole numbers that they stand for.

    Raises:
        UsageError: a word without a whole number of 32 bits, or one that is given twice.
    """
    grades: dict[str, int] = {}
    for part in ",".join(words).split(","):
        word, equals, number = (text.strip() for text in part.partition("="))
        if (
            not word
            or not equals
            or not re.fullmatch(r"[+-]?[0-9]{1,10}", number)
            or abs(int(number)) >= 2**31
        ):
            raise UsageError(f"not a grade: {part!r}", "grades read WORD=NUMBER, such as A=3,B=2,C=1,D=0")
        if grades.setdefault(word, int(number)) != int(number):
            raise UsageError(f"the grade {word} stands for {grades[word]} and for {int(number)}")
    return grades


@contextmanager
def declared_grades(words: tuple[str, ...]) -> Iterator[None]:
    """Read judgements within the block with these words for grades: ``A=3,B=2``."""
    token = _GRADES.set(parse_grades(words) if words else {})
    try:
        yield
    finally:
        _GRADES.reset(token)


def grade_words() -> Mapping[str, int]:
    """Return the words that are grades, as the command that is being run says."""
    return _GRADES.get() or {}


_GRADES: ContextVar[Mapping[str, int] | None] = ContextVar("grades", default=None)


def _check_grades(words: tuple[str, ...]) -> None:
    parse_grades(words)


def grades_option() -> tuple[str, ...]:
    """Declare the option of grades that are words."""
    declared: tuple[str, ...] = option(
        default=(), key="grades", metavar="WORD=NUMBER", panel=PANEL, check=_check_grades,
        help="Grades that are words or letters, and the whole numbers that they stand for: A=3,B=2,C=1,D=0.",
    )  # fmt: skip
    return declared


def _check_columns(words: tuple[str, ...]) -> None:
    parse_columns(words)


def _check_qrels_columns(words: tuple[str, ...]) -> None:
    parse_columns(words, QRELS_ROLES)


def columns_option(subject: str, key: str = "columns", qrels: bool = False) -> tuple[str, ...]:
    """Declare the option of a table's columns."""
    example = "query,document,grade" if qrels else "query,document,score"
    declared: tuple[str, ...] = option(
        default=(), key=key, metavar=example.upper(), panel=PANEL,
        check=_check_qrels_columns if qrels else _check_columns,
        help=f"What the columns of {subject} are: {example} by position (- is not read), or "
        f"{'query=qid,document=sku,grade=label' if qrels else 'query=qid,document=sku,score=value'} by a header row.",
    )  # fmt: skip
    return declared


@declare
class RunSource(Options, panel=PANEL):
    """How runs are written, where their content does not tell."""

    columns: tuple[str, ...] = columns_option("the runs")
    form: str | None = option(
        default=None, key="from", choices=tuple(FORMS),
        help="Form of the runs, where it cannot be told; docs/formats.md lists them.",
    )  # fmt: skip
    query_order: Path | None = option(
        default=None, metavar="QUERIES",
        help="Queries in the order of the answers in a run that does not name them (`_msearch`, DPR): a file of queries "
        "or of ids.",
    )  # fmt: skip

    @contextmanager
    def declared(self) -> Iterator[None]:
        """Read every run within the block as these options say."""
        token = _LAYOUT.set(self)
        try:
            yield
        finally:
            _LAYOUT.reset(token)

    @property
    def unusual(self) -> bool:
        """True where runs are not what their content says by itself."""
        return bool(self.columns or self.form or self.query_order)

    @property
    def table(self) -> Columns | None:
        """Columns that were named."""
        return parse_columns(self.columns) if self.columns else None


@declare
class EvaluationSource(RunSource, panel=PANEL):
    """How runs and judgements are written, where their content does not tell."""

    qrels_columns: tuple[str, ...] = columns_option("the judgements", "qrels_columns", qrels=True)
    grades: tuple[str, ...] = grades_option()

    @contextmanager
    def declared(self) -> Iterator[None]:
        """Read every run and all judgements within the block as these options say."""
        with super().declared(), declared_grades(self.grades):
            yield


_LAYOUT: ContextVar[RunSource | None] = ContextVar("run_source", default=None)
_NOTHING = RunSource()


def run_source() -> RunSource:
    """Return how runs are written as the command that is being run says."""
    return _LAYOUT.get() or _NOTHING


def qrels_columns() -> Columns | None:
    """Return the columns of judgements that the command that is being run names."""
    source = _LAYOUT.get()
    words = source.qrels_columns if isinstance(source, EvaluationSource) else ()
    return parse_columns(words, QRELS_ROLES) if words else None


_SPELLINGS: Mapping[str, frozenset[str]] = {
    "query": frozenset({
        "query", "query-id", "query_id", "queryid", "qid", "q_id", "topic", "topic_id", "topicid",
    }),
    "document": frozenset({
        "document", "doc", "docid", "doc_id", "doc-id", "docno", "document_id", "document-id", "corpus-id", "corpus_id",
        "pid", "passage_id", "passage-id",
    }),
    "score": frozenset({"score", "_score", "similarity"}),
    "rank": frozenset({"rank", "position"}),
    "grade": frozenset({"grade", "score", "relevance", "rel", "label", "rating", "judgment", "judgement"}),
    "tag": frozenset({"tag", "run", "run_id", "runid", "system"}),
    "subtopic": frozenset({"subtopic"}),
    "session": frozenset({"session", "session_id", "session-id", "sessionid", "search_id", "visit_id"}),
    "position": frozenset({"position", "pos", "rank", "slot"}),
    "clicked": frozenset({"clicked", "click", "clicks", "is_click", "is_clicked", "was_clicked"}),
    "impressions": frozenset({"impressions", "impression", "shown", "views"}),
    "text": frozenset({"query_text", "query-text", "querytext", "query_string", "search_term", "keywords", "text"}),
    "time": frozenset({"time", "timestamp", "date", "datetime"}),
}  # fmt: skip


def spelled_columns(header: list[str], roles: tuple[str, ...]) -> dict[str, int]:
    """Return the index of each role whose column a header names in one of the common spellings; the first of several."""
    words = [word.strip().lower() for word in header]
    places = {}
    for role in roles:
        at = next((i for i, word in enumerate(words) if word in _SPELLINGS[role]), None)
        if at is not None:
            places[role] = at
    return places
