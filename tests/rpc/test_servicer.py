"""Numbers on the wire: both ways, rounded up, above zero where KEDA needs it."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.model import Metric
from scaler.rpc.servicer import MAX_INT64, _spec, _value


@given(st.floats(0, allow_nan=False, allow_infinity=False))
def test_a_value_is_filled_both_ways_and_the_whole_one_is_rounded_up(number: float) -> None:
    value = _value("m", number)
    assert (value.metricName, value.metricValueFloat) == ("m", number)
    assert value.metricValue == min(ceil(number), MAX_INT64)


@given(st.floats(0.001, allow_nan=False, allow_infinity=False))
def test_a_target_is_filled_both_ways_and_above_zero(target: float) -> None:
    (spec,) = _spec(Metric(name="m", target=target)).metricSpecs
    assert spec.targetSizeFloat == target
    assert 1 <= spec.targetSize <= MAX_INT64


@pytest.mark.parametrize(("target", "whole"), [(0.4, 1), (1.0, 1), (4.6, 5), (10.2, 10)])
def test_the_whole_target_is_the_nearest(target: float, whole: int) -> None:
    (spec,) = _spec(Metric(name="m", target=target)).metricSpecs
    assert spec.targetSize == whole
