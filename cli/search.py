"""``intrex search``: an index and queries to a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from intrex.cli.common.help import HELP_ALL, command_help
from intrex.cli.common.latency import LatencyOptions
from intrex.cli.common.output import say
from intrex.cli.common.parameters import OUTPUT, FieldsCommand, command, metavar
from intrex.cli.common.progress import progress
from intrex.cli.common.runs import RunTarget
from intrex.data.errors import UsageError
from intrex.data.importers.options import TopicOptions
from intrex.data.options import Option, Options, declare, option, options_of
from intrex.retrievers.options import COMMON, INDEXES, SUBSET, search_options

T = TypeVar("T")


@declare
class SpellingOptions(Options):
    """pyserini's spellings of the arguments, and what it does to a run after the search."""

    index: Path | None = option(
        default=None, neutral=True, panel=COMMON, help="pyserini's spelling of INDEX."
    )
    queries: str | None = option(
        default=None,
        key="topics",
        flags=("--queries",),
        neutral=True,
        panel=COMMON,
        help="pyserini's spelling of QUERIES.",
    )
    collection: Path | None = option(
        default=None,
        panel=SUBSET,
        help="The collection that was indexed, for --filter where QUERIES is a file.",
    )
    remove_query: bool = option(
        default=False, panel=OUTPUT, help="Drop the document whose id is the query's."
    )
    exclude: Path | None = option(
        default=None, metavar="FILE", panel=OUTPUT,
        help="Documents to leave out for each query: lines of query and document, or judgements.",
    )  # fmt: skip
    max_passage: bool = option(
        default=False, panel=OUTPUT, help="Passages to documents: the best passage counts."
    )
    max_passage_hits: int = option(default=100, low=1, panel=OUTPUT, help="Documents for each query with it.")
    max_passage_delimiter: str = option(
        default="#", panel=OUTPUT, help="Stands between document and passage in an id."
    )


def _merge_options() -> Iterator[Option]:
    """Merge what the kinds of indexes declare: an option of several has the choices of all, and no one default if they differ."""
    for declarations in search_options().values():
        names, first = [name for name, _ in declarations], declarations[0][1]
        choices = dict.fromkeys(choice for _, option in declarations for choice in option.choices)
        texts = " Or: ".join(dict.fromkeys(option.help for _, option in declarations))
        prefix = "" if len(names) == len(INDEXES.table) else f"For {', '.join(names)}: "
        defaults: dict[Any, list[str]] = {}
        for name, declared in declarations:
            defaults.setdefault(declared.default, []).append(name)
        if len(defaults) > 1:
            spelled = (f"{value} for {', '.join(kinds)}" for value, kinds in defaults.items())
            texts += f" By default {'; '.join(spelled)}."
        default = first.default if len(defaults) == 1 else None
        yield replace(first, help=prefix + texts, default=default, choices=tuple(choices), check=None)


OPTIONS = {option.key: option for option in _merge_options()}


class SearchCommand(FieldsCommand):
    """Command that shows the common options, and those of the index that is named; all with ``--help-all``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Remember what help is to show."""
        ctx.meta["all"] = HELP_ALL in args
        folders = [Path(a) for a in args if not a.startswith("-")]
        ctx.meta["first"] = None if args[:1] and args[0].startswith("-") else next(iter(folders), None)
        ctx.meta["kind"] = next(filter(None, map(_kind_of, folders)), None)
        return super().parse_args(ctx, [a if a != HELP_ALL else "--help" for a in args])

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of a search."""
        kind, everything = ctx.meta.get("kind"), ctx.meta.get("all")
        declared: dict[str, Option] = self.callback.declared  # type: ignore[union-attr]
        of_kind = options_of(INDEXES.load(kind).search) if kind else {}
        parameters = []
        for parameter in self.params:
            key = declared[parameter.name].key if parameter.name in declared else ""
            common = key in OPTIONS and kind is None and OPTIONS[key].common
            if key not in OPTIONS or everything or common or key in of_kind:
                parameters.append(parameter)
            if key in of_kind:  # in the kind's own words, with its default
                parameter.declared = of_kind[key]  # type: ignore[attr-defined]
                parameter.help, parameter.metavar = of_kind[key].help, metavar(of_kind[key])  # type: ignore[attr-defined]
        name = f"intrex {ctx.info_name}"
        notes = [f"All options of all kinds of indexes: {name} {HELP_ALL}"]
        if kind is None:
            notes = [f"Those of an index: {name} INDEX --help. All there are: {name} {HELP_ALL}"]
            if first := ctx.meta.get("first"):
                notes = [f"{first} is no index of intrex, so these are the options of any.", *notes]
        formatter.write(command_help(self, ctx, parameters, [] if everything else notes))


def _kind_of(folder: Path) -> str | None:
    """Read the kind from an index's manifest, if there is one; opens nothing else."""
    import json  # a millisecond of every start

    from intrex.data.io.folder import MANIFEST

    try:
        kind = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kind if kind in INDEXES else None


