"""Experiment recipes: a TOML file to a list of stages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput, Problems, a_kind, nearest
from intrex.data.ids import id_problem
from intrex.eval.measures import parse_measures
from intrex.eval.pipelines.stages import Stage

_TOP = {"name": str, "queries": str, "measures": list, "k": int, "collection": dict, "system": list}
_COLLECTION = {"build": str, "import": str, "sample": int, "seed": int}
_INDEX: dict[str, dict[str, Any]] = {
    "bm25": {"k1": float, "b": float},
    "dense": {
        "encoder": str,
        "dtype": str,
        "max_length": int,
        "query_prompt": str,
        "document_prompt": str,
        "batch_size": int,
    },
}
_FUSE = {"fuse": list, "method": str, "weights": list, "rrf_k": float, "depth": int}


@dataclass(frozen=True)
class Recipe:
    """A checked recipe: its name, its stages, and the system of each run stage."""

    name: str
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
    _check(raw, path.name, problems)
    problems.raise_if_any()
    return _stages(raw)


def _check(raw: Mapping[str, Any], file: str, problems: Problems) -> None:
    _keys(
        raw,
        _TOP,
        file,
        "the recipe",
        problems,
        required=("name", "queries", "measures", "collection", "system"),
    )
    if "name" in raw and (
        id_problem(raw["name"]) or "/" in str(raw["name"]) or str(raw["name"]).startswith(".")
    ):
        problems.add(file, f"the recipe's name must be one word, it is {raw['name']!r}")
    origin = raw.get("collection", {})
    if isinstance(origin, dict):
        _keys(origin, _COLLECTION, file, "[collection]", problems)
        if ("build" in origin) == ("import" in origin):
            problems.add(file, "[collection] needs either build or import")
    names: list[str] = []
    systems = raw.get("system", [])
    for i, system in enumerate(systems if isinstance(systems, list) else [], 1):
        where = f"system {i}"
        name = system.get("name")
        if id_problem(name) or "/" in str(name):
            problems.add(file, f"{where} needs a name of one word, it is {name!r}")
        elif name in names:
            problems.add(file, f"{where} repeats the name {name!r}")
        _check_system(system, f"{where} ({name})", names, file, problems)
        names.append(str(name))


def _check_system(
    system: Mapping[str, Any], where: str, earlier: Sequence[str], file: str, problems: Problems
) -> None:
    if "fuse" in system:
        _keys(system, {"name": str, **_FUSE}, file, where, problems)
        parts = system["fuse"] if isinstance(system["fuse"], list) else []
        for part in parts:
            if part not in earlier:
                problems.add(file, f"{where} fuses {part!r}, which is not an earlier system")
        if len(parts) < 2:
            problems.add(file, f"{where} needs two or more systems to fuse")
    elif system.get("index") in _INDEX:
        _keys(system, {"name": str, "index": str, **_INDEX[system["index"]]}, file, where, problems)
        if system["index"] == "dense" and "encoder" not in system:
            problems.add(file, f"{where} needs an encoder")
    else:
        problems.add(file, f"{where} needs fuse, or index as one of: {', '.join(_INDEX)}")


def _keys(
    table: Mapping[str, Any],
    known: Mapping[str, type],
    file: str,
    where: str,
    problems: Problems,
    required: Sequence[str] = (),
) -> None:
    for key, value in table.items():
        if key not in known:
            problems.add(file, f"{where} has an unknown key {key!r}: {nearest(key, known)}")
        elif not isinstance(value, (int, float) if known[key] is float else known[key]) or isinstance(
            value, bool
        ):
            problems.add(file, f"{where}: {key} is {a_kind(value)}, needed: {a_kind(known[key]())}")
    for key in required:
        if key not in table:
            problems.add(file, f"{where} lacks {key!r}")


def _stages(raw: Mapping[str, Any]) -> Recipe:
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
            stages.append(Stage(f"index/{name}", system["index"], rest, ("collection",)))
            params = {"queries": queries, "k": k, "tag": name}
            stages.append(Stage(f"run/{name}", "search", params, ("collection", f"index/{name}")))
        runs.append(f"run/{name}")
    stages.append(
        Stage("scores", "evaluate", {"queries": queries, "measures": measures}, ("collection", *runs))
    )
    stages.append(Stage("leaderboard", "leaderboard", {}, ("scores",)))
    return Recipe(raw["name"], tuple(stages), tuple(r.removeprefix("run/") for r in runs))
