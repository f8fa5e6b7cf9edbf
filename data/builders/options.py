"""Options of ``intrex collection build | split | sample``; plain data."""

from typing import Any

from intrex.data.errors import UsageError
from intrex.data.options import Options, When, declare, option, options_of

UNITS = ("words", "sentences", "tokens")
SIZES = {"words": 100, "sentences": 10}
"""Units of a passage by default; tokens: as many as the model reads."""
_OF_TOKENS = When("unit", ("tokens",))


DENSE, RANDOM, CYCLE, DISJOINT = PATTERNS = ("dense", "random", "cycle", "disjoint")
"""Patterns of relevance of the LIMIT collection; see `intrex.data.builders.patterns`."""
_LIMIT = ("documents", "pattern", "queries", "relevant", "likes", "items")
BUILDER_OPTIONS = {"stdlib": ("sample", "seed"), "limit": (*_LIMIT, "seed")}
"""Options of each builder; one of another package takes those of stdlib."""


@declare
class BuildOptions(Options):
    """Options of collections that are built; a builder takes those of `BUILDER_OPTIONS`, None leaves it its own default."""

    sample: int | None = option(default=None, low=1, help="stdlib: so many documents only, chosen by hash.")
    documents: int | None = option(default=None, low=1, help="limit: so many people; 50,000 by default.")
    pattern: str | None = option(
        default=None, choices=PATTERNS,
        help="limit: which documents are relevant together; dense by default, the hardest.",
    )  # fmt: skip
    queries: int | None = option(default=None, low=1, help="limit: so many; 1,000 by default.")
    relevant: int | None = option(
        default=None, low=1, help="limit: relevant documents of each query; 2 by default."
    )
    likes: int | None = option(
        default=None, low=1, help="limit: things that each person likes at least; 45 by default."
    )
    items: str | None = option(
        default=None,
        metavar="FILE",
        help="limit: a file of things to like, one a line; its own 1,848 by default.",
    )
    seed: int = option(default=0, low=0, help="Seed of the sample, or of names and likes.")

    def of_builder(self, name: str) -> dict[str, Any]:
        """Return what the builder ``name`` takes, by key; raises `UsageError` for a choice that it could only ignore."""
        taken = BUILDER_OPTIONS.get(name, BUILDER_OPTIONS["stdlib"])
        for key, item in options_of(BuildOptions).items():
            if key not in taken and getattr(self, item.field) != item.default:
                owners = " or ".join(n for n, keys in BUILDER_OPTIONS.items() if key in keys)
                raise UsageError(
                    f"{item.flags[0]} is for collection build {owners}, not {name}",
                    f"leave {item.flags[0]} out",
                )
        values = {key: getattr(self, key) for key in taken}
        return {key: value for key, value in values.items() if value is not None or key == "sample"}


@declare
class SplitOptions(Options):
    """Passages that documents are cut into."""

    unit: str = option(default="words", choices=UNITS, help="Unit of a passage's length.")
    size: int | None = option(
        default=None, low=1,
        help="Units of a passage: 100 words, 10 sentences, or as many tokens as the model reads, by default.",
    )  # fmt: skip
    stride: int | None = option(
        default=None, low=1,
        help="Units from the beginning of a passage to that of the next; by default none overlap.",
    )  # fmt: skip
    title: bool = option(
        default=False, help="The document's title in front of every passage; else the first alone has it."
    )
    encoder: str | None = option(
        default=None, when=_OF_TOKENS, help="Model whose tokens are counted, as of index dense --encoder."
    )
    revision: str | None = option(default=None, when=_OF_TOKENS, help="Revision of the model on the hub.")
    document_prompt: str | None = option(
        default=None, flags=("--prefix",), blank=True, when=_OF_TOKENS,
        help="What encoding puts before each document; the model's own by default.",
    )  # fmt: skip
    delimiter: str = option(default="#", help="Stands between document and passage in an id.")
    name: str | None = option(
        default=None, help="Name of the collection; made of its own, unit and size by default."
    )

    def __post_init__(self) -> None:
        """Refuse passages that would leave words out, and tokens of no model."""
        super().__post_init__()
        size = self.size or SIZES.get(self.unit)
        if size is not None and self.stride is not None and self.stride > size:
            raise UsageError(
                f"--stride {self.stride} is more than a passage has, the {self.unit} between two would be left out",
                f"--stride is 1 to {size} here",
            )
        if self.unit == "tokens" and self.encoder is None:
            raise UsageError("tokens are those of a model", "name it: --encoder all-MiniLM-L6-v2")
        if not self.delimiter.isprintable() or any(c.isspace() for c in self.delimiter):
            raise UsageError(
                f"--delimiter {self.delimiter!a} cannot stand in an id", "printable characters, no blanks"
            )


@declare
class SampleOptions(Options):
    """Part of a collection that is kept."""

    documents: int | None = option(default=None, low=1, help="So many documents, judged ones included.")
    queries: int | None = option(default=None, low=1, help="So many queries of each set, chosen by hash.")
    keep_judged: bool = option(
        default=False, help="All documents that the queries' judgements name; chance chooses the others only."
    )
    seed: int = option(default=0, low=0, help="Seed of the sample.")
    name: str | None = option(
        default=None, help="Name of the collection; its own and the numbers by default."
    )

    def __post_init__(self) -> None:
        """Refuse a sample that is the whole."""
        super().__post_init__()
        if self.documents is None and self.queries is None:
            raise UsageError("a sample of what?", "give --documents N, --queries N, or both")
