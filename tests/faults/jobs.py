"""Commands that write, each in a small world of its own, for `tests.faults.test_fileops`."""

import json
import random
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

WORDS = [
    "lift",
    "drag",
    "wing",
    "flow",
    "heat",
    "plate",
    "layer",
    "speed",
    "shock",
    "sound",
    "body",
    "jet",
    "mach",
    "tail",
    "nose",
    "fin",
]
RECIPE = """name = "my"
queries = "test"
measures = ["nDCG@10"]
[collection]
import = "src"
[[system]]
name = "bm25"
index = "bm25"
[[system]]
name = "dense"
index = "dense"
encoder = "hashing:16"
[[system]]
name = "both"
fuse = ["bm25", "dense"]
"""
TRAINING = "--epochs 1 --batch-size 4 --max-pairs 8 --device cpu"


@dataclass(frozen=True)
class Job:
    """A command, what comes before it, what it makes, and what it needs.

    Attributes:
        line: the command.
        made: the file or folder that it makes.
        before: commands that make what it reads.
        old: a command that made another ``made`` before; without one nothing stands there.
        varying: names of files whose bytes differ from run to run (times).
        packages: that must be installed.
        apart: its files take their places one by one, each whole.
        seen: a command whose output ``seen.txt`` tells what was made, where bytes differ from run to run.
        heavy: one run takes seconds; only `make faults` does it.
        most: operations that are tried, spaced evenly, and the last six; all where it is 0.
    """

    line: str
    made: str
    before: tuple[str, ...] = ()
    old: str = ""
    varying: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    apart: bool = False
    seen: str = ""
    heavy: bool = False
    most: int = 0


BM25, DENSE, TOKENS = (
    "index bm25 c i",
    "index dense c d --encoder hashing:16",
    "index multivector c m --encoder hashing:16",
)
RUN = (BM25, "search i c:test -o r.txt --tag bm25")
RUNS = (*RUN, "search i c:test -o s.txt --k 3 --tag other")
SCORES = (*RUNS, "evaluate c:test r.txt s.txt -m nDCG@10 --scores scores.jsonl")
TRAINED = ("torch", "sentence_transformers", "accelerate", "datasets")
MINILM = "--base all-MiniLM-L6-v2"

