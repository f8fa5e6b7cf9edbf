"""The check of files and folders: tells what each is, checks it, then compares them with each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intrex.data.check.across import check_across, check_parts
from intrex.data.check.codes import ERROR, NOTE, WARNING
from intrex.data.check.facts import Facts, plural
from intrex.data.check.findings import Findings, Row, count_of
from intrex.data.check.kinds import Kind, tell_kind
from intrex.data.check.lines import Text, sound_pieces
from intrex.data.check.qrelchecks import check_qrels
from intrex.data.check.recordchecks import check_corpus, check_queries
from intrex.data.check.runchecks import check_run
from intrex.data.errors import BadInput, CheckFailed
from intrex.data.importers.layout import find_layout
from intrex.data.io.files import STDIO, require_file, spooled

HINT = "docs/checks.md explains the codes; --fix OUT mends what can be mended without guessing"


@dataclass(frozen=True)
class Checked:
    """The outcome: what was checked and what was found, file by file and then across them."""

    files: list[Facts]
    findings: list[Findings]

    def rows(self, every: bool = False) -> list[Row]:
        """The table: code, severity, where, count, what."""
        return [row for one in self.findings for row in one.rows(every)]

    def summary(self) -> str:
        """``3 files, 2 errors, 1 warning``."""
        counts = [(count_of(self.findings, s), s) for s in (ERROR, WARNING, NOTE)]
        said = [plural(n, word) for n, word in counts if n]
        return ", ".join([plural(len(self.files), "file"), *(said or ["nothing to report"])])

    def raise_if_failed(self, strict: bool = False) -> None:
        """Raise `CheckFailed` if there are errors, or warnings under ``strict``."""
        if count_of(self.findings, ERROR) or (strict and count_of(self.findings, WARNING)):
            raise CheckFailed(self.summary(), HINT)


def check_paths(paths: Sequence[Path], kind: str | None = None) -> Checked:
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
    files = [one for group in groups for one in group]
    across = [found for folder in folders for found in check_parts(folder)]
    across += [found for group in groups for found in check_across(group)]
    return Checked(files, [f.findings for f in files] + across)


def _check_folder(folder: Path) -> list[Facts]:
    try:
        layout = find_layout(folder)
    except BadInput as error:
        raise BadInput(error.message, f"name the files themselves: intrex check {folder}/*") from error
    name = folder.resolve().name
    files = [check_file(f.path, f"{name}/{f.label}", Kind("corpus", layout.format)) for f in layout.corpus]
    files += [check_file(f.path, f"{name}/{f.label}", "queries", True) for f in layout.queries]
    return files + [check_file(f.path, f"{name}/{f.label}", "qrels", True) for f in layout.qrels.values()]


def check_file(path: Path, label: str, kind: Kind | str | None = None, imported: bool = False) -> Facts:
    """Check one file under the name that messages call it by; ``imported`` if it belongs to a folder."""
    findings = Findings(label)
    told = kind if isinstance(kind, Kind) else tell_kind(path, kind)
    if told is None:
        text = Text()
        for _ in sound_pieces(path, findings, text):
            pass
        findings.add(
            "F014",
            [],
            "neither a corpus, topics, judgements nor a run" if kind is None else f"this is no {kind}",
            1,
        )
        return Facts(findings, lines=text.lines)
    if told.name == "run":
        return check_run(path, told.form, findings)
    if told.name == "qrels":
        return check_qrels(path, told.width, findings, told.tabs, imported)
    if told.name == "queries":
        return check_queries(path, told.form, findings, imported)
    return check_corpus(path, told.form, findings)
