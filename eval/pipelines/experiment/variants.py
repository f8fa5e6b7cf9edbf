"""A recipe's systems as stages: once each, or under a split untrained and by fold and seed.

A system is trained if it says so, or if anything it is made of is: a fusion of BM25 and a trained encoder has a run for
each fold. Every trained system is there untrained too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from intrex.data.options import options_of
from intrex.encoders.options import CROSS, FAMILIES
from intrex.eval.pipelines.experiment.keys import TRAINED, build_values, search_values
from intrex.eval.pipelines.experiment.pins import model_name
from intrex.eval.pipelines.experiment.stages import Stage
from intrex.eval.splits.options import PROTOCOLS
from intrex.retrievers.options import INDEXES

UNTRAINED = ".untrained"
_NO_PARAMS = ("name", "fuse", "rerank", "train")


@dataclass(frozen=True)
class Variant:
    """One model of a system: untrained without a fold; folds and seeds count from 0."""

    fold: int | None = None
    seed: int = 0


def folds_of(split: Mapping[str, Any]) -> int:
    """Count the models that a split wants: one for each bucket of ReSTTest, one for each arm of ReSTrain."""
    protocol = PROTOCOLS[split["protocol"]]
    if isinstance(protocol.folds, int):
        return protocol.folds
    key = str(protocol.folds)
    return int(split.get(key, options_of(protocol.options)[key].default))


def trained_kind(system: Mapping[str, Any]) -> str:
    """Name the kind of model that `intrex train` makes for a system."""
    if "rerank" in system:
        return str(CROSS.trains)
    family = INDEXES.load(system["index"]).encoder
    if family is None:
        return ""
    return str(FAMILIES[family].kind_of(str(system.get("encoder", "")))[0].trains)


def second_list(system: Mapping[str, Any]) -> str | None:
    """Name the earlier system whose list the search of a system's index mixes in; None where it does not."""
    if "index" not in system or {"fuse", "rerank"} & set(system):
        return None
    second = search_values(INDEXES.load(system["index"]), system).get("with")
    return None if second is None else str(second)


class SystemExpansion:
    """Stages of the systems of a recipe, each after those that it is made of.

    Args:
        raw: the checked recipe.
        folds: models of each trained system and seed; 0 without a split.
    """

    def __init__(self, raw: Mapping[str, Any], folds: int) -> None:
        self.queries, self.k, self.train_set = raw["queries"], raw.get("k", 1000), raw.get("train", "train")
        self.folds = folds
        self.stages: list[Stage] = []
        self.runs: dict[str, list[Any]] = {}  # name in the leaderboard and fold, by stage
        self._seeds: dict[str, int] = {}  # of each system; 0: nothing of it is trained
        for system in raw["system"]:
            self._add(system)

    def _add(self, system: Mapping[str, Any]) -> None:
        name = system["name"]
        parts = [*system.get("fuse", []), *(system[k] for k in ("tokens", "rerank") if k in system)]
        parts += [system["index"]] if "rerank" in system and "index" in system else []
        parts += [second] if (second := second_list(system)) is not None else []
        seeds = system["train"].get("seeds", 1) if "train" in system and self.folds else 0
        self._seeds[name] = max([seeds, *(self._seeds[part] for part in parts)])
        expand = self._fuse if "fuse" in system else self._rerank if "rerank" in system else self._search
        for variant in self._variants(name):
            self.stages += expand(system, variant)
            trained = bool(self._seeds[name]) and variant.fold is None
            self.runs[self._name("run", name, variant)] = [name + UNTRAINED * trained, variant.fold]

    def _variants(self, name: str) -> list[Variant]:
        return [Variant(), *(Variant(f, s) for f in range(self.folds) for s in range(self._seeds[name]))]

    def _name(self, step: str, system: str, variant: Variant) -> str:
        """Name a stage; a part that has fewer seeds than the whole serves several of its models."""
        seeds = self._seeds[system]
        if not seeds:
            return f"{step}/{system}"
        if variant.fold is None:
            return f"{step}/{system}{UNTRAINED}"
        seed = f".seed-{min(variant.seed, seeds - 1) + 1}" if seeds > 1 else ""
        return f"{step}/{system}.fold-{variant.fold + 1}{seed}"

    def _fuse(self, system: Mapping[str, Any], variant: Variant) -> list[Stage]:
        inputs = tuple(self._name("run", part, variant) for part in system["fuse"])
        params = {"method": "rrf", "k": self.k, **_params(system), "tag": system["name"]}
        return [Stage(self._name("run", system["name"], variant), "fuse", params, inputs)]

    def _rerank(self, system: Mapping[str, Any], variant: Variant) -> list[Stage]:
        name, params = system["name"], {**_params(system), "queries": self.queries, "tag": system["name"]}
        training = self._training(system, system.get("with", ""), variant)
        scorer = [self._name("index", params.pop("index"), variant)] if "index" in params else []
        if training:
            params.pop("with")
        elif not scorer:
            params["untrained"] = "train" in system
        models = (*(t.name for t in training), *scorer)
        inputs = ("collection", self._name("run", system["rerank"], variant), *models)
        return [*training, Stage(self._name("run", name, variant), "rerank", params, inputs)]

    def _search(self, system: Mapping[str, Any], variant: Variant) -> list[Stage]:
        name, kind = system["name"], INDEXES.load(system["index"])
        params = build_values(kind, system)
        training = self._training(system, system.get("encoder", ""), variant)
        if training:
            params.pop("encoder")
        inputs = ["collection", *(t.name for t in training)]
        inputs += [self._name("index", system["tokens"], variant)] if "tokens" in system else []
        index = Stage(self._name("index", name, variant), kind.name, params, tuple(inputs))
        search = {"queries": self.queries, "k": self.k, "tag": name, **search_values(kind, system)}
        second = second_list(system)
        others = () if second is None else (self._name("run", second, variant),)
        run = Stage(self._name("run", name, variant), "search", search, ("collection", index.name, *others))
        return [*training, index, run]

    def _training(self, system: Mapping[str, Any], base: str, variant: Variant) -> list[Stage]:
        if "train" not in system or variant.fold is None:
            return []
        params = {
            "kind": trained_kind(system),
            "base": model_name(base),
            "set": self.train_set,
            "fold": variant.fold,
            "seed": variant.seed,
            **{key: value for key, value in system["train"].items() if key in TRAINED and key != "seeds"},
        }
        name = self._name("train", system["name"], variant)
        return [Stage(name, "train", params, ("collection", "split"))]


def _params(system: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in system.items() if key not in _NO_PARAMS}
