"""A real HTTP server that reranks by word overlap, and does what a test tells it to before that."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class RerankServer:
    """Server of a test.

    Attributes:
        url: without a path.
        before: what the next calls get in place of scores: a status, a status with headers, or bytes; a number below 0 hangs.
        change: changes the results of every other call.
        calls: path, headers and body of each call.
    """

    url: str = ""
    before: list = field(default_factory=list)
    change: object = staticmethod(lambda results: results)
    calls: list = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


def overlap(query: str, text: str) -> float:
    return len(set(query.split()) & set(text.split())) + len(text) / 10000


@contextmanager
def rerank_server() -> Iterator[RerankServer]:
    """Serve on a free port of this machine until the context ends."""
    state = RerankServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.calls.append((self.path, dict(self.headers), body))
            step = state.before.pop(0) if state.before else None
            if isinstance(step, int) and step < 0:
                state.over.wait(-step)
                return
            status, headers = (
                step if isinstance(step, tuple) else (step if isinstance(step, int) else 200, {})
            )
            if isinstance(step, bytes):
                data = step
            elif status != 200:
                data = b'{"detail": "busy"}'
            else:
                data = json.dumps(self.answer(body)).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def answer(self, body: dict) -> object:
            texts, key = (
                body.get("texts", body.get("documents")),
                "score" if "texts" in body else "relevance_score",
            )
            results = [{"index": i, key: overlap(body["query"], text)} for i, text in enumerate(texts)]
            results.sort(key=lambda result: -result[key])  # as such servers do
            results = state.change(results)
            return results if "texts" in body else {"results": results, "model": "overlap"}

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
