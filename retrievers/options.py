"""Kinds of indexes, and the options of every search; plain data, read by the command line and recipes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intrex.data.filters import parse_filter
from intrex.data.options import Option, Options, declare, option, options_of
from intrex.data.progress import Progress, no_progress
from intrex.data.registry import Registry, load_target
from intrex.data.system.threads import cores

Stage = Callable[[str, int | None], Progress]
"""A function that begins a long part of a command, by its name and amount of work, or None where that is not known."""

BLOCK = 512
"""Documents encoded together. Sorting by length within 512 pads 1 to 3 % more than within 4,096, and a kill loses less."""

TIE_ORDERS = ("trec_eval", "anserini")
"""Orders of documents of equal float32 score: by id descending, as trec_eval has it, or ascending, as Anserini."""
COMMON, INDEX, SUBSET = "Common", "Index", "Subset"


def no_seconds(_: float) -> None:
    """Ignore the seconds that encoding queries took: nobody measures."""


def no_stage(_: str, __: int | None) -> Progress:
    """Return a progress that nobody watches."""
    return no_progress


@dataclass(frozen=True)
class BuildTask:
    """Task of building an index: where, and how; beside the options of a kind, only ``block`` can touch its bytes.

    Attributes:
        out: the folder to make; nothing stands there unless all went well.
        overwrite: replace an existing index, which stays valid until the new one takes its place.
        block: documents encoded together. The last bits of a transformer's vectors depend on it.
        stage: begins the progress of a part; one that is resumed is told first of what an earlier run finished.
    """

    out: Path
    overwrite: bool = False
    block: int = BLOCK
    stage: Stage = no_stage


@dataclass(frozen=True, eq=False)
class Subset:
    """Documents of an index that a search is of: the best of them are found, with the scores that they have among all.

    Attributes:
        rows: [m] int64, ascending, at least one.
        documents: how many documents the index has.
        name: fingerprint of the ids, and their number.
    """

    rows: Any
    documents: int
    name: str

    def __len__(self) -> int:
        return len(self.rows)


@declare
class SearchOptions(Options, panel=COMMON):
    """Options of a search in an index of any kind; a kind adds its own.

    With ``ties`` set to ``anserini``, the run that an index returns has equal scores by id ascending, which a run file
    cannot say: see `intrex.retrievers.postprocess.strictly_falling`.

    Attributes:
        subset: what ``within`` and ``where`` name, found by `intrex.retrievers.search.prepare_search`; None for all documents.
    """

    k: int = option(default=1000, low=1, flags=("--hits",), common=True, help="Documents for each query.")
    threads: int = option(
        factory=cores, low=1, common=True, neutral=True,
        help="Threads; all cores by default. Never changes the result.",
    )  # fmt: skip
    batch_size: int = option(
        default=64, low=1, neutral=True, help="Queries at a time. Never changes the result."
    )
    device: str | None = option(default=None, neutral=True, help="For the query encoder: cpu, cuda, mps.")
    query_cache: bool = option(
        default=True, flags=("=--query-cache/--no-query-cache",), neutral=True,
        help="Keep what the encoder makes of the queries. Never changes the result.",
    )  # fmt: skip
    encoder: str | None = option(
        default=None,
        help="Check that the index was built with it; encodes queries for an impact index without one.",
    )  # fmt: skip
    ties: str = option(
        default=TIE_ORDERS[0], key="tie_order", choices=TIE_ORDERS,
        help="Equal scores: by id descending, or as anserini ascending (written as float32 steps).",
    )  # fmt: skip
    within: str | None = option(
        default=None,
        metavar="FILE",
        panel=SUBSET,
        help="Search these documents only: a file with an id on each line.",
    )
    where: str | None = option(
        default=None, key="filter", metavar="CONDITION", panel=SUBSET, check=parse_filter,
        help="Search documents of such metadata only: 'year >= 2020 and lang in (en, de)'.",
    )  # fmt: skip
    progress: Progress = field(default=no_progress)
    encoding: Callable[[float], None] = field(default=no_seconds)
    subset: Subset | None = field(default=None)


@dataclass(frozen=True)
class IndexKind:
    """A kind of index: its name, the options of its user, and the place of its code.

    Attributes:
        name: what follows ``intrex index``, and ``index =`` in a recipe.
        help: one sentence.
        build: what may be chosen when one is built; None for a kind that only another builds.
        search: what may be chosen when one is searched.
        index: ``module:Class`` of the opened index, an `intrex.retrievers.base.Index`.
        builder: ``module:function`` that builds one: ``(source: Path, task: BuildTask, options) -> int``.
        engines: ``module:function`` of another builder by the value of its option ``engine``.
        estimate: ``module:function`` of what a build would take: ``(source, out, options) -> Estimate``.
        encoder: the family of its encoders, a key of `intrex.encoders.options.FAMILIES`.
        sources: the kinds of artifacts that it is built of.
        manifest: what its manifests call it.
        code: what its bytes depend on beside the modules of ``index`` and ``builder`` and what these import: modules or
            packages that they load by a name, as ``retrievers/text``, or of other packages.
        example: a command that builds one.
    """

    name: str
    help: str
    search: type[SearchOptions]
    index: str
    build: type[Options] | None = None
    builder: str = ""
    engines: dict[str, str] = field(default_factory=dict)
    estimate: str | None = None
    encoder: str | None = None
    sources: tuple[str, ...] = ("collection",)
    manifest: str = ""
    code: tuple[str, ...] = ()
    example: str = ""

    @property
    def stored(self) -> str:
        """Name in its manifests."""
        return self.manifest or self.name

    def open(self) -> Any:
        """Import the class of the opened index."""
        return load_target(self.index)

    def make(self, source: Path, task: BuildTask, options: Options) -> int:
        """Build one by the builder of its engine; return the number of documents."""
        target = self.engines.get(getattr(options, "engine", ""), self.builder)
        documents: int = load_target(target)(source, task, options)
        return documents


INDEXES: Registry[IndexKind] = Registry(
    "intrex.retrievers",
    "index kind",
    {
        name: f"intrex.retrievers.{'sparse' if name == 'impact' else name}.options:{name.upper()}"
        for name in ("bm25", "cur", "dense", "fde", "multivector", "impact", "lucene", "sparse")
    },
)


def index_kinds() -> dict[str, IndexKind]:
    """Load every kind of index, those of other packages included."""
    return INDEXES.load_all()


def search_options() -> dict[str, list[tuple[str, Option]]]:
    """Return the options of all searches: by key, the declaration of each kind that has it."""
    declarations: dict[str, list[tuple[str, Option]]] = {}
    for name, kind in index_kinds().items():
        for key, declaration in options_of(kind.search).items():
            declarations.setdefault(key, []).append((name, declaration))
    return declarations
