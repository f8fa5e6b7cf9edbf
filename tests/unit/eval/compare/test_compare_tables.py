"""How a comparison's numbers are printed."""

from intrex.eval.compare.tables import signed


def test_a_negative_number_never_gets_a_plus() -> None:
    assert [signed(v, 4) for v in (-0.00038, -0.00001, 0.00001)] == ["-0.0004", "-0.0000", "+0.0000"]
    assert [signed(v, 4) for v in (-0.0, -1e-17, 0.0)] == ["+0.0000"] * 3
