"""The terms of an inverted index on disk: from a term to its number.

Files: ``terms.txt`` (UTF-8, one term a line, in byte order) with ``terms.offsets.npy`` int64 [v + 1] and
``terms.ids.npy`` int32 [v], the number of each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from intrex.retrievers.native import address, kernels

Ints = npt.NDArray[np.int64]


class Vocabulary:
    """The terms of an index, opened without reading them."""

    def __init__(self, folder: Path) -> None:
        empty = not (folder / "terms.txt").stat().st_size  # an empty file cannot be mapped
        self.text = np.zeros(0, np.uint8) if empty else np.memmap(folder / "terms.txt", np.uint8, "r")
        self.ends: Ints = np.asarray(np.load(folder / "terms.offsets.npy", mmap_mode="r"))
        self.ids: npt.NDArray[np.int32] = np.asarray(np.load(folder / "terms.ids.npy", mmap_mode="r"))

    def __len__(self) -> int:
        return len(self.ids)

    def term(self, place: int) -> bytes:
        """The term at a place in byte order, in UTF-8."""
        return self.text[self.ends[place] : self.ends[place + 1] - 1].tobytes()

    def find(self, terms: Sequence[str]) -> Ints:
        """The number of each term, -1 for one that no document has; int64 [len(terms)]."""
        wanted = [term.encode("utf-8", "surrogatepass") for term in terms]
        places = np.empty(len(wanted), np.int64)
        calls = kernels()
        if calls is None:
            at = [bisect_left(range(len(self)), one, key=self.term) for one in wanted]
            found = [i < len(self) and self.term(i) == one for i, one in zip(at, wanted, strict=True)]
            places[:] = np.where(found, at, -1)
        else:
            cuts = np.concatenate([[0], np.cumsum([len(one) for one in wanted], dtype=np.int64)])
            joined = np.frombuffer(b"".join(wanted) + b"\n", np.uint8)
            known = (address(self.text), address(self.ends), len(self))
            calls["find"](*known, address(joined), address(cuts), len(wanted), address(places))
        return np.where(places >= 0, self.ids[places], -1) if len(self) else places


def write_terms(folder: Path, names: Sequence[str]) -> None:
    """Write the files; ``names`` are the terms by number, all different."""
    order = sorted(range(len(names)), key=names.__getitem__)  # code points order as their UTF-8 bytes do
    lengths = np.zeros(len(names) + 1, np.int64)
    with (folder / "terms.txt").open("wb") as stream:
        for i, at in enumerate(order, 1):
            lengths[i] = stream.write(names[at].encode("utf-8") + b"\n")
    np.save(folder / "terms.offsets.npy", np.cumsum(lengths))
    np.save(folder / "terms.ids.npy", np.array(order, np.int32))
