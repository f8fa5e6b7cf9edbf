"""A full disk, by a limit on the size of files and by /dev/full: an error that says so, and nothing left behind."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from intrex.data.collection import Collection

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


@pytest.mark.parametrize("size", [0, 64, 200])
@pytest.mark.parametrize("kind", [["bm25"], ["dense", "--encoder", "hashing"]])
def test_an_index_on_a_full_disk(small: Collection, tmp_path: Path, size: int, kind: list[str]) -> None:
    said = limited(size, "index", kind[0], str(small.path), str(tmp_path / "i"), *kind[1:])
    assert said.returncode == 1
    assert (
        "File too large" in said.stderr
        and "hint: free some space" in said.stderr
        and "Traceback" not in said.stderr
    )
    assert [p.name for p in tmp_path.iterdir()] == ["small"]


def test_a_run_on_a_full_disk(small: Collection, tmp_path: Path, intrex) -> None:
    assert intrex(f"index bm25 {small.path} {tmp_path}/i").code == 0
    said = limited(20, "search", f"{tmp_path}/i", f"{small.path}:test", "--output", f"{tmp_path}/r")
    assert said.returncode == 1 and "File too large" in said.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["i", "small"]


def test_dev_full(small: Collection, tmp_path: Path, intrex) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    assert intrex(f"index bm25 {small.path} {tmp_path}/i").code == 0
    said = intrex(f"search {tmp_path}/i {small.path}:test --output /dev/full --overwrite")
    assert said.code == 1 and "No space left on device" in said.err
