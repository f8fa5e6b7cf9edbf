"""Checks of recipes: every key with its kind and range, and what belongs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from intrex.data.builders.options import BUILDER_OPTIONS, BuildOptions
from intrex.data.builders.registry import BUILDERS
from intrex.data.errors import IntrexError, Problems, UsageError, json_type, nearest_name
from intrex.data.ids import id_problem
from intrex.data.options import Option, Options, options_of, unmet_conditions
from intrex.encoders.options import FAMILIES, EncoderKind, EncoderOptions, TokenEncoderOptions
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.experiment.faults import fusion_faults, hint_of, scorer_faults, texts_of
from intrex.eval.pipelines.experiment.keys import (
    FUSED,
    LONGEST_NAME,
    ORIGINS,
    RERANKED,
    TOP,
    TRAINED,
    build_values,
    search_values,
    system_keys,
)
from intrex.eval.pipelines.experiment.variants import UNTRAINED
from intrex.eval.splits.options import PROTOCOLS
from intrex.retrievers.fusion.methods import METHODS
from intrex.retrievers.fusion.options import FuseOptions
from intrex.retrievers.options import INDEXES, IndexKind
from intrex.retrievers.rerank.options import RerankOptions


def check_recipe(raw: Mapping[str, Any], file: str, problems: Problems) -> None:
    """Report everything that cannot be in a recipe, each with its table and key."""
    _Check(file, problems).recipe(raw)


class _Check:
    """Checks of one recipe, in the order of its tables; what is wrong goes to ``problems``."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.file = file
        self.problems = problems

    def add(self, where: str, message: str) -> None:
        self.problems.add(f"{self.file}, {where}", message)

    def recipe(self, raw: Mapping[str, Any]) -> None:
        where = "top level"
        self.keys(raw, TOP, where)
        for key in ("name", "queries"):
            if key in raw and raw[key] != "" and isinstance(raw[key], str):
                self.word(raw[key], f"{key} is", where)
        for measure in texts_of(raw.get("measures")):
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
        self.kinds: dict[str, str] = {}  # of index, by the name of an earlier system
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
        foreign = [key for keys in ORIGINS.values() for key in keys if key not in known]
        refused = dict.fromkeys(foreign, "/".join(origins))
        name = table.get("build")
        if isinstance(name, str) and name in BUILDER_OPTIONS:
            others = set(options_of(BuildOptions)) - set(BUILDER_OPTIONS[name])
            refused |= dict.fromkeys(sorted(others), f"build {name}")
        self.keys(table, known, where, refused=refused, needed=False)
        if name and isinstance(name, str) and name not in BUILDERS:
            self.add(where, f"build: there is no {name!r}: {nearest_name(name, BUILDERS.table)}")

    def protocol(self, table: Mapping[str, Any]) -> None:
        where, name = "[split]", table.get("protocol")
        usable = {n: p for n, p in PROTOCOLS.items() if p.folds is not None}
        values = {key: value for key, value in table.items() if key != "protocol"}
        if name in usable:
            known = options_of(usable[str(name)].options)
            foreign = {k for p in usable.values() for k in options_of(p.options) if k not in known}
            self.keys(values, known, where, refused=dict.fromkeys(foreign, f"protocol {name}"))
        elif name is None:
            self.add(where, "lacks 'protocol'")
        else:
            self.add(where, f"protocol is {name!r}: {nearest_name(str(name), usable)}")
        if "encoder" not in table:
            self.add(where, "lacks 'encoder'")

    def system(self, table: Mapping[str, Any], number: int, earlier: Sequence[str]) -> None:
        name = table.get("name")
        where = f"[[system]] {number}" + (f" {name}" if isinstance(name, str) and name else "")
        if not isinstance(name, str):
            self.add(where, "needs a name")
        elif self.word(name, "name is", where):
            pass  # and reported
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
        elif "index" in table:
            self.index(table, where, earlier)
        else:
            self.add(where, f"needs fuse, rerank, or index as one of: {', '.join(_built_kinds())}")

    def training(self, table: Mapping[str, Any], where: str) -> None:
        """Report a training that cannot be: of what learns nothing, or without a split."""
        if not isinstance(self.split, dict):
            self.add(where, "train needs a [split]: it makes a model for each fold")
        elif "rerank" not in table:
            kind = _built_kinds().get(str(table.get("index")))
            if kind is None or kind.encoder is None or kind.sources != ("collection",):
                self.add(where, "train is for systems whose index has an encoder of its own, and for rerank")
            elif FAMILIES[kind.encoder].kind_of(str(table.get("encoder", "")))[0].trains is None:
                self.add(where, f"the {str(table.get('encoder')).partition(':')[0]} encoder learns nothing")
        if not isinstance(table["train"], dict):
            self.add(where, f"train must be a table such as {{epochs = 1}}, not {json_type(table['train'])}")
            return
        self.keys(table["train"], TRAINED, f"{where}, train", needed=False)

    def reranker(self, table: Mapping[str, Any], where: str, earlier: Sequence[str]) -> None:
        before = self.problems.count
        self.keys(table, RERANKED, where)
        if "depth" not in table:
            self.add(where, "lacks 'depth'")
        if ("with" in table) == ("index" in table):
            self.add(where, "needs either with, a model, or index, the name of an earlier system")
        self.unmet(where, options_of(RerankOptions), table)
        if isinstance(table.get("with"), str):
            for fault in scorer_faults(table["with"], "train" in table):
                self.add(where, fault)
        for key, verb in (("rerank", "reranks"), ("index", "reranks by")):
            source = table.get(key)
            known = earlier if key == "rerank" else [n for n in earlier if n in self.kinds]
            if isinstance(source, str) and source not in known:
                self.add(
                    where, f"{verb} {source!r}, which is not an earlier system: {hint_of(source, known)}"
                )
        if self.problems.count == before:
            self.options(RerankOptions, table, where)

    def options(self, kind: type[Options], table: Mapping[str, Any], where: str) -> None:
        """Report what options refuse together, though each of them can be."""
        try:
            kind.read({key: value for key, value in table.items() if key in options_of(kind)})
        except UsageError as error:
            self.add(where, error.message)

    def index(self, table: Mapping[str, Any], where: str, earlier: Sequence[str]) -> None:
        kinds, problems = _built_kinds(), self.problems.count
        kind = kinds.get(str(table["index"]))
        if kind is None:
            self.add(where, f"index is {table['index']!r}: {nearest_name(str(table['index']), kinds)}")
            return
        known, refused = system_keys(kind), {}
        encoder = table.get("encoder")
        if kind.encoder is not None and isinstance(encoder, str):
            encoder_kind = FAMILIES[kind.encoder].kind_of(encoder)[0]
            lacking = [key for key in options_of(TokenEncoderOptions) if not encoder_kind.takes(key)]
            refused = dict.fromkeys(lacking, f"the {encoder_kind.name} encoder")
            # the others load a model, and say then what is wrong with their name
            if not encoder_kind.weights:
                self.encoder(encoder_kind, encoder.partition(":")[2], where)
        if "tokens" in known:
            self.tokens(table, where, kind)
            if "tokens" in table:
                refused |= dict.fromkeys(options_of(EncoderOptions), "a system with tokens")
        self.keys(table, known, where, refused=refused)
        search, declared = search_values(kind, table), options_of(kind.search)
        if isinstance(table.get("search"), dict):
            self.keys(table["search"], declared, f"{where}, search", needed=False)
        second = search.get("with")
        if "with" in declared and isinstance(second, str) and second not in earlier:
            self.add(
                where, f"mixes in {second!r}, which is not an earlier system: {hint_of(second, earlier)}"
            )
        build, build_options = build_values(kind, table), options_of(kind.build)
        self.unmet(where, build_options, build)
        defaults = {key: option.default for key, option in build_options.items()}
        self.unmet(where, declared, search, {**defaults, **build, "tokens": table.get("tokens")})
        if self.problems.count == problems:
            try:
                kind.search.read(search)
            except UsageError as error:  # of what does not go together
                self.add(where, error.message)
        if isinstance(table.get("name"), str):
            self.kinds[table["name"]] = kind.name

    def encoder(self, kind: EncoderKind, name: str, where: str) -> None:
        """Report an encoder without weights that its name does not make."""
        try:
            kind.load().create(name, TokenEncoderOptions())
        except IntrexError as error:
            self.add(where, f"encoder: {error.message}")

    def tokens(self, table: Mapping[str, Any], where: str, kind: IndexKind) -> None:
        """Report what an index of another index cannot be made of."""
        if ("tokens" in table) == ("encoder" in table):
            self.add(where, f"needs either tokens, the name of a {kind.sources[0]} system, or encoder")
        source = table.get("tokens")
        names = [name for name, kind_name in self.kinds.items() if kind_name in kind.sources]
        if isinstance(source, str) and source not in names:
            hint = hint_of(source, names)
            self.add(where, f"tokens: {source!r} is not an earlier {kind.sources[0]} system: {hint}")

    def unmet(
        self,
        where: str,
        declared: Mapping[str, Option],
        values: Mapping[str, Any],
        built: Mapping[str, Any] | None = None,
        apart: str = "",
    ) -> None:
        """Report choices that depend on others, but ``apart``, which are not as they need."""
        sound = {k: v for k, v in values.items() if k in declared and not [*declared[k].problems(v)]}
        for key, needed in unmet_conditions(declared, sound, built):
            if needed.key != apart:
                self.add(where, f"{key} is for {needed.spell(needed.key)}")

    def fusion(self, table: Mapping[str, Any], where: str, earlier: Sequence[str]) -> None:
        method = str(table.get("method", "rrf"))
        usable = [name for name, one in METHODS.items() if not one.trained]
        if method in METHODS and method not in usable:
            self.add(where, f"method {method} learns from training queries, which a recipe does not search")
        elif method not in usable:
            self.add(where, f"method is {method!r}: {nearest_name(method, usable)}")
        foreign = [
            key for key, option in options_of(FuseOptions).items()
            if option.when is not None and option.when.key == "method" and method in METHODS
            and not option.when.holds({"method": method})
        ]  # fmt: skip
        refused = dict.fromkeys(("index", "rerank", "train"), "a fused system")
        refused |= dict.fromkeys(foreign, f"method {method}")
        self.keys(table, FUSED, where, refused=refused)
        for fault in fusion_faults(table, earlier):
            self.add(where, fault)
        if method in usable:  # the method itself was looked at
            self.unmet(where, options_of(FuseOptions), table, apart="method")
            if table.get("norm") == "tmm" and "infima" not in table:
                self.add(where, "norm tmm needs infima, the lowest score that each system could give")

    def word(self, value: str, prefix: str, where: str) -> bool:
        """Report a name that cannot be a file's, after a prefix such as ``name is``; tell whether it cannot."""
        bad = bool(id_problem(value)) or "/" in value or value.startswith(".")
        bad = bad or len(value.encode("utf-8", "replace")) > LONGEST_NAME
        if bad:
            needed = "one word without / that does not begin with a dot is needed"
            self.add(where, f"{prefix} {value[:40]!r}: {needed}")
        return bad

    def keys(
        self,
        table: Mapping[str, Any],
        known: Mapping[str, Option],
        where: str,
        refused: Mapping[str, str] | None = None,
        needed: bool = True,
    ) -> None:
        for key, value in table.items():
            if refused and key in refused:
                self.add(where, f"{key} does not belong to {refused[key]}, it would be ignored")
            elif key not in known:
                self.add(where, f"unknown key {key!r}: {nearest_name(key, known)}")
            else:
                for problem in known[key].problems(value):
                    self.add(where, f"{key} {problem}")
        for key, option in known.items() if needed else ():
            if option.required and key not in table:
                self.add(where, f"lacks {key!r}")


def _built_kinds() -> dict[str, IndexKind]:
    """Return the kinds of indexes that a recipe can name."""
    return {name: kind for name in INDEXES if (kind := INDEXES.load(name)).build is not None}
