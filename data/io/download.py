"""Downloads: resumed where they broke off, checked, placed atomically, and quick to say when there is no network."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from intrex.data.errors import BadInput, IntrexError, UsageError
from intrex.data.io.files import fsync_dir
from intrex.data.io.hidden import open_unlinked
from intrex.data.io.locks import lock_or_refuse
from intrex.data.io.network import unreachable
from intrex.data.progress import Progress, no_progress
from intrex.data.version import intrex_version

_PIECE = 1 << 18
_AGAIN_LATER = {408, 425, 429, 500, 502, 503, 504}
_PAUSE_SECONDS = 0.25
TIMEOUT = 30.0
"""Seconds without any data after which an attempt counts as broken off."""
TRIES = 3
"""Attempts in a row that bring nothing new before it gives up."""


def download(
    url: str,
    target: Path,
    *,
    md5: str | None = None,
    progress: Progress | None = None,
    hint: str | None = None,
) -> Path:
    """Fetch ``url`` to ``target``: whole and checked, or not at all.

    The bytes collect in a hidden sibling, ``.NAME.part``, which the next call resumes if this one is cut off. A
    download whose checksum is wrong is thrown away and fetched once more. A ``target`` that is there already is
    returned as it is if it has the right checksum; no network is needed for that.

    Args:
        url: an ``http`` or ``https`` address.
        target: the file to make; its folder is made too.
        md5: what the file's md5 must be, in hexadecimal: many publishers give nothing better.
        progress: told how many bytes more there are; fewer than none after a restart.
        hint: what to do instead where it cannot be fetched.

    Raises:
        IntrexError: the server cannot be reached, refuses, or breaks off every time.
        BadInput: the file came twice, and twice with a wrong checksum.
    """
    _require_http(url)
    if target.is_file() and _complaint(target, md5) is None:
        return target
    hint = hint or f"where there is no network, fetch {url} elsewhere and put it at {target}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with _part_file(target) as (part, stream):
        if reason := unreachable(url):
            raise IntrexError(f"cannot reach {urlsplit(url).netloc}: {reason}", hint)
        transfer = _Transfer(url, part, stream, md5, progress or no_progress, hint)
        transfer.run()
        stream.flush()
        os.fsync(stream.fileno())
        part.replace(target)
        fsync_dir(target.parent)
        transfer.note_path.unlink(missing_ok=True)
    return target


def _require_http(url: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise UsageError(f"not an http or https address: {url}")


def _complaint(path: Path, md5: str | None) -> str | None:
    """Describe what is wrong with a file, or return None; without a checksum nothing is."""
    if not md5:
        return None
    with path.open("rb") as stream:
        actual = hashlib.file_digest(stream, "md5").hexdigest()
    return None if actual == md5.lower() else f"its md5 is {actual}, published is {md5.lower()}"


@contextlib.contextmanager
def _part_file(target: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Yield the hidden sibling, opened for appending and locked; it stays for a later resume if it holds anything."""
    part = target.with_name(f".{target.name}.part")
    with open_unlinked(part) as stream:
        lock_or_refuse(stream, part, f"downloading {target.name}")
        try:
            yield part, stream
        finally:
            stream.flush()
            if part.exists() and not part.stat().st_size:
                part.unlink()


class _Restart(Exception):
    """Mismatch of the bytes here and those of the server: the download begins anew."""


