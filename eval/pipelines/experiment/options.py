"""Options of ``intrex experiment generalize``; plain data."""

from intrex.data.options import Options, declare, option
from intrex.eval.compare.options import GROUPS
from intrex.eval.splits.options import PROTOCOLS


def parse_names(words: list[str]) -> tuple[str, ...]:
    """Read names with commas between them.

    >>> parse_names(["bm25,static"])
    ('bm25', 'static')
    """
    return tuple(name for word in words for name in word.split(",") if name)


@declare
class GeneralizeOptions(Options):
    """Changes of a recipe; None leaves what the recipe says."""

    systems: tuple[str, ...] = option(
        default=(), blank=True, parse=parse_names, help="Only these of the recipe's systems, with commas."
    )
    queries: str | None = option(default=None, key="set", help="The test queries' set.")
    train: str | None = option(default=None, key="train_set", help="The training queries' set.")
    protocol: str | None = option(
        default=None, choices=tuple(name for name, protocol in PROTOCOLS.items() if protocol.folds is not None),
        help="How the queries are split.",
    )  # fmt: skip
    encoder: str | None = option(
        default=None, help="What compares queries: bm25, or an encoder not under test."
    )
    k: int | None = option(default=None, low=2, help="Buckets of resttest.")
    per_query: int | None = option(
        default=None, low=1, help="Training queries for each test query, of restrain."
    )
    seed: int | None = option(default=None, low=0, help="Of the split.")
    seeds: int | None = option(default=None, low=1, help="Models of each fold, of static and dense systems.")
    groups: str | None = option(default=None, metavar="FILE", help=GROUPS)
    min_queries: int | None = option(default=None, low=0, help="Fewest test queries of a regime in a fold.")
    quick: bool = option(default=False, help="Two folds, trainings of a few steps: to see that all works.")
