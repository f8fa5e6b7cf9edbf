"""A command as a person sees it: what it prints on a terminal, and what on stderr."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from pathlib import Path

ROWS, COLUMNS = 50, 120


def on_a_terminal(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, list[str]]:
    """Run a command whose stdout is a terminal of 120 columns, without colours.

    Returns:
        The exit code, and the lines of stdout followed by those of stderr (a pipe, so that no progress is drawn), without
        blank lines and blanks at the end of lines.
    """
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {**environment, "TERM": "dumb", "NO_COLOR": "1"}
        with subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
        ) as process:
            os.close(theirs)
            said: list[bytes] = []
            assert process.stderr is not None
            reader = threading.Thread(target=lambda stream=process.stderr: said.append(stream.read()))
            reader.start()
            printed = _drain(ours)
            reader.join()
    finally:
        os.close(ours)
    text = printed.decode() + b"".join(said).decode()
    return process.returncode, [line.rstrip() for line in text.splitlines() if line.strip()]


def _drain(terminal: int) -> bytes:
    """Read until the other side is closed, which Linux reports as an error and macOS as an end."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)
