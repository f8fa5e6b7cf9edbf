"""Protocols of splits and the options of each; plain data."""

from typing import NamedTuple

from intrex.data.options import Options, declare, option

MIN_QUERIES = 30
RESTARTS = 10
UNITS = ("queries", "judgements")
SHIFTS = ("length", "question-word", "topic")
MODEL = "all-MiniLM-L6-v2"
PANEL = "Split"
_EQUAL = ("=--equal/--no-equal",)


@declare
class SplitOptions(Options):
    """Options of every protocol: the comparison and the draw of queries."""

    encoder: str = option(
        default=MODEL, panel=PANEL, common=True,
        help="What compares queries: an encoder as for index dense, or bm25. Not one under test.",
    )  # fmt: skip
    seed: int = option(default=0, low=0, panel=PANEL, help="Of everything that is drawn.")
    min_queries: int = option(
        default=MIN_QUERIES, low=0, panel=PANEL, help="Fewest test queries of a regime in a fold."
    )
    device: str | None = option(default=None, panel=PANEL, help="For the encoder: cpu, cuda, mps.")


@declare
class ResttestOptions(SplitOptions):
    """ReSTTest (Zhan et al. 2022, section 4): all queries are clustered."""

    k: int = option(default=5, low=2, panel=PANEL, common=True, help="Buckets.")
    restarts: int = option(default=RESTARTS, low=1, panel=PANEL, help="Of k-means; the best one counts.")
    balance: bool = option(default=False, panel=PANEL, help="Buckets of equal size.")
    equal: bool = option(
        default=True, panel=PANEL, flags=_EQUAL, help="Give all folds equally many training queries."
    )


@declare
class RestrainOptions(SplitOptions):
    """ReSTrain (Zhan et al. 2022, section 4): training queries like, and unlike, the test queries."""

    per_query: int = option(
        low=1, panel=PANEL, common=True, help="Most similar training queries of each test query."
    )
    unit: str = option(
        default="queries", choices=UNITS, panel=PANEL, help="What both training sets have equally many of."
    )


@declare
class ShiftOptions(SplitOptions):
    """One group of queries to train on, the others to extrapolate to."""

    by: str = option(choices=SHIFTS, panel=PANEL, common=True, help="What groups the queries.")
    equal: bool = option(
        default=True, panel=PANEL, flags=_EQUAL, help="Give all folds equally many training queries."
    )


class Protocol(NamedTuple):
    """A protocol: what it does, its options, ``module:function`` that makes a split of it.

    ``folds`` says how many models it wants, of its values by key; None where that depends on the queries, so that a
    recipe cannot use it.
    """

    help: str
    options: type[SplitOptions]
    target: str
    folds: int | str | None
    example: str


_MAKE = "intrex.eval.pipelines.splitting:make_"
PROTOCOLS = {
    "resttest": Protocol(
        "ReSTTest: cluster all queries; each fold trains without one bucket, whose test queries are extrapolation.",
        ResttestOptions,
        f"{_MAKE}resttest",
        "k",
        "intrex split resttest scifact:train scifact:test idx/split --encoder bm25",
    ),
    "restrain": Protocol(
        "ReSTrain: train on queries like the test queries, and on queries unlike them; for small test sets.",
        RestrainOptions,
        f"{_MAKE}restrain",
        2,
        "intrex split restrain scifact:train scifact:test idx/restrain --per-query 1 --encoder bm25",
    ),
    "shift": Protocol(
        "Train on one group of queries, test on it and on the others: by length, question word or topic.",
        ShiftOptions,
        f"{_MAKE}shift",
        None,
        "intrex split shift scifact:train scifact:test idx/shift --by length --encoder bm25",
    ),
}
