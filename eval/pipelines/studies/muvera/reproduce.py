"""``make reproduce-muvera``: the MUVERA study on real collections, from import to docs/studies/muvera.md.

Every step is a command of intrex; what an earlier run finished is not done again. Usage: WORK DOCS [COLLECTION ...]
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from intrex.eval.pipelines.studies.muvera.report import paper_table
from intrex.eval.pipelines.studies.shared import SHARED

ENCODER = "all-MiniLM-L6-v2"
HEAD = """# MUVERA: what fixed dimensional encodings find

Made by `make reproduce-muvera`, which regenerates this page; the commands are below. The paper is Dhulipala et al., "MUVERA:
Multi-Vector Retrieval via Fixed Dimensional Encodings", NeurIPS 2024. What differs from it, and limits what follows:

- The token vectors are those of all-MiniLM-L6-v2, a single-vector model (384 dimensions, no trained ColBERT could be had);
  the paper has ColBERTv2 with 128.
- The collections have 1,400 and 719 documents, MS MARCO has 8.8 million: 100 candidates are 7 % of Cranfield. So the number of
  candidates that a recall takes can be compared between methods here, not with the paper's.
- FDEs named `final` follow the paper's recipe (40 repetitions, 6 hyperplanes, tokens not projected) with a count sketch as the
  final projection, as the paper's released code has it; the text of the paper has a dense one.
- `sv` counts the documents of the nearest tokens as often as they come, `sv-dedup` once; both use exact neighbours. PLAID runs
  over residuals of 2 bits, whose MaxSim is not quite that of the truth, float16 vectors; `plaid-4` probes 4 cells a query token.
- Times are of this machine, best of three rounds, queries already encoded, while another program ran; compare ratios. Bytes leave out the token vectors
  that rerank.

The paper's own table, for its shape:
"""


def run(*words: object) -> None:
    """Run a command of intrex, shown first."""
    line = [sys.executable, "-m", "intrex.cli", *map(str, words)]
    print("$ intrex " + " ".join(map(str, words)), flush=True)
    subprocess.run(line, check=True)


def section(name: str, work: Path, docs: Path) -> tuple[str, list[str]]:
    """Run the study on a collection; its section of the page, and the commands that made it."""
    commands = [
        f"intrex collection import {name} {name}",
        f"intrex index multivector {name} {name}-tokens --encoder {ENCODER}",
        f"intrex index multivector {name} {name}-2bit --encoder {ENCODER} --nbits 2",
        f"intrex study muvera {name}-tokens {name}:test --compressed {name}-2bit --output {name}-study",
    ]
    os.chdir(work)
    for command, output in zip(commands, (name, f"{name}-tokens", f"{name}-2bit", None), strict=True):
        if output is None or not Path(output).exists():
            words = command.split()[1:]
            if words[:2] == ["collection", "import"]:
                words[2] = str(SHARED / name)
            run(*words)
    for plot in ("recall", "costs"):
        shutil.copyfile(f"{name}-study/{plot}.png", docs / f"muvera-{name}-{plot}.png")
    for table in ("recall", "needed", "costs"):
        shutil.copyfile(f"{name}-study/{table}.csv", docs / f"muvera-{name}-{table}.csv")
    text = Path(f"{name}-study/study.md").read_text(encoding="utf-8").rstrip()
    pictures = [f"![{plot}](muvera-{name}-{plot}.png)" for plot in ("recall", "costs")]
    return "\n".join([text, "", *pictures, ""]), commands


def main() -> None:
    """Run what the command line names, see the module."""
    work, docs, *names = sys.argv[1:]
    if not SHARED.is_dir():
        sys.exit("the folder of shared collections is not here (INTREX_SHARED_DATA)")
    target, folder = Path(docs).resolve(), Path(work).resolve()
    target.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    sections = [section(name, folder, target) for name in names or ("cranfield", "stackfaq")]
    commands = ["## Commands", "", "```", *(line for _, lines in sections for line in lines), "```", ""]
    page = [HEAD, *paper_table(), "", *(text for text, _ in sections), *commands]
    (target / "muvera.md").write_text("\n".join(page), encoding="utf-8")
    print(f"{target / 'muvera.md'}: written")


if __name__ == "__main__":
    main()
