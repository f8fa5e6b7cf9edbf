"""Corpora and topics: records with an id and a text."""

from __future__ import annotations

import contextlib
import hashlib
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from intrex.data.arrays import Bools, Bytes, Int64s
from intrex.data.check.facts import Facts, plural, repetitions, spell
from intrex.data.check.findings import Findings
from intrex.data.check.idchecks import check_ids
from intrex.data.check.kinds import TREC_TOPICS, XML_TOPICS
from intrex.data.check.lines import Text, sound_pieces
from intrex.data.errors import BadInput, Problems, json_type
from intrex.data.ids import as_bytes, find_control, id_problem, needs_encoding
from intrex.data.importers.documents import READERS
from intrex.data.importers.inputs import Input, Record
from intrex.data.importers.records import describe_unread, looks_quoted
from intrex.data.importers.topics import has_zeros, read_topics
from intrex.data.importers.tracktopics import track_topics
from intrex.data.io.containers import is_tabular
from intrex.data.io.lines import Fields
from intrex.data.writer import record_line

_BLOCK = 65_536
_INVISIBLE = np.arange(256) <= ord(" ")
_MARKUP = (TREC_TOPICS, XML_TOPICS)


class _ReaderProblems(Problems):
    """Problems that a reader reports, each with its line."""

    def __init__(self) -> None:
        super().__init__("")
        self.entries: list[tuple[int, str]] = []

    def add(self, where: object, message: str, hint: str | None = None) -> None:
        """Record a problem; what is not UTF-8 was reported before."""
        line = str(where).rpartition(":")[2]
        if not message.startswith("not UTF-8"):
            self.entries.append((int(line) if line.isdigit() else 0, message))


def check_corpus(path: Path, form: str, findings: Findings) -> Facts:
    """Check a corpus: ``beir``, ``pyserini``, ``colbert`` or ``sgml``."""
    facts, problems = _begin(path, "corpus", form, findings), _ReaderProblems()
    records = _Records("C", "document", findings, imported=True)
    file = Input(path, path.name)
    records.read(READERS[form](file, problems), problems)
    for note in describe_unread([file]):
        findings.add("C006", [], note, 1)
    if form == "colbert" and looks_quoted(path):
        findings.add("C007", [], "fields look quoted, as in CSV", 1)
    facts.docs = records.finish(problems, facts)
    return facts


def check_queries(path: Path, form: str, findings: Findings, imported: bool = False) -> Facts:
    """Check queries: JSON lines, ``id TAB text`` or TREC topics; an import percent-encodes blanks in their ids."""
    facts, problems = _begin(path, "queries", form, findings), _ReaderProblems()
    records = _Records("T", "query", findings, imported)
    try:
        file = Input(path, path.name)
        records.read(read_topics(file, problems), problems)
    except BadInput as error:
        problems.add("", error.message)
    facts.queries = records.finish(problems, facts)
    if form in _MARKUP:
        facts.numbered = True
        _check_markup(path, findings)
    return facts


def _begin(path: Path, kind: str, form: str, findings: Findings) -> Facts:
    """Check the bytes of a file of records: blank lines matter where each line is a record."""
    text, blank = Text(), array("q")
    if is_tabular(path):
        return Facts(findings, kind, form)
    for raw, _ in sound_pieces(path, findings, text, "F015"):
        full = Fields.of(raw, _INVISIBLE).count[: raw.count(b"\n") + (not raw.endswith(b"\n"))] > 0
        blank.extend((text.lines + 1 + np.flatnonzero(~full)).tolist())
        text.filled += int(full.sum())
    if form not in (*_MARKUP, "JSON", "sgml"):
        findings.add("F009", blank, "the line is blank")
    if not text.filled and "F005" not in findings.found:
        findings.add("F006", [], "the file has no record", 1)
    elif not text.ended:
        findings.add("F007", [text.lines], "the last line has no newline")
    return Facts(findings, kind, form, text.lines)


