"""The work of ``intrex context``: inputs read, a probability fitted, contexts written and measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from intrex.data.collection import Collection, Queries
from intrex.data.errors import BadInput, UsageError
from intrex.data.ids import as_strings
from intrex.data.importers.options import TopicOptions
from intrex.data.locate import Judged, find_qrels, find_queries
from intrex.data.progress import Progress
from intrex.data.run import Run
from intrex.data.runformats import read_any_run
from intrex.data.tags import tag_of
from intrex.eval.evaluate.systems import conditions_of
from intrex.eval.pipelines.context.build import make_contexts, write_contexts
from intrex.eval.pipelines.context.effect import Effects
from intrex.eval.pipelines.context.fit import fit_probability, relevant_documents
from intrex.eval.pipelines.context.options import ContextOptions
from intrex.eval.scoring.rules import Rules


@dataclass
class ContextTask:
    """A context that is to be written.

    Attributes:
        run: the rankings.
        queries: their texts.
        collection: the documents.
        options: how to choose and order.
        least_score: of a passage; None for none.
        notes: remarks for the user before it is written.
        effects: what each step does; None without judgements.
        judged: number of judged queries.
        signature: of the judgements, for a table.
    """

    run: Run
    queries: Queries
    collection: Collection
    options: ContextOptions
    least_score: float | None = None
    notes: list[str] = field(default_factory=list)
    effects: Effects | None = None
    judged: int = 0
    signature: str = ""

    def write(self, progress: Progress) -> tuple[int, int]:
        """Write the contexts; return their number and that of their passages. For errors see `make_contexts`."""
        contexts = make_contexts(self.run, self.queries, self.collection, self.options, self.least_score)
        look = self.effects.add if self.effects is not None else lambda _: None
        return write_contexts(contexts, self.options, progress, look)


def prepare_context(run: Run, queries: str, topics: TopicOptions, options: ContextOptions) -> ContextTask:
    """Read what a context needs, and fit the probability where one is asked for.

    Args:
        run: the rankings.
        queries: as the command line has it: a collection, COLLECTION:SET, or a file.
        topics: how a file of topics is read.
        options: how to choose and order.

    Raises:
        UsageError: the documents are not named.
        BadInput: a file or set is missing or malformed, or queries to fit on are among those of the run.
    """
    texts, collection = _find(queries, topics)
    if options.collection is not None:
        collection = Collection.open(Path(options.collection))
    if collection is None:
        raise UsageError("the texts of the documents are needed", "add --collection COLLECTION")
    task = ContextTask(run, texts, collection, options, options.threshold)
    if options.fit is not None:
        _fit(task, options.fit)
    if options.qrels is not None:
        judged = find_qrels(options.qrels)
        task.effects, task.judged = Effects(relevant_documents(judged.qrels)), len(judged.qrels)
        chosen = tag_of("", options).strip("()").replace(",", ";") or "top-k"
        task.signature = f"{conditions_of(judged, Rules()).signature()}|interval=t|context={chosen}"
        _refuse_strangers(run, judged)
    return task


def _find(queries: str, topics: TopicOptions) -> tuple[Queries, Collection | None]:
    """Find queries as other commands do; of a collection without a set all of its queries."""
    if Path(queries).is_dir() and not topics.given:
        collection = Collection.open(Path(queries))
        return collection.queries(), collection
    return find_queries(queries, topics=topics)


def _fit(task: ContextTask, qrels: str) -> None:
    options, judged = task.options, find_qrels(qrels)
    source = task.run if options.fit_run is None else read_any_run(Path(options.fit_run))
    shared = sorted(set(as_strings(task.run.query_ids)) & set(as_strings(judged.qrels.query_ids)))
    if shared and not options.fit_on_itself:
        raise BadInput(
            f"{len(shared):,} queries of the run are among those to fit on, for example {', '.join(shared[:3])}",
            "fit on other queries, with --fit-run; or say --fit-on-itself, and trust no figure of them",
        )
    fitted = fit_probability(source, judged.qrels, options.k)
    task.least_score = fitted.least_score(options.min_probability or 0.0)
    based = f"{fitted.documents:,} documents of {fitted.queries:,} queries of {judged.name}, {fitted.relevant:,} relevant"
    wanted, highest = f"a probability of {options.min_probability:g}", float(fitted.probabilities[-1])
    reached = f"{wanted} is a score of {task.least_score:.7g} or more"
    if task.least_score == float("inf"):
        reached = f"no score has {wanted}, the highest is {highest:.3g}"
    task.notes.append(f"fitted on {based}: {reached}")


def _refuse_strangers(run: Run, judged: Judged) -> None:
    if not set(as_strings(run.query_ids)) & set(as_strings(judged.qrels.query_ids)):
        raise BadInput(
            f"the run {run.tag} has none of the judged queries of {judged.name}",
            "name the judgements of its queries",
        )
