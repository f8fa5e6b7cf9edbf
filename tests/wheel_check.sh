#!/bin/sh
# Build the wheel, install it into a fresh environment, and use it from another folder: what an editable install
# hides (a package or a recipe that the wheel lacks) shows here. Usage: wheel_check.sh PYTHON-WITH-build
set -eu
python=$1
here=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m build --wheel --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --constraint constraints.txt "$work"/dist/*.whl
cp constraints.txt "$work"
cd "$work"
"$work/venv/bin/intrex" --version
"$work/venv/bin/intrex" collection build stdlib c --sample 300
"$work/venv/bin/intrex" index bm25 c i
"$work/venv/bin/intrex" search i c:test --output r.txt
"$work/venv/bin/intrex" evaluate c:test r.txt -m nDCG@10 --format csv
"$work/venv/bin/python" -m pip install --quiet --constraint constraints.txt "$(echo "$work"/dist/*.whl)[dense,offline-model]"
"$work/venv/bin/intrex" experiment run demo --output demo
test "$(cut -d, -f1 demo/leaderboard.csv | sort -u | wc -l)" -eq 7  # six systems and the header
"$work/venv/bin/python" - "$here" <<'PY'
import sys
from importlib.resources import files

for package in ("cli", "eval", "eval.pipelines", "retrievers", "encoders", "data", "data.importers", "data.builders", "data.recipes"):
    where = str(files(f"intrex.{package}"))
    if where.startswith(sys.argv[1]):
        sys.exit(f"intrex.{package} comes from the checkout, not from the wheel: {where}")
PY
echo "wheel-check: the wheel works outside the repository"
