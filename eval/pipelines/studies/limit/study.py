"""``intrex study limit``: recall of several kinds of retrievers on LIMIT, of dense ones by dimension.

LIMIT's queries name a thing that exactly their relevant documents list, so that words find them; single vectors must
have a place for every set of documents that is relevant together (Weller et al., arXiv 2508.21038).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, UsageError, nearest_name
from intrex.data.numeric.rows import row_norms, unit
from intrex.data.options import Options
from intrex.data.progress import Progress
from intrex.data.qrels import Qrels
from intrex.data.run import Run
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.score import score
from intrex.retrievers.base import RunBuilder, open_index
from intrex.retrievers.bm25.options import Bm25Build
from intrex.retrievers.dense.index import DenseIndex
from intrex.retrievers.dense.options import DenseBuild
from intrex.retrievers.fde.options import FdeBuild
from intrex.retrievers.multivector.options import MultiVectorBuild
from intrex.retrievers.options import INDEXES, BuildTask, SearchOptions
from intrex.retrievers.search import prepare_search, run_search
from intrex.retrievers.vectors.nearest import FlatSearch

Watch = Callable[[str], AbstractContextManager[Progress]]

MEASURES = ("R@2", "R@10", "R@20", "R@100")
DEPTH = 100
DIMS = (4, 8, 16, 32, 64, 128, 256)
SYSTEMS = ("bm25", "static", "dense", "multivector", "fde")
FDE_GRID = ((20, 3, 8), (20, 5, 16))
"""Repetitions, hyperplanes and inner dimensions: the smallest and the largest of MUVERA's Pareto points."""


@dataclass(frozen=True)
class LimitRow:
    """Recall of one system.

    Attributes:
        system: one of `SYSTEMS`.
        encoder: its spelling; empty for BM25.
        dim: numbers in the vector of a document, of which the score is one dot product; None for BM25 and MaxSim.
        truncated: whether these are the first of more.
        values: by measure.
    """

    system: str
    encoder: str
    dim: int | None
    truncated: bool
    values: dict[str, float]


@dataclass(frozen=True)
class LimitTask:
    """Collection, and what is tried on it.

    Attributes:
        collection: its documents are indexed.
        queries: of the query set.
        qrels: of the query set.
        systems: of `SYSTEMS`, in order.
        encoder: a transformer, of which dense, multivector and fde are.
        static: a static encoder.
        dims: dimensions that vectors are cut to; the full ones come on top.
        threads: never touch a result.
    """

    collection: Collection
    queries: Queries
    qrels: Qrels
    systems: Sequence[str] = SYSTEMS
    encoder: str = "all-MiniLM-L6-v2"
    static: str = "static:all-MiniLM-L6-v2"
    dims: Sequence[int] = DIMS
    threads: int = 1


def check_systems(text: str) -> list[str]:
    """Read systems such as ``bm25,dense`` in the order of `SYSTEMS`; raises `UsageError` for unknown ones, all at once."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in SYSTEMS]:
        raise UsageError(
            f"--systems: unknown {', '.join(map(repr, unknown))}", nearest_name(unknown[0], SYSTEMS)
        )
    if not names:
        raise UsageError("--systems names none", f"known: {', '.join(SYSTEMS)}")
    return [name for name in SYSTEMS if name in names]


def run_limit(
    task: LimitTask, work: Path, watch: Watch = lambda _: nullcontext(lambda _: None)
) -> list[LimitRow]:
    """Build what is missing below ``work``, search, and score.

    Args:
        task: the collection and the systems.
        work: folder of the indexes; an earlier run's are used again, a killed build goes on.
        watch: context manager around each part, by name.

    Raises:
        BadInput: the set has no judgements, or ``work`` has an index of another collection.
        IntrexError: as the builders.
    """
    if not len(task.queries) or not task.qrels.to_dict():
        raise BadInput("the query set has no queries with judgements", "name another: COLLECTION:SET")
    work.mkdir(parents=True, exist_ok=True)
    rows: list[LimitRow] = []
    for system in task.systems:
        rows += _ROWS[system](task, work, watch)
    return rows


def _build(
    task: LimitTask, kind: str, out: Path, options: Options, watch: Watch, source: Path | None = None
) -> Path:
    """Build an index unless it is there, of this very collection and these options by the name of its folder."""
    if out.exists():
        open_index(out, task.collection)
        return out
    with watch(out.name) as step:
        build_task = BuildTask(out, stage=lambda *_: step)
        INDEXES.load(kind).make(source or task.collection.path, build_task, options)
    return out


def _folder(work: Path, kind: str, encoder: str) -> Path:
    """Return the folder of an index; another encoder's is another one."""
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in encoder)
    return work / f"{kind}-{safe}"


