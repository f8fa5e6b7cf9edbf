"""``intrex doctor``: what is here and what is missing."""

from __future__ import annotations

from typing import Annotated

import typer

from intrex.cli.common.output import Format, emit
from intrex.cli.common.parameters import examples


@examples("intrex doctor")
def doctor(
    form: Annotated[
        Format | None, typer.Option("--format", help="Table on a terminal, CSV elsewhere, unless given.")
    ] = None,
) -> None:
    """Show versions, extras, cores, memory, BLAS, Java and models, and what to do about what is missing."""
    from intrex.eval.pipelines.doctor import examine

    emit(["what", "found", "hint"], examine(), form)
