"""Options of ``intrex show``; plain data."""

from intrex.data.errors import UsageError
from intrex.data.options import Options, declare, option

FORMATS = ("table", "json", "jsonl", "md")
DEPTH = 10
"""Documents that are shown unless ``-k`` says otherwise."""
PANEL = "Output"


@declare
class ShowOptions(Options):
    """What is shown of a query, and how."""

    document: tuple[str, ...] = option(
        default=(), metavar="ID", common=True,
        help="Show this document, at whatever rank, in place of the best; may be repeated.",
    )  # fmt: skip
    collection: str | None = option(
        default=None, metavar="PATH", common=True,
        help="The documents' texts. By default the index's own collection, if it lies beside it or here; of a run that "
        "of --qrels.",
    )  # fmt: skip
    qrels: str | None = option(
        default=None, common=True, metavar="QRELS",
        help="Of a run: judgements, a file or COLLECTION:SET: grades, and what was missed.",
    )  # fmt: skip
    topics: str | None = option(
        default=None, flags=("--queries",), metavar="QUERIES",
        help="Of a run: the queries' texts, where no collection is named.",
    )  # fmt: skip
    parts: bool = option(
        default=True, flags=("=--parts/--no-parts",), panel=PANEL, help="Show the parts of each score."
    )
    length: int = option(
        default=300, low=0, panel=PANEL,
        help="Characters of each text in tables and Markdown, from the first matched words on; 0 for all.",
    )  # fmt: skip
    form: str = option(
        default=FORMATS[0], key="format", choices=FORMATS, panel=PANEL,
        help="Table with matched words in bold on a terminal and in ** elsewhere; records, with whole texts; Markdown.",
    )  # fmt: skip

    def refuse_for_index(self) -> None:
        """Raise `UsageError` where an option is for runs."""
        for name, value in (("--qrels", self.qrels), ("--topics", self.topics)):
            if value is not None:
                hint = "leave it out, or show a run of the index"
                raise UsageError(f"{name} is for runs: an index is asked a text", hint)
