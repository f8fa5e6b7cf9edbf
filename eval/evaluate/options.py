"""Options of ``intrex evaluate``; plain data."""

from pathlib import Path

from intrex.data.importers.options import parse_names
from intrex.data.options import LARGEST_INT, Options, When, declare, option

TOOLS = (
    "trec_eval9",
    "trec_eval10",
    "pytrec_eval",
    "ir_measures",
    "ranx",
    "beir",
    "mteb",
    "sentence_transformers",
    "torchmetrics",
)
"""Names of `intrex.eval.dialects.tools.TOOLS`."""
TIE_ORDERS = ("docid-desc", "docid-asc", "file", "expected")
TIES = (*(f"{bits}-{order}" for bits in ("f32", "f64") for order in TIE_ORDERS), "expected")
"""Ways to treat equal scores; the last is short for that of 32 bits."""
FORMATS = ("table", "csv", "jsonl", "md", "latex", "trec")
MOST_DOCUMENTS = 10**15
"""As in `intrex.eval.measures.grammar`."""
MEASURES = "intrex.eval.measures:MEASURES"
OUTPUT = "Output"
SETS = (
    "Where QRELS is a group of collections or a pattern such as 'qrels/{set}.tsv': these sets alone. RUN is then "
    "'runs/{set}.txt.gz', or a folder."
)
LEVEL = "Grade from which a document is relevant; nDCG has none."


@declare
class EvaluateOptions(Options):
    """Measures, rules of scoring, and what is printed and written."""

    measures: tuple[str, ...] = option(
        default=(), key="measure", flags=("-m",), names=MEASURES,
        help="For example nDCG@10, P(rel=2)@5, trec_eval's, ranx's, BEIR's or MTEB's names, or a function of your own, "
        "FILE.py:FUNCTION; may be repeated, "
        "or several with blanks between them. Unless given: nDCG@10 RR@10 R@100 AP (trec_eval's official ones with "
        "--format trec, what the tool has of them with --as).",
    )  # fmt: skip
    sets: tuple[str, ...] = option(default=(), metavar="NAME,NAME", parse=parse_names, help=SETS)
    per_query: bool = option(default=False, key="by_query", flags=("-q",), help="Every query's values too.")
    no_summary: bool = option(
        default=False, flags=("-n",), when=When("by_query", (True,)),
        help="With -q: without the line of all queries.",
    )  # fmt: skip
    complete: bool | None = option(
        default=None, flags=("=--complete/--no-complete", "=-c"),
        help="Count judged queries that a run lacks as empty rankings (the default, except with --as), or leave them out.",
    )  # fmt: skip
    level: int | None = option(default=None, flags=("-l",), low=1, help=LEVEL)
    depth: int | None = option(
        default=None, flags=("-M",), low=1, high=LARGEST_INT,
        help="Score only this many documents of each ranking.",
    )  # fmt: skip
    collection_size: int | None = option(
        default=None, flags=("-N",), low=0, high=MOST_DOCUMENTS,
        help="Documents in the collection: for utility's fourth weight.",
    )  # fmt: skip
    judged_only: bool = option(
        default=False, flags=("-J",), help="Take unjudged documents out of the rankings first."
    )
    ties: str | None = option(
        default=None, choices=TIES,
        help="How equal scores are ordered, compared as 32- or 64-bit floats; f32-docid-desc unless given. expected: the "
        "mean over all orders of them, compared as 32-bit floats.",
    )  # fmt: skip
    drop_self: bool = option(
        default=False, help="Take documents with the query's own id out first, as BEIR does."
    )
    as_tool: str | None = option(
        default=None, key="as", choices=TOOLS, help="Score by the rules of another tool."
    )
    explain: str | None = option(
        default=None, key="explain_diff", choices=TOOLS,
        help="Which queries that tool scores differently, and why; csv and jsonl hold the queries only.",
    )  # fmt: skip
    tool_file: Path | None = option(
        default=None, key="theirs", when=When("explain_diff"),
        help="With --explain-diff: what the tool printed (trec_eval -q, or a JSON object).",
    )  # fmt: skip
    pool_bias: bool = option(
        default=False, help="For nDCG: bounds, the condensed-list value, and how much was judged."
    )
    scores: Path | None = option(
        default=None, panel=OUTPUT, help="Write every query's values as JSON lines, for the leaderboard."
    )
    trained_on: str | None = option(
        default=None, metavar="SPLIT:FOLD", when=When("scores"), panel=OUTPUT,
        help="With --scores: the fold that the systems were trained on, for leaderboard build --split.",
    )  # fmt: skip
    answers: Path | None = option(
        default=None, metavar="COLLECTION",
        help="QRELS is a file of answers beside queries: a document of this collection counts if its text has one, as in DPR.",
    )  # fmt: skip
    excluded: Path | None = option(
        default=None, key="exclude", metavar="FILE",
        help="Leave documents out of rankings and judgements: lines of query and document, or judgements.",
    )  # fmt: skip
    exclude: str | None = option(
        default=None, key="exclude_flagged", metavar="FLAGS[:KIND+KIND]",
        help="Also score without the queries that `intrex overlap` flagged, all kinds or those named.",
    )  # fmt: skip
    form: str | None = option(
        default=None,
        key="format",
        choices=FORMATS,
        panel=OUTPUT,
        help="Table on a terminal, CSV elsewhere, unless given.",
    )
    overwrite: bool = option(default=False, panel=OUTPUT, help="Replace the file of --scores.")
    rel_format: str = option(
        default="qrels", key="R", flags=("=-R",), hidden=True, help="trec_eval's: only qrels."
    )
    results_format: str = option(
        default="trec_results", key="T", flags=("=-T",), hidden=True, help="trec_eval's: only trec_results."
    )
    debug_level: str | None = option(
        default=None, key="D", flags=("=-D",), hidden=True, help="trec_eval's: refused."
    )
    zscores: str | None = option(
        default=None, key="Z", flags=("=-Z",), hidden=True, help="trec_eval's: refused."
    )

    @property
    def trec(self) -> bool:
        """True where scores are printed as trec_eval prints them."""
        return self.form == "trec"

    @property
    def tool(self) -> str | None:
        """Name of another tool whose scores are asked for, or explained."""
        return self.as_tool or self.explain
