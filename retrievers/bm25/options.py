"""Options of BM25 indexes; plain data."""

from collections.abc import Mapping

from intrex.data.io.sizes import parse_bytes
from intrex.data.options import Options, When, declare, option
from intrex.retrievers.bm25.fields import check_weights, extra_fields, parse_weights
from intrex.retrievers.options import INDEX, IndexKind, SearchOptions
from intrex.retrievers.prf.options import FeedbackOptions

K1, B, LANGUAGE = 0.9, 0.4, "en"
"""Anserini's defaults."""
_LUCENE = When("engine", ("lucene",))
PANEL, LUCENE_PANEL = "BM25", "Lucene"


@declare
class Bm25Build(Options, panel=PANEL):
    """Options of building a BM25 index; see `intrex.retrievers.bm25.build.build_bm25` and `intrex.retrievers.lucene.build.build_lucene`."""

    k1: float = option(default=K1, low=0, common=True, help="Term frequency saturation.")
    b: float = option(default=B, low=0, high=1, common=True, help="Length normalisation.")
    language: str = option(
        default=LANGUAGE,
        help="How texts are analysed: ar, de, en, es, fa, fr, hu, it, ko, nl, pt, ru, tr, zh as Anserini does; bigrams. With "
        "--engine lucene every language of Anserini's: also bn, da, fi, hi, id, ja, no, pl, sv, te, th, uk.",
    )  # fmt: skip
    fields: tuple[str, ...] = option(
        default=(), blank=True, parse=extra_fields, check=extra_fields,
        help="Fields beside contents: title, which is then no part of contents.",
    )  # fmt: skip
    max_memory: str | None = option(
        default=None, panel=INDEX, check=parse_bytes, when=When("engine", ("native",)),
        help="Memory of the build, such as 1G or 512M.",
    )  # fmt: skip
    engine: str = option(
        default="native", choices=("native", "lucene"), panel=INDEX,
        help="Whose index: ours, or Anserini's own, which pyserini reads too.",
    )  # fmt: skip
    threads: int | None = option(
        default=None, low=1, panel=LUCENE_PANEL, when=_LUCENE,
        help="Threads; all cores by default.",
    )  # fmt: skip
    store_positions: bool = option(
        default=False, flags=("--storePositions",), panel=LUCENE_PANEL, when=_LUCENE, help="Keep positions."
    )
    store_docvectors: bool = option(
        default=False, flags=("--storeDocvectors",), panel=LUCENE_PANEL, when=_LUCENE,
        help="Keep term vectors, as feedback needs.",
    )  # fmt: skip
    store_raw: bool = option(
        default=False, flags=("--storeRaw",), panel=LUCENE_PANEL, when=_LUCENE,
        help="Keep the documents' JSON.",
    )  # fmt: skip

    @property
    def memory(self) -> int | None:
        """Value of ``max_memory`` in bytes."""
        return None if self.max_memory is None else parse_bytes(self.max_memory)


DEFAULTS = Bm25Build()


@declare
class Bm25Search(SearchOptions, FeedbackOptions, panel=PANEL):  # type: ignore[misc, valid-type]  # its fields are made of METHODS
    """Options of a search in a BM25 index."""

    fields: Mapping[str, float] = option(
        factory=dict, common=True, parse=parse_weights, check=check_weights, metavar="NAME=WEIGHT ...",
        help="Search these fields with these weights, as contents=1.0 title=0.5; contents alone by default.",
    )  # fmt: skip
    language: str | None = option(default=None, neutral=True, help="Check that the index was built for it.")


BM25 = IndexKind(
    "bm25",
    "BM25 as Lucene computes it, over Lucene's analysis of the language.",
    Bm25Search,
    "intrex.retrievers.bm25.index:BM25Index",
    Bm25Build,
    "intrex.retrievers.bm25.build:build",
    {"lucene": "intrex.retrievers.lucene.build:build"},
    code=("retrievers/prf",),
    example="intrex index bm25 scifact idx/bm25",
)
