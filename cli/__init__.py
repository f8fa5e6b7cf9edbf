"""The command line: parse, call one library function, write."""

import sys
from types import TracebackType


def _interrupted(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say in one line that the user has interrupted while modules were imported; see `intrex.cli.app.run`."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("error: interrupted\nhint: run the same command again\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _interrupted
