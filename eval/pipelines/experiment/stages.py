"""Runner of stages: work keyed by the content of its inputs, its parameters and the code that does it.

A stage's folder is named by its key, so a result is found again whatever else changed, and never mistaken for
another. ``stage.json`` is written last: without it the stage did not finish, and runs again (the artifacts in it
resume where they were).
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from intrex.data.errors import BadInput
from intrex.data.io.files import file_sha256, fingerprint, read_json, write_text
from intrex.data.io.hidden import open_unlinked
from intrex.data.io.locks import lock_or_refuse
from intrex.data.progress import Progress
from intrex.data.store.manifest import manifest_path, read_manifest, verify_artifact
from intrex.data.system.machine import forget_peak, resident
from intrex.eval.pipelines.experiment.sources import code_version, digest_of, modules_of

Inputs = Mapping[str, Path]
Watch = Callable[["Stage"], AbstractContextManager[Progress]]
"""Context around each stage that runs; it yields a progress callback."""


class Done(NamedTuple):
    """Work that was done: units, further columns of its costs, and seconds of measuring, which are not the work's."""

    units: int
    costs: Mapping[str, float] = {}
    apart: float = 0.0


@dataclass(frozen=True)
class StageKind:
    """A kind of stage.

    Attributes:
        work: gets the stage, the outputs of its inputs by name, the output to write and a progress callback; returns
            what was done, or only how many documents, queries or rows it went through.
        output: name of the file or folder that it writes.
        code: packages and modules (``eval/splits``): their source, and that of all they import, is part of its key.
        unit: of what `work` counts.
        further: more of them, by the stage and all stages that it comes after.
    """

    work: Callable[[Stage, Inputs, Path, Progress], int | Done]
    output: str
    code: tuple[str, ...]
    unit: str
    further: Callable[[Stage, Sequence[Stage]], Iterable[str]] = lambda stage, earlier: ()

    def source(self, stage: Stage, earlier: Sequence[Stage]) -> tuple[str, ...]:
        """Return the names of the modules whose source a stage's result depends on, in order."""
        return modules_of(tuple(sorted({*self.code, *self.further(stage, earlier)})))


@dataclass(frozen=True)
class Stage:
    """One step of an experiment; ``inputs`` are names of earlier stages."""

    name: str
    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """A finished stage: its output with its fingerprint, and its cost when it ran."""

    stage: Stage
    output: Path
    fingerprint: str
    seconds: float
    units: int
    cached: bool
    costs: Mapping[str, float] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Size of the output on disk."""
        if self.output.is_file():
            return self.output.stat().st_size
        return sum(p.stat().st_size for p in self.output.rglob("*") if p.is_file())


def source_of(stage: Stage, kinds: Mapping[str, StageKind], results: Mapping[str, Result]) -> tuple[str, ...]:
    """Return the modules whose source a stage's result depends on; those that it comes after are in ``results``."""
    return kinds[stage.kind].source(stage, _earlier(stage, results))


def look_up(
    stage: Stage, kinds: Mapping[str, StageKind], store: Path, results: Mapping[str, Result]
) -> tuple[dict[str, Any], Path, Result | None]:
    """Return everything that a stage's result depends on, the folder for it, and the result if it is there."""
    identity = {
        "kind": stage.kind,
        "params": dict(stage.params),
        "inputs": {name: results[name].fingerprint for name in stage.inputs},
        "code": code_version(source_of(stage, kinds, results)),
    }
    folder = store / folder_of(stage, identity)
    return identity, folder, _finished(stage, folder, kinds[stage.kind])


def folder_of(stage: Stage, identity: Mapping[str, Any]) -> str:
    """Return the name of the folder of a stage's result."""
    return f"{stage.kind}-{fingerprint(identity)[:16]}"


def _earlier(stage: Stage, results: Mapping[str, Result]) -> list[Stage]:
    """List the stages that one comes after, directly or not."""
    found: dict[str, Stage] = {}
    waiting = list(stage.inputs)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = results[name].stage
            waiting += found[name].inputs
    return list(found.values())


