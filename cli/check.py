"""``intrex check``: the preflight of corpora, topics, judgements and runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intrex.cli.common.output import Format, emit, resolve, say
from intrex.cli.common.parameters import TableFormat, command
from intrex.data.errors import UsageError
from intrex.data.rankings.options import EvaluationSource


def _show_codes(form: Format | None) -> None:
    """Print the codes; docs/checks.md has them too, and is not part of an installation."""
    from intrex.data.check.codes import CODES

    rows = [[code, c.severity, c.title, c.meaning, c.mended] for code, c in CODES.items()]
    emit(["code", "severity", "what", "meaning", "--fix"], rows, form)


@command("intrex check qrels.tsv bm25.txt.gz", "intrex check --codes", prints=True)
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Corpora, topics, judgements, runs; BEIR folders and collections; - is stdin."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--as", help="corpus, queries, qrels or run; told from the content by default."),
    ] = None,
    by_line: Annotated[bool, typer.Option("--all", help="A row for each line, not for each code.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    fix: Annotated[
        Path | None,
        typer.Option("--fix", help="Write a copy of the one FILE, mended where that needs no guess."),
    ] = None,
    form: TableFormat = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --fix.")] = False,
    codes: Annotated[bool, typer.Option("--codes", help="Explain the codes, and end.")] = False,
    *,
    source: EvaluationSource,
) -> None:
    """Check files before they are used: what is wrong, where, and whether they fit together. 3 when there are errors."""
    if codes:
        if files:
            raise UsageError("--codes explains the codes, and checks no file", "leave one of them out")
        _show_codes(form)
        return
    if not files:
        raise UsageError("there is nothing to check", "intrex check FILE..., or --codes")
    from intrex.data.check.check import check_paths
    from intrex.data.check.findings import HEADERS
    from intrex.data.check.fix import fix_file
    from intrex.data.check.kinds import known_kind

    known = known_kind(kind) if kind else None
    if fix is not None:
        with source.declared():
            lines = fix_file(files, fix, known, overwrite)
        for line in lines:
            say(line)
        return
    with source.declared():
        checked = check_paths(files, known)
    for file in checked.files:
        say(file.summary())
    rows = checked.rows(by_line)
    if rows or resolve(form) is not Format.table:
        emit(HEADERS, rows, form)
    checked.raise_if_failed(strict)
    say(checked.summary())
