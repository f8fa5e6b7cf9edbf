"""Several query sets that one QRELS of the command line names, and their runs: a group of collections, or a pattern with {set}."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from intrex.data.collection import Collection
from intrex.data.errors import BadInput, UsageError, nearest_name
from intrex.data.group import CollectionGroup, is_group
from intrex.data.io.folder import COLLECTION_MANIFEST
from intrex.data.locate import Judged, find_qrels

PLACE = "{set}"
"""Place of a set's name in a pattern."""
_RUNS = "give a pattern such as 'runs/{set}.txt.gz', or a folder with a run for each, named after it"


@dataclass(frozen=True)
class QuerySets:
    """Query sets by name, each as `find_qrels` takes it.

    Attributes:
        qrels: COLLECTION:SET or a file of judgements, by the name of the set.
        group: name of the group of collections whose sets these all are; empty where there is none.
    """

    qrels: dict[str, str]
    group: str = ""

    def only(self, names: Iterable[str]) -> QuerySets:
        """Return some of the sets, which are no whole group; raises `UsageError` for a name that is none."""
        wanted = list(dict.fromkeys(names))
        for name in wanted:
            if name not in self.qrels:
                raise UsageError(f"there is no set {name!r}", nearest_name(name, list(self.qrels)))
        group = self.group if set(wanted) == self.qrels.keys() else ""
        return QuerySets({name: self.qrels[name] for name in self.qrels if name in wanted}, group)

    def judgements(self, subtopics: bool = False) -> dict[str, Judged]:
        """Read the judgements of each set.

        Raises:
            BadInput: they cannot be read, or two of the sets have one name in scores.
        """
        judged = {name: find_qrels(text, subtopics) for name, text in self.qrels.items()}
        files = [j.collection for j in judged.values() if not j.query_set]
        if len(set(files)) < len(files):  # the folders tell the files apart
            judged = {
                n: j if j.query_set else replace(j, collection=self.qrels[n].replace("/", "_"))
                for n, j in judged.items()
            }
        places: dict[str, str] = {}
        for name, j in judged.items():
            if (first := places.setdefault(j.name, name)) != name:
                raise BadInput(
                    f"the sets {first} and {name} are both called {j.name} in scores",
                    "import one of the collections under another --name",
                )
        return judged

    def runs(self, pattern: Path) -> dict[str, Path]:
        """Return the run of each set that a pattern, or a folder, names.

        Raises:
            BadInput: a set has none, or in a folder several.
            UsageError: it is one file.
        """
        text = str(pattern)
        if PLACE in text:
            files = {name: [Path(text.replace(PLACE, name))] for name in self.qrels}
            files = {name: [p for p in paths if p.exists()] for name, paths in files.items()}
        elif pattern.is_dir():
            files = {name: _named(pattern, name) for name in self.qrels}
        else:
            raise UsageError(f"{pattern} is one run, and there are {len(self.qrels)} query sets", _RUNS)
        if missing := [name for name, paths in files.items() if not paths]:
            raise BadInput(
                f"{pattern} has no run of {', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}: "
                f"{len(missing)} of {len(files)} sets",
                _RUNS,
            )
        for name, paths in files.items():
            if len(paths) > 1:
                raise BadInput(
                    f"two runs of {name}: {paths[0]} and {paths[1]}",
                    f"say which, as '{pattern}/{PLACE}.ENDING'",
                )
        return {name: paths[0] for name, paths in files.items()}


def _named(folder: Path, name: str) -> list[Path]:
    """Return the files of a folder whose name is that of a set, with any ending."""
    return [p for p in sorted(folder.glob(f"{glob.escape(name)}.*")) if p.is_file()]


def find_query_sets(text: str, names: tuple[str, ...] = ()) -> QuerySets | None:
    """Return the query sets that a QRELS names; None where it is that of one set.

    Several are ``GROUP`` or ``GROUP:SET``, or a pattern with ``{set}`` where their names stand: ``qrels/{set}.tsv``,
    ``data/{set}:test``, ``COLLECTION:{set}``.

    Args:
        text: what the user typed.
        names: of the sets, where not all are wanted.

    Raises:
        BadInput: nothing is there, or a collection lacks the set.
        UsageError: they are fewer than two, or the names are of no set.
    """
    folder, _, query_set = text.rpartition(":") if ":" in text and not Path(text).exists() else (text, "", "")
    if PLACE in text:
        sets = QuerySets(_matches(text))
    elif is_group(Path(folder)):
        sets = _of_group(CollectionGroup.open(Path(folder)), query_set)
    else:
        if names:
            raise UsageError(
                f"--sets is for several query sets, {text} is one", f"a group, or a pattern with {PLACE}"
            )
        return None
    sets = sets.only(names) if names else sets
    if len(sets.qrels) < 2:
        raise UsageError(
            f"{text} names one set, {next(iter(sets.qrels))}",
            f"give {next(iter(sets.qrels.values()))} and its run",
        )
    return sets


def _of_group(group: CollectionGroup, query_set: str) -> QuerySets:
    qrels, lacking = {}, []
    for name, path in group.paths.items():
        known = list(Collection.open(path).sets)
        if query_set in known or (not query_set and len(known) == 1):
            qrels[name] = f"{path}:{query_set or known[0]}"
        else:
            lacking.append(f"{name} ({', '.join(known) or 'none'})")
    if lacking:
        wanted = f"query set {query_set!r}" if query_set else "single query set"
        more = " ..." if len(lacking) > 5 else ""
        raise BadInput(
            f"{len(lacking)} of {len(group.paths)} collections of {group.name} have no {wanted}",
            f"their sets: {', '.join(lacking[:5])}{more}; name one that all have, as {group.path}:test",
        )
    return QuerySets(qrels, group.name)


def _matches(text: str) -> dict[str, str]:
    """Return what stands for {set} in each name that a pattern matches, and that name, in byte order."""
    folder, colon, query_set = text.rpartition(":") if ":" in text else (text, "", "")
    if PLACE in query_set:
        collection = Collection.open(Path(folder))
        expression = re.compile(re.escape(query_set).replace(re.escape(PLACE), "(.+)", 1))
        found = {m[1]: f"{folder}:{name}" for name in collection.sets if (m := expression.fullmatch(name))}
    else:
        paths = _glob(folder).items()
        found = {
            n: path + colon + query_set for n, path in paths if (Path(path) / COLLECTION_MANIFEST).is_file()
        }
        found = found or {n: path for n, path in _glob(text).items() if Path(path).is_file()}
    if not found:
        raise BadInput(
            f"nothing matches {text}",
            f"{PLACE} stands for the names of files of judgements, of collections or of sets",
        )
    return found


def _glob(pattern: str) -> dict[str, str]:
    """Return the names of paths that match, by what stands for {set}; which is the same wherever it stands twice."""
    literal = pattern.split(PLACE)
    first, *others = literal
    expression = re.escape(first) + "(?P<set>[^/]+)" + "(?P=set)".join(map(re.escape, others))
    paths = sorted(glob.glob("*".join(map(glob.escape, literal))))  # noqa: PTH207 (a pattern may be absolute)
    return {match["set"]: path for path in paths if (match := re.fullmatch(expression, path))}
