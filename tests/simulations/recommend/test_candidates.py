"""What comes to mind: the smallest size that will do, and schedules only where a night is clear."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.config.pools import RefillSection
from simulations.recommend.adaptive import adaptive, estimated
from simulations.recommend.asking import Frame
from simulations.recommend.candidates import candidates, nights, steady
from simulations.recommend.measuring import Needs
from simulations.recommend.replay import Span, Supply, WakeUp, replayed

HOUR, DAY = 3600.0, 86_400.0
SUPPLY = Supply(lead=8.0, refill=RefillSection())


def needs(at: list[float], pods: int = 1) -> Needs:
    wake_ups = tuple(WakeUp(at=each, pods=pods) for each in sorted(at))
    return Needs(name="orders", wake_ups=wake_ups, supply=SUPPLY, memory=2**28, missed=0, rate=0.01, step=pods)


def frame(days: float = 2.0, miss_ratio: float = 0.05, most: int = 100) -> Frame:
    return Frame(miss_ratio=miss_ratio, most=most, end=days * DAY, wall=0.0)


def between(first: float, last: float, count: int, days: int = 2) -> list[float]:
    """Return so many instants between two hours of each day."""
    drawn = np.random.default_rng(1).uniform(first * HOUR, last * HOUR, (days, count))
    return [float(each + day * DAY) for day in range(days) for each in drawn[day]]


@given(st.lists(st.floats(10.0, 1000.0), max_size=20), st.integers(1, 20), st.integers(0, 30), st.floats(0.01, 0.5))
def test_the_smallest_size_is_found(at: list[float], pods: int, most: int, allowed: float) -> None:
    asked = frame(days=0.02, miss_ratio=allowed, most=most)
    member = needs(at, pods)

    def misses(size: int) -> float:
        return replayed(member.wake_ups, [Span(begin=0.0, size=size)], SUPPLY, asked.end).miss_ratio

    assert steady([member], asked) == next((size for size in range(most) if misses(size) <= allowed), most)


def test_candidates_come_by_what_they_keep_idle() -> None:
    found = candidates([needs(between(8, 12, 60))], frame())
    assert all(each.lived.miss_ratio <= 0.05 for each in found)
    assert [each.rank for each in found] == sorted(each.rank for each in found)
    assert found[0].size.schedule is not None
    assert found[-1].size.fixed == 1


def test_the_services_own_rules_are_cheaper_where_one_busy_hour_needs_many() -> None:
    """600 wake-ups of four pods within an hour, on one of two days: as many at all hours are idle for 47 of them."""
    busy = needs([10 * HOUR + 6.0 * number for number in range(600)], 4)
    (fixed,), own = candidates([busy], frame()), adaptive([busy], frame(), 8)
    assert [each.size.auto.floor for each in own if each.size.auto] == [0, 1, 8]
    assert own[0].rank < own[1].rank < fixed.rank
    assert own[0].lived.missed == 4
    assert adaptive([busy], frame(most=0), 0) == []


def test_after_a_pause_they_miss_what_is_above_the_floor() -> None:
    """Wake-ups 20 minutes apart come after a pause each, and keep two pods for four hours and the next."""
    rare = needs([1200.0 * number for number in range(1, 12)], 2)
    asked = frame(days=0.25)
    none, one = (estimated(rare, floor, 4, asked) for floor in (0, 1))
    assert (none.wanted, none.missed, one.missed) == (22, 22, 11)
    assert (none.warm, one.warm) == (5 * HOUR * 2, 5 * HOUR * 2 + HOUR)


@pytest.mark.parametrize(
    ("at", "days"),
    [
        pytest.param(between(0, 24, 60), 2, id="no night"),
        pytest.param(between(8, 12, 5), 2, id="too few wake-ups to know"),
        pytest.param(between(8, 12, 60, days=1), 1, id="one day only"),
        pytest.param(between(8, 12, 300, days=1), 3, id="one day of three"),
        pytest.param([], 2, id="no wake-ups"),
    ],
)
def test_no_schedule(at: list[float], days: int) -> None:
    assert all(each.size.schedule is None for each in candidates([needs(at)], frame(days)))


def test_without_a_pod_that_may_be_there_is_one_way() -> None:
    (only,) = candidates([needs(between(8, 12, 60))], frame(most=0))
    assert only.size.fixed == 0


@given(st.lists(st.booleans(), min_size=24, max_size=24))
def test_nights_are_quiet_for_four_hours(busy: list[bool]) -> None:
    found = nights(busy)
    assert all(now for before, now in zip(busy, found, strict=True) if before)
    twice = "".join("b" if each else "q" for each in found * 2)
    assert "b" in twice
    assert all(len(run) >= 4 for run in twice.strip("q").split("b") if run)
