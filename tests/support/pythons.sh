#!/bin/sh
# Run make goals with several Pythons, each in a fresh copy of the tracked files with a fresh environment.
# Usage: pythons.sh FOLDER "GOALS" VERSION...   for example: pythons.sh out/pythons "demo test" 3.12 3.13
# python3.12 and so on are looked for on the PATH; one that is not there is skipped and said. What make prints is in
# FOLDER/VERSION/GOAL.log. Environments take gigabytes: each is removed when its goals are done, unless KEEP is set.
set -eu
folder=$1 goals=$2
shift 2
shared=${INTREX_SHARED_DATA:-$(pwd)/../shared/data}
failed=
for version in "$@"; do
    if ! python=$(command -v "python$version") || ! said=$("$python" --version 2>&1); then
        echo "python$version: not on the PATH, skipped"
        continue
    fi
    rm -rf "${folder:?}/$version"
    mkdir -p "$folder/$version/tree"
    work=$(cd "$folder/$version" && pwd)
    git ls-files --cached -z | tar --null --files-from=- --create --file=- | tar --extract --file=- --directory="$work/tree"
    echo "$said"
    for goal in $goals; do
        began=$(date +%s)
        if (cd "$work/tree" && INTREX_SHARED_DATA=$shared make "$goal" PYTHON="$python") >"$work/$goal.log" 2>&1; then
            said=done
        else
            said="FAILED, see $work/$goal.log" failed="$failed $version:$goal"
        fi
        echo "  make $goal: $said, $(($(date +%s) - began)) s"
    done
    [ -n "${KEEP:-}" ] || rm -rf "$work/tree"
done
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
