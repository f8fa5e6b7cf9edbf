"""What may stand in a recipe: every key with its kind and range, and what belongs together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intrex.data.builders.registry import BUILDERS
from intrex.data.errors import IntrexError, Problems, a_kind, nearest
from intrex.data.ids import id_problem
from intrex.data.registry import Registry
from intrex.encoders.base import (
    ENCODERS,
    SPARSE_ENCODERS,
    TOKEN_ENCODERS,
    EncoderOptions,
    make_encoder,
    make_sparse_encoder,
    make_token_encoder,
)
from intrex.encoders.single import KINDS as SINGLES
from intrex.encoders.transformer import DTYPES
from intrex.eval.measures import parse_measures
from intrex.retrievers.fusion import MAX_WEIGHT, METHODS
from intrex.retrievers.impact_build import BITS
from intrex.retrievers.multivector import STORES

_MOST = 2**31 - 1
_LONGEST_NAME = 200  # bytes: it becomes a file name, with a suffix
_FLOAT32 = 3.4028234663852886e38


@dataclass(frozen=True)
class Key:
    """What the value of a key may be: its kind, the range of a number, the kind of a list's items, the known names."""

    kind: type
    low: float = -math.inf
    high: float = math.inf
    item: type | None = None
    known: tuple[object, ...] = ()
    empty: bool = False

    def problems(self, value: object) -> Iterator[str]:
        """What is wrong with a value."""
        if not _is_a(value, self.kind):
            yield f"is {a_kind(value)}, needed: {a_kind(self.kind())}"
        elif isinstance(value, (int, float)) and not self.low <= value <= self.high:
            yield f"is {value}, needed: {_range(self.low, self.high)}"
        elif value in ("", []) and not self.empty:
            yield "is empty"
        elif self.known and value not in self.known:
            yield f"is {value!r}: {nearest(str(value), map(str, self.known))}"
        elif isinstance(value, list) and self.item:
            for part in value:
                if not _is_a(part, self.item):
                    yield f"holds {a_kind(part)}, needed: {a_kind(self.item())}"


def _is_a(value: object, kind: type) -> bool:
    """Whether a TOML value is of a kind; an integer is a number, a truth value is not."""
    if kind is bool:
        return isinstance(value, bool)
    return isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)


def _range(low: float, high: float) -> str:
    return f"a finite number of {low:.10g} or more" if high >= _MOST else f"{low:.10g} to {high:.10g}"


_COUNT = Key(int, 1, _MOST)
_TEXT = Key(str)
_TOP = {
    "name": _TEXT,
    "queries": _TEXT,
    "measures": Key(list, item=str),
    "k": _COUNT,
    "collection": Key(dict),
    "system": Key(list, item=dict),
}
_ORIGINS = {
    "build": {"build": _TEXT, "sample": _COUNT, "seed": Key(int, 0, _MOST)},
    "import": {"import": _TEXT},
}
_PROMPTS = {
    key: Key(str, empty=True) for key in ("query_prompt", "document_prompt")
}  # empty: not the model's own
_ENCODED = {
    "encoder": _TEXT,
    "dtype": Key(str, known=tuple(DTYPES)),
    "max_length": _COUNT,
    **_PROMPTS,
    "batch_size": _COUNT,
}
_INDEX = {
    "bm25": {"k1": Key(float, 0, _FLOAT32), "b": Key(float, 0, 1)},
    "dense": _ENCODED,
    "multivector": {
        **_ENCODED,
        "query_length": _COUNT,
        "whole_words": Key(bool),
        "pool_factor": Key(float, 1, _FLOAT32),
        "protected_tokens": Key(int, 0, _MOST),
        "single": Key(str, known=tuple(SINGLES)),
        "store": Key(str, known=STORES),
    },
    "sparse": {**_ENCODED, "quantize": Key(int, known=BITS)},
}
_MAKERS: dict[str, tuple[Registry, Callable[[str, EncoderOptions], object]]] = {
    "dense": (ENCODERS, make_encoder),
    "multivector": (TOKEN_ENCODERS, make_token_encoder),
    "sparse": (SPARSE_ENCODERS, make_sparse_encoder),
}  # what an index's encoder is one of, and what makes it
_WITHOUT = {
    "hashing": {"dtype", "max_length", "query_length", "single", *_PROMPTS},
    "static": {"dtype", *_PROMPTS},
}  # keys of an encoded index that some encoders refuse
_FUSE = {
    "rrf": {"rrf_k": Key(float, 0, _FLOAT32)},
    "wsum": {"weights": Key(list, item=float)},
}
_FUSED = {"fuse": Key(list, item=str), "method": Key(str, known=METHODS), "depth": _COUNT}


def check_recipe(raw: Mapping[str, Any], file: str, problems: Problems) -> None:
    """Report everything that cannot be in a recipe, each with its table and key."""
    _Check(file, problems).recipe(raw)


