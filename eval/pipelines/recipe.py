"""Experiment recipes: a TOML file to a list of stages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, Problems
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.recipecheck import check_recipe
from intrex.eval.pipelines.recipekeys import SEARCHED
from intrex.eval.pipelines.stages import Stage


@dataclass(frozen=True)
class Recipe:
    """A checked recipe: its name, its file's, its query set, its stages, and the system of each run stage."""

    name: str
    file: str
    queries: str
    stages: tuple[Stage, ...]
    systems: tuple[str, ...]


def shipped_recipes() -> dict[str, Path]:
    """The recipes that come with intrex, by name."""
    root = Path(str(files("intrex.data.recipes")))
    return {p.stem: p for p in sorted(root.glob("*.toml"))}


def read_recipe(text: str) -> Recipe:
    """Read a recipe from a path, or a shipped one by its name.

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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"broken TOML: {error} ({path.name})") from error
    problems = Problems(path.name, "docs/tutorial.md has a recipe to start from")
    check_recipe(raw, path.name, problems)
    problems.raise_if_any()
    return _stages(raw, path.name)


def _stages(raw: Mapping[str, Any], file: str) -> Recipe:
    measures = [str(m) for m in parse_measures(raw["measures"])]
    queries, k = raw["queries"], raw.get("k", 1000)
    stages = [Stage("collection", "collection", dict(raw["collection"]))]
    runs = []
    for system in raw["system"]:
        name = system["name"]
        rest = {key: value for key, value in system.items() if key not in ("name", "index", "fuse")}
        if "fuse" in system:
            inputs = tuple(f"run/{part}" for part in system["fuse"])
            stages.append(
                Stage(f"run/{name}", "fuse", {"method": "rrf", **rest, "k": k, "tag": name}, inputs)
            )
        else:
            searched = {key: rest.pop(key) for key in SEARCHED if key in rest}
            tokens = rest.pop("tokens", None)
            made_of = ("collection",) if tokens is None else ("collection", f"index/{tokens}")
            stages.append(Stage(f"index/{name}", system["index"], rest, made_of))
            params = {"queries": queries, "k": k, "tag": name, **searched}
            stages.append(Stage(f"run/{name}", "search", params, ("collection", f"index/{name}")))
        runs.append(f"run/{name}")
    stages.append(
        Stage("scores", "evaluate", {"queries": queries, "measures": measures}, ("collection", *runs))
    )
    stages.append(Stage("leaderboard", "leaderboard", {}, ("scores",)))
    systems = tuple(r.removeprefix("run/") for r in runs)
    return Recipe(raw["name"], file, queries, tuple(stages), systems)