def _score(task: LimitTask, run: Run) -> dict[str, float]:
    means = score(task.qrels, run, parse_measures(list(MEASURES))).means()
    return {measure: float(means[measure]) for measure in MEASURES}


def _search(task: LimitTask, path: Path, watch: Watch) -> dict[str, float]:
    index = open_index(path, task.collection)
    with watch(f"searching {path.name}") as step:
        options = prepare_search(index, {"k": DEPTH, "threads": task.threads}, task.collection)
        run = run_search(index, task.queries, replace(options, progress=step), tag="study")
    return _score(task, run)


def _bm25(task: LimitTask, work: Path, watch: Watch) -> Iterator[LimitRow]:
    path = _build(task, "bm25", work / "bm25", Bm25Build(), watch)
    yield LimitRow("bm25", "", None, False, _search(task, path, watch))


def _vectors(task: LimitTask, work: Path, watch: Watch, system: str, encoder: str) -> Iterator[LimitRow]:
    """Yield the rows of one encoder at each dimension; vectors are cut, then brought to length 1 again."""
    path = _build(task, "dense", _folder(work, "dense", encoder), DenseBuild(encoder=encoder), watch)
    index = DenseIndex.open(path)
    options = SearchOptions(k=DEPTH, threads=task.threads)
    full = index.spec.dim
    with watch(f"searching {path.name}") as step:
        queries = index.queries(options).encode(task.queries.texts)
        for dim in [*(d for d in sorted(set(task.dims)) if d < full), full]:
            vectors = unit(index.vectors[:, :dim])
            longest = float(row_norms(vectors).max(initial=0.0))
            search = FlatSearch(vectors, longest, index.ids.rank)
            builder = RunBuilder(index.ids, "study")
            ranked = search.rank(unit(queries[:, :dim]), options)
            for name, (rows, scores) in zip(task.queries.ids, ranked, strict=True):
                builder.add(name, rows, scores)
            step(1)
            yield LimitRow(system, encoder, dim, dim < full, _score(task, builder.run()))


def _tokens(task: LimitTask, work: Path, watch: Watch) -> Path:
    folder = _folder(work, "multivector", task.encoder)
    return _build(task, "multivector", folder, MultiVectorBuild(encoder=task.encoder), watch)


def _multivector(task: LimitTask, work: Path, watch: Watch) -> Iterator[LimitRow]:
    yield LimitRow("multivector", task.encoder, None, False, _search(task, _tokens(task, work, watch), watch))


def _fde(task: LimitTask, work: Path, watch: Watch) -> Iterator[LimitRow]:
    tokens = _tokens(task, work, watch)
    for reps, k_sim, d_proj in FDE_GRID:
        dim = reps * d_proj << k_sim
        folder = _folder(work, f"fde-{dim}", task.encoder)
        path = _build(task, "fde", folder, FdeBuild(reps=reps, k_sim=k_sim, d_proj=d_proj), watch, tokens)
        yield LimitRow("fde", task.encoder, dim, False, _search(task, path, watch))


_ROWS: dict[str, Callable[[LimitTask, Path, Watch], Iterator[LimitRow]]] = {
    "bm25": _bm25,
    "static": lambda task, work, watch: _vectors(task, work, watch, "static", task.static),
    "dense": lambda task, work, watch: _vectors(task, work, watch, "dense", task.encoder),
    "multivector": _multivector,
    "fde": _fde,
}
