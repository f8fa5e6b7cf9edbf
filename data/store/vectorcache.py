"""Vectors of queries, kept: a file for each block of texts that was encoded together; see docs/formats.md.

The last bits of a transformer's vectors depend on the texts beside them, so what is found again is a whole block: the
same texts in the same order, by the same encoder, libraries and machine. A file that was cut off or changed counts as
absent. Files take their place whole, so that any number of processes may write, or be killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from intrex.data.arrays import Array
from intrex.data.cache import cache_dir
from intrex.data.errors import IntrexError
from intrex.data.io.files import fingerprint
from intrex.data.io.hidden import hidden_sibling
from intrex.data.specs import EncoderSpec
from intrex.data.store.scorecache import text_digest
from intrex.data.system.threads import cores
from intrex.data.version import installed_version, intrex_version

SUFFIX = ".queries1"
"""Files of this layout; another layout will have another suffix."""
LARGEST = 1 << 30
"""Bytes that all files may have together: the ones that were not used for longest go first."""
LIBRARIES = ("numpy", "torch", "transformers", "sentence-transformers", "tokenizers", "model2vec")
SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
"""Variables on which the last bits of a matrix product may depend."""
_DIGEST = hashlib.sha256().digest_size
_MISSES = (OSError, ValueError, KeyError, TypeError)

_log = logging.getLogger(__name__)


class Block(NamedTuple):
    """Texts that were encoded together.

    Attributes:
        arrays: what the encoder gave, by name.
        cut: how many of the texts are longer than the encoder reads.
    """

    arrays: Mapping[str, Array]
    cut: int


def block_key(spec: EncoderSpec, files: Mapping[str, Any], device: str | None, texts: Sequence[str]) -> str:
    """Return the name of a block: a hash of all that its bits depend on.

    Args:
        spec: of the encoder: kind, revision of the weights, prompts, longest text.
        files: the encoder's own files, with what identifies their content.
        device: where it computes; None leaves that to the library.
        texts: the queries, in their order.
    """
    machine = [platform.machine(), _processor(), cores(), *(os.environ.get(name) for name in SETTINGS)]
    versions = [intrex_version(), *map(installed_version, LIBRARIES)]
    digests = [text_digest(text).hex() for text in texts]
    return fingerprint([spec.to_dict(), dict(files), device, machine, versions, digests])


def _processor() -> str:
    """Name the processor: libraries choose their code by it."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line for line in lines if line.startswith("model name"))
    return platform.processor()


class VectorCache:
    """Folder of blocks of queries; by default ``queries`` in intrex's cache folder.

    Attributes:
        hits: texts whose vectors were there, over all uses of this object.
    """

    def __init__(self, folder: Path | None = None, largest: int = LARGEST) -> None:
        self.folder = cache_dir() / "queries" if folder is None else folder
        self.largest = largest
        self.hits = 0

    def find(self, key: str) -> Block | None:
        """Return the block of a key; None where there is none, or one that is not as it was written."""
        path = self._path(key)
        try:
            block = _read(path.read_bytes(), key)
        except _MISSES:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return block

    def add(self, key: str, block: Block) -> None:
        """Write a block. Where that is not possible it is said, and nothing is kept."""
        path, data = self._path(key), _written(block, key)
        if len(data) > self.largest // 4:  # it would put out what is of use more often
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with hidden_sibling(path) as (hidden, stream):
                stream.write(data)
                stream.flush()
                hidden.replace(path)
            self._trim()
        except (OSError, IntrexError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            _log.info("vectors of queries cannot be kept in %s: %s", self.folder, reason)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _trim(self) -> None:
        """Remove the files that were not used for longest, until the others fit."""
        found = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):  # another process has removed it
                status = path.stat()
                found.append((status.st_mtime_ns, path.name, status.st_size))
        total = sum(size for _, _, size in found)
        for _, name, size in sorted(found):
            if total <= self.largest:
                return
            (self.folder / name).unlink(missing_ok=True)
            total -= size


def _written(block: Block, key: str) -> bytes:
    """Spell a block: a digest of what follows, a line of JSON, the arrays one after another."""
    arrays = {name: np.ascontiguousarray(array) for name, array in block.arrays.items()}
    shapes = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    head = json.dumps({"key": key, "cut": block.cut, "arrays": shapes}).encode() + b"\n"
    body = head + b"".join(array.tobytes() for array in arrays.values())
    return hashlib.sha256(body).digest() + body


def _read(data: bytes, key: str) -> Block:
    """Read what `_written` spelt; raises one of `_MISSES` for anything else."""
    body = data[_DIGEST:]
    if hashlib.sha256(body).digest() != data[:_DIGEST]:
        raise ValueError("damaged")
    line, _, rest = body.partition(b"\n")
    head = json.loads(line)
    if head["key"] != key:
        raise ValueError("of another name")
    arrays, start = {}, 0
    for name, (kind, shape) in head["arrays"].items():
        dtype = np.dtype(kind)
        end = start + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(rest[start:end], dtype).reshape(shape)
        start = end
    return Block(arrays, int(head["cut"]))
