"""``intrex doctor``: versions, extras and machine, with hints on what is missing."""

from __future__ import annotations

from intrex.cli.common.output import emit
from intrex.cli.common.parameters import TableFormat, command


@command("intrex doctor")
def doctor(
    form: TableFormat = None,
) -> None:
    """Show versions, extras, cores, memory, BLAS, Java and models, and what to do about what is missing."""
    from intrex.eval.pipelines.doctor import examine

    emit(["what", "found", "hint"], examine(), form)
