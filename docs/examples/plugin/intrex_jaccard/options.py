"""What a user may choose of jaccard indexes. Plain data: no numpy here, since ``--help`` imports it."""

from intrex.data.options import Options, declare, option
from intrex.retrievers.options import IndexKind, SearchOptions


@declare
class JaccardBuild(Options):
    """How a jaccard index is built."""

    least_length: int = option(default=1, low=1, panel="Jaccard", help="Leave out words of fewer letters.")


@declare
class JaccardSearch(SearchOptions):
    """How a jaccard index is searched."""

    threshold: float = option(
        default=0.0, low=0, high=1, panel="Jaccard", common=True, help="Least score of a document."
    )


JACCARD = IndexKind(
    "jaccard",
    "Words in common over words in either.",
    JaccardSearch,
    "intrex_jaccard.index:JaccardIndex",
    JaccardBuild,
    "intrex_jaccard.index:build",
    code=("intrex_jaccard",),
    example="intrex index jaccard scifact idx/jaccard",
)