def _finished(stage: Stage, folder: Path, kind: StageKind) -> Result | None:
    """Read the result in a stage's folder, if it is whole."""
    file, output = folder / "stage.json", folder / kind.output
    if not file.is_file() or not output.exists():
        return None
    try:
        record = read_record(file)
        if output.is_dir():
            read_manifest(output)
        elif file_sha256(output) != record["fingerprint"]:
            return None
        made = record["fingerprint"], record["seconds"], record["units"]
        return Result(stage, output, *made, cached=True, costs=record["costs"])
    except BadInput:
        return None


_FIELDS: dict[str, type | tuple[type, ...]] = {
    "stage": str,
    "fingerprint": str,
    "seconds": (int, float),
    "units": int,
    "bytes": int,
    "costs": dict,
    "identity": dict,
    "source": dict,
}


def read_record(file: Path) -> dict[str, Any]:
    """Read a ``stage.json``; raises `BadInput` unless it is one that `_run` wrote."""
    record = read_json(file)
    if not all(isinstance(record.get(name), kind) for name, kind in _FIELDS.items()):
        raise BadInput(f"damaged record of a stage ({file})", "the stage will run again")
    return record


def run_stages(
    stages: Sequence[Stage],
    kinds: Mapping[str, StageKind],
    store: Path,
    watch: Watch,
    check: Callable[[Result], None] = lambda _: None,
) -> dict[str, Result]:
    """Run what is not done yet, in order.

    Args:
        stages: each one after its inputs.
        kinds: how each kind works.
        store: folder of the stages' results, made if needed.
        watch: see `Watch`.
        check: sees every result, old or new, before the next stage begins, and raises if that cannot go on.

    Returns:
        The result of each stage, by name.

    Raises:
        IntrexError: another process runs an experiment in ``store``, or a stage failed.
    """
    results: dict[str, Result] = {}
    lock = store / ".lock"
    with _folder(store, lock), open_unlinked(lock) as stream:
        lock_or_refuse(stream, lock, f"running an experiment in {store.parent}")
        for stage in stages:
            identity, folder, result = look_up(stage, kinds, store, results)
            if result is None:
                _refuse_damaged([results[name] for name in stage.inputs])
                result = _run(stage, kinds, identity, folder, results, watch)
            results[stage.name] = result
            check(result)
    return results


@contextlib.contextmanager
def _folder(store: Path, lock: Path) -> Iterator[None]:
    """Make the folder of the stages; where they fail before there is anything in it, it goes again."""
    made = [folder for folder in (store, store.parent) if not folder.exists()]
    store.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if made:
            for stage in store.iterdir():
                with contextlib.suppress(OSError):  # a file, or a folder with something in it
                    stage.rmdir()
            if list(store.iterdir()) == [lock]:
                lock.unlink()
            with contextlib.suppress(OSError):
                for folder in made:
                    folder.rmdir()
        raise


def _refuse_damaged(inputs: Sequence[Result]) -> None:
    """Raise `CheckFailed` where a folder of an earlier run that a stage is about to read is not what was written."""
    for result in inputs:
        if result.cached and result.output.is_dir():
            verify_artifact(
                result.output, f"remove the folder {result.output.parent}, its stage will run again"
            )


def _run(
    stage: Stage,
    kinds: Mapping[str, StageKind],
    identity: Mapping[str, Any],
    folder: Path,
    results: Mapping[str, Result],
    watch: Watch,
) -> Result:
    folder.mkdir(parents=True, exist_ok=True)
    kind = kinds[stage.kind]
    output = folder / kind.output
    inputs = {name: results[name].output for name in stage.inputs}
    with watch(stage) as step:
        whole_peak = forget_peak()
        start = time.perf_counter()
        work = kind.work(stage, inputs, output, step)
        done = work if isinstance(work, Done) else Done(work)
        seconds = time.perf_counter() - start - done.apart
        costs = {**done.costs, **({"peak_bytes": resident()[1]} if whole_peak else {})}
    mark = read_manifest(output).fingerprint if manifest_path(output) else file_sha256(output)
    result = Result(stage, output, mark, seconds, done.units, cached=False, costs=costs)
    record = {
        "stage": stage.name,
        "fingerprint": mark,
        "seconds": seconds,
        "units": done.units,
        "bytes": result.bytes,
        "costs": costs,
        "identity": identity,
        "source": {name: digest_of(name)[:12] for name in source_of(stage, kinds, results)},
    }
    write_text(folder / "stage.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n", overwrite=True)
    return result
