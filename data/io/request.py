"""The command that is being run: what it reads, what it writes, and whether the same command has written that already.

A command that was killed in its last moment is given again by its user or by a script, which cannot know that the
output is whole. So before an output is put in its place the cache gets a record of the command: its words, the states of
the files that it reads, of the models and other packages that it uses, and that of what it writes. Where there is no such record an output that exists is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from intrex.data.cache import cache_dir
from intrex.data.errors import DoneAlready, UsageError
from intrex.data.io.folder import MANIFESTS
from intrex.data.io.hidden import hidden_sibling
from intrex.data.progress import SECONDS
from intrex.data.registry import PLUGINS, plugin_state
from intrex.data.version import intrex_version

MOST_FILES = 10_000
"""Files of a folder whose states are compared; about a larger one nothing is recorded."""
MOST_RECORDS = 1_000


class Request:
    """Command, with the states of its inputs when it began.

    Args:
        words: of the command line; without any it is like no other.
        inputs: files and folders that it reads, or would read if they were there.
        again: it is run again also where all is as it has left it.
    """

    def __init__(self, words: Sequence[str], inputs: Sequence[Path], again: bool = False) -> None:
        self._repeats, self._again = bool(words), again
        settings = sorted((k, v) for k, v in os.environ.items() if k.startswith("INTREX_") and k != SECONDS)
        text = json.dumps([intrex_version(), str(Path.cwd()), list(words), settings])
        self._file = cache_dir() / "commands" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
        self._inputs = {str(path.absolute()): _state(path, changed=True) for path in inputs}
        self._further: dict[str, Any] = {}
        self._written: dict[str, Any] = {}
        self._made: dict[str, str] = {}

    def add_input(self, path: Path) -> None:
        """Take a file or folder as an input that the command line does not name; or that there is none."""
        self._further.setdefault(str(path.absolute()), _state(path, changed=True))

    def may_replace(self, path: Path, overwrite: bool) -> bool:
        """Tell whether ``path`` may be replaced: asked for, or written by this same command before it was cut off.

        Raises:
            DoneAlready: it was not cut off, nothing has changed since, and ``overwrite`` is off.
        """
        if overwrite:
            return True
        known = self._known
        if known["done"] and known["written"] and not self._again:
            raise DoneAlready(f"{path} is as this command wrote it")
        return str(path.absolute()) in known["written"]

    def refuse_repetition(self, path: Path) -> None:
        """Raise `DoneAlready` if the last change of an artifact in its place was made by this same command."""
        if str(path.absolute()) in self._known["written"]:
            raise DoneAlready(f"{path} is as this command left it")

    def has_made(self, path: Path, inputs: str) -> bool:
        """Tell whether this same command built the artifact at ``path`` of these inputs before it was cut off."""
        return bool(self._known["made"].get(str(path.absolute())) == inputs)

    def record(self, hidden: Path, path: Path, inputs: str = "") -> None:
        """Record what is about to take its place at ``path``, still under its hidden name; of an artifact its inputs too."""
        _ = self._known  # before it is overwritten
        inside = f"{hidden.absolute()}{os.sep}"  # files of an artifact on the way
        self._written, self._further = (
            {name: state for name, state in states.items() if not f"{name}{os.sep}".startswith(inside)}
            for states in (self._written, self._further)
        )
        self._written[str(path.absolute())] = _state(hidden)
        self._made[str(path.absolute())] = inputs
        self._save(done=False)

    def finish(self) -> None:
        """Record that the command has come to its end."""
        if self._written:
            self._save(done=True)

    def refuse_input(self, path: Path) -> None:
        """Raise `UsageError` if ``path`` is an input, holds one, or would stand inside an artifact."""
        if inside := next((p for p in path.absolute().parents if _is_artifact(p)), None):
            raise UsageError(f"the output would stand in {inside}, whose files are its own: {path}", "choose another place")  # fmt: skip
        if not path.exists():
            return
        own = _identity(path)
        for name in self._inputs:
            read = Path(name)
            if not read.exists():
                continue
            if _identity(read) == own:
                raise UsageError(f"the output is an input too: {path}", "choose another name")
            if own in map(_identity, read.resolve().parents):
                raise UsageError(f"the output and the input {name} are parts of one another: {path}", "choose another name")  # fmt: skip

    @cached_property
    def _known(self) -> dict[str, Any]:
        """Return what the cache says of an earlier run whose inputs and outputs are as they were."""
        nothing: dict[str, Any] = {"written": {}, "made": {}, "done": False}
        if not self._repeats:
            return nothing
        with contextlib.suppress(OSError, ValueError, KeyError, AttributeError, TypeError):
            known = json.loads(self._file.read_text(encoding="utf-8"))
            kept = (name for name in known["written"] if Path(name).parent.exists())  # the rest was temporary
            written = {name: known["written"][name] for name in kept}
            inputs, before = ({k: v for k, v in d.items() if k not in written} for d in (self._inputs, known["inputs"]))  # fmt: skip
            further = {k: v for k, v in known["further"].items() if k not in written}
            same = None not in (*inputs.values(), *further.values()) and inputs == before
            same = same and all(_state(Path(n), changed=True) == s for n, s in further.items())
            same = same and all(plugin_state(n, code) == s for n, (code, s) in known["plugins"].items())
            if same and all(s not in (None, _ABSENT) and _state(Path(n)) == s for n, s in written.items()):
                return {"written": written, "made": known["made"], "done": bool(known["done"])}
        return nothing

    def _save(self, done: bool) -> None:
        """Write the record; a cache that cannot be written to is no reason to stop."""
        if not self._repeats:
            return
        read = {"inputs": self._inputs, "further": self._further, "plugins": PLUGINS}
        body = {**read, "written": self._written, "made": self._made, "done": done}
        with contextlib.suppress(OSError):
            folder = self._file.parent
            folder.mkdir(parents=True, exist_ok=True)
            if not self._file.exists():
                _forget(folder)
            with hidden_sibling(self._file) as (hidden, stream):
                stream.write(json.dumps(body).encode("utf-8"))
                stream.flush()
                hidden.replace(self._file)


_current: Request | None = None


def current_request() -> Request | None:
    """Return the command that is being run; None where intrex is used as a library."""
    return _current


@contextlib.contextmanager
def run_request(request: Request) -> Iterator[None]:
    """Make a request the current one."""
    global _current
    _current = request
    PLUGINS.clear()  # what the command line looked at for its options is not used yet
    try:
        yield
        request.finish()
    finally:
        _current = None


def _is_artifact(folder: Path) -> bool:
    return any((folder / name).is_file() for name in MANIFESTS)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


_ABSENT = "absent"


def _state(path: Path, changed: bool = False) -> Any:
    """Return inode, size and time of change of a file, or those of all files of a folder by name.

    With ``changed`` the time at which its record changed too, which no copy can set; a renaming changes it.

    Hidden files at the top of a folder do not count: those of a build that is not in its place yet. None stands for a
    folder of more than `MOST_FILES`, or what cannot be read.
    """
    if not path.exists():
        return _ABSENT
    with contextlib.suppress(OSError):
        if not path.is_dir():
            return _numbers(path.stat(), changed)
        states: dict[str, list[int]] = {}
        for folder, _, names in os.walk(path):
            for file in map(Path(folder).joinpath, names):
                name = file.relative_to(path).as_posix()
                if not name.startswith("."):
                    states[name] = _numbers(file.stat(), changed)
            if len(states) > MOST_FILES:
                return None
        return states
    return None


def _numbers(status: os.stat_result, changed: bool) -> list[int]:
    return [status.st_ino, status.st_size, status.st_mtime_ns, *([status.st_ctime_ns] if changed else [])]


def _forget(folder: Path) -> None:
    """Remove the oldest records, so that there are never more than `MOST_RECORDS`."""
    files = sorted(os.scandir(folder), key=lambda entry: entry.stat().st_mtime_ns)
    for entry in files[: max(0, len(files) - MOST_RECORDS + 1)]:
        Path(entry.path).unlink()
