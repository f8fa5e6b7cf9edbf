"""The compiled kernels' file: missing, damaged, unwritable, another's, made by two processes at once; and no compiler."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from intrex.data.native import library, store
from intrex.data.native.library import Library
from intrex.eval.pipelines import doctor
from intrex.eval.scoring.stream import LIBRARY

SCRIPT = """
import sys
from pathlib import Path
from intrex.data.qrels import Qrels
from intrex.eval.scoring import stream
from intrex.eval.scoring.stream import LIBRARY
before = LIBRARY.compiled()
found = stream.match_file(Qrels.from_dict({"q": {"d2": 1}}), Path(sys.argv[1]))
print(before, LIBRARY.compiled(), found.ranks.tolist(), "numba" in sys.modules)
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
    note = "" if out.startswith("True") else "compiling the evaluation kernels, once on this machine\n"
    assert process.returncode == 0 and err == note, err
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
    assert LIBRARY.compiled()
    for damaged in (whole[:-1], whole + b"?", b"", whole[:31]):
        code.write_bytes(damaged)
        assert not LIBRARY.compiled()
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
print([m for m in ("numba", "llvmlite", "scipy", "intrex.data.rankings.kernels.lines") if m in sys.modules])
"""
    out = subprocess.run([sys.executable, "-c", code, str(run)], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_without_a_compiler_the_plain_path_answers(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from intrex.data.qrels import Qrels
    from intrex.eval.scoring import stream

    qrels = Qrels.from_dict({"q": {"d2": 1}})
    monkeypatch.setattr(stream, "WORTH_COMPILING", 0)
    assert stream.match_any(qrels, run).ranks.tolist() == [2]
    monkeypatch.setattr(Library, "kernels", lambda *_: None)
    assert stream.match_file(qrels, run) is None
    assert stream.match_any(qrels, run).ranks.tolist() == [2]


LINES = ("intrex.data.rankings.kernels.lines:cut",)
SMALL = f"""
import sys
from pathlib import Path
from intrex.data.native import library, store
if len(sys.argv) > 1:
    store.BESIDE = Path(sys.argv[1])
small = library.Library("small", {LINES})
before = small.compiled()
assert small.kernels() is not None
print(before, "numba" in sys.modules)
"""


def test_a_read_only_install_keeps_them_in_the_users_cache(tmp_path: Path) -> None:
    """The folder of the bytecode cannot be made; nothing is compiled the second time."""
    (tmp_path / "file").write_text("")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path / "none")}
    for name in ("NUMBA_CACHE_DIR", "INTREX_CACHE"):
        environment.pop(name, None)
    command = [sys.executable, "-c", SMALL, str(tmp_path / "file" / "native")]
    for expected in ("False False", "True False"):
        out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert out.stdout.strip() == expected
    (kept,) = (tmp_path / "cache" / "intrex").iterdir()
    assert kept.name.startswith("intrex-kernels-small-")


def test_the_cache_that_intrex_is_told_keeps_them_unless_numba_is_told_one(tmp_path: Path) -> None:
    told = {"INTREX_CACHE": str(tmp_path / "ours")}
    for more, folder in ((told, "ours"), (told | {"NUMBA_CACHE_DIR": str(tmp_path / "numbas")}, "numbas")):
        environment = {name: value for name, value in os.environ.items() if name not in more} | more
        if "NUMBA_CACHE_DIR" not in more:
            environment.pop("NUMBA_CACHE_DIR", None)
        command = [sys.executable, "-c", SMALL, str(tmp_path / "empty")]
        for expected in ("False False", "True False"):
            out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            assert out.stdout.strip() == expected, folder
        assert len(list((tmp_path / folder).iterdir())) == 1
    assert not (tmp_path / "empty").exists()


def test_a_file_that_others_can_write_or_that_is_a_link_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    store.write("k", b"code")
    (kept,) = tmp_path.iterdir()
    assert store.read("k") == b"code"
    for mode in (0o664, 0o646):
        kept.chmod(mode)
        assert store.read("k") is None
    kept.chmod(0o644)
    kept.rename(tmp_path / "other")
    kept.symlink_to(tmp_path / "other")
    assert store.read("k") is None
    store.write("k", b"new")
    assert store.read("k") == b"new" and not kept.is_symlink()
    kept.unlink()
    os.mkfifo(kept)
    assert store.read("k") is None  # and nobody waits for a writer
    monkeypatch.setattr(store.os, "geteuid", lambda: os.getuid() + 1)
    kept.unlink()
    store.write("k", b"code")
    assert (store.read("k") is None) == (os.getuid() != 0)


BROKEN = """
from intrex.data.native import jit
from intrex.data.native.jit import Float32s, Float64s, Int, Int64s, kernel
@kernel()
def fine(n: Int) -> Int:
    return n
@kernel()
def untyped(n: Int) -> Int:
    return n.missing
@kernel()
def wrong(numbers: Float32s, factors: Int64s, n: Int, out: Float64s) -> Int:
    return n
@kernel()
def crash(numbers: Float32s, factors: Int64s, n: Int, out: Float64s) -> Int:
    out[1 << 50] = 1
    return n
for one in (wrong, crash):
    one.name = "trial"
"""


def test_what_cannot_be_compiled_or_called_leaves_none_and_the_reason_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The trial stands for a convention of numba's that changed: it answers wrongly, or crashes."""
    monkeypatch.setattr(library, "_REASONS", [])
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(tmp_path)
    found = {}
    for name in ("fine", "missing", "untyped", "wrong", "crash"):
        replaced = f"jit.trial = {name}" if name in ("wrong", "crash") else ""
        (tmp_path / f"broken_{name}.py").write_text(BROKEN + replaced)
        found[name] = Library(f"test-{name}", (f"broken_{name}:{'fine' if replaced else name}",)).kernels()
    assert [name for name, kernels in found.items() if kernels] == ["fine"]
    assert found["fine"]["fine"](7) == 7
    assert len(list((tmp_path / "cache").iterdir())) == 1
    (note,) = [m for m in caplog.messages if not m.startswith("compiling ")]
    assert (
        note.startswith("no compiled kernels, so that numpy does their work, more slowly: ")
        and "missing" in note
    )


@pytest.mark.parametrize("module", ["numba", "llvmlite"])
def test_without_a_compiler_the_reason_is_said_unless_the_work_is_small(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(library, "_REASONS", [])
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    there = library.find_spec
    monkeypatch.setattr(library, "find_spec", lambda name: None if name == module else there(name))
    one = Library(f"without-{module}", LINES)
    assert one.kernels(compiling=False) is None and not caplog.messages
    assert one.kernels() is None and one.kernels() is None
    assert Library(f"nor-{module}", LINES).kernels() is None
    assert library.obstacle() == f"{module} is not installed"
    assert caplog.messages == [
        f"no compiled kernels, so that numpy does their work, more slowly: {module} is not installed"
    ]
    monkeypatch.setattr(doctor, "_KERNELS", (one,))
    assert (
        doctor._kernels()[1] == f"0 of 1 libraries compiled, the others cannot be: {module} is not installed"
    )


def test_doctor_says_what_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    one, other = Library("one", LINES), Library("other", LINES)
    monkeypatch.setattr(doctor, "_KERNELS", (one, other))
    assert one.kernels()
    assert doctor._kernels() == ("kernels", "1 of 2 libraries compiled, the others will be at first use", "")
    monkeypatch.setattr(doctor, "_KERNELS", (one,))
    assert doctor._kernels() == ("kernels", "1 of 1 libraries compiled", "")
