"""Arrivals: the same for a seed, in bursts, with gaps in which a Deployment can fall asleep."""

from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from simulations.demo.arrivals import (
    BURST,
    EXTRA_EVENTS,
    EXTRA_LENGTH,
    FIRST,
    SHORTEST_GAP,
    arrivals,
    extra_burst,
    service_time,
)

seeds = st.integers(0, 2**32)


def first(seed: int, count: int = 300) -> list[float]:
    return list(islice(arrivals(seed), count))


@given(seeds)
def test_a_seed_says_it_all(seed: int) -> None:
    assert first(seed) == first(seed)


@given(seeds)
def test_time_only_grows(seed: int) -> None:
    assert all(before < after for before, after in pairwise(first(seed)))


@given(seeds)
def test_even_a_short_run_sees_the_way_from_zero(seed: int) -> None:
    events = first(seed)
    assert FIRST[0] <= events[0] <= FIRST[1]
    assert sum(at < 5.0 for at in events) >= 2


@given(seeds)
def test_bursts_are_short_and_gaps_are_long(seed: int) -> None:
    begun = last = first(seed)[0]
    for at in first(seed)[1:]:
        if at - last >= SHORTEST_GAP:
            begun = at
        assert at - begun <= BURST[1]
        last = at


def test_seeds_differ() -> None:
    assert len({tuple(first(seed, 5)) for seed in range(50)}) == 50


def test_some_bursts_are_one_event_only() -> None:
    gaps = [after - before for before, after in pairwise(first(1, 2_000))]
    assert any(one >= SHORTEST_GAP and two >= SHORTEST_GAP for one, two in pairwise(gaps))


def test_a_burst_on_request_is_even() -> None:
    burst = extra_burst(100.0)
    assert (len(burst), burst[0]) == (EXTRA_EVENTS, 100.0)
    assert burst[-1] < 100.0 + EXTRA_LENGTH


@given(seeds, st.integers(1, 10_000))
def test_an_event_takes_as_long_in_every_lane(seed: int, number: int) -> None:
    assert 0.2 <= service_time(seed, number) <= 0.8
    assert service_time(seed, number) == service_time(seed, number)
