"""Every command that writes, killed or failing at its file operations: whole, or absent, or as it was; then it goes on.

After each fault the output is absent, the old one or the new one, byte for byte; the same command then ends well, with
the bytes of an undisturbed run and nothing left over. `make test` tries some operations of the light jobs, `make faults`
all of all, whose figures `docs/reliability.md` has.
"""

import errno
import json
import os
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from intrex.data.cache import cache_dir
from tests.faults.fileops import COUNT, FAIL, KILL_AFTER, KILL_BEFORE, Outcome, Server, compile_library
from tests.faults.jobs import JOBS, Job, missing, write_sources

IMPORTS = (
    "numpy",
    "intrex.retrievers.bm25.build",
    "intrex.retrievers.dense.build",
    "intrex.retrievers.fde.build",
)
ERRORS = (errno.ENOSPC, errno.EIO)
KILLED = -9


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A process that runs commands with faults; its records of commands are its own, its kernels are not."""
    yield from counted_server(tmp_path_factory, HF_HUB_OFFLINE="1")


def counted_server(folders: pytest.TempPathFactory, **settings: str) -> Iterator[Server]:
    """Yield a process whose commands' file operations are counted; skip the test where they cannot be."""
    library = compile_library(folders.mktemp("library"))
    if library is None:
        pytest.skip("no C compiler, or no preloaded libraries on this system")
    cache = folders.mktemp("cache")
    for part in cache_dir().glob("*"):
        if part.name != "commands":
            (cache / part.name).symlink_to(part)
    running = Server(library, IMPORTS, INTREX_CACHE=str(cache), **settings)
    yield running
    running.close()


class Trial:
    """A job in a world that is made anew before each fault."""

    def __init__(self, job: Job, server: Server, folder: Path) -> None:
        self.job, self.server = job, server
        self.pristine, self.world = folder / "pristine", folder / "world"
        self.world.mkdir(parents=True)
        write_sources(self.world)
        for name in ("c", "more"):  # the second takes the place of its own source
            self._well(f"collection import {'src' if name == 'c' else 'more'} {name}.new")
            shutil.rmtree(self.world / name, ignore_errors=True)
            (self.world / f"{name}.new").rename(self.world / name)
        for line in (*job.before, *([job.old] if job.old else [])):
            self._well(line)
        shutil.copytree(self.world, self.pristine, symlinks=True)
        self.old = self.output()
        self.operations = self._well(job.line).operations
        self.new, self.names = self.output(), self._names()
        self.restore()
        self._well(job.line)
        assert self.output() == self.new and self._names() == self.names, "two undisturbed runs differ"

    def restore(self) -> None:
        """Make the world as it was before the job."""
        shutil.rmtree(self.world)
        shutil.copytree(self.pristine, self.world, symlinks=True)

    def disturb(self, at: int, when: int, error: int = 0) -> str:
        """Run the job with a fault, then again without; return what became of the first."""
        self.restore()
        outcome = self._run(self.job.line, at, when, error)
        label = f"{self.job.line}, operation {at} of {self.operations}: {outcome.said}"
        left = self.output()
        self._require_whole(left, label)
        if when == FAIL:
            assert outcome.code in (0, 1) and "Traceback" not in outcome.said, label
            assert "unforeseen" not in outcome.said and "Exception ignored" not in outcome.said, label
            assert outcome.code == 0 or "error: " in outcome.said, label
        else:
            assert outcome.code in (KILLED, 0), label
        again = self._run(self.job.line)
        assert again.code == 0, f"{label}\nthen: {again.said}"
        assert self.output() == self.new, f"another output after {label}"
        over = self._names() ^ self.names
        if when == FAIL and outcome.code == 0:  # it was a removal that failed
            over = {name for name in over if not name.startswith(".")}
        assert not over, f"left over after {label}: {over}"
        state = "new" if left == self.new else "old" if left else "absent"
        return f"{'killed' if outcome.code == KILLED else f'exit {outcome.code}'}, {state}"

    def _require_whole(self, left: dict[str, bytes], label: str) -> None:
        if self.job.apart:
            wrong = [name for name in left if left[name] not in (self.old.get(name), self.new.get(name))]
            assert not wrong, f"broken after {label}: {wrong}"
        else:
            assert left in ({}, self.old, self.new), f"broken after {label}"
        assert left or not self.old, f"the old one is gone after {label}"

    def output(self) -> dict[str, bytes]:
        """Return the bytes of what the job makes, by path; empty where it is absent."""
        made, seen = self.world / self.job.made, self.world / "seen.txt"
        if self.job.seen and made.exists():
            self._well(self.job.seen)
            said = seen.read_bytes()
            seen.unlink()
            return {self.job.made: said}
        files = sorted(p for p in made.rglob("*") if p.is_file()) if made.is_dir() else [made] * made.exists()
        return {
            str(p.relative_to(self.world)): p.read_bytes()
            for p in files
            if p.name not in self.job.varying and not any(part.startswith(".") for part in p.parts)
        }

    def _names(self) -> set[str]:
        return {str(p.relative_to(self.world)) for p in self.world.rglob("*") if ".stages" not in p.parts}

    def _run(self, line: str, at: int = 0, when: int = COUNT, error: int = 0) -> Outcome:
        return self.server.run(shlex.split(line), self.world, at, when, error)

    def _well(self, line: str) -> Outcome:
        outcome = self._run(line)
        assert outcome.code == 0, f"{line}: {outcome.said}"
        return outcome


