#!/bin/sh
# Build the wheel, install it into a fresh environment, and use it from another folder: what an editable install
# hides (a package or a recipe that the wheel lacks) shows here. It is built from a copy of the tracked files: setuptools
# would put what an older build/ holds into the wheel. Usage: wheel_check.sh PYTHON-WITH-build
set -eu
python=$1
here=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source"
if git rev-parse --is-inside-work-tree >"$work/git.log" 2>&1; then
    git ls-files --cached -z | tar --null --files-from=- --create --file="$work/source.tar"
else  # an unpacked archive has nothing but tracked files, and what was made since
    tar --exclude=./build --exclude=./dist --exclude=./out --exclude='./.*' --exclude='*.egg-info' --create --file="$work/source.tar" .
fi
tar --extract --file="$work/source.tar" --directory="$work/source"
"$python" -m build --wheel --outdir "$work/dist" "$work/source" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$python" - "$work/source" "$work"/dist/*.whl <<'PY'
import sys
import zipfile
from pathlib import Path

source, wheel = Path(sys.argv[1]), set(zipfile.ZipFile(sys.argv[2]).namelist())
folders = [source / name for name in ("cli", "data", "encoders", "eval", "retrievers")]
files = [p for folder in folders for p in folder.rglob("*") if p.suffix in (".py", ".toml", ".typed", ".jar", ".java", ".properties")]
if lost := sorted(n for n in (p.relative_to(source).as_posix() for p in files) if f"intrex/{n}" not in wheel):
    sys.exit(f"the wheel lacks {len(lost)} files, for example {lost[0]}: name its package in pyproject.toml")
papers = {n.rpartition("/licenses/")[2] for n in wheel if "/licenses/" in n}
if papers != {"LICENSE", "NOTICE"}:
    sys.exit(f"the wheel's licences are {sorted(papers)}")
PY
"$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --constraint constraints.txt "$work"/dist/*.whl
cp constraints.txt "$work"
cd "$work"
"$work/venv/bin/intrex" --version
"$work/venv/bin/intrex" collection build stdlib c --sample 300
"$work/venv/bin/intrex" index bm25 c i
"$work/venv/bin/intrex" search i c:test --output r.txt
"$work/venv/bin/intrex" evaluate c:test r.txt -m nDCG@10 --format csv
if [ -n "${TORCH_INDEX:-}" ]; then
    "$work/venv/bin/python" -m pip install --quiet --constraint constraints.txt --no-deps --index-url "$TORCH_INDEX" torch
fi
"$work/venv/bin/python" -m pip install --quiet --constraint constraints.txt "$(echo "$work"/dist/*.whl)[dense,offline-model]"
"$work/venv/bin/intrex" experiment run demo --output demo
test "$(cut -d, -f1 demo/leaderboard.csv | sort -u | wc -l)" -eq 9  # eight systems and the header
"$work/venv/bin/python" - "$here" <<'PY'
import sys
from importlib.resources import files

for package in ("cli", "eval", "eval.pipelines", "retrievers", "encoders", "data", "data.importers", "data.builders", "data.recipes"):
    where = str(files(f"intrex.{package}"))
    if where.startswith(sys.argv[1]):
        sys.exit(f"intrex.{package} comes from the checkout, not from the wheel: {where}")
PY
echo "wheel-check: the wheel works outside the repository"