JOBS = {
    "collection": Job("collection import src n", "n"),
    "collection of a zip": Job("collection import src.zip n --name z", "n"),
    "collection, another": Job("collection import src n --overwrite", "n", old="collection import more n --name o"),
    "group": Job("collection import sets n", "n"),
    "group, another": Job("collection import sets n --overwrite", "n", old="collection import sets n --name o"),
    "pool": Job("collection pool c more n", "n"),
    "passages": Job("collection split c n --size 5 --stride 3", "n"),
    "passages, another": Job("collection split c n --size 5 --overwrite", "n", old="collection split c n --size 4"),
    "sample": Job("collection sample c n --documents 36 --queries 9 --keep-judged", "n"),
    "stdlib": Job("collection build stdlib n --sample 5", "n", heavy=True, most=12),
    "bm25": Job(BM25, "i"),
    "bm25, another": Job(f"{BM25} --overwrite", "i", old=f"{BM25} --k1 2"),
    "add": Job("index add i more", "i", old=BM25),
    "remove": Job("index remove i d1 d7", "i", old=BM25),
    "merge": Job("index merge i", "i", (BM25, "index remove i d1"), old="index add i more"),
    "dense": Job(DENSE, "d"),
    "dense, another": Job(f"{DENSE} --overwrite", "d", old="index dense c d --encoder hashing:8"),
    "dense, graph": Job(f"{DENSE} --engine hnsw", "d", packages=("faiss",)),
    "sparse": Job("index sparse c sp --encoder hashing:64", "sp"),
    "impact": Job("index impact c im --weights weights.jsonl", "im"),
    "multivector": Job(TOKENS, "m"),
    "multivector, residuals": Job(f"{TOKENS} --nbits 2", "m"),
    "fde": Job("index fde m f --reps 2 --k-sim 2 --seed 1", "f", (TOKENS,)),
    "fde of a collection": Job("index fde c f --encoder hashing:16 --reps 2 --k-sim 2", "f"),
    "cur": Job("index cur c cu --scorer hashing:16 --anchors 6", "cu"),
    "search": Job(RUN[1], "r.txt", RUN[:1]),
    "search, gzip": Job("search i c:test -o r.txt.gz", "r.txt.gz", RUN[:1]),
    "search, another": Job(f"{RUN[1]} --overwrite", "r.txt", RUN[:1], old="search i c:test -o r.txt --k 2"),
    "fuse": Job("fuse r.txt s.txt -o f.txt", "f.txt", RUNS),
    "convert": Job("convert r.txt r.json", "r.json", RUN),
    "rerank by an index": Job("rerank r.txt c:test --index m -o q.txt", "q.txt", (*RUN, TOKENS)),
    "rerank by a model": Job("rerank r.txt c:test --with hashing -o q.txt", "q.txt", RUN),
    "evaluate": Job("evaluate c:test r.txt -m nDCG@10 --scores scores.jsonl", "scores.jsonl", RUN),
    "leaderboard": Job("leaderboard build scores.jsonl -o lb.csv", "lb.csv", SCORES),
    "check": Job("check bad.tsv --fix good.tsv", "good.tsv"),
    "overlap": Job("overlap c:train c:test -o flags.jsonl --flag exact --flag ngram", "flags.jsonl"),
    "resttest": Job("split resttest c:train c:test sp --encoder bm25 --k 3 --min-queries 2", "sp"),
    "shift": Job("split shift c:train c:test sp --by length --min-queries 2", "sp"),
    "experiment": Job(
        "experiment run my.toml --output e", "e", apart=True, varying=("costs.csv", "stage.json", "report.md"), heavy=True
    ),
    "generalize": Job(
        "experiment generalize src --quick --systems bm25 --encoder bm25 --output e", "e", apart=True, heavy=True, most=60,
        varying=("costs.csv", "stage.json", "report.md", "tests.csv"), packages=("matplotlib",),
    ),
    "train static": Job(f"train static c t {TRAINING}", "t", packages=(*TRAINED, "model2vec"), heavy=True, most=12),
    "train dense": Job(f"train dense c t {MINILM} {TRAINING}", "t", packages=TRAINED, heavy=True, most=3),
    "train multivector": Job(f"train multivector c t {MINILM} {TRAINING}", "t", packages=TRAINED, heavy=True, most=3),
    "train cross-encoder": Job(f"train cross-encoder c t {MINILM} {TRAINING}", "t", packages=TRAINED, heavy=True, most=3),
    "lucene": Job("index bm25 c i --engine lucene", "i", seen="search i c:test -o seen.txt", packages=("pyserini",), heavy=True, most=20),
}  # fmt: skip


def missing(job: Job) -> str:
    """Say what a job lacks here."""
    return ", ".join(name for name in job.packages if find_spec(name) is None)


def write_sources(folder: Path) -> None:
    """Write what the jobs read: BEIR folders ``src`` and ``more``, two in ``sets``, a zip, weights, a recipe and a file with faults."""
    rng = random.Random(3)
    for name, prefix, count in (("src", "d", 40), ("more", "e", 6)):
        _write_beir(folder / name, prefix, count, rng)
    for name in ("one", "two"):
        _write_beir(folder / "sets" / name, name, 5, random.Random(name))
    shutil.make_archive(str(folder / "src"), "zip", folder, "src")
    weights = [{"id": f"d{i}", "vector": {w: rng.randrange(1, 9) for w in WORDS[i % 5 : i % 5 + 6]}} for i in range(40)]  # fmt: skip
    (folder / "weights.jsonl").write_text("".join(json.dumps(w) + "\n" for w in weights))
    (folder / "my.toml").write_text(RECIPE)
    (folder / "bad.tsv").write_bytes(b"\xef\xbb\xbfq1 0 d1 1\r\n\r\nq1 0 d1 1\r\nq2 0 d2 0")


def _write_beir(folder: Path, prefix: str, documents: int, rng: random.Random) -> None:
    (folder / "qrels").mkdir(parents=True)

    def text(low: int, high: int) -> str:
        return " ".join(rng.choices(WORDS, k=rng.randrange(low, high)))

    corpus = [{"_id": f"{prefix}{i}", "title": "", "text": text(5, 20)} for i in range(documents)]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(r) + "\n" for r in corpus))
    queries, number = [], 0
    for part in ("train", "test"):
        lines = ["query-id\tcorpus-id\tscore\n"]
        for _ in range(16):
            number += 1
            words = text(2, 4) if number % 2 else text(12, 16)
            queries.append({"_id": f"{prefix}q{number}", "text": words})
            lines.append(f"{prefix}q{number}\t{prefix}{number % documents}\t1\n")
        (folder / "qrels" / f"{part}.tsv").write_text("".join(lines))
    (folder / "queries.jsonl").write_text("".join(json.dumps(r) + "\n" for r in queries))
