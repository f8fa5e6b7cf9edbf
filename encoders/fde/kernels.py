"""From projected tokens to fixed dimensional encodings, for numba; see `intrex.encoders.fde.encoder`."""

from __future__ import annotations

import numpy as np

from intrex.data.native.jit import Float32s, Int, Int32s, Int64s, inner, kernel

FAR, STEP = 1 << 62, 1 << 40  # as in intrex.encoders.fde.plain


@inner
def _clear(array, start, size):
    for i in range(start, start + size):
        array[i] = 0


@inner
def _partition(products, at, k):
    """Return the partition of a token whose products with the k hyperplanes begin at ``at``: a Gray code, decoded."""
    part = 0
    for i in range(k):
        bit = 1 if products[at + i] > 0 else 0
        part = 2 * part + (bit ^ (part & 1))
    return part


@inner
def _nearest(keys, k):
    """Give each bit string the key of the point nearest by Hamming distance, the lowest index among equals.

    Hamming distance is a sum over bits, so one pass over the hypercube's edges along each bit is exact.
    """
    for i in range(k):
        bit = 1 << i
        for low in range(0, 1 << k, 2 * bit):
            for one in range(low, low + bit):
                a, b = keys[one], keys[one + bit]
                keys[one] = min(a, b + STEP)
                keys[one + bit] = min(b, a + STEP)


@inner
def _sum(points, at, stride, n, products, first, step, k, width, counts, keys, block, to):
    """Sum the n points of a text by partition; ``keys`` get the first point of each one, by bit string."""
    for point in range(n):
        part = _partition(products, first + point * step, k)
        if counts[part] == 0:
            keys[part ^ (part >> 1)] = point
        counts[part] += 1
        source, target = at + point * stride, to + part * width
        for i in range(width):
            block[target + i] += points[source + i]


@inner
def _average(points, at, stride, k, width, fill, counts, keys, block, to):
    """Turn the sums into means, and fill each empty partition with the point nearest to it."""
    for part in range(1 << k):
        target = to + part * width
        if counts[part] > 1:
            count = np.float32(counts[part])
            for i in range(width):
                block[target + i] /= count
        elif counts[part] == 0 and fill:
            source = at + (keys[part ^ (part >> 1)] & (STEP - 1)) * stride
            for i in range(width):
                block[target + i] = points[source + i]


@inner
def _fold(block, size, slots, first, out, to):
    """Add each number to its place in ``out``: slot s > 0 stands for place s - 1 and a plus, -s for it and a minus."""
    for i in range(size):
        slot = slots[first + i]
        if slot > 0:
            out[to + slot - 1] += block[i]
        else:
            out[to - slot - 1] -= block[i]


@kernel(
    begins="n", sizes="n", slots="final_dim and reps * width << k", counts="1 << k", keys="1 << k",
    scratch="final_dim and width << k", out="n * (final_dim or reps * width << k)",
)  # fmt: skip
def encode(
    points: Float32s, first_point: Int, point_step: Int, point_stride: Int, products: Float32s, step: Int,
    stride: Int, begins: Int64s, sizes: Int64s, n: Int, reps: Int, k: Int, width: Int, mean: Int, fill: Int,
    slots: Int32s, final_dim: Int, counts: Int32s, keys: Int64s, scratch: Float32s, out: Float32s,
) -> Int:  # fmt: skip
    """Encode n texts, text i with ``sizes[i]`` tokens from ``begins[i]`` on, into the rows of ``out``.

    ``products`` has ``stride`` numbers for each token, of which those with the hyperplanes of repetition r begin at
    ``r * step``. ``points`` has what is added up, ``point_stride`` numbers for each token, of which repetition r takes
    ``width`` from ``first_point + r * point_step`` on. If ``final_dim`` is not 0, what would be the output is folded
    by ``slots``, and ``scratch`` has room for one repetition.
    """
    size = width << k
    length = final_dim if final_dim > 0 else reps * size
    for text in range(n):
        token, tokens = begins[text], sizes[text]
        _clear(out, text * length, length)
        for r in range(reps):
            block, to = out, text * length + r * size
            if final_dim > 0:
                block, to = scratch, 0
                _clear(scratch, 0, size)
            for i in range(1 << k):
                counts[i], keys[i] = 0, FAR
            at, first = first_point + r * point_step + token * point_stride, r * step + token * stride
            _sum(points, at, point_stride, tokens, products, first, stride, k, width, counts, keys, block, to)
            if mean and tokens > 0:
                if fill:
                    _nearest(keys, k)
                _average(points, at, point_stride, k, width, fill, counts, keys, block, to)
            if final_dim > 0:
                _fold(scratch, size, slots, r * size, out, text * length)
    return 0