@command(
    "intrex search idx/bm25 scifact:test -o bm25.txt.gz",
    "intrex search idx/bm25 scifact:test --rm3 --k 100 -o rm3.txt.gz",
    options=OPTIONS.values(),
    shown_by=SearchCommand,
)
def search(
    index: Annotated[Path | None, typer.Argument(help="An index folder.")] = None,
    queries: Annotated[str | None, typer.Argument(help="A query file, or COLLECTION:SET.")] = None,
    *,
    spelling: SpellingOptions,
    topics: TopicOptions,
    target: RunTarget,
    timing: LatencyOptions,
    values: dict[str, Any],
) -> None:
    """Search an index with a set of queries; writes a run, tagged by what ranked it.

    The tag is the index's name as it is typed, and every choice that is not the default: c.bm25(k=100)+rm3(fb_docs=20).
    """
    folder = _name_once(index, spelling.index, "index")
    source = _name_once(queries, spelling.queries, "queries")
    if folder is None or source is None:
        raise UsageError(
            "an index and queries are needed", "intrex search INDEX COLLECTION:test --output RUN"
        )
    from intrex.data.collection import Collection
    from intrex.data.exclusions import read_exclusions
    from intrex.data.locate import find_queries
    from intrex.data.run import check_query_ids
    from intrex.data.tags import with_marks
    from intrex.retrievers.base import open_index
    from intrex.retrievers.placement import second_tag
    from intrex.retrievers.search import prepare_search, remarks, run_search, search_tag

    target.check()
    timing.check(target)
    texts, collection = find_queries(source, weighted=True, topics=topics)
    check_query_ids(texts.ids)
    if spelling.collection is not None:
        collection = Collection.open(spelling.collection)
    opened = open_index(folder, collection)
    options = prepare_search(opened, values, collection)
    for remark in remarks(opened, options):
        say(f"note: {remark}")
    cut_at = collection.delimiter if collection is not None else None
    if cut_at is not None and not spelling.max_passage:
        say(f"note: {source} judges whole documents, the index has passages; --max-passage ranks documents")
    if cut_at is not None and spelling.max_passage and spelling.max_passage_delimiter != cut_at:
        raise UsageError(
            f"the passages of the index are called DOCUMENT{cut_at}0, and so on, not DOCUMENT{spelling.max_passage_delimiter}0",
            f"--max-passage-delimiter '{cut_at}'",
        )
    exclusions = read_exclusions(spelling.exclude) if spelling.exclude is not None else None
    timing.measure(opened, texts, options)
    tag = target.tag or search_tag(folder, opened, options, spelling, topics)
    with progress("searching", len(texts)) as step:
        run = run_search(
            opened, texts, replace(options, progress=step), remove_self=spelling.remove_query,
            exclusions=exclusions,
            tag=with_marks(tag, second_tag(options)), passage_hits=spelling.max_passage_hits,
            passages=spelling.max_passage_delimiter if spelling.max_passage else None,
        )  # fmt: skip
    if silent := len(texts) - len(run):
        say(f"note: {silent:,} of {len(texts):,} queries found nothing; they have no line in the run")
    target.write(run)


def _name_once(argument: T | None, option: T | None, noun: str) -> T | None:
    if argument is not None and option is not None:
        raise UsageError(
            f"the {noun} is given twice", "name each once: INDEX QUERIES, or --index and --topics"
        )
    return argument if argument is not None else option
