"""`check --fix` as a command: gzip, in place, through a pipe, corpora and topics."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

DAMAGED = b"\xef\xbb\xbfq1 Q0 d2 1 1.0 t\r\n\r\nq1 Q0 d1 2 2.0 t"
MENDED = b"q1 Q0 d1 1 2.0 t\nq1 Q0 d2 2 1.0 t\n"


def test_gzip_is_read_and_written(intrex, tmp_path: Path) -> None:
    (tmp_path / "r.gz").write_bytes(gzip.compress(DAMAGED))
    assert intrex(f"check {tmp_path}/r.gz --fix {tmp_path}/s.gz").code == 0
    assert gzip.decompress((tmp_path / "s.gz").read_bytes()) == MENDED


def test_no_file_is_mended_in_place(intrex, tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(DAMAGED)
    for more in ("", " --overwrite"):
        said = intrex(f"check {tmp_path}/r --fix {tmp_path}/r{more}")
        assert said.code == 2 and "the output is an input too" in said.err
        assert (tmp_path / "r").read_bytes() == DAMAGED


def test_a_pipe_is_mended_into_a_pipe() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "intrex.cli", "check", "-", "--fix", "-"], input=DAMAGED, capture_output=True
    )
    assert (said.returncode, said.stdout) == (0, MENDED) and b"byte order mark removed: 1" in said.stderr


def test_records_lose_repetitions_and_blank_lines(intrex, tmp_path: Path) -> None:
    row = b'{"_id": "d1", "title": "", "text": "x"}\n'
    (tmp_path / "corpus.jsonl").write_bytes(row + b"\r\n" + row)
    assert intrex(f"check {tmp_path}/corpus.jsonl --fix {tmp_path}/c.jsonl").code == 0
    assert (tmp_path / "c.jsonl").read_bytes() == row
    (tmp_path / "q.tsv").write_bytes(b"q1\tone\nq1\ttwo\n")
    said = intrex(f"check {tmp_path}/q.tsv --fix {tmp_path}/p.tsv")
    assert (
        said.code == 3 and "T002" in said.err and "q.tsv:2" in said.err and not (tmp_path / "p.tsv").exists()
    )


def test_the_codes_are_explained_without_the_repository(intrex):
    from intrex.data.check.codes import CODES

    said = intrex("check --codes")
    assert said.code == 0 and said.out.count("\n") == 1 + len(CODES)
    assert "R021,error," in said.out
    lines = intrex("check --codes --format jsonl").out.splitlines()
    assert [json.loads(line)["code"] for line in lines] == list(CODES)


def test_codes_beside_files_and_no_file_at_all_are_mistakes(intrex):
    said = intrex("check run.txt --codes")
    assert said.code == 2 and "--codes explains the codes, and checks no file" in said.err and not said.out
    said = intrex("check")
    assert said.code == 2 and "there is nothing to check" in said.err
