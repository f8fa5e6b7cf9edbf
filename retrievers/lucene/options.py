"""Options of a search in a Lucene index; ``index bm25 --engine lucene`` builds one. Plain data."""

from intrex.data.options import declare, option
from intrex.retrievers.bm25.options import LUCENE_PANEL, Bm25Search
from intrex.retrievers.options import IndexKind


@declare
class LuceneSearch(Bm25Search, panel=LUCENE_PANEL):
    """Options of a search in a Lucene index."""

    k1: float | None = option(default=None, low=0, help="BM25's k1; the index's by default.")
    b: float | None = option(default=None, low=0, high=1, help="BM25's b; the index's by default.")
    language: str | None = option(
        default=None, help="How queries of an index that intrex did not build are analysed."
    )


LUCENE = IndexKind(
    "lucene",
    "Anserini's index, searched by Lucene.",
    LuceneSearch,
    "intrex.retrievers.lucene.index:LuceneIndex",
)
