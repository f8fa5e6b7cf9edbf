"""Options of ``intrex collection build``; plain data."""

from intrex.data.options import Options, declare, option


@declare
class BuildOptions(Options):
    """Part of a collection that is built."""

    sample: int | None = option(default=None, low=1, help="So many documents only, chosen by hash.")
    seed: int = option(default=0, low=0, help="Seed of the sample.")
