"""Commands whose options are the fields of a dataclass, so that each option is declared once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, get_type_hints

R = TypeVar("R")


def takes(request: type[R]) -> Callable[[Callable[[R], None]], Callable[..., None]]:
    """Give a command of one argument, a ``request``, the fields of that dataclass as its options.

    A field is annotated as a typer parameter: ``Annotated[type, typer.Option(...)]``.
    """

    def decorate(command: Callable[[R], None]) -> Callable[..., None]:
        @wraps(command)
        def wrapped(**options: Any) -> None:
            command(request(**options))

        hints = get_type_hints(request, include_extras=True)
        parameters = inspect.signature(request).parameters.values()
        wrapped.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [parameter.replace(annotation=hints[parameter.name]) for parameter in parameters]
        )
        wrapped.__annotations__ = hints
        return wrapped

    return decorate
