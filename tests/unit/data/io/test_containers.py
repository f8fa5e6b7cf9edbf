"""Compressed files: read by their first bytes, written by their names, named where they cannot be read."""

import bz2
import gzip
import importlib
import io
import lzma
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from intrex.data.check.check import check_paths
from intrex.data.errors import BadInput, IntrexError, MissingExtra
from intrex.data.io.containers import CONTAINERS, SUFFIXES, plain_name
from intrex.data.io.files import reading, refuse_existing, writing
from intrex.data.qrels import read_qrels
from intrex.data.runformats import format_of, read_any_run

RUN = b"q1 Q0 d1 1 2.5 t\n"
TEXT = b"".join(b"q%d Q0 d%d 1 2.5 t\n" % (i, i) for i in range(20_000))
lz4 = pytest.importorskip("lz4.frame")
zstandard = pytest.importorskip("zstandard")
PACK = {
    ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress, ".lz4": lz4.compress,
    ".zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
}  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", RUN, TEXT])
def test_read_whatever_the_name_and_also_of_several_frames(tmp_path, suffix, content):
    path = tmp_path / "run.txt"
    path.write_bytes(PACK[suffix](content) + PACK[suffix](content))
    with reading(path) as stream:
        assert stream.read() == content * 2
    with reading(path) as stream:
        assert list(stream) == content.splitlines(keepends=True) * 2


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_written_by_the_name_with_equal_bytes_each_time(tmp_path, suffix):
    for name in ("a", "b"):
        with writing(tmp_path / f"{name}{suffix}") as stream:
            stream.write(TEXT)
    packed = (tmp_path / f"a{suffix}").read_bytes()
    assert packed == (tmp_path / f"b{suffix}").read_bytes() and len(packed) < len(TEXT) / 2
    with reading(tmp_path / f"a{suffix}") as stream:
        assert stream.read() == TEXT
    assert plain_name(tmp_path / f"r.json{suffix}") == "r.json"
    assert (
        format_of(tmp_path / f"r.json{suffix}") == "json"
        and format_of(tmp_path / f"r.tsv{suffix}") == "msmarco"
    )


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda c: c.name)
def test_what_the_tool_itself_packed_is_read(tmp_path, container):
    tool = container.tool.split()[0]
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool} here")
    packed = subprocess.run([tool, "-c"], input=TEXT, capture_output=True, check=True).stdout
    (tmp_path / "f").write_bytes(packed)
    with reading(tmp_path / "f") as stream:
        assert stream.read() == TEXT
    command = [*container.tool.split(), str(tmp_path / "f")]  # what the error advises
    if container.name not in ("xz", "gzip", "zstd"):  # these go by the name
        assert subprocess.run(command, capture_output=True, check=True).stdout == TEXT


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda c: c.name)
@pytest.mark.parametrize("cut", [1, 9, 1000])
def test_a_file_that_ends_early_or_is_damaged_is_named(tmp_path, container, cut):
    packed = PACK[container.suffix](TEXT)
    path = tmp_path / "r"
    path.write_bytes(packed[:-cut])
    with pytest.raises(BadInput, match=f"the {container.name} file ends early"):
        read_any_run(path)
    middle = len(packed) // 2
    path.write_bytes(
        packed[:middle] + bytes(255 - b for b in packed[middle : middle + 64]) + packed[middle + 64 :]
    )
    with pytest.raises(BadInput, match=f"not a sound {container.name} file|{container.name} file ends early"):
        read_any_run(path)
    found = check_paths([path]).findings[0].found
    assert "F005" in found


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_evaluate_check_and_convert_take_them(tmp_path, suffix, intrex, monkeypatch):
    """Case BR-14."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.qrels").write_bytes(b"q1 0 d1 1\n")
    (tmp_path / f"r.run{suffix}").write_bytes(PACK[suffix](RUN))
    (tmp_path / f"p.qrels{suffix}").write_bytes(PACK[suffix](b"q1 0 d1 1\n"))
    said = intrex(f"evaluate q.qrels r.run{suffix} -m nDCG@10 --format csv")
    assert said.code == 0 and ",1.0" in said.out, said.err
    assert intrex(f"check p.qrels{suffix} r.run{suffix}").code == 0
    assert intrex(f"convert r.run{suffix} o.json{suffix}").code == 0
    assert read_any_run(tmp_path / f"o.json{suffix}").to_dict() == {"q1": {"d1": 2.5}}
    assert read_qrels(tmp_path / f"p.qrels{suffix}").to_dict() == {"q1": {"d1": 1}}


def test_without_the_package_the_error_names_the_container_and_a_command(tmp_path, monkeypatch):
    path = tmp_path / "r.run.zst"
    path.write_bytes(PACK[".zst"](RUN))
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n in ("zstandard", "lz4") else find(n))
    with pytest.raises(MissingExtra) as error:
        read_any_run(path)
    assert "zstd" in error.value.message and "zstandard" in error.value.message
    assert "pip install 'intrex[zstd]'" in error.value.hint
    assert "zstd -dc r.run.zst | intrex" in error.value.hint
    with pytest.raises(IntrexError, match="writing lz4 needs the package lz4"):
        refuse_existing(tmp_path / "new.lz4", overwrite=False)


def test_archives_and_files_of_columns_are_named_not_read_as_text(tmp_path):
    (tmp_path / "r.run").write_bytes(RUN)
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        archive.write(tmp_path / "r.run", "r.run")
    with pytest.raises(BadInput, match="a zip archive") as error:
        read_any_run(tmp_path / "r.zip")
    assert "intrex ... -" in error.value.hint


def tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(("suffix", "mode"), [("tar", "w"), ("tar.gz", "w:gz"), ("tgz", "w:gz"), ("tar.xz", "w:xz"), ("tar.bz2", "w:bz2")])  # fmt: skip
def test_the_one_file_of_a_tar_archive_is_read(tmp_path, intrex, monkeypatch, suffix, mode):
    monkeypatch.chdir(tmp_path)
    tar(tmp_path / f"r.{suffix}", {"out/r.run": RUN}, mode)
    tar(tmp_path / f"q.qrels.{suffix}", {"._q": b"x", "./q.qrels": b"q1 0 d1 1\n"}, mode)
    assert read_any_run(tmp_path / f"r.{suffix}").to_dict() == {"q1": {"d1": 2.5}}
    said = intrex(f"evaluate q.qrels.{suffix} r.{suffix} -m RR --format csv")
    assert said.code == 0 and said.out.splitlines()[1].split(",")[1:3] == ["RR", "1.0"], said
    assert intrex(f"check q.qrels.{suffix} r.{suffix}").code == 0
    tar(tmp_path / f"inner.{suffix}", {"r.run.gz": gzip.compress(RUN)}, mode)
    assert read_any_run(tmp_path / f"inner.{suffix}").to_dict() == {"q1": {"d1": 2.5}}


def test_tables_in_tar_archives_go_by_the_name_before_the_suffix(tmp_path):
    path = tar(tmp_path / "r.csv.tar.gz", {"r.csv": b"query,document,score\nq1,d1,2.5\n"}, "w:gz")
    assert plain_name(path) == "r.csv"
    assert read_any_run(path).to_dict() == {"q1": {"d1": 2.5}}


def test_tar_archives_of_several_files_are_named_with_the_command(tmp_path):
    several = tar(tmp_path / "r.tar.gz", {"a.run": RUN, "b.run": RUN}, "w:gz")
    with pytest.raises(BadInput, match="a tar archive of 2 files, one is read") as error:
        read_any_run(several)
    assert "tar -xOf r.tar.gz FILE | intrex ... -; there are: a.run, b.run" in error.value.hint
    with pytest.raises(BadInput, match="a tar archive of 0 files"):
        read_any_run(tar(tmp_path / "empty.tar", {"._a": b""}))
    inner = tar(tmp_path / "inner.tar", {"a.run": RUN}).read_bytes()
    with pytest.raises(BadInput, match="a tar archive in a tar archive"):
        read_any_run(tar(tmp_path / "outer.tar", {"inner.tar": inner}))


def test_a_tar_archive_that_ends_early_is_an_error(tmp_path):
    whole = tar(tmp_path / "r.tar", {"r.run": RUN * 1000}).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:4096])
    with pytest.raises(BadInput, match=r"not a sound tar archive.*cut\.tar"):
        read_any_run(tmp_path / "cut.tar")
    packed = gzip.compress(whole)
    (tmp_path / "cut.tar.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(BadInput, match="the gzip file ends early"):
        read_any_run(tmp_path / "cut.tar.gz")


def test_collections_are_imported_from_any_container(tmp_path, intrex, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "b"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl.zst").write_bytes(PACK[".zst"](b'{"_id": "d1", "title": "", "text": "ferry"}\n'))
    (folder / "queries.jsonl.xz").write_bytes(PACK[".xz"](b'{"_id": "q1", "text": "ferry"}\n'))
    (folder / "qrels" / "test.tsv.bz2").write_bytes(PACK[".bz2"](b"query-id\tcorpus-id\tscore\nq1\td1\t1\n"))
    said = intrex("collection import b c")
    assert said.code == 0 and "1 documents, 1 queries (test 1)" in said.err, said.err


def test_the_standard_library_alone_is_imported_to_read_text():
    code = "import sys, intrex.data.io.files as f; print(sorted({'zstandard', 'lz4', 'pyarrow'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
