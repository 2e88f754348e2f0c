import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.keda import milli, quantity


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(0.0, 0, id="zero"),
        pytest.param(1.0, 1000, id="one"),
        pytest.param(0.0004, 0, id="less than half a thousandth is nothing"),
        pytest.param(0.0006, 1, id="more than half a thousandth is one"),
        pytest.param(0.0625, 62, id="an exact tie goes to the even digit below"),
        pytest.param(0.1875, 188, id="an exact tie goes to the even digit above"),
        pytest.param(1.0005, 1000, id="a tie in decimal is decided by the binary value, here below"),
        pytest.param(1.0015, 1002, id="a tie in decimal is decided by the binary value, here above"),
        pytest.param(0.29, 290, id="0.29 x 1000 would be 289.99999999999994"),
        pytest.param(-3.0, 0, id="negative"),
        pytest.param(-0.0, 0, id="negative zero"),
        pytest.param(math.nan, 0, id="not a number"),
        pytest.param(math.inf, 0, id="infinite"),
        pytest.param(1e22, 10**25, id="large"),
    ],
)
def test_milli(value: float, expected: int) -> None:
    assert milli(value) == expected


@pytest.mark.parametrize(
    ("as_float", "as_int", "expected"),
    [
        pytest.param(2.5, 7, 2500, id="the float wins"),
        pytest.param(0.0, 7, 7000, id="a float of zero gives way"),
        pytest.param(-2.5, 7, 7000, id="a negative float gives way"),
        pytest.param(math.nan, 7, 7000, id="NaN gives way"),
        pytest.param(math.inf, 7, 0, id="infinity wins, and is nothing"),
        pytest.param(0.0001, 7, 0, id="a tiny float wins, and is nothing"),
        pytest.param(0.0, -7, 0, id="a negative int is nothing"),
    ],
)
def test_the_float_field_counts_if_it_is_above_zero(as_float: float, as_int: int, expected: int) -> None:
    assert quantity(as_float, as_int) == expected


@given(st.integers(0, 2**52))
def test_whole_numbers_are_exact(value: int) -> None:
    assert milli(float(value)) == 1000 * value


@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_more_is_never_less(one: float, other: float) -> None:
    assert milli(min(one, other)) <= milli(max(one, other))
