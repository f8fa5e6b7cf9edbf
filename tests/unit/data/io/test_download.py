"""Downloads from a loopback server that breaks off, corrupts, refuses and stalls."""

import hashlib
import http.server
import json
import socket
import threading
import time

import pytest

from intrex.data.cache import cache_dir
from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.io.download import download
from intrex.data.io.locks import lock_or_refuse

BODY = bytes(i * 7 % 251 for i in range(300_000))
MD5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
ETAG = '"version-1"'


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one body; ``server.plan`` says how each GET in turn goes wrong."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.seen.append(dict(self.headers))
        step = server.plan.pop(0) if server.plan else "ok"
        if step.isdecimal():
            self.send_error(int(step))
            return
        body = b"#" + BODY[1:] if step == "corrupt" else server.body
        start = self.start_of(body) if step != "ignore-range" else 0
        if start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.end_headers()
            return
        self.answer(body, start, step)

    def start_of(self, body):
        asked = self.headers.get("Range", "")
        same = self.headers.get("If-Range") in (None, self.server.etag)
        return int(asked.removeprefix("bytes=").rstrip("-")) if asked and same else 0

    def answer(self, body, start, step):
        self.send_response(206 if start else 200)
        if start:
            first = start + (step == "wrong-range")
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        if step != "no-length":
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        rest = body[start:]
        self.wfile.write(rest[: len(rest) // 2] if step in ("break", "stall") else rest)
        if step == "stall":
            self.wfile.flush()
            self.server.released.wait(10)


@pytest.fixture
def server():
    """A running server; its ``url`` serves ``body``."""
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.body, served.etag, served.plan, served.seen = BODY, ETAG, [], []
    served.released = threading.Event()
    served.url = f"http://127.0.0.1:{served.server_port}/files/data.bin"
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.released.set()
    served.shutdown()
    served.server_close()
    thread.join()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "data.bin"


def ranges(server):
    return [seen.get("Range") for seen in server.seen]


def left_over(target):
    return sorted(p.name for p in target.parent.iterdir() if p != target)


def test_a_sound_download_is_placed_and_nothing_else_stays(server, target):
    told = []
    path = download(server.url, target, md5=MD5, progress=told.append)
    assert path == target and target.read_bytes() == BODY
    assert left_over(target) == []
    assert sum(told) == len(BODY)


def test_a_file_that_is_there_and_sound_needs_no_server(target):
    target.parent.mkdir()
    target.write_bytes(BODY)
    assert download("http://127.0.0.1:9/gone", target, md5=MD5) == target


def test_a_file_that_is_there_and_wrong_is_replaced(server, target):
    target.parent.mkdir()
    target.write_bytes(b"something else")
    assert download(server.url, target, md5=MD5).read_bytes() == BODY


@pytest.mark.parametrize("etag", [ETAG, None, 'W/"weak"'])
def test_a_broken_off_download_is_resumed_where_it_stopped(server, target, etag):
    server.plan, server.etag = ["break", "break"], etag
    assert download(server.url, target, md5=MD5).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=150000-", "bytes=225000-"]
    assert [seen.get("If-Range") for seen in server.seen[1:]] == [etag if etag == ETAG else None] * 2


def test_breaking_off_without_end_keeps_the_bytes_for_another_process(server, target, monkeypatch):
    monkeypatch.setattr("intrex.data.io.download.TRIES", 4)
    server.plan = ["break", "500", "503", "429"]
    with pytest.raises(
        IntrexError, match=r"failed 4 times: the server says 429 .*150,000 bytes that came are kept"
    ):
        download(server.url, target)
    assert not target.exists()
    assert left_over(target) == [".data.bin.part", ".data.bin.part.json"]
    server.plan = []
    assert download(server.url, target).read_bytes() == BODY
    assert ranges(server)[-1] == "bytes=150000-"
    assert left_over(target) == []


def test_attempts_that_bring_something_do_not_count(server, target, monkeypatch):
    monkeypatch.setattr("intrex.data.io.download.TRIES", 2)
    server.plan = ["break"] * 6
    assert download(server.url, target).read_bytes() == BODY


def test_a_server_that_ignores_range_starts_again(server, target):
    server.plan, told = ["break", "ignore-range"], []
    assert download(server.url, target, md5=MD5, progress=told.append).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=150000-"]
    assert sum(told) == len(BODY) and -150_000 in told


def test_a_server_that_answers_another_range_starts_again(server, target):
    server.plan = ["break", "wrong-range"]
    assert download(server.url, target).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=150000-", None]


def test_old_bytes_without_validator_or_checksum_are_not_trusted(server, target):
    target.parent.mkdir()
    target.with_name(".data.bin.part").write_bytes(b"of another file")
    assert download(server.url, target).read_bytes() == BODY
    assert ranges(server) == [None]


def test_a_file_that_changed_since_is_fetched_anew(server, target):
    target.parent.mkdir()
    target.with_name(".data.bin.part").write_bytes(b"x" * 1000)
    note = {"url": server.url, "validator": '"version-0"'}
    target.with_name(".data.bin.part.json").write_text(json.dumps(note))
    assert download(server.url, target).read_bytes() == BODY
    assert server.seen[0]["If-Range"] == '"version-0"'


def test_a_part_that_is_already_whole_is_only_placed(server, target):
    target.parent.mkdir()
    target.with_name(".data.bin.part").write_bytes(BODY)
    assert download(server.url, target, md5=MD5).read_bytes() == BODY
    assert ranges(server) == [f"bytes={len(BODY)}-"]


def test_a_part_longer_than_the_file_is_thrown_away(server, target):
    target.parent.mkdir()
    target.with_name(".data.bin.part").write_bytes(BODY + b"more")
    assert download(server.url, target, md5=MD5).read_bytes() == BODY


def test_a_corrupt_download_is_fetched_once_more(server, target):
    server.plan = ["corrupt"]
    assert download(server.url, target, md5=MD5).read_bytes() == BODY
    assert ranges(server) == [None, None]


def test_corrupt_twice_names_both_checksums_and_leaves_nothing(server, target):
    server.plan = ["corrupt"] * 5
    found = hashlib.md5(b"#" + BODY[1:], usedforsecurity=False).hexdigest()
    with pytest.raises(BadInput, match=f"its md5 is {found}, published is {MD5}"):
        download(server.url, target, md5=MD5)
    assert len(server.seen) == 2
    assert left_over(target) == []
    assert not target.exists()


def test_an_answer_without_length_is_accepted(server, target):
    server.plan = ["no-length"]
    assert download(server.url, target).read_bytes() == BODY


@pytest.mark.parametrize(("status", "said"), [("404", "no such file"), ("403", "refuses")])
def test_a_refusal_is_final_and_says_what_to_do(server, target, status, said):
    server.plan = [status]
    with pytest.raises(IntrexError, match=f"{said}.*{status}") as caught:
        download(server.url, target, hint="do this")
    assert caught.value.hint == "do this"
    assert len(server.seen) == 1 and left_over(target) == []


def test_a_server_that_stalls_counts_as_broken_off(server, target, monkeypatch):
    monkeypatch.setattr("intrex.data.io.download.TIMEOUT", 0.2)
    server.plan = ["stall"]
    assert download(server.url, target).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=150000-"]


def test_without_a_server_it_fails_at_once_with_a_hint(target):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        start = time.monotonic()
        with pytest.raises(IntrexError, match=r"cannot reach 127\.0\.0\.1:.*refused") as caught:
            download(url, target)
    assert time.monotonic() - start < 1.5
    assert url in caught.value.hint
    assert left_over(target) == []


def test_a_name_that_does_not_resolve_fails_within_about_a_second(target):
    start = time.monotonic()
    with pytest.raises(IntrexError, match=r"cannot reach no-such-host\.invalid"):
        download("https://no-such-host.invalid/x.zip", target)
    assert time.monotonic() - start < 1.5


def test_two_downloads_of_one_file_do_not_mix(server, target):
    target.parent.mkdir()
    part = target.with_name(".data.bin.part")
    with part.open("ab") as stream:
        lock_or_refuse(stream, part, "downloading")
        with pytest.raises(IntrexError, match=r"another process is downloading data\.bin"):
            download(server.url, target)
    assert download(server.url, target).read_bytes() == BODY


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b", "http://", "http://host:port/"])
def test_only_web_addresses(url, target):
    with pytest.raises(UsageError, match="not an http or https address"):
        download(url, target)


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("INTREX_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"
    monkeypatch.delenv("INTREX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "intrex"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / ".cache" / "intrex"
