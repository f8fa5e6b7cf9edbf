"""Work of the stages of a split: split, train a model for a fold, rerank, score the folds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from intrex.data.collection import Collection
from intrex.data.io.files import fingerprint, write_text
from intrex.data.locate import find_qrels
from intrex.data.options import options_of
from intrex.data.progress import Progress
from intrex.data.rankings.write import write_run
from intrex.data.registry import load_target
from intrex.data.runformats import read_any_run
from intrex.data.store.scorecache import ScoreCache
from intrex.encoders.training.options import options_for
from intrex.eval.evaluate.systems import score_systems
from intrex.eval.leaderboard.by_split import SEED, mark_fold, scores_by_system, split_rows
from intrex.eval.leaderboard.regimetests import regime_tests, tests_csv
from intrex.eval.leaderboard.rows import leaderboard, write_leaderboard
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.experiment.describe import description_of
from intrex.eval.pipelines.experiment.pins import unpin
from intrex.eval.pipelines.experiment.roots import scorer_roots, training_roots
from intrex.eval.pipelines.experiment.stages import Inputs, Stage, StageKind
from intrex.eval.pipelines.splitting import Sides
from intrex.eval.pipelines.training.examples import TrainingSource
from intrex.eval.pipelines.training.options import SourceOptions
from intrex.eval.pipelines.training.train import train_model
from intrex.eval.scoring.groups import find_grouping
from intrex.eval.scoring.scorefile import SystemScores, read_scores, write_scores
from intrex.eval.splits.options import PROTOCOLS
from intrex.eval.splits.split import read_split, write_split
from intrex.retrievers.base import open_index
from intrex.retrievers.options import SearchOptions
from intrex.retrievers.rerank.index import rerank
from intrex.retrievers.rerank.options import RerankOptions
from intrex.retrievers.rerank.rest import with_rest
from intrex.retrievers.rerank.scorer import rerank_texts


def model_of(inputs: Inputs) -> str | None:
    """Find the folder of the model that an earlier stage trained, if one did."""
    return next((str(path) for name, path in inputs.items() if name.startswith("train/")), None)


def _split(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    params = unpin(stage.params)
    protocol, train, test = (params.pop(key) for key in ("protocol", "train", "test"))
    options = PROTOCOLS[protocol].options.read(params)
    folder, name = inputs["collection"], Collection.open(inputs["collection"]).name
    sides = Sides.find(f"{folder}:{train}", f"{folder}:{test}", options.encoder, options.device)
    sides = replace(sides, sources={"train": f"{name}:{train}", "test": f"{name}:{test}"})
    write_split(load_target(PROTOCOLS[protocol].target)(sides, options), output, overwrite=True)
    return len(sides.train) + len(sides.test)


def _train(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    params = unpin(stage.params)
    kind, train_set, fold = (params.pop(key) for key in ("kind", "set", "fold"))
    split = read_split(inputs["split"])
    data = SourceOptions.read({key: params.pop(key) for key in options_of(SourceOptions) if key in params})
    collection = Collection.open(inputs["collection"])
    source = TrainingSource(collection, replace(data, train_set=train_set), split, split.folds[fold].name)
    manifest = train_model(kind, source, options_for(kind, **params), output, overwrite=True, progress=step)
    return int(manifest.params["pairs"])


def _rerank(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    collection = Collection.open(inputs["collection"])
    params = unpin(stage.params)
    queries, tag = collection.queries(params.pop("queries")), params.pop("tag")
    head = 0 if params.pop("untrained", False) else None
    model = model_of(inputs)
    options = RerankOptions.read({**params, **({"with": model} if model else {})})
    (source,) = (path for name, path in inputs.items() if name.startswith("run/"))
    first = read_any_run(source)
    scorers = [path for name, path in inputs.items() if name.startswith("index/")]
    if scorers:
        index = open_index(scorers[0], collection)
        run = rerank(
            first, queries, index, options.depth, SearchOptions(progress=step, query_cache=False), tag
        )
    else:
        cache = ScoreCache(output.with_name("scores"))  # what a killed stage has scored already
        run = rerank_texts(first, queries, collection, options, tag, cache, step, head)
    write_run(with_rest(run, first) if options.keep_rest else run, output, overwrite=True)
    return len(run.doc_ids)


def _score(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    judged = find_qrels(f"{inputs['collection']}:{stage.params['queries']}")
    measures = parse_measures(stage.params["measures"])
    split = read_split(inputs["split"])
    models: dict[tuple[str, int | None], list[SystemScores]] = defaultdict(list)
    for name, (system, fold) in stage.params["runs"].items():
        (scores,) = score_systems(judged, [(name, read_any_run(inputs[name]))], measures)
        models[system, fold].append(replace(scores, system=system))
    rows: list[SystemScores] = []
    for (_, fold), seeds in models.items():
        systems = [*_name_seeds(seeds), mean_of(seeds)]
        rows += systems if fold is None else mark_fold(systems, split, split.folds[fold].name)
    write_scores(rows, output, overwrite=True)
    return len(judged.qrels) * len(stage.params["runs"])


def _name_seeds(models: Sequence[SystemScores]) -> list[SystemScores]:
    """Give each seed's scores a name of their own; none where there is one seed only."""
    if len(models) == 1:
        return []
    return [replace(model, system=f"{model.system}{SEED}{i}") for i, model in enumerate(models, 1)]


