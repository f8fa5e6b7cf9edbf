"""Options of vector search, exact and approximate: the engines and their numbers; plain data."""

from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Self

from intrex.data.errors import MissingExtra, UsageError
from intrex.data.options import Options, When, declare, option, options_of
from intrex.retrievers.options import SearchOptions

ENGINES = ("flat", "sq8", "pq", "hnsw", "hnsw-sq8", "ivf", "ivf-sq8", "ivf-pq")
"""flat, sq8 and pq compare every vector: as it is, in 8 bits a dimension, or product-quantised (Jegou et al. 2011). hnsw goes
along a graph (Malkov and Yashunin 2018), ivf compares the vectors nearest to some of many centroids, both of vectors or codes."""
HNSW, IVF = ("hnsw", "hnsw-sq8"), ("ivf", "ivf-sq8", "ivf-pq")
_PQ = ("pq", "ivf-pq")
PANEL = "Approximate search"


@declare
class AnnConfig(Options, panel=PANEL):
    """Options of the engine that finds the nearest vectors; keys and flags are pyserini's or faiss's.

    ``lists`` None is 4 times the root of the number of vectors; ``pq_m`` None cuts into parts of 8 dimensions, PQ-256-8
    in the MUVERA paper.
    """

    engine: str = option(
        default="flat", choices=ENGINES, flags=("--ann",), switches={"--hnsw": "hnsw", "--pq": "pq"},
        help="What finds the nearest vectors, by faiss; flat compares all: exact.",
    )  # fmt: skip
    links: int = option(
        default=32, key="M", low=2, when=When("engine", HNSW), help="Links of a node of the graph."
    )
    ef_construction: int = option(
        default=128, key="efC", low=1, when=When("engine", HNSW),
        help="Nodes in view while the graph is built.",
    )  # fmt: skip
    lists: int | None = option(
        default=None, key="nlist", low=1, when=When("engine", IVF),
        help="Inverted lists; 4 times the root of the documents by default.",
    )  # fmt: skip
    pq_m: int | None = option(
        default=None, low=1, when=When("engine", _PQ),
        help="Parts of a vector; of 8 dimensions each by default.",
    )  # fmt: skip
    pq_nbits: int = option(default=8, low=1, high=12, when=When("engine", _PQ), help="Bits of a part's code.")

    def require_engine(self) -> None:
        """Raise `MissingExtra` where faiss is to build the index and is not installed; imports nothing."""
        if self.engine != ENGINES[0] and find_spec("faiss") is None:
            raise MissingExtra("faiss-cpu", "ann", f"--engine {self.engine}")

    def resolved(self, n: int, dim: int) -> Self:
        """Return this configuration for n vectors [dim], with nothing left open.

        Raises:
            UsageError: parts that do not divide the dimensions, or too few vectors to learn from.
        """
        lists = self.lists or min(int(4 * n**0.5), max(1, n // 39))
        pq_m = self.pq_m or (dim // 8 if dim % 8 == 0 else dim)
        if self.pq and dim % pq_m:
            raise UsageError(
                f"{dim:,} dimensions cannot be cut into {pq_m:,} equal parts",
                "choose a --pq-m that divides them",
            )
        if self.pq and n < 2**self.pq_nbits:
            raise UsageError(
                f"codes of {self.pq_nbits} bits need {2**self.pq_nbits:,} vectors to learn from, there are {n:,}",
                "choose fewer --pq-nbits, or another engine: so few vectors are searched exactly in no time",
            )
        if self.ivf and n < lists:
            raise UsageError(f"{lists:,} lists for {n:,} vectors", "choose fewer --nlist")
        # What its engine has not stays open.
        return replace(self, lists=lists if self.ivf else None, pq_m=pq_m if self.pq else None)

    @property
    def pq(self) -> bool:
        """True where vectors are product-quantised."""
        return self.engine.endswith("pq")

    @property
    def ivf(self) -> bool:
        """True where there are inverted lists."""
        return self.engine.startswith("ivf")

    @property
    def lossy(self) -> bool:
        """True where the engine stores codes of the vectors only."""
        return self.engine.endswith(("pq", "sq8"))

    @property
    def factory(self) -> str:
        """Name for faiss's index factory; ``np``: codes are not renumbered for a search by Hamming distance."""
        parts = self.engine.split("-")
        structure = {"hnsw": f"HNSW{self.links},", "ivf": f"IVF{self.lists},"}
        codes = {"sq8": "SQ8", "pq": f"PQ{self.pq_m}x{self.pq_nbits}np"}
        return structure.get(parts[0], "") + codes.get(parts[-1], "Flat")

    def params(self) -> dict[str, Any]:
        """Return the options that its engine has, for a manifest."""
        declared = options_of(AnnConfig)
        values = {key: getattr(self, item.field) for key, item in declared.items()}
        return {k: v for k, v in values.items() if (when := declared[k].when) is None or when.holds(values)}


FLAT = AnnConfig()


@declare
class NearestOptions(SearchOptions, panel=PANEL):
    """Options of a search for the nearest vectors."""

    engine: str = option(
        default="native", choices=("native", "faiss"),
        help="What searches exactly, with the same result.",
    )  # fmt: skip
    ef_search: int | None = option(
        default=None, low=1, when=When("engine", HNSW, built=True),
        help="Nodes of a graph in view; never fewer than --k and 32 more.",
    )  # fmt: skip
    nprobe: int | None = option(
        default=None, low=1, when=When("engine", IVF, built=True),
        help="Inverted lists that are looked through; 16 by default.",
    )  # fmt: skip
