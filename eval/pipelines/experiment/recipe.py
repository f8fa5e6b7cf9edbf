"""Experiment recipes: a TOML file to a list of stages."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, Problems
from intrex.data.io.files import write_text
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.experiment.check import check_recipe
from intrex.eval.pipelines.experiment.describe import QUICK, describe
from intrex.eval.pipelines.experiment.stages import Stage
from intrex.eval.pipelines.experiment.variants import SystemExpansion, folds_of
from intrex.retrievers.rerank.options import OUTSIDE

LEADERBOARD = "leaderboard"


@dataclass(frozen=True)
class Recipe:
    """A checked recipe.

    Attributes:
        name: its name.
        file: name of its file.
        queries: the query set that is searched.
        stages: in the order in which they run.
        systems: the systems of the leaderboard, in order.
        measures: canonical names.
        train: the training queries' set; None without a split.
        encoders: of each system, by its name: none of them should be the one that compares the split's queries.
        groups: which queries are one observation, as ``--groups`` of `compare` takes it.
        descriptions: how each system is fused and trained, by its name, see `describe`.
        tables: the recipe as it was checked, to be written again.
    """

    name: str
    file: str
    queries: str
    stages: tuple[Stage, ...]
    systems: tuple[str, ...]
    measures: tuple[str, ...]
    train: str | None = None
    encoders: Mapping[str, str] = field(default_factory=dict)
    groups: str | None = None
    descriptions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def outside(self) -> list[str]:
        """Programs that its stages would start and addresses that they would call."""
        scorers = [str(system.get("with", "")) for system in self.tables.get("system", ())]
        return [scorer for scorer in scorers if scorer.startswith(OUTSIDE)]

    def text(self) -> str:
        """Write the recipe in TOML: `read_recipe` of it gives the same stages."""
        import tomli_w

        return tomli_w.dumps(dict(self.tables))


def shipped_recipes() -> dict[str, Path]:
    """Find the recipes that come with intrex, by name."""
    root = Path(str(files("intrex.data.recipes")))
    return {p.stem: p for p in sorted(root.glob("*.toml"))}


def read_recipe(text: str, change: Callable[[dict[str, Any]], None] = lambda _: None) -> Recipe:
    """Read a recipe from a path, or a shipped one by its name.

    Args:
        text: the path or the name.
        change: sees the tables before they are checked, and may change them.

    Raises:
        BadInput: not found, not TOML, or with keys or values that cannot be; all of them are named.
    """
    shipped = shipped_recipes()
    path = Path(text)
    if not path.is_file():
        if text not in shipped:
            raise BadInput(f"recipe not found: {text}", f"name a TOML file, or one of: {', '.join(shipped)}")
        path = shipped[text]
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"broken TOML: {error} ({path.name})") from error
    change(raw)
    problems = Problems(path.name, "docs/tutorial.md has a recipe to start from")
    check_recipe(raw, path.name, problems)
    problems.raise_if_any()
    return _stages(raw, path.name)


def _stages(raw: Mapping[str, Any], file: str) -> Recipe:
    measures = tuple(str(m) for m in parse_measures(raw["measures"]))
    queries, split = raw["queries"], raw.get("split")
    stages = [Stage("collection", "collection", dict(raw["collection"]))]
    expansion = SystemExpansion(raw, folds_of(split) if split else 0)
    runs = expansion.runs
    groups = raw.get("groups")
    quick = {QUICK: "yes"} if raw.get(QUICK) else {}
    described = {
        system["name"]: words for system in raw["system"] if (words := {**describe(system), **quick})
    }
    grouped: dict[str, Any] = {} if groups is None else {"groups": groups}
    ranked = grouped | ({"systems": described} if described else {})
    systems = list(dict.fromkeys(system for system, _ in runs.values()))
    scored = {"queries": queries, "measures": list(measures)}
    if split:
        params = {**split, "train": expansion.train_set, "test": queries}
        stages += [Stage("split", "split", params, ("collection",)), *expansion.stages]
        stages.append(
            Stage("scores", "fold-scores", {**scored, "runs": runs}, ("collection", "split", *runs))
        )
        stages.append(Stage(LEADERBOARD, "fold-leaderboard", ranked, ("scores", "split")))
        tested = {"systems": systems, "measures": list(measures), **grouped}
        stages.append(Stage("tests", "fold-tests", tested, ("scores", "split")))
    else:
        stages += expansion.stages
        stages.append(Stage("scores", "evaluate", scored, ("collection", *runs)))
        stages.append(Stage(LEADERBOARD, "leaderboard", ranked, ("scores",)))
    encoders = {
        s["name"]: "" if name.startswith(OUTSIDE) else name
        for s in raw["system"]
        for name in [str(s.get("with" if "rerank" in s else "encoder", ""))]
    }
    train = expansion.train_set if split else None
    return Recipe(
        raw["name"],
        file,
        queries,
        tuple(stages),
        tuple(systems),
        measures,
        train,
        encoders,
        groups,
        described,
        raw,
    )


def write_recipe(path: Path, collection: str, query_set: str, overwrite: bool = False) -> None:
    """Write a recipe to start from, with comments.

    Raises:
        IntrexError: there is a file of that name, and ``overwrite`` is off.
    """
    import json

    text = (files("intrex.data.recipes") / "new.txt").read_text(encoding="utf-8")
    words = {"NAME": path.stem, "COLLECTION": collection, "SET": query_set}
    for word, value in words.items():  # JSON's strings are TOML's
        text = text.replace(f'"{word}"', json.dumps(value, ensure_ascii=False))
    write_text(path, text, overwrite)
