"""How an approximate search is built: the engines, their numbers, what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from intrex.data.errors import UsageError, nearest_name

ENGINES = {
    "flat": "every vector is compared: exact",
    "sq8": "every vector, in 8 bits a dimension",
    "pq": "every vector, product-quantised (Jegou et al. 2011)",
    "hnsw": "a graph (Malkov and Yashunin 2018)",
    "hnsw-sq8": "a graph over vectors in 8 bits a dimension",
    "ivf": "the vectors nearest to some of many centroids",
    "ivf-sq8": "as ivf, in 8 bits a dimension",
    "ivf-pq": "as ivf, product-quantised",
}

_FLAGS = {
    "links": "--M",
    "ef_construction": "--efC",
    "lists": "--nlist",
    "pq_m": "--pq-m",
    "pq_nbits": "--pq-nbits",
}
_KEYS = {"M": "links", "efC": "ef_construction", "nlist": "lists", "pq_m": "pq_m", "pq_nbits": "pq_nbits"}
"""The names of the numbers outside of Python: in manifests and recipes."""


@dataclass(frozen=True)
class AnnConfig:
    """What finds the nearest vectors, and how it is built; names in brackets are pyserini's or faiss's.

    Attributes:
        engine: one of `ENGINES`.
        links: of a node in the graph (M).
        ef_construction: how many are kept in view while the graph is built (efC).
        lists: centroids of an inverted file (nlist); None: 4 times the root of the number of vectors.
        pq_m: parts that a vector is cut into; None: parts of 8 dimensions, PQ-256-8 in the MUVERA paper.
        pq_nbits: bits of a part's code.
    """

    engine: str = "flat"
    links: int = 32
    ef_construction: int = 128
    lists: int | None = None
    pq_m: int | None = None
    pq_nbits: int = 8

    def resolved(self, n: int, dim: int) -> AnnConfig:
        """This configuration for n vectors [dim], with nothing left open.

        Raises:
            UsageError: an unknown engine, a number out of its range, or too few vectors to learn from.
        """
        if self.engine not in ENGINES:
            raise UsageError(f"unknown engine {self.engine!r}", nearest_name(self.engine, ENGINES))
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
        return AnnConfig(self.engine, self.links, self.ef_construction, lists, pq_m, self.pq_nbits)

    @classmethod
    def choose(
        cls, engine: str | None = None, hnsw: bool = False, pq: bool = False, **numbers: int | None
    ) -> AnnConfig:
        """What a user asked for: an engine by name, or by pyserini's flags; numbers that are None are left open.

        Raises:
            UsageError: two engines, one that is not known, or a number that another engine has.
        """
        named = [name for name in (engine, "hnsw" if hnsw else None, "pq" if pq else None) if name]
        if len(set(named)) > 1:
            raise UsageError(f"two engines: {', '.join(named)}", "name one, such as --engine hnsw-sq8")
        chosen = named[0] if named else "flat"
        if chosen not in ENGINES:
            raise UsageError(f"unknown engine {chosen!r}", nearest_name(chosen, ENGINES))
        own = {"links": "hnsw", "ef_construction": "hnsw", "lists": "ivf", "pq_m": "pq", "pq_nbits": "pq"}
        given = {name: value for name, value in numbers.items() if value is not None}
        for name in given:
            if own[name] not in chosen:
                raise UsageError(
                    f"{_FLAGS[name]} is for {own[name]}, the engine is {chosen}", f"leave {_FLAGS[name]} out"
                )
        return cls(chosen, **given)

    @property
    def pq(self) -> bool:
        """Whether vectors are product-quantised."""
        return self.engine.endswith("pq")

    @property
    def ivf(self) -> bool:
        """Whether there are inverted lists."""
        return self.engine.startswith("ivf")

    @property
    def lossy(self) -> bool:
        """Whether only codes of the vectors are kept."""
        return self.engine.endswith(("pq", "sq8"))

    @property
    def factory(self) -> str:
        """What faiss's index factory calls it; ``np``: codes are not renumbered for a search by Hamming distance."""
        structure = {"hnsw": f"HNSW{self.links},", "ivf": f"IVF{self.lists},"}.get(
            self.engine.split("-")[0], ""
        )
        kept = {"sq8": "SQ8", "pq": f"PQ{self.pq_m}x{self.pq_nbits}np"}
        return structure + kept.get(self.engine.split("-")[-1], "Flat")

    @classmethod
    def read(cls, params: Mapping[str, Any]) -> AnnConfig:
        """The inverse of `params`."""
        return cls(**{_KEYS.get(key, key): value for key, value in params.items()})

    @classmethod
    def named(cls, table: Mapping[str, Any]) -> AnnConfig:
        """What a recipe asks for by ``engine`` and its numbers; other keys are left alone. Errors as `choose`."""
        numbers = {name: table.get(key) for key, name in _KEYS.items()}
        return cls.choose(table.get("engine"), False, False, **numbers)

    def params(self) -> dict[str, Any]:
        """What of it matters for its engine, for a manifest."""
        out: dict[str, Any] = {"engine": self.engine}
        if self.engine.startswith("hnsw"):
            out |= {"M": self.links, "efC": self.ef_construction}
        if self.ivf:
            out["nlist"] = self.lists
        if self.pq:
            out |= {"pq_m": self.pq_m, "pq_nbits": self.pq_nbits}
        return out


FLAT = AnnConfig()


def ann_keys() -> tuple[str, ...]:
    """The keys that `AnnConfig.named` looks at."""
    return ("engine", *_KEYS)
