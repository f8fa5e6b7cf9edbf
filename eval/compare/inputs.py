"""Inputs of ``intrex compare``: runs, or scores that were written before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intrex.data.errors import BadInput, UsageError, nearest_name
from intrex.data.io.files import reading
from intrex.data.locate import Judged, find_queries
from intrex.data.run import Run
from intrex.data.runformats import read_any_run
from intrex.eval.evaluate.systems import score_files
from intrex.eval.measures import Measure
from intrex.eval.measures.measure import DIVERSE
from intrex.eval.scoring.rules import Rules
from intrex.eval.scoring.scorefile import SystemScores, read_scores
from intrex.eval.scoring.signature import qrels_fingerprint


@dataclass(frozen=True)
class LoadedSystems:
    """Systems in the order given, with where they come from.

    Attributes:
        systems: the scores.
        files: the file each system came from.
        scored: whether any of the files held scores, not a run.
    """

    systems: list[SystemScores]
    files: list[str]
    scored: bool

    def need_runs(self, option: str) -> list[Run]:
        """Read the runs whole; raises `UsageError` when scores, or a pipe, were given instead."""
        if self.scored:
            raise UsageError(
                f"{option} looks into rankings; files of scores have none", "give the runs themselves"
            )
        if any(not Path(file).is_file() for file in self.files):
            raise UsageError(
                f"{option} reads runs twice, a pipe can be read once", "write the run to a file first"
            )
        return [read_any_run(Path(file)) for file in self.files]

    def find(self, name: str) -> int:
        """Return the row of a system by its name, its run's tag or its file; raises `UsageError` where that is none, or several."""
        path = Path(name)
        for i, file in enumerate(self.files):
            is_one_file = self.files.count(file) == 1 and Path(file).is_file()
            if is_one_file and path.is_file() and path.samefile(file):
                return i
        tags = [_tag(s.system, f) for s, f in zip(self.systems, self.files, strict=True)]
        for names in ([s.system for s in self.systems], tags):
            if names.count(name) == 1:
                return names.index(name)
        if (same := tags.count(name)) > 1:
            files = [file for tag, file in zip(tags, self.files, strict=True) if tag == name]
            raise UsageError(
                f"{same} runs have the tag {name!r}, so it names no baseline: {', '.join(files)}",
                f"name the file: --baseline {files[0]}",
            )
        raise UsageError(
            f"the baseline {name!r} is not among the systems",
            nearest_name(name, [s.system for s in self.systems]),
        )


def _tag(system: str, file: str) -> str:
    """Return the tag in a system's name, which has the end of its file's path behind it where runs share the tag."""
    parts = Path(file).parts
    ends = [file, *("/".join(parts[-k:]) for k in range(1, len(parts)))]
    return next((system.removesuffix(f" ({end})") for end in ends if system.endswith(f" ({end})")), system)


def subtopics_needed(paths: Sequence[Path], measures: Sequence[Measure]) -> bool:
    """Tell whether judgements by subtopic belong to the comparison: by its measures, or by those of a file of scores."""
    all_measures = list(measures)
    for path in filter(holds_scores, paths):
        all_measures += [measure for system in read_scores(path) for measure in system.scores.measures]
    return any(measure.name in DIVERSE for measure in all_measures)


def load(judged: Judged, paths: Sequence[Path], measures: Sequence[Measure], complete: bool) -> LoadedSystems:
    """Read and score runs; files that ``intrex evaluate --scores`` wrote are taken as they are.

    Raises:
        BadInput: a malformed file, or scores that were made with other judgements.
    """
    scored = {path for path in paths if holds_scores(path)}
    rules = Rules(complete=complete)
    fresh = iter(score_files(judged, [path for path in paths if path not in scored], measures, rules))
    loaded: list[tuple[SystemScores, str]] = []
    for path in paths:
        systems = _read(path, judged) if path in scored else [next(fresh)]
        loaded += [(system, str(path)) for system in systems]
    return LoadedSystems([system for system, _ in loaded], [file for _, file in loaded], bool(scored))


def holds_scores(path: Path) -> bool:
    """Tell whether a file holds scores, not a run."""
    if not path.is_file():  # a pipe can be read only once, and what is missing is reported by the reader
        return False
    with reading(path) as stream:
        return stream.readline(64).lstrip(b"\xef\xbb\xbf").startswith(b'{"schema"')


def _read(path: Path, judged: Judged) -> list[SystemScores]:
    systems = read_scores(path)
    expected = qrels_fingerprint(judged.qrels)
    for system in systems:
        if system.conditions.qrels != expected:
            raise BadInput(
                f"the scores of {system.system} were made with other judgements ({path})",
                "name the qrels they were made with",
            )
    return systems


def with_baseline(paths: Sequence[Path], baseline: str | None) -> list[Path]:
    """List the files to read: a baseline that is a file of its own comes first, unless it is among them."""
    file = Path(baseline) if baseline is not None else None
    if file is None or not file.is_file() or any(path.is_file() and path.samefile(file) for path in paths):
        return list(paths)
    return [file, *paths]


def query_texts(qrels: str, queries: str | None) -> dict[str, str]:
    """Return texts by query id: from a query file or set, else from the collection that the qrels name; else none."""
    if queries is None and (qrels == "-" or (Path(qrels).exists() and not Path(qrels).is_dir())):
        return {}
    source, _ = find_queries(queries or qrels)
    return dict(zip(source.ids, source.texts, strict=True))
