"""Scorer of pairs behind an address: the rerank call of text-embeddings-inference, infinity, vLLM, Jina and Cohere."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import json
import math
import os
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import IO, Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import numpy as np

from intrex.data.arrays import Rows, Scores
from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.specs import EncoderSpec
from intrex.data.version import intrex_version
from intrex.retrievers.rerank.options import REQUESTS, RerankOptions
from intrex.retrievers.rerank.outside import Fault, OutsideScorer, TextPair, numbers_of, persist

PATH = "/rerank"
"""Path of the call where an address has none."""
LONGEST_WAIT = 600.0
"""Seconds of ``Retry-After`` beyond which waiting is left to the user."""
LARGEST_ANSWER = 64 << 20
_AGAIN_LATER = {408, 425, 429, 500, 502, 503, 504}
_SHOWN = 300


class HttpScorer(OutsideScorer):
    """Scores of a server; docs/formats.md defines the call.

    Args:
        name: the address as ``--with`` spells it.
        options: ``batch_size``, ``time_limit``, ``retries``, ``scorer_version``, ``served_model``, ``request`` and
            ``key_env`` are used.

    Raises:
        UsageError: that is no address, or the variable of the key is not set.
    """

    def __init__(self, name: str, options: RerankOptions) -> None:
        self._url = address_of(name)
        self.spec = EncoderSpec(
            "http", self._url, options.scorer_version or "",
            params={"model": options.served_model, "request": options.request},
        )  # fmt: skip
        self._options = options
        self._headers = {"Content-Type": "application/json", "User-Agent": f"intrex/{intrex_version()}"}
        if options.key_env is not None:
            self._headers["Authorization"] = f"Bearer {_key(options.key_env)}"

    def score_pairs(self, pairs: Sequence[TextPair]) -> Iterator[tuple[Rows, Scores]]:
        """Score pairs as `OutsideScorer.score_pairs` says: a call for at most so many documents of one query."""
        start, size = 0, self._options.pairs_at_once
        for _, group in groupby(pairs, key=lambda pair: pair.query):
            of_query = list(group)
            for first in range(0, len(of_query), size):
                batch = of_query[first : first + size]
                answer = persist(partial(self._call, self._body(batch), batch), self._options.retries)
                yield np.arange(start, start + len(batch)), _scores(answer, batch)
                start += len(batch)

    def _body(self, batch: Sequence[TextPair]) -> bytes:
        body: dict[str, Any] = {"query": batch[0].query, self._options.request: [pair.text for pair in batch]}
        if self._options.served_model is not None:
            body["model"] = self._options.served_model
        return json.dumps(body).encode("ascii")

    def _call(self, body: bytes, batch: Sequence[TextPair]) -> Any:
        """Make one call within the time limit; in a thread of its own, since a look-up of a name has no limit."""
        answers = queue.SimpleQueue[bytes | BaseException]()
        deadline = time.monotonic() + self._options.time_limit

        def fetch() -> None:
            try:
                answers.put(_post(self._url, body, self._headers, deadline))
            except BaseException as error:  # raised by the other thread
                answers.put(error)

        threading.Thread(target=fetch, daemon=True).start()
        where = f"({self._url}, {batch[0]})"
        try:
            answer = answers.get(timeout=self._options.time_limit)
        except queue.Empty:
            answer = TimeoutError()
        if isinstance(answer, urllib.error.HTTPError):
            raise self._refusal(answer, where)
        if isinstance(answer, TimeoutError):
            raise Fault(f"no answer within {self._options.time_limit:g} s {where}", "raise --time-limit")
        if isinstance(answer, OSError | http.client.HTTPException):
            reason = str(getattr(answer, "reason", None) or answer) or type(answer).__name__
            raise Fault(
                f"the server cannot be asked: {reason} {where}", "is it running, and the address right?"
            )
        if isinstance(answer, BaseException):
            raise answer
        try:
            return json.loads(answer)
        except ValueError as error:
            raise BadInput(f"the server's answer is no JSON: {answer[:_SHOWN]!r} {where}") from error

    def _refusal(self, error: urllib.error.HTTPError, where: str) -> Exception:
        """Return what a status means: a `Fault` where asking again may help."""
        with error:
            said = ""
            with contextlib.suppress(OSError, http.client.HTTPException):
                said = " ".join(error.read(4 * _SHOWN).decode("utf-8", "replace").split())[:_SHOWN]
        message, details = (
            f"the server says {error.code} {error.reason} {where}",
            f"\n  {said}" if said else "",
        )
        if error.code in _AGAIN_LATER:
            wait = _retry_after(error.headers.get("Retry-After", ""))
            if wait is not None and wait > LONGEST_WAIT:
                return IntrexError(
                    f"{message}; it asks for a pause of {wait:,.0f} s{details}",
                    "rerank again then: scores are kept",
                )
            return Fault(message, "rerank again later: scores are kept", wait, details)
        return IntrexError(message + details, self._advice(error.code))

    def _advice(self, code: int) -> str:
        if code in (401, 403):
            return "name the environment variable with the server's key: --key-env VARIABLE"
        if 300 <= code < 400:
            return "a key is sent to no other server: name the address that it points to"
        (other,) = (form for form in REQUESTS if form != self._options.request)
        if code in (404, 405):
            return f"the path is part of the address; without one it is {PATH}"
        return f"servers differ in the form of a call: try --request {other}; some need --model NAME, or a smaller --batch-size"


def address_of(name: str) -> str:
    """Return the address that is called, of ``http:URL`` or an address itself.

    Raises:
        UsageError: it is none, or has a password in it.

    >>> address_of("http:http://localhost:7997")
    'http://localhost:7997/rerank'
    >>> address_of("https://api.jina.ai/v1/rerank")
    'https://api.jina.ai/v1/rerank'
    """
    text = name.removeprefix("http:") if name.startswith(("http:http:", "http:https:")) else name
    try:
        parts = urlsplit(text)
        sound = bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, sound = SplitResult("", "", "", "", ""), False
    if not sound:
        raise UsageError(f"not an http or https address: {text}", "--with http://localhost:8080/rerank")
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "an address with a password in it would be kept with the scores", "--key-env VARIABLE"
        )
    return urlunsplit(parts._replace(path=PATH if parts.path in ("", "/") else parts.path, fragment=""))


def _key(variable: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not key:
        raise UsageError(f"the environment variable {variable} is not set", f"export {variable}=KEY")
    if not key.isascii() or not key.isprintable():
        raise UsageError(f"the environment variable {variable} holds what no header can", "one word of ASCII")
    return key


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nowhere: a key and the texts go to the server that was named."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(url: str, body: bytes, headers: dict[str, str], deadline: float) -> bytes:
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the scheme was checked
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(request, timeout=max(deadline - time.monotonic(), 0.001)) as response:
        return _read(response, deadline)


def _read(response: IO[bytes], deadline: float) -> bytes:
    pieces, size = [], 0
    while piece := response.read(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise BadInput(f"the server's answer is larger than {LARGEST_ANSWER:,} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(pieces)


def _retry_after(value: str) -> float | None:
    """Return the seconds of a ``Retry-After``, a number or a date; None where it says neither."""
    with contextlib.suppress(ValueError):
        seconds = float(value)
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    with contextlib.suppress(ValueError, TypeError):
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    return None


def _scores(answer: Any, batch: Sequence[TextPair]) -> Scores:
    """Read the scores [n] of an answer: a list, or an object with the list ``results``, of ``index`` and a score.

    Raises:
        BadInput: it is of another form, or some pair has no score or two.
    """
    results = answer.get("results") if isinstance(answer, dict) else answer
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise BadInput(
            f"the server's answer has no list of results: {json.dumps(answer)[:_SHOWN]}",
            'needed: {"results": [{"index": 0, "relevance_score": 1.5}]}, or the list alone with "score"',
        )
    values: dict[int, object] = {}
    for result in results:
        index, score = result.get("index"), result.get("relevance_score", result.get("score"))
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(batch):
            raise BadInput(
                f"the server scored document {index!r} of {len(batch)}, counted from 0 ({batch[0]} is the first)"
            )
        if index in values:
            raise BadInput(f"the server gave two scores for {batch[index]}")
        values[index] = score
    if missing := [pair for i, pair in enumerate(batch) if i not in values]:
        raise BadInput(
            f"the server gave {len(values):,} of {len(batch):,} scores, none for {missing[0]}",
            "a server that returns the best only must be told to return all",
        )
    return numbers_of([values[i] for i in range(len(batch))], batch, "the server")
