"""A process that runs commands of intrex in forks of its own, each with a fault at its n-th file operation.

The operations below a folder are counted by a small library (fileops.c) that is compiled here and preloaded.
"""

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("fileops.c")
COUNT, KILL_BEFORE, KILL_AFTER, FAIL, STOP = range(5)
PATIENCE = 0.5
"""Seconds after which a process that stands still goes on although the one that runs meanwhile has not ended."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code, minus the signal that killed it; operations seen; what it said."""

    code: int
    operations: int
    said: str


def compile_library(folder: Path) -> Path | None:
    """Compile the library; None where there is no compiler, or no preloading."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    out = folder / "fileops.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(out), str(SOURCE), "-ldl", "-lpthread"]
    return out if subprocess.run(command, capture_output=True).returncode == 0 else None


class Server:
    """The process that forks; it has imported what commands need, so that a trial takes little longer than its work."""

    def __init__(self, library: Path | None, modules: tuple[str, ...] = (), **settings: str) -> None:
        preload = {"LD_PRELOAD": str(library), "FILEOPS": str(library)} if library else {}
        environment = {**os.environ, **preload, **settings}
        command = [sys.executable, str(Path(__file__)), *modules]
        self._process = subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment)

    def run(
        self,
        arguments: list[str],
        folder: Path,
        at: int = 0,
        when: int = COUNT,
        error: int = 0,
        memory: int = 0,
    ) -> Outcome:
        """Run a command in a folder, below which operations count; the ``at``-th is where the fault is.

        With ``memory`` it may map so many bytes, and is ended after a minute.
        """
        asked = {"arguments": arguments, "folder": str(folder), "at": at, "when": when, "error": error}
        return self._ask({**asked, "memory": memory})[0]

    def run_meanwhile(
        self, arguments: list[str], meanwhile: list[str], folder: Path, at: int
    ) -> tuple[Outcome, Outcome]:
        """Stop a command before its ``at``-th operation, run another one, let the first go on; return both outcomes.

        The first goes on after `PATIENCE` too, for the other may wait for it.
        """
        asked = {"arguments": arguments, "folder": str(folder), "at": at, "when": STOP, "error": 0}
        first, second = self._ask({**asked, "memory": 0, "meanwhile": meanwhile})
        return first, second

    def _ask(self, asked: dict[str, Any]) -> list[Outcome]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return [Outcome(**outcome) for outcome in json.loads(self._process.stdout.readline())]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(modules: list[str]) -> None:
    """Answer requests on standard input until it ends."""
    from importlib import import_module

    os.environ.pop("LD_PRELOAD", None)  # processes that a command starts are not counted
    for module in ("intrex.cli.app", *modules):
        import_module(module)
    for line in sys.stdin:
        answer = trial(json.loads(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def trial(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Fork, arm, run, and while the child stands still run what else is asked for; what came of each."""
    child = Child(asked)
    if "meanwhile" not in asked:
        return [child.outcome()]
    child.wait(os.WUNTRACED)
    other = Child({**asked, "arguments": asked["meanwhile"], "at": 0, "when": COUNT})
    deadline = time.monotonic() + PATIENCE
    while not other.wait(os.WNOHANG) and time.monotonic() < deadline:
        time.sleep(0.01)
    if child.status is None:
        os.kill(child.process, signal.SIGCONT)
    return [child.outcome(), other.outcome()]


class Child:
    """Process of a command."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.said, self.counted = (tempfile.TemporaryFile("w+") for _ in range(2))  # noqa: SIM115, closed in `outcome`
        self.status: int | None = None
        self.process = os.fork()
        if self.process == 0:
            work(asked, self.said.fileno(), self.counted.fileno())

    def wait(self, options: int = 0) -> bool:
        """Wait for its end, or as the options say; whether it has ended."""
        if self.status is None:
            ended, status = os.waitpid(self.process, options)
            self.status = status if ended and not os.WIFSTOPPED(status) else None
        return self.status is not None

    def outcome(self) -> dict[str, Any]:
        """Wait for its end; how it ended."""
        self.wait()
        assert self.status is not None
        with self.said, self.counted:
            self.said.seek(0)
            self.counted.seek(0)
            code = os.waitstatus_to_exitcode(self.status)
            return {"code": code, "operations": int(self.counted.read() or 0), "said": self.said.read()}


def work(asked: dict[str, Any], said: int, counted: int) -> None:
    """Be the child: never returns."""
    from intrex.cli.app import run

    code = 70
    try:
        os.chdir(asked["folder"])
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.dup2(said, 2)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if asked["memory"]:
            signal.alarm(60)
            resource.setrlimit(resource.RLIMIT_AS, (asked["memory"],) * 2)
        if "FILEOPS" not in os.environ:
            code = run(asked["arguments"])
            return
        library = ctypes.CDLL(os.environ["FILEOPS"])
        library.fileops_arm(
            os.fsencode(asked["folder"]), ctypes.c_long(asked["at"]), asked["when"], asked["error"]
        )
        code = run(asked["arguments"])
        library.fileops_count.restype = ctypes.c_long
        operations = library.fileops_count()
        library.fileops_arm(b"/nowhere", ctypes.c_long(0), COUNT, 0)
        os.write(counted, str(operations).encode())
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1:])
