"""The most memory that a process held, from a moment on."""

import sys

import pytest

from intrex.data.system.machine import forget_peak, resident


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets")
def test_the_peak_begins_anew() -> None:
    block = bytearray(200 << 20)
    block[:: 1 << 12] = b"x" * len(block[:: 1 << 12])
    high = resident()[1]
    del block
    assert forget_peak()
    now, peak = resident()
    assert peak < high - (150 << 20) and peak >= now
