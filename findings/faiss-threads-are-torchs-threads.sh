#!/usr/bin/env bash
# faiss's number of threads is torch's number of threads, or is not, by which of the two was imported first.
#
# What one expects: faiss.omp_set_num_threads(1) is about faiss. A program that searches with one thread and encodes with two sets each.
# What happens: both wheels bring an OpenMP runtime (libgomp) of their own. Where torch is imported first, faiss ends up with torch's,
#   and there is one number: setting faiss's sets torch's, and the other way round. Where faiss is imported first there are two, and
#   neither call touches the other library.
# Why it matters: encoders and indexes live in one process in retrieval. A search set to one thread, for example to time it, makes all
#   encoding after it single-threaded, without a word; and since sums of floats depend on how they are divided among threads, embeddings
#   computed after it can differ in their last bits from those computed before. Moving an import line changes both.
# Version: faiss-cpu 1.15.1, torch 2.13.0 (Linux wheels). Source: the wheels' faiss_cpu.libs/libgomp-*.so and torch/lib/libgomp.so.1.
#
# Usage: bash faiss-threads-are-torchs-threads.sh    TORCH_INDEX=URL names an index with a build of torch without CUDA.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
pip="$work/env/bin/pip install -q --disable-pip-version-check"
$pip ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch==2.13.0
$pip faiss-cpu==1.15.1 numpy==2.4.6
cat > "$work/run.py" <<'PY'
import importlib
import sys

libraries = {name: importlib.import_module(name) for name in sys.argv[1:]}
torch, faiss = libraries["torch"], libraries["faiss"]
if sys.argv[1] == "torch":
    print(f"faiss {faiss.__version__}, torch {torch.__version__.split('+')[0]}")
torch.set_num_threads(3)
faiss.omp_set_num_threads(3)
torch.get_num_threads()  # torch sets its number anew when a thread first asks for it
faiss.omp_set_num_threads(1)
after_faiss = torch.get_num_threads()
torch.set_num_threads(2)
after_torch = faiss.omp_get_max_threads()
print(
    f"import {', '.join(sys.argv[1:]):<13}  both set to 3; faiss set to 1: torch has {after_faiss};"
    f"  torch set to 2: faiss has {after_torch}"
)
expected = {"torch": (1, 2), "faiss": (3, 1)}[sys.argv[1]]
sys.exit(0 if (after_faiss, after_torch) == expected else "this changed: the finding no longer holds as it is written")
PY
"$work/env/bin/python" -W ignore "$work/run.py" torch faiss
"$work/env/bin/python" -W ignore "$work/run.py" faiss torch
