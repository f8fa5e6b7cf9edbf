"""Whether a server is within reach, told in about a second."""

import socket
import time

import pytest

from intrex.data.io.network import all_unreachable, unreachable


@pytest.fixture
def door():
    """The address of something that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_name_and_a_port_that_nobody_answers_on(door):
    assert unreachable(door) is None
    assert "refused" in (unreachable("http://127.0.0.1:9/x") or "")
    assert unreachable("http://no-such-host.invalid/") is not None


def test_a_server_that_never_answers_is_given_up_after_the_set_time(monkeypatch):
    monkeypatch.setenv("INTREX_CONNECT_SECONDS", "0.2")
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = deaf.getsockname()
        waiting = [socket.socket() for _ in range(3)]  # fill the queue, so that later knocks are dropped
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        start = time.monotonic()
        wrong = unreachable(f"http://127.0.0.1:{address[1]}/")
        for one in waiting:
            one.close()
    assert wrong == "no answer within 0.2 s" or "timed out" in wrong
    assert time.monotonic() - start < 1


def test_all_unreachable_needs_servers_and_none_of_them_up(door):
    gone = "http://127.0.0.1:9/x"
    assert all_unreachable([gone, "http://no-such-host.invalid/"])
    assert not all_unreachable([gone, door])
    assert not all_unreachable([])


def test_a_proxy_is_what_must_be_reached(door, monkeypatch):
    monkeypatch.setenv("http_proxy", door.removeprefix("http://"))
    monkeypatch.delenv("no_proxy", raising=False)
    assert unreachable("http://no-such-host.invalid/x") is None
