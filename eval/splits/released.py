"""Judgement files that Zhan et al. released for MS MARCO, as splits.

Source: github.com/jingtaozhan/extrapolate-eval: ``resttest_files/DATASET/bucket-K/{train,interpolate.SET,
extrapolate.SET}-qrel.txt`` and ``restrain_files/DATASET/SIZE/{interpolate,extrapolate}.train-qrel.txt``, TREC qrels.
Both are also read without the folder DATASET. Those of 200k repeat some lines: 5 in interpolate, 3 in extrapolate.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from intrex.data.errors import BadInput
from intrex.data.ids import as_strings
from intrex.data.qrels import read_qrels
from intrex.eval.splits.split import Fold, Split


def read_resttest(folder: Path, test_set: str) -> Split:
    """Read the buckets of one test set (``dev``, ``trec19``, ``trec20``).

    Training ids are read where ``train-qrel.txt`` is there: that file is large and may be missing, in which case the
    folds have no training queries.

    Raises:
        BadInput: there is no bucket, or it lacks the test set (the message names those there are).
    """
    buckets = sorted(folder.rglob("bucket-*"), key=lambda p: (len(p.name), p.name))
    if not buckets:
        raise BadInput(f"no bucket-1, bucket-2, ... below {folder}", "name the folder resttest_files/DATASET")
    folds = []
    for bucket in buckets:
        files = {r: bucket / f"{part}.{test_set}-qrel.txt" for r, part in _PARTS.items()}
        if missing := next((f for f in files.values() if not f.is_file()), None):
            names = {f.name.split(".")[1].removesuffix("-qrel") for f in bucket.glob("*.*-qrel.txt")}
            raise BadInput(f"not found: {missing} (test sets there: {', '.join(sorted(names))})")
        train = bucket / "train-qrel.txt"
        ids = _ids(train) if train.is_file() else ()
        folds.append(Fold(bucket.name.removeprefix("bucket-"), ids, {r: _ids(f) for r, f in files.items()}))
    return Split("import", tuple(folds), {"released": "resttest", "test_set": test_set, "k": len(folds)})


def read_restrain(folder: Path, test_ids: Sequence[str]) -> Split:
    """Read the two training sets of one size, tested on the queries named."""
    files = {r: folder / f"{part}.train-qrel.txt" for r, part in _PARTS.items()}
    if missing := next((f for f in files.values() if not f.is_file()), None):
        raise BadInput(f"not found: {missing}", "name the folder restrain_files/DATASET/SIZE")
    tests = tuple(sorted(test_ids))
    folds = tuple(Fold(r, _ids(f), {r: tests}) for r, f in files.items())
    return Split("import", folds, {"released": "restrain", "size": folder.name})


_PARTS = {"interpolation": "interpolate", "extrapolation": "extrapolate"}


def _ids(path: Path) -> tuple[str, ...]:
    return tuple(sorted(as_strings(read_qrels(path, repeats=True).query_ids)))
