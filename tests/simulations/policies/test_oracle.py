"""The bounds of hindsight: against brute force where that can be afforded, and against the figures of a real trace."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.figures import Figures, Outcome, Step
from simulations.model import SECOND
from simulations.policies.oracle import Frontier, Wake, after_fixed, keep_alive, of_run, warm_pool
from simulations.policies.overlays import laid
from simulations.policies.ski_rental import DETERMINISTIC, RANDOMISED, break_even, drawn, paid
from simulations.run import simulate
from simulations.statistics import overall
from tests.simulations.policies.worlds import function, world
from tests.simulations.sample import NOTHING

GAPS = st.lists(st.integers(0, 50), min_size=1, max_size=9)


@given(GAPS)
def test_no_choice_of_gaps_is_better_than_the_frontier(gaps: list[int]) -> None:
    frontier = keep_alive(np.array(gaps, dtype=np.int64))
    for kept in range(len(gaps) + 1):
        cheapest = min(sum(chosen) for chosen in combinations(gaps, kept))
        assert frontier.idle_at(len(gaps) - kept) == cheapest
        assert frontier.colds_at(cheapest) <= len(gaps) - kept


@given(GAPS, st.integers(0, 60))
def test_no_fixed_keep_alive_is_better_than_the_frontier(gaps: list[int], keep: int) -> None:
    colds, idle = after_fixed(np.array(gaps, dtype=np.int64), keep)
    frontier = keep_alive(np.array(gaps, dtype=np.int64))
    assert frontier.idle_at(colds) <= idle
    assert frontier.colds_at(idle) <= colds


def cheapest(wakes: dict[int, int], lead: int, end: int) -> dict[int, int]:
    """Return the least pod-time by misses, trying everything, second by second.

    A pool is the ages of its pods, up to ``lead``: then they can be claimed. Each second any number may be created, up
    to what is still wanted, and any pods given up; a claim may take from none to all that are wanted.
    """
    pools: dict[tuple[tuple[int, ...], int], int] = {((), 0): 0}
    for second in range(end + 1):
        wanted = wakes.get(second, 0)
        claimed: dict[tuple[tuple[int, ...], int], int] = {}
        for (ages, missed), cost in pools.items():
            ready = sum(age >= lead for age in ages)
            for hits in range(min(ready, wanted) + 1):
                left = ages[: len(ages) - hits]  # the ready ones are last
                for kept in {
                    left[first:last] for first in range(len(left) + 1) for last in range(first, len(left) + 1)
                }:
                    for created in range(sum(wakes.values()) - len(kept) + 1):
                        pool = ((0,) * created + kept, missed + wanted - hits)
                        claimed[pool] = min(claimed.get(pool, cost), cost)
        pools = {}
        for (ages, missed), cost in claimed.items():
            older = (tuple(min(age + 1, lead) for age in ages), missed)
            pools[older] = min(pools.get(older, cost + len(ages)), cost + len(ages))
    best: dict[int, int] = {}
    for (_, missed), cost in pools.items():
        best[missed] = min(best.get(missed, cost), cost)
    return best


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.integers(0, 6), st.integers(1, 2), min_size=1, max_size=2), st.integers(1, 3))
def test_no_pool_is_better_than_the_bound_and_one_is_as_good(wakes: dict[int, int], lead: int) -> None:
    frontier = warm_pool([Wake(at=at, pods=pods) for at, pods in wakes.items()], lead)
    found = cheapest(wakes, lead, max(wakes))
    # Pods that are there after the last second cost something and were of no use to anybody: the cheapest have none.
    assert min(found) == frontier.colds[-1]
    assert {missed: frontier.idle_at(missed) for missed in found} == found


def test_what_cannot_be_had_is_refused() -> None:
    frontier = warm_pool([Wake(at=0, pods=2), Wake(at=9, pods=1)], 8)
    assert (frontier.idle_at(2), frontier.idle_at(3), frontier.idle_at(7)) == (8, 0, 0)
    with pytest.raises(ValueError, match="2 cold starts are unavoidable, not 1"):
        frontier.idle_at(1)


def test_a_frontier_without_requests_is_one_point() -> None:
    nothing: Frontier = keep_alive(np.array([], dtype=np.int64))
    assert (nothing.idle_at(0), nothing.colds_at(10)) == (0, 0)


@given(st.floats(0.0, 1e6), st.floats(0.01, 1e3), st.floats(0.01, 10.0))
def test_break_even_pays_at_most_twice_what_hindsight_pays(gap: float, cold: float, idle: float) -> None:
    even = break_even(cold, idle)
    assert paid(gap, even, even) <= DETERMINISTIC * min(gap, even) * (1 + 1e-9)


@given(st.floats(1e-3, 4.0))
def test_a_drawn_cooldown_pays_a_little_more_than_half_as_much_more(gap: float) -> None:
    """The mean over evenly spaced draws; break-even is 1."""
    draws = (np.arange(2000) + 0.5) / 2000
    mean = float(np.mean([paid(gap, drawn(1.0, float(draw)), 1.0) for draw in draws]))
    assert mean == pytest.approx(RANDOMISED * min(gap, 1.0), rel=0.02, abs=1e-3)


LONGEST = (23566, 25147, 28079, 28090, 29713, 33449, 36420, 38513, 39055, 40094, 40205, 40301, 43319, 44603, 45919)
LONGER = (49069, 50796, 55315, 65502, 70193, 78444, 82752, 87294, 93789, 123429, 138720, 143734, 168408, 173521, 217168)


def test_the_azure_code_trace_kept_for_half_a_minute() -> None:
    """Its 30 longest gaps in ms, and the other 8,788, all below 23.2 s, as what they are in the mean."""
    others, total = 8_788, 1_301_323
    gaps = np.array([total // others] * (others - 1) + [total - total // others * (others - 1), *LONGEST, *LONGER])
    colds, idle = after_fixed(gaps, 30_000)
    frontier = keep_alive(gaps)
    assert (colds, frontier.colds_at(idle)) == (25, 10)
    assert idle / frontier.idle_at(colds) == pytest.approx(1.52, abs=0.005)


def run_of(*steps: tuple[int, int], name: str = "orders") -> Figures:
    """Return the figures of a run with a wake-up at each of the seconds, of so many pods."""
    return replace(NOTHING, name=name, steps=tuple(Step(at=at * SECOND, pods=pods, missed=0) for at, pods in steps))


def test_the_bound_of_a_run_is_that_of_its_wake_ups() -> None:
    """A hit costs 8 s of 256 MiB, which is 2 GiB·s; the pods that were wanted at 5 s nobody can have."""
    outcome = Outcome(figures=(run_of((5, 2), (60, 1), (90, 2)),), end=100 * SECOND, warmup=0)
    bounds = of_run(world(function([])), outcome)
    assert [(each.missed, each.gib_s) for each in bounds] == [(2, 6.0), (3, 4.0), (4, 2.0), (5, 0.0)]


def test_whoever_misses_some_misses_the_dearest() -> None:
    large = replace(function([], name="large"), memory=2**30)
    figures = (run_of((60, 1)), run_of((60, 1), name="large"))
    bounds = of_run(world(function([]), large), Outcome(figures=figures, end=100 * SECOND, warmup=0))
    assert [(each.missed, each.gib_s) for each in bounds] == [(0, 10.0), (1, 2.0), (2, 0.0)]


@given(st.integers(1, 2_000))
def test_a_long_bound_is_thinned_out_and_keeps_its_ends(pods: int) -> None:
    outcome = Outcome(figures=(run_of((60, pods)),), end=100 * SECOND, warmup=0)
    bounds = of_run(world(function([])), outcome)
    assert len(bounds) <= 202
    assert (bounds[0].missed, bounds[-1].missed) == (0, pods)
    assert all(each.gib_s == pytest.approx(2.0 * (pods - each.missed)) for each in bounds)


@pytest.mark.parametrize("name", ["pool-fixed", "pool-auto", "histogram", "openwhisk-reactive", "pool-forecast"])
@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(1, 3500), min_size=1, max_size=12, unique=True))
def test_no_policy_beats_the_bound_of_its_own_run(name: str, arrivals: list[int]) -> None:
    asked = laid(name, world(function([float(each) for each in sorted(arrivals)])))
    outcome = simulate(asked)
    came_to = overall(outcome)
    assert sum(step.pods for step in outcome.figures[0].steps) == came_to.hits + came_to.missed
    for bound in of_run(asked, outcome):
        assert came_to.missed > bound.missed or came_to.warm_gib_s >= bound.gib_s
