"""Type of progress callbacks; the module imports no numpy, so that the command line may import it."""

import math
import os
from collections.abc import Callable

Progress = Callable[[int], None]
"""A function called with the number of documents, queries or bytes just finished."""
SECONDS = "INTREX_PROGRESS_SECONDS"
"""Variable that touches nothing but what is said meanwhile."""


def no_progress(_: int) -> None:
    """Ignore the progress: nobody watches."""


def seconds_between_lines() -> float:
    """Return the seconds between lines of progress off a terminal: ``$INTREX_PROGRESS_SECONDS``, else 60; 0 is never."""
    try:
        seconds = float(os.environ.get("INTREX_PROGRESS_SECONDS", "60"))
    except ValueError:
        return 60.0
    return seconds if 0 < seconds < math.inf else 0.0