class _Check:
    def __init__(self, file: str, problems: Problems) -> None:
        self.file = file
        self.problems = problems

    def add(self, where: str, what: str) -> None:
        self.problems.add(f"{self.file}, {where}", what)

    def recipe(self, raw: Mapping[str, Any]) -> None:
        where = "top level"
        self.keys(raw, _TOP, where, ("name", "queries", "measures", "collection", "system"))
        for key in ("name", "queries"):
            if key in raw and raw[key] != "" and isinstance(raw[key], str):
                self.word(raw[key], f"{key} is", where)
        for measure in _texts(raw.get("measures")):
            try:
                parse_measures([measure])
            except IntrexError as error:
                self.add(where, f"measures: {error.message}")
        if isinstance(raw.get("collection"), dict):
            self.collection(raw["collection"])
        systems = raw.get("system")
        earlier: list[str] = []
        for i, system in enumerate(systems if isinstance(systems, list) else [], 1):
            if isinstance(system, dict):
                self.system(system, i, earlier)
                earlier.append(str(system.get("name")))

    def collection(self, table: Mapping[str, Any]) -> None:
        where = "[collection]"
        origins = [key for key in _ORIGINS if key in table]
        if len(origins) != 1:
            self.add(where, "needs either build or import")
        known = {k: v for key in origins or _ORIGINS for k, v in _ORIGINS[key].items()}
        others = [key for keys in _ORIGINS.values() for key in keys if key not in known]
        self.keys(table, known, where, refused=dict.fromkeys(others, "/".join(origins)))
        name = table.get("build")
        if name and isinstance(name, str) and name not in BUILDERS:
            self.add(where, f"build: there is no {name!r}: {nearest(name, BUILDERS.table)}")

    def system(self, table: Mapping[str, Any], number: int, earlier: Sequence[str]) -> None:
        name = table.get("name")
        where = f"[[system]] {number}" + (f" {name}" if isinstance(name, str) and name else "")
        if not isinstance(name, str) or self.word(name, "name is", where):
            if not isinstance(name, str):
                self.add(where, "needs a name")
        elif name in earlier:
            self.add(where, f"repeats the name {name!r}")
        if "fuse" in table:
            self.fusion(table, where, earlier)
        elif table.get("index") in tuple(_INDEX):
            self.index(table, where)
        elif "index" in table:
            self.add(where, f"index is {table['index']!r}: {nearest(str(table['index']), _INDEX)}")
        else:
            self.add(where, f"needs fuse, or index as one of: {', '.join(_INDEX)}")

    def index(self, table: Mapping[str, Any], where: str) -> None:
        known = {"name": _TEXT, "index": _TEXT, **_INDEX[table["index"]]}
        needed = ("encoder",) if "encoder" in known else ()
        encoder = table.get("encoder")
        if not isinstance(encoder, str) or not needed:
            self.keys(table, known, where, needed)
            return
        encoders, make = _MAKERS[table["index"]]
        kind = encoder.partition(":")[0]
        kind = kind if kind in encoders else table["index"]
        refused = _WITHOUT.get(kind, set())
        self.keys(table, known, where, needed, dict.fromkeys(refused, f"the {kind} encoder"))
        if kind == "hashing":  # the others load a model, and say then what is wrong with their name
            try:
                make(encoder, EncoderOptions())
            except IntrexError as error:
                self.add(where, f"encoder: {error.message}")

    def fusion(self, table: Mapping[str, Any], where: str, earlier: Sequence[str]) -> None:
        method = table.get("method", "rrf")
        own = {key: value for keys in _FUSE.values() for key, value in keys.items()}
        strange = set(own) - set(_FUSE.get(str(method), own))
        known = {"name": _TEXT, **_FUSED, **own}
        refused = {"index": "a fused system", **dict.fromkeys(strange, f"method {method}")}
        self.keys(table, known, where, refused=refused)
        parts = _texts(table["fuse"])
        for part in parts:
            if part not in earlier:
                there = nearest(part, earlier) if earlier else "there is none"
                self.add(where, f"fuses {part!r}, which is not an earlier system: {there}")
        if isinstance(table["fuse"], list) and len(table["fuse"]) == 1:
            self.add(where, "needs two or more systems to fuse")
        weights = table.get("weights")
        if isinstance(weights, list) and weights and all(_is_a(w, float) for w in weights):
            if len(weights) != len(parts):
                self.add(where, f"has {len(weights)} weights for {len(parts)} systems")
            if not all(0 <= w <= MAX_WEIGHT for w in weights) or not any(weights):
                self.add(where, f"weights must be from 0 to {MAX_WEIGHT:g} and not all zero: {weights}")

    def word(self, value: str, what: str, where: str) -> bool:
        """Report a name that cannot be a file's; returns whether it did."""
        bad = bool(id_problem(value)) or "/" in value or value.startswith(".")
        if bad or len(value.encode("utf-8", "replace")) > _LONGEST_NAME:
            self.add(
                where, f"{what} {value[:40]!r}: one word without / that does not begin with a dot is needed"
            )
            return True
        return False

    def keys(
        self,
        table: Mapping[str, Any],
        known: Mapping[str, Key],
        where: str,
        required: Sequence[str] = (),
        refused: Mapping[str, str] | None = None,
    ) -> None:
        for key, value in table.items():
            if refused and key in refused:
                self.add(where, f"{key} does not belong to {refused[key]}, it would be ignored")
            elif key not in known:
                self.add(where, f"unknown key {key!r}: {nearest(key, known)}")
            else:
                for wrong in known[key].problems(value):
                    self.add(where, f"{key} {wrong}")
        for key in required:
            if key not in table:
                self.add(where, f"lacks {key!r}")


def _texts(value: object) -> list[str]:
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []
