"""A full disk, by a limit on the size of files and by /dev/full: an error that says so, and nothing left behind."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from intrex.data.collection import Collection
from tests.conftest import ROOT
from tests.faults.fileops import compile_library

LIMITED = """
import resource, signal, sys
from intrex.cli.app import run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(run(sys.argv[2:]))
"""


def limited(size: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert hasattr(signal, "SIGXFSZ") and resource
    return subprocess.run(
        [sys.executable, "-B", "-X", "dev", "-c", LIMITED, str(size), *arguments],
        capture_output=True,
        text=True,
    )


SAVING = """
import ctypes, errno, os, sys
os.environ.pop("LD_PRELOAD")
import torch
from pathlib import Path
from intrex.data.io.disk import disk_errors
from tests.faults.fileops import COUNT, FAIL
library, folder, objects = ctypes.CDLL(sys.argv[1]), Path(sys.argv[2]), ({"a": 1}, torch.zeros(3000))
for saved in objects:
    def attempt(at, when, error):
        library.fileops_arm(bytes(folder), ctypes.c_long(at), when, error)
        try:
            with disk_errors(folder):
                torch.save(saved, folder / "x.pt")
        finally:
            operations = library.fileops_count()
            library.fileops_arm(b"/nowhere", ctypes.c_long(0), COUNT, 0)
        return operations
    for at in range(1, attempt(0, COUNT, 0) + 1):
        for error in (errno.ENOSPC, errno.EIO):
            try:
                attempt(at, FAIL, error)
            except OSError as caught:
                print(at, caught.errno in (error, errno.EIO), caught.filename == str(folder))
"""


def test_torch_on_a_full_disk(tmp_path: Path) -> None:
    """At each of its operations: it says what went wrong in several ways, none of which is an `OSError`."""
    pytest.importorskip("torch")
    library = compile_library(tmp_path)
    if library is None:
        pytest.skip("no C compiler, or no preloaded libraries on this system")
    (tmp_path / "models").mkdir()
    command = [sys.executable, "-c", SAVING, str(library), str(tmp_path / "models")]
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    said = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    assert len(lines) >= 8 and all(line.endswith("True True") for line in lines), said.stdout


@pytest.mark.parametrize("size", [0, 64, 200])
@pytest.mark.parametrize("kind", [["bm25"], ["dense", "--encoder", "hashing"]])
def test_an_index_on_a_full_disk(small: Collection, tmp_path: Path, size: int, kind: list[str]) -> None:
    said = limited(size, "index", kind[0], str(small.path), str(tmp_path / "i"), *kind[1:])
    assert said.returncode == 1
    assert (
        "File too large" in said.stderr
        and str(tmp_path) in said.stderr
        and "hint: free some space" in said.stderr
        and "Traceback" not in said.stderr
    )
    assert [p.name for p in tmp_path.iterdir()] == ["small"]


def test_a_run_on_a_full_disk(small: Collection, tmp_path: Path, intrex) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path}/i").code == 0
    said = limited(20, "search", f"{tmp_path}/i", f"{small.path}:test", "--output", f"{tmp_path}/r")
    assert said.returncode == 1 and "File too large" in said.stderr and str(tmp_path) in said.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["i", "small"]


def test_dev_full(small: Collection, tmp_path: Path, intrex) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    assert intrex(f"index bm25 {small.path} {tmp_path}/i").code == 0
    said = intrex(f"search {tmp_path}/i {small.path}:test --output /dev/full --overwrite")
    assert said.code == 1 and "No space left on device" in said.err
