"""Splits and their files: the training queries of each fold, and its test queries in each regime.

Source of the protocols: Zhan et al., "Evaluating Interpolation and Extrapolation Performance of Neural Retrieval
Models", CIKM 2022. Documents are never split.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput
from intrex.data.io.files import fingerprint, read_json
from intrex.data.store.artifact import Build, build_artifact
from intrex.data.store.manifest import Manifest, read_manifest
from intrex.eval.tables import Table

KIND = "split"
FILE = "split.json"
SCHEMA = 1
REGIMES = ("interpolation", "extrapolation")
FEW = 100
"""Training queries of a fold below which a remark is made."""
SPREAD = 0.4
"""A standard deviation that nDCG@10 over queries often has: for messages about too few queries."""


@dataclass(frozen=True)
class Fold:
    """Training of the protocol, with its test queries.

    Attributes:
        name: its name in the leaderboard.
        train: ids of its training queries, in byte order.
        regimes: ids of the test queries of each regime, in byte order; a query is in one regime at most.
        similarity: for each regime the mean, over its test queries, of the highest similarity to a training query.
    """

    name: str
    train: tuple[str, ...]
    regimes: Mapping[str, tuple[str, ...]]
    similarity: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        used: set[str] = set(self.train)
        if list(self.train) != sorted(used):
            raise ValueError(f"the training queries of fold {self.name} are not sorted, or repeat")
        for regime, ids in self.regimes.items():
            if regime not in REGIMES or list(ids) != sorted(set(ids)):
                raise ValueError(f"the queries of fold {self.name}, {regime}, are not sorted, or repeat")
            if used & set(ids):
                raise ValueError(f"fold {self.name} has a query twice: {min(used & set(ids))}")
            used |= set(ids)


@dataclass(frozen=True)
class Split:
    """Folds, and what they were made with.

    Attributes:
        protocol: ``resttest``, ``restrain``, ``shift`` or ``import``.
        folds: in order of their names as made.
        params: what decided them: k, seed, restarts, unit...
        encoder: what compared the queries: the spec of an encoder, ``{"kind": "bm25"}``, or None.
        sources: for ``train`` and ``test`` where the queries came from, as ``COLLECTION:SET``.
    """

    protocol: str
    folds: tuple[Fold, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    encoder: Mapping[str, Any] | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name in the column ``split`` of a leaderboard: the protocol and a fingerprint of all folds."""
        return f"{self.protocol}-{self.fingerprint[:12]}"

    @property
    def fingerprint(self) -> str:
        """sha256 of the folds' ids."""
        return fingerprint([[f.name, f.train, dict(f.regimes)] for f in self.folds])

    @property
    def test_ids(self) -> list[str]:
        """Every test query, in byte order."""
        return sorted({i for f in self.folds for ids in f.regimes.values() for i in ids})

    @property
    def train_ids(self) -> list[str]:
        """Every training query, in byte order."""
        return sorted({i for f in self.folds for i in f.train})


def check_disjoint(train: Sequence[str], test: Sequence[str]) -> None:
    """Raise `BadInput` if training and test queries share ids."""
    shared = sorted(set(train) & set(test))
    if shared:
        raise BadInput(
            f"{len(shared):,} queries are in training and test, for example {', '.join(shared[:3])}",
            "a query that is trained on says nothing of either regime: take other query sets",
        )


