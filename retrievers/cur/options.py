"""Options of CUR indexes; plain data."""

from intrex.data.errors import UsageError
from intrex.data.options import declare, option
from intrex.encoders.options import ENCODING, EncoderOptions
from intrex.retrievers.options import IndexKind, SearchOptions

PANEL = "CUR"
ANCHORS = 500
"""Anchor queries by default, or as many as there are."""
BUDGET = 100
DOCUMENTS = "documents"
"""Spelling of anchor queries that are made of the collection's own documents."""
ANCHOR_SETS = ("train", "dev")
"""Query sets that anchors are drawn from by default, the first that the collection has."""


def default_budget() -> int:
    """Return the calls of a query by default; a factory, so that every tag says how many they were."""
    return BUDGET


@declare
class CurBuild(EncoderOptions, panel=ENCODING):
    """Options of building a CUR index; see `intrex.retrievers.cur.build.build_cur`."""

    scorer: str = option(
        common=True, metavar="MODEL",
        help="A cross-encoder's name or path; or dense:NAME, static:NAME, hashing, as of rerank --with.",
    )  # fmt: skip
    anchors: int | None = option(
        default=None, low=1, panel=PANEL, common=True,
        help=f"Anchor queries, each scored with every document; {ANCHORS}, or all there are, by default.",
    )  # fmt: skip
    anchor_queries: str | None = option(
        default=None, panel=PANEL, common=True, metavar="QUERIES",
        help=(
            "Where they come from: a set of the collection, a file, COLLECTION:SET, or documents (titles as queries). "
            "By default the set train, else dev, else documents."
        ),
    )  # fmt: skip
    seed: int = option(default=0, low=0, panel=PANEL, help="Of the draw of anchor queries.")


@declare
class CurSearch(SearchOptions, panel=PANEL):
    """Options of a search in a CUR index; the calls of a query are never more than ``budget``."""

    budget: int = option(
        factory=default_budget, low=1, common=True,
        help=f"Documents of each query that the scorer scores, {BUDGET} by default; the run has these.",
    )  # fmt: skip
    anchor_documents: int | None = option(
        default=None, low=1, common=True,
        help="How many of them estimate the others; half of the budget by default.",
    )  # fmt: skip
    rounds: int = option(
        default=1, low=1, common=True,
        help="Choose the anchor documents in so many rounds, by the estimates so far (ADACUR); 1 is ANNCUR.",
    )  # fmt: skip
    first_stage: str | None = option(
        default=None, metavar="INDEX", common=True,
        help="Begin with the best documents of this index; with random ones by default.",
    )  # fmt: skip
    anchor_seed: int = option(default=0, low=0, help="Of the random documents.")
    tolerance: float = option(
        default=1e-2, low=1e-5, high=1,
        help="Singular values below this share of the largest are cut from the pseudo-inverse.",
    )  # fmt: skip
    scorer: str | None = option(
        default=None, neutral=True, metavar="MODEL",
        help="Where the index's scorer is now, if it has moved; it must be the same.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse parts that are larger than the whole; see `Options`."""
        super().__post_init__()
        if self.anchor_documents is not None and self.anchor_documents > self.budget:
            raise UsageError(
                f"--anchor-documents {self.anchor_documents} is more than the budget of {self.budget} calls a query",
                "anchor documents are part of it: choose fewer, or a larger --budget",
            )
        if self.rounds > self.anchors:
            raise UsageError(
                f"--rounds {self.rounds} for {self.anchors} anchor documents: each round chooses one at least",
                "choose fewer rounds, or more --anchor-documents",
            )

    @property
    def anchors(self) -> int:
        """Number of anchor documents."""
        return self.anchor_documents or max(1, self.budget // 2)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Documents that each round scores, first the anchors' rounds, then those that are best by the estimates."""
        each = self.anchors // self.rounds
        parts = (self.anchors - each * (self.rounds - 1), *[each] * (self.rounds - 1))
        rest = self.budget - self.anchors
        return (*parts, rest) if rest else parts


CUR = IndexKind(
    "cur",
    "A cross-encoder as an index (ANNCUR, ADACUR): anchor queries scored with every document. A killed build goes on.",
    CurSearch,
    "intrex.retrievers.cur.index:CurIndex",
    CurBuild,
    "intrex.retrievers.cur.build:build",
    estimate="intrex.retrievers.cur.estimate:estimate",
    example="intrex index cur scifact idx/cur --scorer my-reranker --anchor-queries documents",
)
