"""What may stand in a recipe: every key with its kind and range, and what belongs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from intrex.data.builders.registry import BUILDERS
from intrex.data.errors import IntrexError, Problems, json_type, nearest_name
from intrex.data.ids import id_problem
from intrex.encoders.base import EncoderOptions
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.experiment.keys import (
    ENCODED,
    FUSE,
    FUSED,
    INDEX,
    LONGEST_NAME,
    MAKERS,
    ORIGINS,
    PROTOCOLS,
    RERANKED,
    SPLIT,
    TEXT,
    TOP,
    TRAINED,
    WITHOUT,
    Key,
    is_a,
)
from intrex.eval.pipelines.experiment.variants import UNTRAINED
from intrex.retrievers.fusion.fuse import MAX_WEIGHT
from intrex.retrievers.vectors.options import ENGINES, AnnConfig


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
        self.keys(raw, TOP, where, ("name", "queries", "measures", "collection", "system"))
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
        self.split = raw.get("split")
        if isinstance(self.split, dict):
            self.protocol(self.split)
        elif "train" in raw:
            self.add(where, "train is the training set of a split, and there is no [split]")
        systems = raw.get("system")
        earlier: list[str] = []
        self.tokens: list[str] = []  # the multivector systems among them
        for i, system in enumerate(systems if isinstance(systems, list) else [], 1):
            if isinstance(system, dict):
                self.system(system, i, earlier)
                earlier.append(str(system.get("name")))

    def collection(self, table: Mapping[str, Any]) -> None:
        where = "[collection]"
        origins = [key for key in ORIGINS if key in table]
        if len(origins) != 1:
            self.add(where, "needs either build or import")
        known = {k: v for key in origins or ORIGINS for k, v in ORIGINS[key].items()}
        others = [key for keys in ORIGINS.values() for key in keys if key not in known]
        self.keys(table, known, where, refused=dict.fromkeys(others, "/".join(origins)))
        name = table.get("build")
        if name and isinstance(name, str) and name not in BUILDERS:
            self.add(where, f"build: there is no {name!r}: {nearest_name(name, BUILDERS.table)}")

    def protocol(self, table: Mapping[str, Any]) -> None:
        where = "[split]"
        protocol = str(table.get("protocol", ""))
        own = PROTOCOLS.get(protocol, {})
        others = {k: f"protocol {protocol}" for keys in PROTOCOLS.values() for k in keys if k not in own}
        needed = ("protocol", "encoder", *(["per_query"] if protocol == "restrain" else []))
        # of an unknown protocol only that is reported
        known = {**SPLIT, **(own or {k: v for keys in PROTOCOLS.values() for k, v in keys.items()})}
        self.keys(table, known, where, needed, others if own else None)

    def system(self, table: Mapping[str, Any], number: int, earlier: Sequence[str]) -> None:
        name = table.get("name")
        where = f"[[system]] {number}" + (f" {name}" if isinstance(name, str) and name else "")
        if not isinstance(name, str) or self.word(name, "name is", where):
            if not isinstance(name, str):
                self.add(where, "needs a name")
        elif name in earlier:
            self.add(where, f"repeats the name {name!r}")
        elif name.endswith(UNTRAINED):
            self.add(where, f"names ending in {UNTRAINED} are those of the untrained forms of others")
        if "train" in table:
            self.training(table, where)
        if "fuse" in table:
            self.fusion(table, where, earlier)
        elif "rerank" in table:
            self.reranker(table, where, earlier)
        elif table.get("index") in tuple(INDEX):
            self.index(table, where)
            if table["index"] == "multivector":
                self.tokens.append(str(name))
        elif "index" in table:
            self.add(where, f"index is {table['index']!r}: {nearest_name(str(table['index']), INDEX)}")
        else:
            self.add(where, f"needs fuse, rerank, or index as one of: {', '.join(INDEX)}")

    def training(self, table: Mapping[str, Any], where: str) -> None:
        """Report a training that cannot be: of what learns nothing, or without a split."""
        if not isinstance(self.split, dict):
            self.add(where, "train needs a [split]: it makes a model for each fold")
        elif "rerank" not in table and table.get("index") not in ("dense", "multivector", "sparse"):
            self.add(where, "train is for dense, multivector and sparse indexes and for rerank")
        elif str(table.get("encoder", "")).partition(":")[0] == "hashing":
            self.add(where, "the hashing encoder learns nothing")
        if isinstance(table["train"], dict):
            self.keys(table["train"], TRAINED, f"{where}, train")
        else:
            self.add(where, f"train must be a table such as {{epochs = 1}}, not {json_type(table['train'])}")

    def reranker(self, table: Mapping[str, Any], where: str, earlier: Sequence[str]) -> None:
        known = {"name": TEXT, "train": Key(dict, empty=True), **RERANKED}
        self.keys(table, known, where, ("with", "depth"), {"index": "a reranking system"})
        source = table["rerank"]
        if isinstance(source, str) and source not in earlier:
            there = nearest_name(source, earlier) if earlier else "there is none"
            self.add(where, f"reranks {source!r}, which is not an earlier system: {there}")

    def index(self, table: Mapping[str, Any], where: str) -> None:
        known = {"name": TEXT, "index": TEXT, "train": Key(dict, empty=True), **INDEX[table["index"]]}
        needed = ("encoder",) if "encoder" in known and "tokens" not in known else ()
        if "engine" in known:
            self.ann(table, where)
        if "tokens" in known:
            self.fde(table, where)
        encoder = table.get("encoder")
        if not isinstance(encoder, str) or "encoder" not in known:
            ignored = ENCODED if "tokens" in table else ()
            self.keys(table, known, where, needed, dict.fromkeys(ignored, "a system with tokens"))
            return
        encoders, make = MAKERS[table["index"]]
        kind = encoder.partition(":")[0]
        kind = kind if kind in encoders else table["index"]
        refused = WITHOUT.get(kind, set())
        self.keys(table, known, where, needed, dict.fromkeys(refused, f"the {kind} encoder"))
        if kind == "hashing":  # the others load a model, and say then what is wrong with their name
            try:
                make(encoder, EncoderOptions())
            except IntrexError as error:
                self.add(where, f"encoder: {error.message}")

    def ann(self, table: Mapping[str, Any], where: str) -> None:
        """Report numbers of another engine than the one that is named."""
        engine = table.get("engine", "flat")
        if engine not in ENGINES:  # the values are looked at elsewhere
            return
        try:
            AnnConfig.named(table)
        except IntrexError as error:
            self.add(where, error.message.replace("--", ""))
        for key, needed in (("ef_search", "hnsw"), ("nprobe", "ivf")):
            if key in table and not engine.startswith(needed):
                self.add(where, f"{key} is for {needed}, the engine is {engine}")

    def fde(self, table: Mapping[str, Any], where: str) -> None:
        """Report what an FDE index cannot be made of, and what its search cannot do."""
        if ("tokens" in table) == ("encoder" in table):
            self.add(where, "needs either tokens, the name of a multivector system, or encoder")
        tokens = table.get("tokens")
        if isinstance(tokens, str) and tokens not in self.tokens:
            there = nearest_name(tokens, self.tokens) if self.tokens else "there is none"
            self.add(where, f"tokens: {tokens!r} is not an earlier multivector system: {there}")
        if "candidates" in table and "tokens" not in table:
            self.add(
                where, "candidates are ranked by the token vectors of a multivector system: name it by tokens"
            )
        if "ball_carving" in table and "candidates" not in table:
            self.add(where, "ball_carving is for ranking candidates: it needs candidates")

    def fusion(self, table: Mapping[str, Any], where: str, earlier: Sequence[str]) -> None:
        method = table.get("method", "rrf")
        own = {key: value for keys in FUSE.values() for key, value in keys.items()}
        strange = set(own) - set(FUSE.get(str(method), own))
        known = {"name": TEXT, **FUSED, **own}
        refused = {"index": "a fused system", "rerank": "a fused system", "train": "a fused system"}
        refused |= dict.fromkeys(strange, f"method {method}")
        self.keys(table, known, where, refused=refused)
        parts = _texts(table["fuse"])
        for part in parts:
            if part not in earlier:
                there = nearest_name(part, earlier) if earlier else "there is none"
                self.add(where, f"fuses {part!r}, which is not an earlier system: {there}")
        if isinstance(table["fuse"], list) and len(table["fuse"]) == 1:
            self.add(where, "needs two or more systems to fuse")
        weights = table.get("weights")
        if isinstance(weights, list) and weights and all(is_a(w, float) for w in weights):
            if len(weights) != len(parts):
                self.add(where, f"has {len(weights)} weights for {len(parts)} systems")
            if not all(0 <= w <= MAX_WEIGHT for w in weights) or not any(weights):
                self.add(where, f"weights must be from 0 to {MAX_WEIGHT:g} and not all zero: {weights}")

    def word(self, value: str, what: str, where: str) -> bool:
        """Report a name that cannot be a file's; returns whether it did."""
        bad = bool(id_problem(value)) or "/" in value or value.startswith(".")
        if bad or len(value.encode("utf-8", "replace")) > LONGEST_NAME:
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
                self.add(where, f"unknown key {key!r}: {nearest_name(key, known)}")
            else:
                for wrong in known[key].problems(value):
                    self.add(where, f"{key} {wrong}")
        for key in required:
            if key not in table:
                self.add(where, f"lacks {key!r}")


def _texts(value: object) -> list[str]:
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []
