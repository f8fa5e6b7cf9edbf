"""File ``documents.tsv`` of a trained model: which documents it was trained on, as positives and as negatives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from intrex.data.errors import BadInput, Problems
from intrex.data.io.files import read_lines, write_text

NAME = "documents.tsv"
_HEAD = "document\tpositive\tnegative"


def write_uses(uses: Mapping[str, tuple[int, int]], model: Path) -> None:
    """Write of how many examples each document is the positive, and of how many a negative; a line each, by id."""
    lines = [_HEAD, *(f"{d}\t{positive}\t{negative}" for d, (positive, negative) in uses.items())]
    write_text(model / NAME, "\n".join(lines) + "\n")


def read_uses(model: Path) -> dict[str, tuple[int, int]]:
    """Read what `write_uses` wrote; raises `BadInput` when the model has no such file, or it is damaged."""
    path = model / NAME
    if not path.is_file():
        raise BadInput(
            f"the model does not say which documents it was trained on: no {NAME} ({model})",
            "name a model that `intrex train` made, with this version",
        )
    problems, uses = Problems(path.name, "train the model again"), dict[str, tuple[int, int]]()
    for number, line in read_lines(path, problems):
        cells = line.split("\t")
        if number == 1 and line == _HEAD:
            continue
        if len(cells) != 3 or not (cells[1].isdecimal() and cells[2].isdecimal()) or cells[0] in uses:
            problems.add(f"{path.name}:{number}", "not a document and two counts")
            continue
        uses[cells[0]] = int(cells[1]), int(cells[2])
    problems.raise_if_any()
    return uses
