"""Cache of queries' vectors: what was written comes back, anything else is absent, the oldest go."""

import os
from pathlib import Path

import numpy as np
import pytest

from intrex.data.specs import EncoderSpec
from intrex.data.store import vectorcache
from intrex.data.store.vectorcache import SUFFIX, Block, VectorCache, block_key

SPEC = EncoderSpec("dense", "model", "sha256:1", 4, prompts={"query": "q: ", "document": ""})
BLOCK = Block({"vectors": np.arange(8, dtype=np.float32).reshape(2, 4), "offsets": np.array([0, 1, 2])}, 3)


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "c")
    assert cache.find("a" * 64) is None and not (tmp_path / "c").exists()
    cache.add("a" * 64, BLOCK)
    found = VectorCache(tmp_path / "c").find("a" * 64)
    assert found is not None and found.cut == 3
    for name, array in BLOCK.arrays.items():
        assert found.arrays[name].dtype == array.dtype and (found.arrays[name] == array).all()


def test_any_changed_byte_and_any_cut_is_absent(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path)
    cache.add("k", BLOCK)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for i in range(len(whole)):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :])
        assert cache.find("k") is None, i
        path.write_bytes(whole[:i])
        assert cache.find("k") is None, i
    path.write_bytes(whole)
    path.rename(tmp_path / f"other{SUFFIX}")
    assert cache.find("other") is None, "a sound file under another name"
    cache.add("other", BLOCK)
    assert cache.find("other") is not None, "what is damaged is written again"


def test_the_key_is_all_that_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    def key(spec: EncoderSpec = SPEC, files: dict[str, str] | None = None, device: str | None = None) -> str:
        return block_key(spec, files or {}, device, ["one", "two \ud800"])

    first = key()
    assert first == key()
    others = [
        key(EncoderSpec(**{**SPEC.to_dict(), "revision": "sha256:2"})),
        key(EncoderSpec(**{**SPEC.to_dict(), "prompts": {"query": "", "document": ""}})),
        key(EncoderSpec(**{**SPEC.to_dict(), "max_length": 8})),
        key(EncoderSpec(**{**SPEC.to_dict(), "params": {"dtype": "bfloat16"}})),
        key(files={"encoder/weights.npy": "1"}),
        key(device="cuda"),
        block_key(SPEC, {}, None, ["two \ud800", "one"]),
        block_key(SPEC, {}, None, ["one"]),
    ]
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    others.append(key())
    monkeypatch.undo()
    monkeypatch.setattr(vectorcache, "installed_version", lambda name: "0")
    others.append(key())
    assert len({first, *others}) == len(others) + 1


def test_the_ones_not_used_for_longest_go(tmp_path: Path) -> None:
    size = len(vectorcache._written(BLOCK, "0"))
    cache = VectorCache(tmp_path, largest=4 * size)
    for i in range(4):
        cache.add(str(i), BLOCK)
        os.utime(tmp_path / f"{i}{SUFFIX}", ns=(i, i))
    assert cache.find("0") is not None, "which makes it the newest"
    cache.add("4", BLOCK)
    assert sorted(p.name[0] for p in tmp_path.iterdir()) == ["0", "2", "3", "4"]
    VectorCache(tmp_path, largest=3 * size).add("5", BLOCK)
    assert not (tmp_path / f"5{SUFFIX}").exists(), "one that would put out the others"


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    left = tmp_path / f".k{SUFFIX}.0123456789abcdef.part"
    left.write_bytes(b"half of it")
    VectorCache(tmp_path).add("k", BLOCK)
    assert [p.name for p in tmp_path.iterdir()] == [f"k{SUFFIX}"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    caplog.set_level("INFO")
    VectorCache(tmp_path / "file" / "queries").add("k", BLOCK)
    assert "vectors of queries cannot be kept" in caplog.text
