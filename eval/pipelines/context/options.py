"""Options of ``intrex context``; plain data."""

from pathlib import Path

from intrex.data.errors import UsageError
from intrex.data.options import Options, When, declare, flag_of, option

ORDERS = ("best-first", "ends")
FORMATS = ("table", "csv", "jsonl", "md", "latex")
WORDS = "words"
PANEL, CUT, FIT, EFFECT = "Common", "How many", "Relevance probability", "Effect"
_FITTED = When("min_probability")
CUTS = ("threshold", "gap", "min_probability")


@declare
class ContextOptions(Options, panel=PANEL):
    """Choice and order of the passages of each query, and what is said about it."""

    output: Path = option(
        default=Path("-"), flags=("-o",), common=True, neutral=True,
        help="The JSON lines to write; .gz and its like compress, - is stdout.",
    )  # fmt: skip
    overwrite: bool = option(default=False, neutral=True, help="Replace the file at the output.")
    k: int = option(default=10, low=1, flags=("-k",), common=True, help="Most passages of each query.")
    order: str = option(
        default=ORDERS[0], choices=ORDERS, common=True,
        help="Best first, or the best at both ends and the least in the middle: ranks 1 3 5 ... 6 4 2.",
    )  # fmt: skip
    near_duplicates: float | None = option(
        default=None, above=0, high=1, common=True, metavar="J",
        help="Leave out what has a Jaccard similarity of J or more, by shingles of 5 words, with a passage ranked above.",
    )  # fmt: skip
    tokens: int | None = option(
        default=None, low=1, common=True,
        help="Most tokens of all passages of a query; the first that does not fit ends the list.",
    )  # fmt: skip
    tokenizer: str = option(
        default=WORDS,
        metavar="MODEL",
        help="Whose tokens: words, or the tokens of a model by its name or path.",
    )
    collection: str | None = option(
        default=None, neutral=True, metavar="PATH", help="The documents, where QUERIES is a file."
    )
    threshold: float | None = option(
        default=None, panel=CUT, metavar="SCORE", help="Passages of this score or more."
    )
    gap: bool = option(default=False, panel=CUT, help="Passages above the largest gap between two scores.")
    min_probability: float | None = option(
        default=None, low=0, high=1, panel=CUT, metavar="P",
        help="Passages that are relevant with this probability, as fitted on --fit.",
    )  # fmt: skip
    at_least: int = option(
        default=0, low=0, panel=CUT, help="As many of the best passages in any case, within --tokens."
    )
    fit: str | None = option(
        default=None, panel=FIT, when=_FITTED, metavar="QRELS",
        help="Judgements of the queries to fit on, a file or COLLECTION:SET.",
    )  # fmt: skip
    fit_run: str | None = option(
        default=None, panel=FIT, when=_FITTED, metavar="RUN",
        help="The run of those queries, by the same system; RUN itself by default.",
    )  # fmt: skip
    fit_on_itself: bool = option(
        default=False, panel=FIT, when=_FITTED,
        help="Fit on queries that the contexts are written for too: their figures are then too good.",
    )  # fmt: skip
    qrels: str | None = option(
        default=None, panel=EFFECT, common=True, metavar="QRELS", neutral=True,
        help="Print what each step does to precision, recall and length, a file or COLLECTION:SET.",
    )  # fmt: skip
    form: str | None = option(
        default=None, key="format", choices=FORMATS, panel=EFFECT, when=When("qrels"), neutral=True,
        help="Of that table; on a terminal table, elsewhere csv, unless given.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Refuse two ways to cut, and a fit without judgements; see `Options`."""
        super().__post_init__()
        chosen = [flag_of(name) for name in CUTS if getattr(self, name) not in (None, False)]
        if len(chosen) > 1:
            raise UsageError(f"{' and '.join(chosen)} both say how many passages there are", "choose one")
        if (self.min_probability is None) != (self.fit is None):
            raise UsageError(
                "--min-probability needs --fit", "--fit COLLECTION:train, judgements of other queries"
            )
        if self.at_least > self.k:
            raise UsageError(f"--at-least {self.at_least} is more than -k {self.k}", f"-k {self.at_least}")
        if self.qrels is not None and str(self.output) == "-":
            raise UsageError(
                "the contexts and the table would both go to stdout", "name the file: -o context.jsonl"
            )
