"""``intrex search``: an index and queries to a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from intrex.cli.common.help import HELP_ALL, command_help
from intrex.cli.common.output import check_run_output, progress, say, write_run_output
from intrex.cli.common.parameters import (
    FieldsCommand,
    Overwrite,
    RunFormat,
    RunOutput,
    Tag,
    examples,
    metavar,
    shown_by,
    takes,
)
from intrex.data.errors import UsageError
from intrex.data.options import Option, options_of
from intrex.retrievers.options import INDEXES, search_options

T = TypeVar("T")


def _declared() -> Iterator[Option]:
    """Merge what the kinds of indexes declare: an option of several has the choices of all of them."""
    kinds = search_options()
    for found in kinds.values():
        names, first = [name for name, _ in found], found[0][1]
        choices = dict.fromkeys(choice for _, one in found for choice in one.choices)
        texts = list(dict.fromkeys(one.help for _, one in found))
        every = len(names) == len(INDEXES.table)
        about = "" if every else f"For {', '.join(names)}: "
        yield replace(first, help=about + " Or: ".join(texts), choices=tuple(choices), check=None)


class SearchCommand(FieldsCommand):
    """Shows the common options, and those of the index that the command line names; all with ``--help-all``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Remember what help is to show."""
        ctx.meta["all"] = HELP_ALL in args
        folders = [Path(a) for a in args if not a.startswith("-")]
        ctx.meta["kind"] = next(filter(None, map(_kind_of, folders)), None)
        return super().parse_args(ctx, [a if a != HELP_ALL else "--help" for a in args])

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of a search."""
        kind, everything = ctx.meta.get("kind"), ctx.meta.get("all")
        declared: dict[str, Option] = self.callback.declared  # type: ignore[union-attr]
        own = options_of(INDEXES.load(kind).search) if kind else {}
        shown = [
            p for p in self.params
            if (one := declared.get(p.name or "")) is None or everything or one.common or one.key in own
        ]  # fmt: skip
        for p in shown:  # in the kind's own words
            if (one := own.get(getattr(declared.get(p.name or ""), "key", ""))) is not None:
                p.help, p.metavar = one.help, metavar(one)  # type: ignore[attr-defined]
        notes = [] if everything else [f"All options of all kinds of indexes: intrex search {HELP_ALL}"]
        if not everything and kind is None:
            notes = [
                f"Those of an index: intrex search INDEX --help. All there are: intrex search {HELP_ALL}"
            ]
        formatter.write(command_help(self, ctx, shown, notes))


def _kind_of(folder: Path) -> str | None:
    """Read the kind from an index's manifest, if there is one; opens nothing else."""
    try:
        kind = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kind if kind in INDEXES else None


@shown_by(SearchCommand)
@examples(
    "intrex search idx/bm25 scifact:test -o bm25.txt.gz",
    "intrex search idx/bm25 scifact:test --rm3 --k 100 -o rm3.txt.gz",
)
@takes(_declared())
def search(
    index: Annotated[Path | None, typer.Argument(help="An index folder.")] = None,
    queries: Annotated[str | None, typer.Argument(help="A query file, or COLLECTION:SET.")] = None,
    index_option: Annotated[
        Path | None, typer.Option("--index", rich_help_panel="Common", help="pyserini's spelling of INDEX.")
    ] = None,
    topics: Annotated[
        str | None,
        typer.Option(
            "--topics", "--queries", rich_help_panel="Common", help="pyserini's spelling of QUERIES."
        ),
    ] = None,
    remove_query: Annotated[
        bool,
        typer.Option(
            "--remove-query", rich_help_panel="Output", help="Drop the document whose id is the query's."
        ),
    ] = False,
    max_passage: Annotated[
        bool,
        typer.Option(
            "--max-passage", rich_help_panel="Output", help="Passages to documents: the best passage counts."
        ),
    ] = False,
    max_passage_hits: Annotated[
        int,
        typer.Option(
            "--max-passage-hits", min=1, rich_help_panel="Output", help="Documents for each query with it."
        ),
    ] = 100,
    max_passage_delimiter: Annotated[
        str,
        typer.Option(
            "--max-passage-delimiter", rich_help_panel="Output",
            help="Stands between document and passage in an id.",
        ),
    ] = "#",
    output: RunOutput = Path("-"),
    form: RunFormat = "trec",
    tag: Tag = None,
    overwrite: Overwrite = False,
    *,
    values: dict[str, Any],
) -> None:  # fmt: skip
    """Search an index with a set of queries; writes a run, tagged by the index's folder."""
    folder, source = _once(index, index_option, "index"), _once(queries, topics, "queries")
    if folder is None or source is None:
        raise UsageError(
            "an index and queries are needed", "intrex search INDEX COLLECTION:test --output RUN"
        )
    from intrex.data.locate import find_queries
    from intrex.data.run import check_query_ids
    from intrex.retrievers.base import open_index
    from intrex.retrievers.search import prepare_search, remarks, run_search

    check_run_output(output, form, overwrite)
    asked, collection = find_queries(source, weighted=True)
    check_query_ids(asked.ids)
    opened = open_index(folder, collection)
    options = prepare_search(opened, values)
    for remark in remarks(opened, options):
        say(f"note: {remark}")
    with progress("searching", len(asked)) as step:
        run = run_search(
            opened, asked, replace(options, progress=step), tag=tag or "_".join(folder.resolve().name.split()),
            remove_self=remove_query, passages=max_passage_delimiter if max_passage else None,
            passage_hits=max_passage_hits,
        )  # fmt: skip
    if silent := len(asked) - len(run):
        say(f"note: {silent:,} of {len(asked):,} queries found nothing; they have no line in the run")
    write_run_output(run, output, form, overwrite)


def _once(first: T | None, second: T | None, what: str) -> T | None:
    if first is not None and second is not None:
        raise UsageError(
            f"the {what} is given twice", "name each once: INDEX QUERIES, or --index and --topics"
        )
    return first if first is not None else second
