"""Plan of an experiment: what is done, what would run and why, what it will take, and what is kept for nothing."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, IntrexError, UsageError, nearest_name
from intrex.data.io.hidden import open_unlinked
from intrex.data.io.locks import lock_or_refuse
from intrex.eval.pipelines.experiment.sources import digest_of
from intrex.eval.pipelines.experiment.stages import (
    Result,
    Stage,
    StageKind,
    folder_of,
    look_up,
    read_record,
    source_of,
)

DONE = "done"
"""State of a stage whose result is there."""
PARTS = ("params", "inputs", "code")
"""Parts of a stage's key, beside its kind."""
LOST = "its result is missing or damaged"
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """Plan of one stage.

    Attributes:
        stage: what is planned.
        state: `DONE`, or the reason why it would run.
        nearest: record of its result, or of the run that differs least from it: what it took then it will take again. None
            where it never ran.
        identity: what its result depends on; None where an earlier stage has to run first.
        source: digests of the modules that it depends on, by name; empty likewise.
    """

    stage: Stage
    state: str
    nearest: Record | None
    identity: Record | None = None
    source: Mapping[str, str] | None = None

    @property
    def seconds(self) -> float | None:
        """Seconds that it will take; 0 where it is done, None where nobody knows."""
        if self.state == DONE:
            return 0.0
        return float(self.nearest["seconds"]) if self.nearest else None

    @property
    def memory(self) -> int | None:
        """Bytes of memory at the peak, where it was measured."""
        peak = self.nearest["costs"].get("peak_bytes") if self.nearest else None
        return int(peak) if peak else None


@dataclass(frozen=True)
class Change:
    """Difference of a stage from what ran last: a parameter, an input or a module, before and now."""

    stage: str
    what: str
    before: str
    now: str


def plan_stages(
    stages: Sequence[Stage],
    kinds: Mapping[str, StageKind],
    store: Path,
    check: Callable[[Result], None] = lambda _: None,
) -> list[Plan]:
    """Plan each stage; ``check`` as in `run_stages`."""
    results: dict[str, Result] = {}
    records = [record for _, record in _records(store)]
    plans = []
    for stage in stages:
        known = [record for record in records if record["stage"] == stage.name]
        pending = [name for name in stage.inputs if name not in results]
        if pending:
            state = f"runs after {', '.join(pending)}"
            plans.append(Plan(stage, state, known[-1] if known else None))
            continue
        identity, folder, result = look_up(stage, kinds, store, results)
        nearest = min(known, key=lambda record: len(_differences(record, identity)), default=None)
        if result:
            check(result)
            results[stage.name] = result
            plans.append(Plan(stage, DONE, read_record(folder / "stage.json"), identity))
            continue
        source = {name: digest_of(name)[:12] for name in source_of(stage, kinds, results)}
        plans.append(Plan(stage, _reason(folder, identity, nearest), nearest, identity, source))
    return plans


def _records(store: Path) -> Iterator[tuple[Path, Record]]:
    """Yield the folders of finished stages with their records; a damaged one counts as not run."""
    for file in sorted(store.glob("*/stage.json")):
        with contextlib.suppress(BadInput):
            yield file.parent, read_record(file)


def _differences(record: Record, identity: Record) -> list[str]:
    return [part for part in PARTS if record["identity"].get(part) != identity[part]]


def _reason(folder: Path, identity: Record, nearest: Record | None) -> str:
    """Say how a stage differs from the nearest one of its name that ran."""
    if (folder / "stage.json").exists():  # of the same key, and yet not finished
        return LOST
    if nearest is None:
        return "never ran"
    differences = _differences(nearest, identity)
    return f"other {' and '.join(differences)} than last time" if differences else LOST


def find_changes(plans: Sequence[Plan], name: str | None = None) -> list[Change]:
    """List what changed in the stages that would run, or in one and those that it waits for.

    Raises:
        UsageError: there is no stage of that name.
    """
    by_name = {plan.stage.name: plan for plan in plans}
    if name is not None and name not in by_name:
        raise UsageError(f"the recipe has no stage {name!r}", nearest_name(name, by_name))
    wanted = set(by_name) if name is None else _with_earlier(name, by_name)
    return [
        change
        for plan in plans
        if plan.stage.name in wanted and plan.state != DONE
        for change in _changes(plan)
    ]


def _with_earlier(name: str, plans: Mapping[str, Plan]) -> set[str]:
    found, waiting = set[str](), [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += plans[one].stage.inputs
    return found


def _changes(plan: Plan) -> Iterator[Change]:
    name, nearest = plan.stage.name, plan.nearest
    if plan.identity is None or nearest is None:
        yield Change(name, "", "", plan.state)
        return
    found = False
    for part, noun in (("params", "parameter"), ("inputs", "input")):
        before, now = nearest["identity"].get(part, {}), plan.identity[part]
        for key in sorted({*before, *now}):
            if before.get(key) != now.get(key):
                found = True
                yield Change(name, f"{noun} {key}", *(_word(table.get(key)) for table in (before, now)))
    before, now = nearest["source"], plan.source or {}
    for module in sorted({*before, *now}):
        if before.get(module) != now.get(module):
            found = True
            yield Change(name, f"source {module}", before.get(module, "-"), now.get(module, "-"))
    if not found:
        yield Change(name, "", "", plan.state)


def _word(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:40]}...{text[-16:]}"


@dataclass(frozen=True)
class Unused:
    """Folder of a stage that no stage of a recipe has for its result, and its bytes."""

    folder: Path
    bytes: int


def find_unused(plans: Sequence[Plan], store: Path) -> list[Unused]:
    """List the folders of a store that are no done stage's, and to which no link beside the store points; unfinished ones too."""
    used = {
        folder_of(plan.stage, plan.identity)
        for plan in plans
        if plan.state == DONE and plan.identity is not None
    }
    used |= {part for link in _links(store) for part in link.resolve().parts}
    return [
        Unused(folder, sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()))
        for folder in sorted(store.iterdir() if store.is_dir() else ())
        if folder.is_dir() and folder.name not in used
    ]


def _links(store: Path) -> Iterator[Path]:
    """Yield the links to results of the last run, which the recipe may have left behind."""
    for path in store.parent.iterdir() if store.is_dir() else ():
        if path.is_symlink():
            yield path
        elif path.is_dir() and path != store:
            yield from (inner for inner in path.rglob("*") if inner.is_symlink())


def is_running(store: Path) -> bool:
    """Tell whether a process runs an experiment in a store."""
    lock = store / ".lock"
    if not lock.exists():
        return False
    try:
        with open_unlinked(lock) as stream:
            lock_or_refuse(stream, lock, "")
    except IntrexError:
        return True
    return False


def remove_unused(unused: Sequence[Unused], store: Path) -> None:
    """Remove folders of a store, the record of each first; raises `IntrexError` while a process runs an experiment there."""
    lock = store / ".lock"
    if not unused:
        return
    with open_unlinked(lock) as stream:
        lock_or_refuse(stream, lock, f"running an experiment in {store.parent}")
        for one in unused:
            (one.folder / "stage.json").unlink(
                missing_ok=True
            )  # without it nobody takes the rest for a result
            shutil.rmtree(one.folder)
