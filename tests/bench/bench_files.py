"""CPU time of reading files of other tools, beside the plainest reader of each form in the same minutes.

A JSON run beside `json.load`, a Parquet run beside pyarrow's `read_table`, a corpus in CSV beside the same as JSON lines.
Each is read in a process of its own, in turn, after a small file of the form, so that nothing is compiled or imported
while the clock runs; least CPU time of the rounds. Runs are of 1,000 documents a query, with ids of MS MARCO's form.
"""

import argparse
import csv
import json
import os
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from intrex.data.errors import Problems
from intrex.data.importers.sources import import_collection
from intrex.data.rankings.columns import read_tabular_cells
from intrex.data.runformats import read_any_run
from tests.bench.process import in_a_process
from tests.bench.targets import Targets

DEPTH, PASSAGES, WORDS = 1000, 8_841_823, 60
JSON, COLUMNS, PARQUET, CSV = "JSON run", "Parquet run, its columns", "Parquet run, in order", "CSV corpus"
Reader = Callable[[Path], object]


def load_json(path: Path) -> object:
    with path.open(encoding="utf-8") as stream:
        return json.load(stream)


def read_arrow(path: Path) -> object:
    from pyarrow import parquet

    return parquet.read_table(path)


def read_columns(path: Path) -> object:
    return read_tabular_cells(path, Problems(path.name))


def take_in(path: Path) -> object:
    with TemporaryDirectory(dir=".") as folder:
        return import_collection(path, Path(folder) / "c").n_documents


READERS: dict[str, tuple[str, Reader]] = {
    "ours-json": ("run.json", read_any_run),
    "json.load": ("run.json", load_json),
    "columns": ("run.parquet", read_columns),
    "ours-parquet": ("run.parquet", read_any_run),
    "pyarrow": ("run.parquet", read_arrow),
    "csv": ("corpus.csv", take_in),
    "jsonl": ("corpus.jsonl", take_in),
}
"""File and reader by step."""
PAIRS = {
    JSON: ("ours-json", "json.load", 2.0),
    COLUMNS: ("columns", "pyarrow", 2.0),
    PARQUET: ("ours-parquet", "pyarrow", 2.0),
    CSV: ("csv", "jsonl", 2.0),
}
"""What is measured, beside what, and how many times its CPU time it may take, though pyarrow neither sorts a run nor checks it."""


def make(folder: Path, queries: int, documents: int) -> None:
    """Write the files of all forms."""
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir()
    rng = np.random.default_rng(1)
    depth = min(DEPTH, queries * 10)
    names = [str(n) for n in rng.choice(1_102_400, queries, replace=False).tolist()]
    docs = [[str(d) for d in rng.choice(PASSAGES, depth, replace=False).tolist()] for _ in names]
    scores = np.sort(np.abs(rng.normal(9, 2.2, (queries, depth))).round(6))[:, ::-1]
    with (folder / "run.json").open("w", encoding="utf-8") as stream:
        rows = zip(names, docs, scores.tolist(), strict=True)
        json.dump({name: dict(zip(ids, own, strict=True)) for name, ids, own in rows}, stream)
    columns = {
        "q_id": np.repeat(names, depth).tolist(), "doc_id": list(chain.from_iterable(docs)), "score": scores.ravel(),
    }  # fmt: skip
    parquet.write_table(pa.table(columns), folder / "run.parquet")
    with (
        (folder / "corpus.csv").open("w", encoding="utf-8", newline="") as table,
        (folder / "corpus.jsonl").open("w", encoding="utf-8") as lines,
    ):
        out = csv.writer(table)
        out.writerow(["id", "title", "text"])
        for i in range(documents):
            words = [f"word{n}" for n in rng.integers(0, 50_000, WORDS).tolist()]
            title, text = " ".join(words[:5]), ", ".join(words[5:])
            out.writerow([f"d{i}", title, text])
            lines.write(json.dumps({"_id": f"d{i}", "title": title, "text": text}) + "\n")


def measure(step: str) -> float:
    """Return the CPU seconds of one reader in this process."""
    name, read = READERS[step]
    read(Path("small") / name)
    start = time.process_time()
    read(Path("large") / name)
    return time.process_time() - start


def main(queries: int, documents: int, rounds: int) -> None:
    targets = Targets()
    with TemporaryDirectory() as folder:
        make(Path(folder) / "small", 3, 100)
        make(Path(folder) / "large", queries, documents)
        took: dict[str, list[float]] = {step: [] for step in READERS}
        for _ in range(rounds):
            for step in READERS:
                took[step].append(float(in_a_process("bench_files", folder, step)[-1]))
        sizes = {step: (Path(folder) / "large" / name).stat().st_size for step, (name, _) in READERS.items()}
    best = {step: min(seconds) for step, seconds in took.items()}
    print(
        "| file | MB | CPU s | beside | its CPU s | times its CPU time |\n| --- | --: | --: | --- | --: | --: |"
    )
    for name, (ours, theirs, most) in PAIRS.items():
        ratio = best[ours] / best[theirs]
        cells = f"{sizes[ours] / 1e6:,.0f} | {best[ours]:.2f} | {theirs} | {best[theirs]:.2f} | {ratio:.2f}"
        print(f"| {name} | {cells} |", flush=True)
        targets.at_most(f"{name}: CPU time by that of {theirs}", ratio, most)
    targets.report()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", nargs="?", choices=READERS)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in", dest="folder", help="Of a step: its working directory.")
    asked = parser.parse_args()
    if asked.step:
        os.chdir(asked.folder)
        print(measure(asked.step))
    else:
        main(asked.queries, asked.documents, asked.rounds)
