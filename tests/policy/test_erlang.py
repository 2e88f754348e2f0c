"""How often a stock is empty: against the published table, the defining sum, and steps counted one by one."""

from collections import deque
from itertools import pairwise
from math import factorial
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.policy.erlang import miss_ratio, miss_ratios, smallest

LOADS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20)
SIZES = {0.1: (1, 1, 2, 2, 3, 4, 8, 13, 23), 0.05: (1, 2, 2, 3, 4, 5, 9, 15, 26)} | {
    0.01: (2, 2, 3, 4, 5, 7, 11, 18, 30),
    0.001: (3, 3, 4, 5, 6, 8, 14, 21, 35),
}


@pytest.mark.parametrize(
    ("load", "ratio", "size"),
    [(load, ratio, size) for ratio, sizes in SIZES.items() for load, size in zip(LOADS, sizes, strict=True)],
)
def test_the_size_for_single_pods(load: float, ratio: float, size: int) -> None:
    assert smallest(load, ratio, 1000) == size


@pytest.mark.parametrize(
    ("pods_wanted", "batch", "simulated"),
    [
        (0.5, 1, (2, 3, 4)),
        (0.5, 4, (5, 7, 8)),
        (0.5, 10, (10, 10, 19)),
        (2, 1, (4, 5, 7)),
        (2, 4, (8, 10, 14)),
        (2, 10, (15, 18, 24)),
    ],
)
def test_the_size_for_batches_is_at_most_one_pod_above_what_was_simulated(
    pods_wanted: float, batch: int, simulated: tuple[int, int, int]
) -> None:
    sizes = [smallest(pods_wanted / batch, ratio, 1000, batch) for ratio in (0.1, 0.05, 0.01)]
    assert all(size is not None and 0 <= size - seen <= 1 for size, seen in zip(sizes, simulated, strict=True))


@pytest.mark.parametrize(
    ("size", "load", "ratio"),
    [
        pytest.param(0, 0.0, 1.0, id="nothing kept misses everything, if anything came"),
        pytest.param(1, 0.0, 0.0, id="no load misses nothing"),
        pytest.param(3, float("inf"), 1.0, id="an endless load misses everything"),
        pytest.param(1, 1.0, 0.5, id="one pod, one wake-up for each lead time"),
        pytest.param(2, 1e-200, 0.0, id="below what a number can hold"),
        pytest.param(3, 1e200, 1.0, id="above all bounds"),
    ],
)
def test_its_ends(size: int, load: float, ratio: float) -> None:
    assert miss_ratio(size, load) == pytest.approx(ratio, abs=1e-12)


def test_a_size_that_may_not_be_had_is_none() -> None:
    assert smallest(20, 0.05, 25) is None
    assert smallest(20, 0.05, 26) == 26
    assert smallest(0.0, 0.05, 0) is None


@pytest.mark.parametrize(("size", "load", "batch"), [(5, 0.5, 3), (7, 1.0, 4), (4, 2.0, 1), (10, 0.4, 10), (3, 0.2, 8)])
def test_it_is_what_counting_gives(size: int, load: float, batch: int) -> None:
    """Wake-ups of ``batch`` pods at random instants; what one takes is back, together, one lead time (1 s) later."""
    chance, at, missed, steps = Random(7), 0.0, 0, 60_000
    back: deque[tuple[float, int]] = deque()
    stock = size
    for _ in range(steps):
        at += chance.expovariate(load)
        while back and back[0][0] <= at:
            stock += back.popleft()[1]
        taken = min(stock, batch)
        stock, missed = stock - taken, missed + batch - taken
        if taken:
            back.append((at + 1.0, taken))
    counted, bound = missed / (steps * batch), miss_ratio(size, load, batch)
    assert counted <= bound + 0.01
    if size % batch == 0:
        assert counted == pytest.approx(bound, abs=0.01)


LOAD = st.floats(0.001, 200)


@given(st.integers(1, 40), LOAD)
def test_it_is_the_defining_sum(size: int, load: float) -> None:
    terms = [load**n / factorial(n) for n in range(size + 1)]
    assert miss_ratio(size, load) == pytest.approx(terms[-1] / sum(terms), rel=1e-9)


@given(LOAD)
def test_one_more_pod_helps_and_the_next_one_helps_less(load: float) -> None:
    gains = [one - other for one, other in pairwise(miss_ratios(60, load))]
    assert all(gain >= 0 for gain in gains)
    assert all(later <= gain + 1e-12 for gain, later in pairwise(gains))


@given(LOAD, LOAD, st.floats(0.001, 0.5), st.integers(1, 12))
def test_more_load_never_needs_fewer_pods(load: float, other: float, ratio: float, batch: int) -> None:
    few, many = (smallest(each, ratio, 5000, batch) for each in sorted((load, other)))
    assert few is not None
    assert many is not None
    assert few <= many


@given(LOAD, st.floats(0.001, 0.5), st.integers(1, 12))
def test_the_size_is_the_first_that_misses_no_more(load: float, ratio: float, batch: int) -> None:
    size = smallest(load, ratio, 5000, batch)
    assert size is not None
    assert miss_ratio(size, load, batch) <= ratio
    assert size == 0 or miss_ratio(size - 1, load, batch) > ratio