@dataclass
class _Transfer:
    """Transfer of one file into the part file, over as many connections as it takes."""

    url: str
    part: Path
    stream: IO[bytes]
    md5: str | None
    progress: Progress
    hint: str
    validator: str | None = None
    total: int | None = None
    may_resume: bool = False

    @property
    def note_path(self) -> Path:
        """Remembers whose bytes the part file holds, for a resume by another process."""
        return self.part.with_name(self.part.name + ".json")

    @property
    def received(self) -> int:
        """Number of bytes written so far."""
        return self.stream.tell()

    def run(self) -> None:
        """Fetch, check, and fetch once more if the check says no."""
        self._recall()
        self.progress(self.received)
        self._fetch()
        for may_retry in (True, False):
            self.stream.flush()
            complaint = _complaint(self.part, self.md5)
            if complaint is None:
                return
            self._empty()
            if may_retry:
                self._fetch()
        raise BadInput(f"the download is not the published file, twice: {complaint} ({self.url})", self.hint)

    def _recall(self) -> None:
        note: dict[str, str | None] = {}
        with contextlib.suppress(OSError, ValueError):
            note = json.loads(self.note_path.read_text(encoding="utf-8"))
        if isinstance(note, dict) and note.get("url") == self.url:
            self.validator = note.get("validator")
        # Without a validator, only a checksum can tell whether the old bytes and the new ones belong together.
        self.may_resume = bool(self.validator or self.md5)

    def _empty(self) -> None:
        self.progress(-self.received)
        self.stream.truncate(0)
        self.stream.seek(0)
        self.note_path.unlink(missing_ok=True)
        self.validator = self.total = None

    def _fetch(self) -> None:
        failures, best = 0, self.received
        while True:
            try:
                self._attempt()
                return
            except _Restart:
                self._empty()
                reason = "the file on the server keeps changing"
            except urllib.error.HTTPError as error:
                if (
                    error.code == 416
                    and _content_range(error.headers.get("Content-Range", ""))[1] == self.received
                ):
                    return  # there is nothing beyond what is here: the last run was cut off before the rename
                reason = self._refusal(error)
            except (OSError, http.client.HTTPException) as error:
                reason = str(getattr(error, "reason", None) or error) or type(error).__name__
            failures, best = (0 if self.received > best else failures) + 1, max(best, self.received)
            if failures >= TRIES:
                size = self.received
                partial = f"; the {size:,} bytes that came are kept for the next try" if size else ""
                raise IntrexError(
                    f"the download failed {failures} times: {reason} ({self.url}){partial}", self.hint
                )
            time.sleep(_PAUSE_SECONDS * 2 ** (failures - 1))

    def _refusal(self, error: urllib.error.HTTPError) -> str:
        """Describe what a status says; raise if trying again is no use."""
        with error:
            status = f"{error.code} {error.reason}"
            if error.code == 416:
                self._empty()
            elif error.code not in _AGAIN_LATER:
                missing = error.code in (404, 410)
                why = "there is no such file on the server" if missing else "the server refuses"
                raise IntrexError(f"{why}: {status} ({self.url})", self.hint)
        return f"the server says {status}"

    def _attempt(self) -> None:
        if self.received and not self.may_resume:
            self._empty()
        headers = {"User-Agent": f"intrex/{intrex_version()}", "Accept-Encoding": "identity"}
        if self.received:
            headers["Range"] = f"bytes={self.received}-"
            if self.validator:
                headers["If-Range"] = self.validator
        request = urllib.request.Request(self.url, headers=headers)  # noqa: S310 - the scheme was checked
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
            self._begin(response)
            while piece := response.read1(_PIECE):
                self.stream.write(piece)
                self.progress(len(piece))
        self.stream.flush()
        if self.total is not None and self.received < self.total:
            raise ConnectionError(f"it broke off after {self.received:,} of {self.total:,} bytes")

    def _begin(self, response: http.client.HTTPResponse) -> None:
        """Settle where the answer starts and ends, and note whose bytes these are."""
        if response.status == 206:
            start, total = _content_range(response.headers.get("Content-Range", ""))
            if start != self.received or (self.total is not None and total not in (None, self.total)):
                raise _Restart
        else:
            self._empty()
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
        tag = response.headers.get("ETag", "")
        # A weak tag does not promise equal bytes; RFC 9110 forbids it in If-Range.
        self.validator = tag if tag.startswith('"') else response.headers.get("Last-Modified")
        self.total, self.may_resume = total, True
        with open_unlinked(self.note_path, truncate=True) as note:
            note.write(json.dumps({"url": self.url, "validator": self.validator}).encode("utf-8"))


def _content_range(value: str) -> tuple[int, int | None]:
    """Return the first byte and the total length of a ``Content-Range``; an unreadable one starts nowhere."""
    span, _, total = value.removeprefix("bytes ").partition("/")
    first = span.split("-")[0]
    return (int(first) if first.isdecimal() else -1), (int(total) if total.isdecimal() else None)
