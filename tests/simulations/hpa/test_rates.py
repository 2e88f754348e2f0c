"""Corners of the rate rules that the golden rows do not reach."""

import pytest

from simulations.hpa.model import (
    SCALE_DOWN,
    SCALE_UP,
    Behavior,
    HpaState,
    Policy,
    PolicyKind,
    ScaleEvent,
    ScalingRules,
    nanoseconds,
)
from simulations.hpa.rates import log_event, scale_down_limit, scale_up_limit

NOW = nanoseconds(1000.0)


def percent(value: int, period: float = 60.0) -> ScalingRules:
    return ScalingRules(policies=(Policy(kind=PolicyKind.PERCENT, value=value, period=period),))


def event(age: float, change: int, *, outdated: bool = False) -> ScaleEvent:
    return ScaleEvent(at=nanoseconds(1000.0 - age), change=change, outdated=outdated)


@pytest.mark.parametrize(
    ("replicas", "grow", "limit"),
    [
        pytest.param(100, 10, 111, id="100 x 1.1 is a hair more than 110"),
        pytest.param(10, 10, 11, id="10 x 1.1 is 11"),
        pytest.param(1, 1, 2, id="a little more than one is two"),
    ],
)
def test_growth_is_rounded_up_as_a_float(replicas: int, grow: int, limit: int) -> None:
    assert scale_up_limit(percent(grow), HpaState(), replicas, NOW) == limit


@pytest.mark.parametrize(
    ("replicas", "shrink", "limit"),
    [
        pytest.param(100, 55, 44, id="100 x 0.45 is a hair less than 45"),
        pytest.param(10, 30, 7, id="10 x 0.7 is 7"),
        pytest.param(1, 1, 0, id="a little less than one is none"),
    ],
)
def test_shrinking_is_cut_off_as_a_float(replicas: int, shrink: int, limit: int) -> None:
    assert scale_down_limit(percent(shrink), HpaState(), replicas, NOW) == limit


def test_a_slot_marked_for_reuse_still_counts_for_the_other_direction() -> None:
    """Up looks back 15 s, down 60 s: an up event of 30 s ago is outdated for the one and counts for the other."""
    state = HpaState(ups=(event(30, 5, outdated=True),))
    assert scale_up_limit(percent(100, 15), state, 10, NOW) == 20
    assert scale_down_limit(percent(100, 60), state, 10, NOW) == 0
    assert scale_down_limit(percent(20, 60), state, 10, NOW) == 4


def test_an_event_as_old_as_the_longest_period_keeps_its_slot() -> None:
    state = HpaState(ups=(event(15, 5),))
    logged = log_event(state, Behavior(), 1, NOW)
    assert [(one.change, one.outdated) for one in logged.ups] == [(5, False), (1, False)]


def test_the_last_outdated_slot_is_reused_and_the_others_stay_marked() -> None:
    state = HpaState(downs=(event(16, 1), event(17, 2), event(14, 3)))
    logged = log_event(state, Behavior(up=SCALE_UP, down=SCALE_DOWN), -9, NOW)
    assert [(one.change, one.outdated) for one in logged.downs] == [(1, True), (9, False), (3, False)]
    assert logged.ups == ()
