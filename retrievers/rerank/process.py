"""Child process that is asked lines and answers lines, under a time limit; it and its children never outlive a fault."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import IO

from intrex.data.errors import BadInput, UsageError
from intrex.retrievers.rerank.outside import Fault

LONGEST_ANSWER = 1 << 20
"""Bytes of a line of an answer."""
GRACE_SECONDS = 2.0
"""Time for a child to end by itself once its input has ended."""
_PIECE = 1 << 16
_KEPT = 2000
"""Last bytes of its standard error that are kept for a message."""
_BUFFERED = "it must write its answers at once: print(..., flush=True), or stdbuf -oL; or raise --time-limit"
_ALONE = "try the program alone, with a line of docs/formats.md as its input"


class LineProcess:
    """A program that reads lines and writes lines; started when it is first asked, and again after each fault.

    Args:
        words: the program and its arguments; no shell reads them.
        seconds: time limit of each call of `ask`; the first one has the time in it that the program takes to start.

    Raises:
        UsageError: there is no such program.
    """

    def __init__(self, words: Sequence[str], seconds: float) -> None:
        if shutil.which(words[0]) is None:
            raise UsageError(f"there is no program {words[0]!r}", "name one that a shell finds, or its path")
        self._words, self._seconds = list(words), seconds
        self._child: _Child | None = None

    def ask(self, lines: Sequence[bytes], count: int) -> list[bytes]:
        """Send lines, each with its line break, and return so many lines of answer, without theirs.

        Raises:
            Fault: it ended, was killed, or gave fewer lines within the time limit; it is started anew by the next call.
            BadInput: it gave more lines.
            UsageError: it cannot be started.
        """
        try:
            if self._child is None:
                self._child = _Child(self._words)
            return self._child.exchange(b"".join(lines), count, self._seconds)
        except BaseException:
            self.kill()
            raise

    def close(self) -> None:
        """End its input, and wait for it a moment before it is killed.

        Raises:
            BadInput: it gave more lines than it was asked for.
        """
        try:
            if self._child is not None:
                self._child.finish()
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill it and all processes that it started in its group."""
        if self._child is not None:
            self._child.kill()
            self._child = None


class _Child:
    """A running child: its pipes, and what came through them."""

    def __init__(self, words: list[str]) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command, and no shell
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        except OSError as error:
            raise UsageError(f"{words[0]} cannot be run: {error.strerror or error}") from error
        self._input, self._output, self._errors = (
            self._process.stdin,
            self._process.stdout,
            self._process.stderr,
        )
        self._selector = selectors.DefaultSelector()
        for pipe in (self._output, self._errors):
            os.set_blocking(_open(pipe).fileno(), False)
            self._selector.register(_open(pipe), selectors.EVENT_READ)
        os.set_blocking(_open(self._input).fileno(), False)
        self._to_send, self._received, self._said, self._ended = b"", b"", b"", False

    def exchange(self, data: bytes, count: int, seconds: float) -> list[bytes]:
        """See `LineProcess.ask`."""
        self._transfer(0)
        self._refuse_surplus(0)
        self._to_send, deadline = data, time.monotonic() + seconds
        self._selector.register(_open(self._input), selectors.EVENT_WRITE)
        while self._to_send or self._received.count(b"\n") < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Fault(f"{self._progress(count)} within {seconds:g} s", _BUFFERED, details=self._tail())
            self._transfer(left)
            if self._ended:
                self._accept_end(count)
                break
        self._transfer(0)
        self._refuse_surplus(count)
        lines, self._received = self._received.split(b"\n")[:count], b""
        return lines

    def finish(self) -> None:
        """See `LineProcess.close`."""
        _open(self._input).close()
        deadline = time.monotonic() + GRACE_SECONDS
        while not self._ended and (left := deadline - time.monotonic()) > 0:
            self._transfer(left)
        self._refuse_surplus(0)

    def kill(self) -> None:
        # Before it is waited for: until then no other process can have its number, nor its group's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._selector.close()
        for pipe in (self._input, self._output, self._errors):
            with contextlib.suppress(OSError):
                _open(pipe).close()

    def _transfer(self, seconds: float) -> None:
        """Move what the pipes take and give now, or as soon as they do within so many seconds."""
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._input:
                self._send()
                continue
            piece = os.read(key.fd, _PIECE)
            if not piece:
                self._selector.unregister(key.fileobj)
            if key.fileobj is self._errors:
                self._said = (self._said + piece)[-_KEPT:]
            else:
                self._received, self._ended = self._received + piece, not piece
        if len(self._received) - (self._received.rfind(b"\n") + 1) > LONGEST_ANSWER:
            raise BadInput(
                f"the scorer wrote a line of more than {LONGEST_ANSWER:,} bytes",
                "docs/formats.md says what to write",
            )

    def _send(self) -> None:
        pipe = _open(self._input)
        try:
            self._to_send = self._to_send[os.write(pipe.fileno(), self._to_send[:_PIECE]) :]
        except BrokenPipeError:  # it reads no more: the end of its output will say so
            self._to_send = b""
        if not self._to_send:
            self._selector.unregister(pipe)

    def _accept_end(self, count: int) -> None:
        """Take an output that ended for whole if its last line only lacks the line break; else raise `Fault`."""
        if self._received and not self._received.endswith(b"\n"):
            self._received += b"\n"
        if self._received.count(b"\n") >= count and not self._to_send:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        code = self._process.returncode
        how = (
            "closed its output"
            if code is None
            else f"was killed by signal {-code}"
            if code < 0
            else f"ended with exit code {code}"
        )
        raise Fault(f"{self._progress(count)} and {how}", _ALONE, details=self._tail())

    def _progress(self, count: int) -> str:
        got = self._received.count(b"\n")
        return f"the scorer gave {got:,} of {count:,} answers"

    def _refuse_surplus(self, count: int) -> None:
        surplus = self._received.split(b"\n", count)[-1]
        if surplus:
            line = surplus.split(b"\n")[0][:80].decode("utf-8", "replace")
            raise BadInput(
                f"the scorer wrote more lines than it was asked for: {line!r}",
                "one line for each pair on stdout, everything else on stderr; once that is mended, add --scorer-version "
                "NAME: what was kept of this one may be wrong",
            )

    def _tail(self) -> str:
        """Return the last lines that it wrote on its standard error, for the end of a message."""
        with contextlib.suppress(OSError):
            while piece := os.read(_open(self._errors).fileno(), _PIECE):
                self._said = (self._said + piece)[-_KEPT:]
        lines = self._said.decode("utf-8", "replace").strip().splitlines()[-3:]
        return "".join(f"\n  {line[:300]}" for line in lines)


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - all three were asked for
    return pipe
