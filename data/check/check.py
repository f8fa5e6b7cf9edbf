"""Check of files and folders: tells the kind of each, checks it, then compares them with each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intrex.data.check.across import check_across, check_parts
from intrex.data.check.codes import ERROR, NOTE, WARNING
from intrex.data.check.facts import Facts, plural
from intrex.data.check.findings import Findings, Row, count_findings
from intrex.data.check.kinds import FileKind, tell_kind
from intrex.data.check.lines import Text, sound_pieces
from intrex.data.check.qrelchecks import check_qrels
from intrex.data.check.recordchecks import check_corpus, check_queries
from intrex.data.check.runchecks import check_run
from intrex.data.collection import Collection
from intrex.data.errors import BadInput, CheckFailed
from intrex.data.ids import as_bytes, as_strings
from intrex.data.importers.layout import find_layout
from intrex.data.importers.records import table_columns
from intrex.data.io.files import STDIO, require_file, spooled
from intrex.data.io.folder import COLLECTION_MANIFEST

HINT = "intrex check --codes explains the codes; --fix OUT mends what can be mended without guessing"


@dataclass(frozen=True)
class CheckResult:
    """Outcome of a check: what was checked and what was found, file by file and then across them."""

    files: list[Facts]
    findings: list[Findings]

    def rows(self, every_line: bool = False) -> list[Row]:
        """Return the table: code, severity, where, count, what."""
        return [row for findings in self.findings for row in findings.rows(every_line)]

    def summary(self) -> str:
        """Count the files and the findings: ``3 files, 2 errors, 1 warning``."""
        counts = [(count_findings(self.findings, s), s) for s in (ERROR, WARNING, NOTE)]
        parts = [plural(n, word) for n, word in counts if n]
        return ", ".join([plural(len(self.files), "file"), *(parts or ["nothing to report"])])

    def raise_if_failed(self, strict: bool = False) -> None:
        """Raise `CheckFailed` if there are errors, or warnings under ``strict``."""
        if count_findings(self.findings, ERROR) or (strict and count_findings(self.findings, WARNING)):
            raise CheckFailed(self.summary(), HINT)


def check_paths(paths: Sequence[Path], kind: str | None = None) -> CheckResult:
    """Check files and folders (BEIR's form, or a collection), each alone and then together.

    Args:
        paths: what to check; ``-`` is stdin.
        kind: what the files are; told from their content by default. It does not apply to folders.

    Raises:
        BadInput: a path does not exist, or a folder has no corpus.
    """
    for path in paths:
        if path != STDIO and not path.is_dir():
            require_file(path, "file")
    names = [path.name for path in paths]
    loose: list[Facts] = []
    folders: list[list[Facts]] = []
    for path in paths:
        if path.is_dir():
            folders.append(_check_folder(path))
        else:
            label = "stdin" if path == STDIO else path.name if names.count(path.name) == 1 else str(path)
            with spooled(path) as file:
                loose.append(check_file(file, label, kind))
    groups = [[*folders[0], *loose]] if len(folders) == 1 else [*folders, loose]
    files = [facts for group in groups for facts in group]
    across = [findings for folder in folders for findings in check_parts(folder)]
    across += [findings for group in groups for findings in check_across(group)]
    return CheckResult(files, [f.findings for f in files] + across)


def _check_folder(folder: Path) -> list[Facts]:
    try:
        layout = find_layout(folder)
    except BadInput as error:
        raise BadInput(error.message, f"name the files themselves: intrex check {folder}/*") from error
    name = folder.resolve().name
    files = [
        check_file(f.path, f"{name}/{f.label}", FileKind("corpus", layout.format)) for f in layout.corpus
    ]
    delimiter = _delimiter(folder)
    for corpus in files if delimiter else ():
        corpus.whole = as_bytes(sorted({i.partition(delimiter)[0] for i in as_strings(corpus.docs)}))
    files += [check_file(f.path, f"{name}/{f.label}", "queries", True) for f in layout.queries]
    return files + [check_file(f.path, f"{name}/{f.label}", "qrels", True) for f in layout.qrels.values()]


def _delimiter(folder: Path) -> str:
    """Return the mark between document and passage in the ids of a collection of passages; empty for any other folder."""
    if not (folder / COLLECTION_MANIFEST).is_file():
        return ""
    try:
        return Collection.open(folder).delimiter or ""
    except BadInput:  # damaged: the files alone are looked at
        return ""


def check_file(path: Path, label: str, kind: FileKind | str | None = None, imported: bool = False) -> Facts:
    """Check one file under the name that messages call it by; ``imported`` if it belongs to a folder."""
    findings = Findings(label)
    known = kind if isinstance(kind, FileKind) else tell_kind(path, kind)
    if known is None:
        text = Text()
        for _ in sound_pieces(path, findings, text):
            pass
        problem = "neither a corpus, topics, judgements nor a run" if kind is None else f"this is no {kind}"
        if columns := table_columns(path):
            problem += f"; a table with the columns {', '.join(columns[:8])}: --columns, --qrels-columns, or --id-field and "
            problem += "--text-fields of collection import, name them"
        findings.add("F014", [], problem, 1)
        return Facts(findings, lines=text.lines)
    if known.name == "run":
        return check_run(path, known.form, findings)
    if known.name == "qrels":
        return check_qrels(path, known.width, findings, known.tabs, imported, known.form in ("table", "JSON"))
    if known.name == "queries":
        return check_queries(path, known.form, findings, imported)
    return check_corpus(path, known.form, findings)
