"""Measurements of a study, kept as it goes: a killed study does not repeat them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intrex.data.errors import BadInput
from intrex.data.io.files import fingerprint, read_json, write_text
from intrex.eval.pipelines.studies.muvera.methods import Setting


@dataclass(frozen=True)
class Cost:
    """Point of quality against cost.

    Attributes:
        method: name of the method.
        candidates: documents ranked by exact MaxSim; 0 for exact search.
        bytes: on disk for each document.
        ms: milliseconds of a query, its encoding not included, the best of some rounds.
        value: nDCG@10, or NaN without judgements.
        top10: recall of the exact top 10 in the final top 10.
    """

    method: str
    candidates: int
    bytes: float
    ms: float
    value: float
    top10: float


@dataclass(frozen=True)
class Measurement:
    """Figures of a method; for the first four see `Method`.

    Attributes:
        recall: by target, the recall at each depth of the study.
        needed: by target, the candidates that each recall of the study takes; None where none suffice.
        costs: quality and cost with several numbers of candidates.
    """

    name: str
    family: str
    dims: int
    bytes: float
    recall: dict[str, list[float]]
    needed: dict[str, list[int | None]]
    costs: list[Cost]

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Measurement:
        """Invert `dataclasses.asdict`."""
        return cls(**{**raw, "costs": [Cost(**cost) for cost in raw["costs"]]})


class MeasurementCache:
    """Files of one study in a folder, each with the key of what it was measured under.

    Args:
        folder: made when something is kept.
        setting: the index, queries, judgements and options.
        more: what else the figures depend on.
    """

    def __init__(self, folder: Path, setting: Setting, more: Any) -> None:
        indexes = [i.manifest.fingerprint for i in (setting.index, setting.compressed) if i is not None]
        judged = None if setting.qrels is None else setting.qrels.to_dict()
        options = [setting.options.threads, setting.options.batch_size, setting.deepest]
        self.key = fingerprint([indexes, setting.queries.ids, setting.queries.texts, judged, options, more])
        self.folder = folder

    def fetch(self, name: str, measure: Callable[[], Any]) -> Any:
        """Return what was kept under a name; if nothing was, or under other conditions, measure it and keep that, as JSON."""
        file = self.folder / f"{name}.json"
        with contextlib.suppress(BadInput, OSError):
            record = read_json(file)
            if record.get("key") == self.key and record.get("found") is not None:
                return record["found"]
        value = measure()
        write_text(file, json.dumps({"key": self.key, "found": value}) + "\n", overwrite=True)
        return value
