"""Is a server within reach? Answered in about a second, whatever the resolver and the routers do."""

from __future__ import annotations

import os
import queue
import socket
import threading
import urllib.request
from collections.abc import Iterable
from urllib.parse import urlsplit


def connect_seconds() -> float:
    """Return the seconds that a server may take to answer the first knock: ``$INTREX_CONNECT_SECONDS``, else 1."""
    try:
        return max(float(os.environ.get("INTREX_CONNECT_SECONDS", "1")), 0.01)
    except ValueError:
        return 1.0


def unreachable(url: str) -> str | None:
    """Explain why the server of ``url`` (or the proxy in front of it) cannot be reached, or return None if it can.

    The name is looked up in a thread of its own, because a look-up has no time limit, and every address is tried
    at once, because one of a host's two protocols may be broken.
    """
    seconds, answers = connect_seconds(), queue.SimpleQueue[str | None]()
    host, port = _endpoint(url)
    threading.Thread(target=_look_up, args=(host, port, seconds, answers), daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return f"no answer within {seconds:g} s"


def all_unreachable(urls: Iterable[str]) -> bool:
    """Tell whether there are servers and none of them can be reached; they are tried at the same time."""
    servers = sorted({f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, urls) if parts.netloc})
    answers = queue.SimpleQueue[str | None]()
    for server in servers:
        threading.Thread(target=lambda s=server: answers.put(unreachable(s)), daemon=True).start()
    return bool(servers) and all(answers.get() is not None for _ in servers)


def _endpoint(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(host):
        parts = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
        host = parts.hostname or ""
    return host, parts.port or (443 if parts.scheme == "https" else 80)


def _look_up(host: str, port: int, seconds: float, answers: queue.SimpleQueue[str | None]) -> None:
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        answers.put(getattr(error, "strerror", None) or str(error))
        return
    refused: list[str] = []

    def knock(family: int, address: tuple[object, ...]) -> None:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as door:
                door.settimeout(seconds)
                door.connect(address)
            answers.put(None)
        except OSError as error:
            refused.append(error.strerror or str(error))
            if len(refused) == len(addresses):
                answers.put(refused[-1])

    for family, _, _, _, address in addresses:
        threading.Thread(target=knock, args=(family, address), daemon=True).start()
