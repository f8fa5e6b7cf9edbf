"""Documents that are left out for each query: those that a benchmark excludes, or that were judged in earlier rounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from intrex.data.arrays import Bools, Bytes
from intrex.data.errors import BadInput, Problems
from intrex.data.ids import as_bytes, as_strings, id_problem
from intrex.data.importers.jsonstream import read_json_objects
from intrex.data.io.columns import Comments, read_columns, stack
from intrex.data.io.files import fingerprint, require_file, spooled
from intrex.data.io.lines import first_line
from intrex.data.qrels import Qrels
from intrex.data.rankings.judged import judged_form, read_pairs
from intrex.data.run import Run, RunTable

_LAYOUTS = {2: "query, document", 3: "query, document, grade", 4: "query, iteration, document, grade"}


@dataclass(frozen=True)
class Exclusions:
    """Pairs of a query and a document, each once, in byte order.

    Attributes:
        queries: [n] ids.
        docs: [n] ids.
    """

    queries: Bytes
    docs: Bytes

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def most(self) -> int:
        """Documents left out for one query at most."""
        return int(np.unique(self.queries, return_counts=True)[1].max(initial=0))

    @cached_property
    def name(self) -> str:
        """Fingerprint and number of the pairs, for a signature."""
        pairs = [list(pair) for pair in zip(as_strings(self.queries), as_strings(self.docs), strict=True)]
        return f"{fingerprint(pairs)[:12]}:{len(self)}"

    @cached_property
    def _pairs(self) -> Bytes:
        return _joined(self.queries, self.docs)

    def mask(self, queries: Bytes, docs: Bytes) -> Bools:
        """Tell which pairs [n] are left out."""
        out = np.zeros(len(queries), np.bool_)
        rows = np.flatnonzero(np.isin(queries, self.queries))
        out[rows] = np.isin(_joined(queries[rows], docs[rows]), self._pairs)
        return out

    def thin_run(self, run: Run) -> Run:
        """Return a run without the documents; queries of which none is left leave it."""
        return run.select(~self.mask(np.repeat(run.query_ids, np.diff(run.offsets)), run.doc_ids))

    def thin_table(self, table: RunTable) -> RunTable:
        """Return the rows of a run file without the documents."""
        keep = ~self.mask(table.query_ids, table.doc_ids)
        lines = None if table.lines is None else table.lines[keep]
        return RunTable(table.query_ids[keep], table.doc_ids[keep], table.scores[keep], lines, table.tag)

    def thin_qrels(self, qrels: Qrels) -> Qrels:
        """Return judgements without the documents, which nothing can find any more.

        Raises:
            BadInput: none is left.
        """
        thinned = qrels.select(~self.mask(np.repeat(qrels.query_ids, np.diff(qrels.offsets)), qrels.doc_ids))
        if not len(thinned):
            raise BadInput("every judged document is excluded", "are these the right exclusions?")
        return thinned


def _joined(queries: Bytes, docs: Bytes) -> Bytes:
    return np.char.add(np.char.add(queries, b"\n"), docs)


def read_exclusions(path: Path) -> Exclusions:
    """Read pairs ``query document``; or judgements of TREC's or BEIR's form, whose documents are left out at any grade.

    Or a table (CSV, Parquet, Arrow) with columns of these names; or BRIGHT's queries with ``excluded_ids``; ``-`` is stdin.

    Raises:
        BadInput: with every malformed line counted; or there is no pair.
    """
    problems = Problems(path.name)
    parts: tuple[list[Bytes], list[Bytes]] = [], []
    with spooled(require_file(path, "exclusions") if str(path) != "-" else path) as file:
        if first_line(file).lstrip().startswith(("{", "[")):
            return _from_objects(file, path, problems)
        if form := judged_form(file):
            return _from_table(file, path, form, problems)
        width = len(first_line(file).split())
        width = width if width in _LAYOUTS else 2
        comments: Comments = "first" if width == 4 else "none"
        for piece in read_columns(file, width, _LAYOUTS[width], problems, width - 1, comments):
            parts[0].append(piece.column(0))
            parts[1].append(piece.column(width // 2))
    problems.raise_if_any()
    queries, docs = stack(parts[0]), stack(parts[1])
    if not len(queries):
        raise BadInput(f"the file has no exclusion ({path})", "a line is: query document")
    return _of_pairs(queries, docs)


def _from_table(file: Path, path: Path, form: str, problems: Problems) -> Exclusions:
    """Read the columns of a table with a header that are called query and document, in one of the common spellings."""
    pairs: list[tuple[int, Any, Any]] = []
    for line, query, document in read_pairs(file, form, problems):
        if problem := id_problem(query) or id_problem(document):
            problems.add(f"{path.name}:{line}", problem)
        else:
            pairs.append((line, query, document))
    problems.raise_if_any()
    if not pairs:
        raise BadInput(f"the file has no exclusion ({path})", "a row has a query and a document")
    return _of_pairs(as_bytes([q for _, q, _ in pairs]), as_bytes([d for _, _, d in pairs]))


def _of_pairs(queries: Bytes, docs: Bytes) -> Exclusions:
    order = np.lexsort((docs, queries))
    queries, docs = queries[order], docs[order]
    first = np.concatenate([[True], (queries[1:] != queries[:-1]) | (docs[1:] != docs[:-1])])
    return Exclusions(queries[first], docs[first])


def _from_objects(file: Path, path: Path, problems: Problems) -> Exclusions:
    """Read BRIGHT's form: an object a query, with its ``id`` and a list of ``excluded_ids``, or ``["N/A"]``."""
    pairs: list[tuple[str, str]] = []
    for line, row in read_json_objects(file, problems):
        id_ = next((row[key] for key in ("id", "_id", "qid", "query_id") if key in row), None)
        excluded, where = row.get("excluded_ids", []), f"{path.name}:{line}"
        ids = [
            str(id_) if isinstance(id_, int) else id_,
            *(excluded if isinstance(excluded, list) else [None]),
        ]
        if problem := next(filter(None, map(id_problem, ids)), None):
            problems.add(where, problem, "an object has an id, and excluded_ids: a list of ids")
        else:
            pairs += [(ids[0], doc) for doc in ids[1:] if doc != "N/A"]
    problems.raise_if_any()
    if not pairs:
        raise BadInput(f"the file has no exclusion ({path})", "an object has excluded_ids: a list of ids")
    return _of_pairs(as_bytes([q for q, _ in pairs]), as_bytes([d for _, d in pairs]))