def _check_markup(path: Path, findings: Findings) -> None:
    """Report leading zeros, and tags whose text nobody reads: each tag once, with its first line."""
    padded, unread = list[int](), dict[str, int]()
    with contextlib.suppress(BadInput):  # reported before
        for topic in track_topics(Input(path, path.name), Problems(path.name)):
            if has_zeros(topic.number):
                padded.append(topic.number_line)
            for tag, line in topic.unread():
                unread.setdefault(tag, line)
    findings.add("T006", padded, "the topic number has leading zeros")
    tags, lines = list(unread), list(unread.values())
    findings.add("T007", lines, lambda i: f"the tag <{tags[i]}> is not known, its text is not read")


class _Records:
    """Ids, lines and hashes of texts, in about 60 bytes a record."""

    def __init__(self, letter: str, noun: str, findings: Findings, imported: bool) -> None:
        self.letter, self.noun, self.findings, self.imported = letter, noun, findings, imported
        self.blocks: list[Bytes] = []
        self.ids: list[str] = []
        self.lines, self.hashes, self.empty = array("q"), array("q"), array("q")
        self.bad_ids: list[tuple[int, str]] = []

    def read(self, records: Iterable[Record], problems: _ReaderProblems) -> None:
        """Take in all records; a file that breaks off was reported before."""
        try:
            for record in records:
                self._record(record, problems)
        except BadInput as error:
            if "F005" not in self.findings.found:
                problems.add("", error.message)

    def _record(self, record: Record, problems: _ReaderProblems) -> None:
        id_, title, text, line = record.id, record.title, record.text, record.source.line
        problem = id_problem(id_)
        encoded = self.imported and isinstance(id_, str) and needs_encoding(id_) and id_.strip()
        if problem and (not encoded or find_control(id_)):
            self.bad_ids.append((line, problem))
            return
        for key, value in (("title", title), ("text", text)):
            if value is not None and not isinstance(value, str):
                self.findings.add(
                    f"{self.letter}005", [line], f"{key!r} is {json_type(value)}, a string is needed"
                )
                return
        contents = f"{title or ''}\0{text or ''}"
        if record.metadata or not contents.isascii():
            try:
                record_line({"text": contents, "metadata": record.metadata})
            except ValueError as error:
                problems.add(record.source, str(error))
        if not contents.strip("\0 \t\r\n"):
            self.empty.append(line)
        digest = hashlib.blake2b(contents.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self.hashes.append(int.from_bytes(digest, "big", signed=True))
        self.lines.append(line)
        self.ids.append(id_)
        if len(self.ids) == _BLOCK:
            self._flush()

    def _flush(self) -> None:
        self.blocks.append(as_bytes(self.ids))
        self.ids = []

    def finish(self, problems: _ReaderProblems, facts: Facts) -> Bytes:
        """Report everything, and return the ids, unique and in byte order."""
        self._flush()
        add, letter, noun = self.findings.add, self.letter, self.noun
        broken = problems.entries
        add(f"{letter}001", [n for n, _ in broken if n], lambda i: [w for n, w in broken if n][i])
        add(f"{letter}001", [], "".join(w for n, w in broken if not n), sum(not n for n, _ in broken))
        add("I007", [n for n, _ in self.bad_ids], lambda i: self.bad_ids[i][1])
        add(f"{letter}004", self.empty, f"the {noun} is empty")
        facts.sound = not broken and not self.bad_ids and not {"F001", "F005"} & self.findings.found.keys()
        ids, lines = np.concatenate(self.blocks), np.array(self.lines, np.int64)
        unique, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        self._repeats(ids, lines, inverse)
        check_ids(unique, lines[first], noun, self.findings)
        facts.extra = plural(len(ids) - len(unique), "repetition") if len(ids) > len(unique) else ""
        return unique

    def _repeats(self, ids: Bytes, lines: Int64s, numbers: Int64s) -> None:
        hashes = np.array(self.hashes, np.int64)
        later, origin = repetitions(numbers)
        same = hashes[later] == hashes[origin]

        def say(code: str, rows: Bools) -> None:
            at, first = later[rows], lines[origin[rows]]
            text = f"the {self.noun} id {{}} was at line {{}}"
            self.findings.add(
                self.letter + code, lines[at], lambda i: text.format(spell(ids[at[i]]), first[i])
            )

        say("002", ~same)
        say("003", same)
