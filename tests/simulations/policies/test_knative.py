"""Knative's autoscaler: rows in the manner of its own autoscaler_test.go, and what its reconciler makes of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.model import SECOND, KnativeRules
from simulations.policies.knative import KnativeState, begun, poked, step, wish

MINUTE = 60 * SECOND


def rules(target: float, up: float = 10.0, down: float = 10.0) -> KnativeRules:
    """As newTestAutoscaler does: the target is what a pod is to have, and ten times more or fewer at once."""
    return KnativeRules(target=target, utilization=1.0, max_up_rate=up, max_down_rate=down)


@pytest.mark.parametrize(
    ("target", "seen", "ready", "wanted"),
    [
        pytest.param(10, (0, 0), 1, 0, id="no traffic wants none"),
        pytest.param(181, (21, 26), 1, 1, id="little traffic wants one"),
        pytest.param(10, (50, 49), 1, 5, id="stable mode, from one"),
        pytest.param(10, (50, 50), 5, 5, id="stable mode, already scaled"),
        pytest.param(10, (50, 100), 1, 10, id="the panic takes precedence"),
        pytest.param(10, (50, 10), 1, 5, id="stable increase"),
        pytest.param(10, (100, 10), 1, 10, id="stable increase to the most that is allowed"),
        pytest.param(10, (1000, 1001), 1, 10, id="ten times as many at once"),
        pytest.param(10, (1000, 1001), 10, 100, id="and ten times again"),
        pytest.param(10, (1, 1), 100, 10, id="a tenth at once"),
        pytest.param(10, (1, 1), 10, 1, id="and a tenth again"),
        pytest.param(10, (1000, 888), 0, 10, id="no endpoints count as one pod"),
        pytest.param(1, (6, 6), 1, 6, id="exponential growth, first"),
        pytest.param(1, (36, 36), 6, 36, id="exponential growth, second"),
        pytest.param(1, (1296, 1296), 216, 1296, id="exponential growth, last"),
    ],
)
def test_what_is_asked_for(target: float, seen: tuple[float, float], ready: int, wanted: int) -> None:
    assert wish(KnativeState(at=0), rules(target), seen, ready)[1] == wanted


@pytest.mark.parametrize(
    ("bounded", "seen", "ready", "wanted"),
    [
        pytest.param(rules(1, up=1.1), (3, 3.1), 2, 3, id="growing by 10 % grows by one at least"),
        pytest.param(rules(10, down=1.1), (1, 1), 100, 90, id="shrinking by a factor of 1.1 is rounded down"),
    ],
)
def test_small_rates(bounded: KnativeRules, seen: tuple[float, float], ready: int, wanted: int) -> None:
    assert wish(KnativeState(at=0), bounded, seen, ready)[1] == wanted


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        pytest.param((50, 30), 50, id="the stable average where it is larger"),
        pytest.param((20, 30), 30, id="the panic average where it is larger"),
    ],
)
def test_a_panic_takes_the_larger_average(seen: tuple[float, float], wanted: int) -> None:
    panicking = KnativeState(at=5 * SECOND, panic_since=0, most=5)
    assert wish(panicking, rules(1), seen, 5)[1] == wanted


@pytest.mark.parametrize(
    ("target", "history"),
    [
        pytest.param(
            10,
            [(0, (100, 1000), 10, 100), (30, (1, 1), 10, 100), (60, (1, 1), 10, 100), (61, (1, 1), 10, 1)],
            id="it asks for no fewer until the stable window is over",
        ),
        pytest.param(
            1,
            [(0, (11, 25), 10, 25), (30, (30, 41), 40, 41), (62, (50, 56), 55, 50)],
            id="a slow increase does not prolong it",
        ),
        pytest.param(1, [(0, (11, 25), 10, 25), (30, (30, 80), 40, 80), (62, (30, 41), 55, 80)], id="a surge does"),
    ],
)
def test_panics(target: float, history: list[tuple[int, tuple[float, float], int, int]]) -> None:
    state = KnativeState(at=0)
    for seconds, seen, ready, wanted in history:
        state, got = wish(replace(state, at=seconds * SECOND), rules(target), seen, ready)
        assert got == wanted


def test_two_pods_found_at_the_start_are_kept_as_in_a_panic() -> None:
    assert [begun(0, pods).panic_since for pods in (0, 1, 2)] == [None, None, 0]
    state = begun(0, 2)
    for tick in range(1, 31):
        state, desired = step(state, KnativeRules(), 2 * tick * SECOND, 0, 2)
        assert desired == 2
    assert step(state, KnativeRules(), 62 * SECOND, 0, 2)[1] == 1


def lived(state: KnativeState, until: int, concurrency: float, ready: int) -> tuple[KnativeState, list[int]]:
    """Tick every two seconds until ``until`` seconds, with so many requests all the time."""
    seen = []
    while state.at < until * SECOND:
        state, desired = step(state, KnativeRules(), state.at + 2 * SECOND, round(concurrency * 2 * SECOND), ready)
        seen.append(desired)
    return state, seen


def test_a_poke_wakes_at_once_and_an_idle_revision_sleeps_after_the_window_and_the_grace() -> None:
    """60 s of history without requests, then 30 s in the activator's hands."""
    state, desired = poked(begun(0, 0), KnativeRules(), 10 * SECOND)
    assert desired == 1
    state, busy = lived(state, 20, 1.0, 1)
    assert set(busy) == {1}
    state, idle = lived(state, 120, 0.0, 1)
    asked = dict(zip(range(22, 122, 2), idle, strict=True))
    assert {at: asked[at] for at in (78, 80, 108, 110, 112)} == {78: 1, 80: 1, 108: 1, 110: 0, 112: 0}
    assert poked(state, KnativeRules(), state.at + SECOND)[1] == 1


def test_a_pod_that_still_starts_is_left_alone() -> None:
    """Its request has gone, and it is not ready: zero is not asked for before it was active for a while."""
    state, _ = poked(begun(0, 0), KnativeRules(), 0)
    state, starting = lived(state, 100, 0.0, 0)
    assert set(starting) == {1}


def test_an_average_begins_with_the_first_record() -> None:
    """100 requests at once are not watered down by the quiet minute before them: 70 a pod are 2, and a panic."""
    state, desired = step(begun(MINUTE, 0), KnativeRules(), MINUTE + 2 * SECOND, 200 * SECOND, 0)
    assert desired == 2
    assert lived(state, 70, 0.0, 1)[1] == [2] * 4


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 40)), min_size=1, max_size=80), st.integers(1, 10**9))
def test_a_shift_of_time_changes_nothing(ticks: list[tuple[int, int]], shift: int) -> None:
    def asked(start: int) -> list[int]:
        state, found = begun(start, 0), []
        for number, (concurrency, ready) in enumerate(ticks, 1):
            at = start + 2 * SECOND * number
            state, desired = step(state, KnativeRules(target=10), at, 2 * SECOND * concurrency, ready)
            found.append(desired)
        return found

    assert asked(0) == asked(shift)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 40)), min_size=1, max_size=80))
def test_a_panic_never_asks_for_fewer(ticks: list[tuple[int, int]]) -> None:
    state, before = begun(0, 0), 0
    for number, (concurrency, ready) in enumerate(ticks, 1):
        panicking = state.panic_since is not None
        state, desired = step(state, KnativeRules(target=10), 2 * SECOND * number, 2 * SECOND * concurrency, ready)
        assert not (panicking and state.panic_since is not None) or desired >= before
        before = desired