def places(operations: int, most: int) -> list[int]:
    """Return the operations that are tried."""
    if not most:
        return list(range(1, operations + 1))
    spaced = {1 + i * operations // most for i in range(most)}
    return sorted(spaced | set(range(max(1, operations - 5), operations + 1)))


def try_all(trial: Trial, chosen: list[int]) -> Counter[str]:
    """Disturb at each of the places in each way; a kill after an operation is one before the next, but for the last."""
    figures: Counter[str] = Counter()
    for at in chosen:
        figures[trial.disturb(at, KILL_BEFORE)] += 1
        if at == chosen[-1]:
            figures[trial.disturb(at, KILL_AFTER)] += 1
        for error in ERRORS:
            figures[f"{errno.errorcode[error]}: {trial.disturb(at, FAIL, error)}"] += 1
    return figures


@pytest.mark.parametrize("name", [name for name, job in JOBS.items() if not job.heavy])
def test_a_fault_at_some_operations(name: str, server: Server, tmp_path: Path) -> None:
    """One in the middle, and one of the last, where an output takes its place."""
    if absent := missing(JOBS[name]):
        pytest.skip(f"not installed: {absent}")
    trial = Trial(JOBS[name], server, tmp_path)
    last = trial.operations
    assert last >= 4, "it writes"
    for at in sorted({last // 2, last - 1}):
        for when in (KILL_BEFORE, KILL_AFTER):
            trial.disturb(at, when)
    trial.disturb(last // 2, FAIL, errno.ENOSPC)
    trial.disturb(last - 1, FAIL, errno.EIO)


@pytest.mark.long
@pytest.mark.parametrize("name", JOBS)
def test_a_fault_at_every_operation(name: str, server: Server, tmp_path: Path) -> None:
    if absent := missing(JOBS[name]):
        pytest.skip(f"not installed: {absent}")
    trial = Trial(JOBS[name], server, tmp_path)
    figures = try_all(trial, places(trial.operations, JOBS[name].most))
    if out := os.environ.get("INTREX_FIGURES"):
        with Path(out).open("a", encoding="utf-8") as stream:
            stream.write(
                json.dumps(
                    {
                        "job": name,
                        "operations": trial.operations,
                        "tried": sum(figures.values()),
                        "figures": figures,
                    }
                )
                + "\n"
            )
