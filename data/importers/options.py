"""Options of ``intrex collection import``; plain data."""

from pathlib import Path

from intrex.data.options import Options, declare, option
from intrex.data.rankings.options import columns_option, grades_option

TOPIC_FIELD = "Field of TREC, XML or JSON topics that is searched, or several: title,description; by default the title, of conversations what the user said."
LAYOUTS = ("auto", "beir", "pyserini", "colbert", "sgml", "json", "table", "dpr")


def parse_names(words: list[str]) -> tuple[str, ...]:
    """Return the names in words with commas between them."""
    return tuple(name.strip() for word in words for name in word.split(",") if name.strip())


@declare
class ImportOptions(Options):
    """Arguments of `intrex.data.importers.sources.import_collection`."""

    name: str | None = option(default=None, help="Name of the collection; the source's name by default.")
    layout: str = option(
        default="auto", choices=LAYOUTS, help="Layout of the source, when it cannot be told."
    )
    id_field: str | None = option(
        default=None, metavar="NAME", help="Key or column of a document's id; the common names are known."
    )
    text_fields: tuple[str, ...] = option(
        default=(), metavar="NAME,NAME", parse=parse_names,
        help="Keys or columns of a document's text, joined by a blank; one called title is the title.",
    )  # fmt: skip
    qrels_columns: tuple[str, ...] = columns_option("the judgements", "qrels_columns", qrels=True)
    grades: tuple[str, ...] = grades_option()
    queries: tuple[Path, ...] = option(
        default=(), flags=("--topics",),
        help="Query file beside a corpus: TREC or XML topics, TSV or JSON lines; may be repeated.",
    )  # fmt: skip
    topic_field: str | None = option(default=None, help=TOPIC_FIELD)
    qrels: tuple[str, ...] = option(default=(), help="SET=FILE, or FILE for the set 'test'; may be repeated.")
    allow_unknown: bool = option(
        default=False,
        help="Keep judgements that name unknown documents or queries: they count, and can never be found.",
    )
    drop_unknown: bool = option(
        default=False,
        help="Leave such judgements out; the collection and the signature of every score say how many.",
    )


@declare
class TopicOptions(Options):
    """Reading of a file of topics in TREC's markup or in XML."""

    topic_field: str | None = option(default=None, help=TOPIC_FIELD)
    strip_zeros: bool = option(
        default=False,
        neutral=True,
        help="Topic numbers without their leading zeros, as many judgements have them.",
    )

    @property
    def given(self) -> bool:
        """True where one of them is asked for."""
        return self.topic_field is not None or self.strip_zeros
