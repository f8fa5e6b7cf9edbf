"""Type of progress callbacks; the module imports no numpy, so that the command line may import it."""

from collections.abc import Callable

Progress = Callable[[int], None]
"""A function called with the number of documents, queries or bytes just finished."""


def no_progress(_: int) -> None:
    """Ignore the progress: nobody watches."""
