"""Latencies: two clocks in one number, and what is said of many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.demo.clock import Clock, Moment, waited
from simulations.demo.latency import latencies


def moment(at: float, wall: float) -> Moment:
    return Moment(at=at, wall=wall)


@pytest.mark.parametrize(
    ("since", "asked", "answered", "seconds"),
    [
        pytest.param((10, 2), (4, 0.8), (10.05, 2.01), 0.01, id="a push at 5x: only the real work, as it was"),
        pytest.param((10, 2), (30, 6), (30.1, 6.02), 20.02, id="a poll at 5x: simulated waiting plus real work"),
        pytest.param((10, 10), (30, 30), (30.5, 30.5), 20.5, id="at 1x both clocks are one"),
        pytest.param((10, 2), (9.9, 1.98), (10.1, 2.02), 0.02, id="an event in the middle of a check"),
    ],
)
def test_a_latency_is_measured_on_both_clocks(
    since: tuple[float, float], asked: tuple[float, float], answered: tuple[float, float], seconds: float
) -> None:
    assert waited(moment(*since), moment(*asked), moment(*answered)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("waits", "p50", "p95", "most"),
    [
        pytest.param([], None, None, None, id="of nothing nothing is said"),
        pytest.param([3.0], 3.0, 3.0, 3.0, id="one is everything"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 2.0, 4.0, 4.0, id="nearest rank, in any order"),
        pytest.param([float(n) for n in range(1, 101)], 50.0, 95.0, 100.0, id="a hundred"),
    ],
)
def test_percentiles(waits: list[float], p50: float | None, p95: float | None, most: float | None) -> None:
    found = latencies(waits)
    assert (found.count, found.p50, found.p95, found.max) == (len(waits), p50, p95, most)


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_a_percentile_was_really_measured(waits: list[float]) -> None:
    found = latencies(waits)
    assert {found.p50, found.p95, found.max} <= set(waits)
    assert found.max == max(waits)


async def test_the_clock_stands_until_it_is_started_and_then_runs_at_its_speed() -> None:
    clock = Clock(speed=100.0)
    assert clock.now() == 0.0
    clock.start()
    began = clock.moment()
    await clock.sleep(1.0)
    ended = clock.moment()
    assert ended.at - began.at == pytest.approx(100.0 * (ended.wall - began.wall))
    assert ended.at - began.at >= 1.0
    await clock.until(0.5)  # past: returns at once
