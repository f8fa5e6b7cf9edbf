"""The compiled kernels' file: missing, damaged, unwritable, made by two processes at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from intrex.eval.scoring.native import ready

SCRIPT = """
import sys
from pathlib import Path
from intrex.data.qrels import Qrels
from intrex.eval.scoring import stream
from intrex.eval.scoring.native import ready
before = ready()
found = stream.match_file(Qrels.from_dict({"q": {"d2": 1}}), Path(sys.argv[1]))
print(before, ready(), found.ranks.tolist(), "numba" in sys.modules)
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.write_text("q Q0 d1 1 2 t\nq Q0 d2 2 1 t\n")
    return path


def start(run: Path, cache: Path, **more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **more}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(run)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and not err, err
    return out.strip()


@pytest.mark.slow
def test_two_at_once_then_damaged(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    both = [start(run, cache), start(run, cache)]
    assert [said(p) for p in both] == ["False True [2] False"] * 2
    (code,) = cache.iterdir()  # and nothing hidden beside it
    whole = code.read_bytes()
    assert said(start(run, cache)) == "True True [2] False"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(cache))
    assert ready()
    for damaged in (whole[:-1], whole + b"?", b"", whole[:31]):
        code.write_bytes(damaged)
        assert not ready()
    code.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    assert said(start(run, cache)) == "False True [2] False"
    assert code.read_bytes() == whole


@pytest.mark.slow
def test_where_nothing_can_be_kept_the_kernels_still_work(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert said(start(run, tmp_path / "file" / "cache")) == "False False [2] False"


def test_a_small_file_needs_neither_numba_nor_llvm(run: Path) -> None:
    code = """
import sys
from pathlib import Path
from intrex.data.qrels import Qrels
from intrex.eval.scoring.stream import match_any
assert match_any(Qrels.from_dict({"q": {"d2": 1}}), Path(sys.argv[1])).ranks.tolist() == [2]
print([m for m in ("numba", "llvmlite", "scipy", "intrex.eval.scoring.kernels.lines") if m in sys.modules])
"""
    out = subprocess.run([sys.executable, "-c", code, str(run)], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_without_a_compiler_the_plain_path_answers(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from intrex.data.qrels import Qrels
    from intrex.eval.scoring import stream

    qrels = Qrels.from_dict({"q": {"d2": 1}})
    monkeypatch.setattr(stream, "WORTH_COMPILING", 0)
    assert stream.match_any(qrels, run).ranks.tolist() == [2]
    monkeypatch.setattr(stream, "kernels", lambda: None)
    assert stream.match_file(qrels, run) is None
    assert stream.match_any(qrels, run).ranks.tolist() == [2]


def test_a_read_only_install_keeps_them_in_the_users_cache(tmp_path: Path) -> None:
    """The folder of the bytecode cannot be made; nothing is compiled the second time."""
    code = """
import sys
from intrex.data.native import library as native
(native.SHARED, native.__file__) = ((), sys.argv[1])
library = native.Library(
    "small", ("intrex.eval.scoring.kernels.lines",), (("intrex.eval.scoring.kernels.lines", "cut", 3),), "intrex.eval.scoring.native:trial"
)
before = native.compiled(library)
assert native.native(library) is not None
print(before, "numba" in sys.modules)
"""
    (tmp_path / "file").write_text("")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path / "none")}
    environment.pop("NUMBA_CACHE_DIR", None)
    command = [sys.executable, "-c", code, str(tmp_path / "file" / "native.py")]
    for expected in ("False False", "True False"):
        out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert out.stdout.strip() == expected
    (kept,) = (tmp_path / "cache" / "intrex").iterdir()
    assert kept.name.startswith("intrex-kernels-small-")


def test_a_kernel_that_cannot_be_compiled_or_called_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from intrex.data.native import library as native

    (tmp_path / "trials.py").write_text(
        "import os\ndef fine(calls): pass\ndef refuse(calls): raise RuntimeError\ndef crash(calls): os.abort()\n"
    )
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(tmp_path)
    found = {}
    for name, trial in (("cut", "fine"), ("missing", "fine"), ("cut", "refuse"), ("cut", "crash")):
        entries = (("intrex.eval.scoring.kernels.lines", name, 3),)
        library = native.Library(
            f"{name}-{trial}", ("intrex.eval.scoring.kernels.lines",), entries, f"trials:{trial}"
        )
        found[name, trial] = native.native(library) is not None
    assert [key for key, sound in found.items() if sound] == [("cut", "fine")]
    assert len(list((tmp_path / "cache").iterdir())) == 1