def mean_of(models: Sequence[SystemScores]) -> SystemScores:
    """Average the scores of models that differ by seed alone, query by query."""
    first = models[0]
    if len(models) == 1:
        return first
    values = np.stack([model.scores.values for model in models]).mean(axis=0)
    answered = np.logical_and.reduce([model.scores.answered for model in models])
    run = fingerprint([model.run_sha256 for model in models])
    return replace(first, scores=replace(first.scores, values=values, answered=answered), run_sha256=run)


def make_leaderboard(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    """Write the leaderboard of a stage's scores, by regime where there is a split."""
    scores, split = read_scores(inputs["scores"]), inputs.get("split")
    grouping = find_grouping(stage.params.get("groups"))
    rows = leaderboard(scores, grouping) if split is None else split_rows(scores, read_split(split), grouping)
    described = stage.params.get("systems", {})
    rows = [replace(row, signature=row.signature + description_of(row.system, described)) for row in rows]
    write_leaderboard(rows, output, overwrite=True)
    return len(rows)


def _test(stage: Stage, inputs: Inputs, output: Path, step: Progress) -> int:
    """Test every pair of the systems in each regime, and by the gap; nothing where there is one system alone."""
    split = read_split(inputs["split"])
    scores = {system.system: system for system in scores_by_system(read_scores(inputs["scores"]), split)}
    systems = [scores[name] for name in stage.params["systems"]]
    grouping = find_grouping(stage.params.get("groups"))
    tests = regime_tests(systems, split, stage.params["measures"], grouping) if len(systems) > 1 else {}
    write_text(output, tests_csv(tests), overwrite=True)
    return sum(map(len, tests.values()))


_SCORES = ("eval/evaluate/systems.py", "eval/leaderboard/by_split.py", "eval/measures", "eval/splits")
FOLD_KINDS = {
    "split": StageKind(
        _split, "split", ("eval/splits", "eval/pipelines/splitting.py"), "queries", training_roots
    ),
    "train": StageKind(
        _train, "model", ("eval/pipelines/training", "encoders/training"), "pairs", training_roots
    ),
    "rerank": StageKind(
        _rerank,
        "run.txt.gz",
        ("retrievers/rerank", "encoders/cross", "data/runformats.py"),
        "pairs",
        scorer_roots,
    ),
    "fold-scores": StageKind(_score, "scores.jsonl", _SCORES, "rankings"),
    "fold-leaderboard": StageKind(
        make_leaderboard, "leaderboard.csv", ("eval/leaderboard", "eval/measures"), "rows"
    ),
    "fold-tests": StageKind(_test, "tests.csv", ("eval/leaderboard", "eval/measures"), "pairs"),
}
