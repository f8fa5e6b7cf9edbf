"""``make reproduce-cur``: the CUR study on a real collection, from import and training to docs/studies/cur.md.

Every step but one is a command of intrex; what an earlier run finished is not done again, and a killed one goes on. The one is the division of
the collection's queries into those that the cross-encoder is trained on, those that splits are chosen on, and those that are
reported. Usage: WORK DOCS [COLLECTION ...]
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from intrex.eval.pipelines.studies.shared import SHARED

BASE, TOKENS = "splade-tiny", 64
SIZES = {"dev": 40, "test": 100}
"""Queries of the sets that the study reads."""
ANCHORS = {
    "stackfaq": "--anchor-queries train --anchors 150",
    "cranfield": "--anchor-queries documents --anchors 200",
}
HEAD = """# CUR: what a cross-encoder's calls find

Made by `make reproduce-cur`, which regenerates this page; the commands are below. ANNCUR is Yadav et al., "Efficient Nearest Neighbor Search
for Cross-Encoder Models using Matrix Factorization", EMNLP 2022; ADACUR Yadav et al., Findings of EMNLP 2023; AXN the same group, ICLR 2024. How they
work here is in [methods.md](../methods.md).

- The cross-encoder is trained on the collection's own training queries by `intrex train cross-encoder`, from a BERT of two layers (the weights of
  splade-tiny). The truth is its score of **every** document for every dev and test query.
- All methods spend the same calls a query. Retrieve-and-rerank scores the best of BM25 or of a dense index (all-MiniLM-L6-v2); `first` says that a method
  begins with the best of one of them, else with random documents. What the anchor queries cost beforehand is not in the calls of a query.
- How a method splits its budget into anchors, rounds and the rest, and the tolerance of its pseudo-inverse, is chosen on dev queries, which are neither
  test nor anchor nor training queries, for each budget and depth; "best split on test" is what choosing on the test queries would claim, as the authors' code
  does. Intervals are over test queries (Student's t, 95 %), without a correction for the number of rows.
- `axn` estimates from the vectors of the dense index instead of anchor queries, in rounds; `mixed` keeps a scaled part of the dense score. It needs no calls beforehand.
- The cross-encoder is a weak one: ranking **all** documents by it scores far below BM25 and the dense index (last table). Finding its best more completely is then
  no better search: retrieve-and-rerank scores higher by the judgements because the first stage keeps the scorer from its mistakes. What is measured here is how
  well calls find what the scorer prefers, not what a reader would.
- AXN's claim (better than ADACUR without its calls beforehand) does not hold here: from the dense vectors, alone or mixed, it finds less than ADACUR that begins with the same
  first stage, at every budget and depth. It finds somewhat more of the top 10 than reranking the dense index. So `search` does not have it. Its learned item embeddings
  were not tried.
"""


def run(*words: object) -> None:
    """Run a command of intrex, shown first."""
    line = [sys.executable, "-m", "intrex.cli", *map(str, words)]
    print("$ intrex " + " ".join(map(str, words)), flush=True)
    subprocess.run(line, check=True)


def divide(source: Path, out: Path) -> None:
    """Write a BEIR folder of the same documents and queries whose judgements are divided into train, dev and test.

    Test queries come from the set test, the others from train, or all from test where there is no train; in an order by
    the hash of their ids.
    """
    if out.exists():
        return
    part = out.with_name(f"{out.name}.part")
    (part / "qrels").mkdir(parents=True, exist_ok=True)
    for name in ("corpus.jsonl", "queries.jsonl"):
        shutil.copyfile(source / name, part / name)
    rows = {
        file.stem: file.read_text(encoding="utf-8").splitlines() for file in (source / "qrels").glob("*.tsv")
    }
    head = rows["test"][0]
    queries = {name: _ordered(lines[1:]) for name, lines in rows.items()}
    test = queries["test"][: SIZES["test"]]
    others = queries.get("train") or queries["test"][SIZES["test"] :]
    chosen = {"test": test, "dev": others[: SIZES["dev"]], "train": others[SIZES["dev"] :]}
    lines = [line for name in sorted(rows) for line in rows[name][1:]]
    for name, ids in chosen.items():
        kept = [line for line in lines if line.split("\t")[0] in set(ids)]
        (part / "qrels" / f"{name}.tsv").write_text("\n".join([head, *kept]) + "\n", encoding="utf-8")
    part.rename(out)


def _ordered(lines: list[str]) -> list[str]:
    names = {line.split("\t")[0] for line in lines}
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())


def section(name: str, work: Path, docs: Path) -> tuple[str, list[str]]:
    """Run the study on a collection; its section of the page, and the commands that made it."""
    commands = {
        name: f"intrex collection import {name}-divided {name}",
        f"{name}-model": f"intrex train cross-encoder {name} {name}-model --base {BASE} --max-length {TOKENS} --max-pairs 1500 --epochs 2 --lr 3e-4 --device cpu",
        f"{name}-bm25": f"intrex index bm25 {name} {name}-bm25",
        f"{name}-dense": f"intrex index dense {name} {name}-dense --encoder all-MiniLM-L6-v2 --device cpu",
        f"{name}-cur": f"intrex index cur {name} {name}-cur --scorer {name}-model --max-length {TOKENS} {ANCHORS[name]} --device cpu",
        "": f"intrex study cur {name}-cur {name}:test --dev {name}:dev --first {name}-bm25 --first {name}-dense --device cpu -o {name}-study",
    }  # fmt: skip
    os.chdir(work)
    divide(SHARED / name, Path(f"{name}-divided"))
    for output, command in commands.items():
        if not output or not Path(output).exists():
            run(*command.split()[1:])
    shutil.copyfile(f"{name}-study/recall.png", docs / f"cur-{name}-recall.png")
    shutil.copyfile(f"{name}-study/recall.csv", docs / f"cur-{name}-recall.csv")
    text = Path(f"{name}-study/study.md").read_text(encoding="utf-8").rstrip()
    return "\n".join([text, "", f"![recall](cur-{name}-recall.png)", ""]), list(commands.values())


def main() -> None:
    """Run what the command line names, see the module."""
    work, docs, *names = sys.argv[1:]
    if not SHARED.is_dir():
        sys.exit("the folder of shared collections is not here (INTREX_SHARED_DATA)")
    target, folder = Path(docs).resolve(), Path(work).resolve()
    target.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    sections = [section(name, folder, target) for name in names or ("stackfaq",)]
    commands = ["## Commands", "", "```", *(line for _, lines in sections for line in lines), "```", ""]
    page = [HEAD, *(text for text, _ in sections), *commands]
    (target / "cur.md").write_text("\n".join(page), encoding="utf-8")
    print(f"{target / 'cur.md'}: written")


if __name__ == "__main__":
    main()
