"""Nodes of a graph: rows whose vectors, or whose codes, are equal share one.

A graph leads to few of many nodes that lie on one place: their links go to one another, and what lies behind is lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from intrex.data.arrays import Array, Int32s, Int64s, Rows
from intrex.data.errors import BadInput
from intrex.data.npy import check_rows, open_array

FILE = "nodes.npy"
_DIGEST = 16  # bytes: two different rows share them with a probability below 1e-20 at a billion rows


def number_nodes(blocks: Iterable[Array]) -> tuple[Int32s, Rows]:
    """Give each different row of blocks [m, d] a number, as they first occur, in 16 bytes a row.

    Zeros are equal whatever their sign is.

    Returns:
        The node [n] of each row, and the first row [nodes] of each node, ascending.
    """
    digests = bytearray()
    for block in blocks:
        plain = np.ascontiguousarray(block + block.dtype.type(0))  # -0 becomes 0
        for row in plain.view(np.uint8).reshape(len(plain), -1):
            digests += hashlib.blake2b(row.data, digest_size=_DIGEST).digest()
    keys = np.frombuffer(digests, f"S{_DIGEST}")
    _, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[numbers], first[order]


class Nodes:
    """Rows of each node.

    Args:
        node: [n] int32, the node of each row.
        count: how many nodes there are; each has a row.
    """

    def __init__(self, node: Int32s, count: int) -> None:
        self.node = node
        self._rows: Rows = np.argsort(node, kind="stable")
        self._offsets: Int64s = np.concatenate([[0], np.cumsum(np.bincount(node, minlength=count))])

    @classmethod
    def open(cls, folder: Path, rows: int, count: int) -> Nodes | None:
        """Open the nodes of so many rows; None where each row has its own.

        Raises:
            BadInput: the file is damaged, or does not suit the rows and the nodes that there are.
        """
        path = folder / FILE
        if not path.is_file():
            if rows != count:
                raise BadInput(
                    f"damaged: {count:,} vectors for {rows:,} documents ({folder})", "rebuild the index"
                )
            return None
        node = open_array(path, np.int32, (rows,))
        check_rows(node, count, path)
        nodes = cls(node, count)
        if (nodes._offsets[1:] == nodes._offsets[:-1]).any():
            raise BadInput(f"damaged: a node without a row ({path})", "rebuild the index")
        return nodes

    def rows(self, nodes: Rows) -> Rows:
        """Return the rows of some nodes, ascending."""
        spans = [self._rows[self._offsets[i] : self._offsets[i + 1]] for i in nodes.tolist()]
        return np.sort(np.concatenate(spans)) if spans else np.empty(0, np.int64)
