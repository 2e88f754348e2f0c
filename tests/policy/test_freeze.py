"""What is told of a trigger of which nothing is known changes nothing, by the HPA's own arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.policy.freeze import Scale, as_it_is
from simulations.hpa import HpaSpec, MetricSpec, Seen, TargetKind
from simulations.hpa.proposal import propose


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        pytest.param(Scale(replicas=0), (False, 0.0), id="asleep stays asleep"),
        pytest.param(Scale(replicas=1), (True, 5.0), id="one replica is worth one target"),
        pytest.param(Scale(replicas=7), (True, 35.0), id="each replica is worth a target"),
        pytest.param(Scale(replicas=7, averaged=False), (True, 5.0), id="a total is compared with the target itself"),
        pytest.param(Scale(replicas=2, idle=2), (False, 0.0), id="at the idle count it is inactive"),
        pytest.param(Scale(replicas=3, idle=2), (True, 15.0), id="above the idle count it is active"),
    ],
)
def test_as_it_is(scale: Scale, told: tuple[bool, float]) -> None:
    assert as_it_is(scale, 5.0) == told


@given(replicas=st.integers(1, 10_000), target=st.floats(0.1, 1e6), averaged=st.booleans())
def test_the_autoscaler_keeps_what_is_there(replicas: int, target: float, averaged: bool) -> None:
    """KEDA cuts a target to thousandths and rounds a value to them (keda 2.21, scaler.go)."""
    active, value = as_it_is(Scale(replicas=replicas, averaged=averaged), target)
    kind = TargetKind.AVERAGE_VALUE if averaged else TargetKind.VALUE
    spec = HpaSpec(max_replicas=20_000, metrics=(MetricSpec(kind=kind, target=int(target * 1_000)),))
    seen = Seen(replicas=replicas, pods=replicas, ready=replicas, series=((round(value * 1_000),),))
    assert active
    assert propose(spec, seen) == replicas