def check_test_queries(folds: int, train: int, test: int, least: int) -> None:
    """Raise `BadInput` if no partition of the test queries gives each of several folds ``least`` of its own.

    Needs no vectors, so that it can be asked before anything is encoded.

    Args:
        folds: how many folds share out the test queries.
        train: training queries.
        test: test queries.
        least: the fewest test queries of a regime in a fold.
    """
    if test >= (needed := folds * least):
        return
    hints = []
    if (per_query := train // (2 * max(test, 1))) and test >= least:
        hints.append(
            f"split restrain, whose folds are tested on all of them (--per-query {per_query} at most; in a recipe "
            'protocol = "restrain")'
        )
    if (most := test // max(least, 1)) >= 2:
        hints.append(f"--k {most} at most")
    raise BadInput(
        f"too few test queries: {folds} folds with {least} of their own each need {needed:,}, there are {test:,} "
        f"(of {test // folds} the 95% interval is about ±{2 * SPREAD / max(test // folds, 1) ** 0.5:.2f})",
        "; or ".join([*hints, "more test queries, or a smaller --min-queries"]),
    )


def check_sizes(folds: Iterable[Fold], least: int) -> None:
    """Raise `BadInput` naming every fold and regime with fewer than ``least`` test queries, and what that means."""
    small = [
        f"fold {f.name}, {regime}: {len(ids)} queries (95% interval about ±{2 * SPREAD / max(len(ids), 1) ** 0.5:.2f})"
        for f in folds
        for regime, ids in f.regimes.items()
        if len(ids) < least
    ]
    if small:
        more = f" and {len(small) - 5} more" if len(small) > 5 else ""
        raise BadInput(
            f"too few test queries, {least} are needed: {'; '.join(small[:5])}{more}",
            f"fewer folds, more queries, or a smaller --min-queries; the intervals are for a standard deviation of {SPREAD}",
        )
    if empty := next((f.name for f in folds if not f.train), None):
        raise BadInput(f"fold {empty} has no training query", "fewer folds, or more training queries")


def write_split(split: Split, out: Path, overwrite: bool = False) -> None:
    """Write ``split.json`` and the ids of each fold as plain files, one a line."""

    def make(build: Build) -> Manifest:
        folds = []
        for fold in split.folds:
            folder = build.path / "folds" / fold.name
            folder.mkdir(parents=True)
            for name, ids in {"train": fold.train, **fold.regimes}.items():
                (folder / f"{name}.txt").write_text("".join(f"{i}\n" for i in ids), encoding="utf-8")
            sizes = {regime: len(ids) for regime, ids in fold.regimes.items()}
            entry = {"name": fold.name, "train": len(fold.train), "regimes": sizes}
            folds.append({**entry, "similarity": dict(fold.similarity)})
        head = {
            "schema": SCHEMA,
            "protocol": split.protocol,
            "fingerprint": split.fingerprint,
            "params": dict(split.params),
            "encoder": split.encoder,
            "sources": dict(split.sources),
            "folds": folds,
        }
        text = json.dumps(head, indent=2, ensure_ascii=False) + "\n"
        (build.path / FILE).write_text(text, encoding="utf-8")
        return Manifest(KIND, split.fingerprint, params={"protocol": split.protocol, **split.params})

    inputs = fingerprint([KIND, SCHEMA, split.fingerprint, dict(split.params), split.encoder])
    build_artifact(out, inputs, make, overwrite=overwrite)


def read_split(path: Path) -> Split:
    """Read what `write_split` wrote; raises `BadInput` when it is missing, damaged or of another schema."""
    rebuild = "intrex split resttest TRAIN TEST OUT --overwrite"
    read_manifest(path, (KIND,), rebuild)
    head = read_json(path / FILE)
    if head.get("schema") != SCHEMA:
        raise BadInput(f"schema {head.get('schema')!r} is not one this intrex reads ({path / FILE})", rebuild)
    try:
        folds = []
        for entry in head["folds"]:
            folder = path / "folds" / entry["name"]
            ids = {name: _ids(folder / f"{name}.txt") for name in ("train", *entry["regimes"])}
            folds.append(Fold(entry["name"], ids.pop("train"), ids, entry["similarity"]))
        split = Split(head["protocol"], tuple(folds), head["params"], head["encoder"], head["sources"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"damaged split: {error!r} ({path / FILE})", rebuild) from error
    if split.fingerprint != head["fingerprint"]:
        raise BadInput(f"damaged split: its ids are not those that were written ({path})", rebuild)
    return split


def _ids(path: Path) -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8").splitlines())


def split_table(split: Split) -> Table[str | int]:
    """Return for each fold its queries, and the mean highest similarity of test to training queries by regime."""
    headers = ["fold", "train", *REGIMES]
    compared = [r for r in REGIMES if any(r in f.similarity for f in split.folds)]
    gaps = any(len(f.similarity) == len(REGIMES) for f in split.folds)
    headers += [*(f"similarity, {r}" for r in compared), *(["similarity, gap"] if gaps else [])]
    rows: list[list[str | int]] = []
    for f in split.folds:
        cells = [f"{f.similarity[r]:.4f}" if r in f.similarity else "" for r in compared]
        if gaps:
            complete = len(f.similarity) == len(REGIMES)
            cells.append(f"{f.similarity[REGIMES[0]] - f.similarity[REGIMES[1]]:+.4f}" if complete else "")
        rows.append([f.name, len(f.train), *(len(f.regimes.get(r, ())) for r in REGIMES), *cells])
    return headers, rows


def split_remarks(split: Split) -> list[str]:
    """List what a user should know before training: groups that were left out, folds with few training queries."""
    out = []
    if left_out := split.params.get("left_out"):
        out.append(f"left out, with too few test queries or on one side only: {', '.join(left_out)}")
    if few := [f"{f.name} ({len(f.train)})" for f in split.folds if 0 < len(f.train) < FEW]:
        out.append(
            f"few training queries in fold {', '.join(few)}: a model that learns nothing from them has no gap"
        )
    return out
