"""A size that changes by a lot changes in steps, unless it was confirmed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.model import Instant
from scaler.policy.ramp import JUMP, STEP, begin, bounded, bounds, over

NOW = Instant(1000.0)


@pytest.mark.parametrize(
    ("before", "after", "jumps"),
    [
        pytest.param(0, 9, False, id="a new pool of nine"),
        pytest.param(0, 10, True, id="a new pool of ten"),
        pytest.param(1, 9, False, id="nine times as many"),
        pytest.param(3, 30, True, id="a digit too much"),
        pytest.param(30, 3, True, id="a digit too few"),
        pytest.param(30, 4, False, id="a seventh"),
        pytest.param(1, 0, True, id="the only one goes"),
        pytest.param(50, 0, True, id="the pool goes"),
        pytest.param(0, 0, False, id="none stays none"),
        pytest.param(7, 7, False, id="no change"),
    ],
)
def test_what_a_jump_is(before: int, after: int, jumps: bool) -> None:
    assert (begin(before, after, confirm=None, held=before, now=NOW) is not None) == jumps
    assert begin(before, after, confirm=after, held=before, now=NOW) is None
    assert (begin(before, after, confirm=after + 1, held=before, now=NOW) is not None) == jumps


@pytest.mark.parametrize(
    ("before", "after", "held", "sizes"),
    [
        pytest.param(0, 20, 0, [1, 2, 4, 8, 16, 20], id="a new pool doubles from one"),
        pytest.param(3, 30, 3, [3, 6, 12, 24, 30], id="up from what was there"),
        pytest.param(3, 30, 0, [3, 6, 12, 24, 30], id="up from what was allowed"),
        pytest.param(50, 0, 50, [50, 25, 12, 6, 3, 1, 0], id="down to none"),
        pytest.param(100, 5, 40, [40, 20, 10, 5], id="down from what is there"),
        pytest.param(1, 0, 1, [1, 0], id="the last one has a step, too"),
    ],
)
def test_the_way_there(before: int, after: int, held: int, sizes: list[int]) -> None:
    ramp = begin(before, after, confirm=None, held=held, now=NOW)
    assert ramp is not None
    for number, size in enumerate(sizes):
        for at in (NOW + number * STEP, NOW + (number + 1) * STEP - 0.001):
            assert bounded(after, "", ramp, Instant(at))[0] == size
            assert over(ramp, Instant(at)) == (number == len(sizes) - 1)


def test_nothing_is_ramped_that_is_there_already() -> None:
    assert begin(1, 100, confirm=None, held=100, now=NOW) is None
    assert begin(100, 1, confirm=None, held=1, now=NOW) is None


def test_the_reason_says_how_to_have_it_at_once() -> None:
    up, down = (begin(*change, confirm=None, held=change[0], now=NOW) for change in ((3, 50), (50, 0)))
    assert up is not None
    assert down is not None
    assert bounded(50, "50: fixed", up, NOW) == (
        3,
        "3: doubles every 30 s towards 50 without 'confirm: 50'; 50: fixed",
    )
    assert bounded(0, "0: fixed", down, Instant(NOW + STEP)) == (
        25,
        "25: is halved every 30 s towards 0 without 'confirm: 0'; 0: fixed",
    )
    assert bounded(2, "2: fixed", up, NOW) == (2, "2: fixed")


SIZES = st.integers(0, 1000)


@given(SIZES, SIZES, SIZES, st.floats(0, 1e6))
def test_it_never_leaves_the_old_and_the_new_behind_and_comes_to_an_end(
    before: int, after: int, held: int, later: float
) -> None:
    ramp = begin(before, after, confirm=None, held=held, now=NOW)
    if ramp is None:
        return
    size, _ = bounded(after, "", ramp, Instant(NOW + later))
    assert min(before, after, held) <= size <= max(before, after, held, 1)
    assert over(ramp, Instant(NOW + 11 * STEP))


@given(SIZES, SIZES, SIZES, st.floats(0, 400))
def test_a_step_at_most_doubles_or_halves(before: int, after: int, held: int, later: float) -> None:
    ramp = begin(before, after, confirm=None, held=held, now=NOW)
    if ramp is None:
        return
    now, then = (bounded(after, "", ramp, Instant(NOW + at))[0] for at in (later, later + STEP))
    assert now // 2 <= then <= max(1, 2 * now)
    least, most = bounds(ramp, Instant(NOW + later))
    assert most is None or least <= most


@given(SIZES, SIZES)
def test_only_what_is_ten_times_is_a_jump(before: int, after: int) -> None:
    jumps = begin(before, after, confirm=None, held=before, now=NOW) is not None
    larger, smaller = max(before, after, 1), max(min(before, after), 1)
    assert jumps == (larger >= JUMP * smaller or (before > after == 0))
