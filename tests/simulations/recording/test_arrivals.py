"""Arrivals out of readings: no more than the backlog grew, each in the time in which it did."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.model import Series
from simulations.recording import Steps, Watched, reconstructed

S = 1_000_000


def watched(readings: list[tuple[float, int]], interval: float = 2.0) -> Watched:
    times = np.asarray([round(at * S) for at, _ in readings], dtype=np.int64)
    values = np.asarray([value for _, value in readings], dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int64)
    return Watched(
        namespace="shop",
        name="orders",
        kind="redis",
        metric="m",
        target=5.0,
        activation=0.0,
        interval=interval,
        series=Series(times=nothing, values=nothing, active=nothing),
        backlog=Steps(times=times, values=values),
    )


@pytest.mark.parametrize(
    ("readings", "arrivals"),
    [
        pytest.param([], [], id="nothing was read"),
        pytest.param([(0, 0), (10, 1)], [10], id="one comes with the reading that saw it"),
        pytest.param([(0, 0), (10, 4)], [8.5, 9, 9.5, 10], id="several since the reading before"),
        pytest.param([(9.5, 0), (10, 2)], [9.75, 10], id="which was not long ago"),
        pytest.param([(0, 3), (2, 1), (4, 2)], [0, 0, 0, 4], id="those at the beginning, and only rises"),
    ],
)
def test_arrivals(readings: list[tuple[float, int]], arrivals: list[float]) -> None:
    assert (reconstructed(watched(readings)) / S).tolist() == arrivals


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9)), min_size=1, max_size=40), st.floats(0.1, 10.0))
def test_they_are_as_many_as_the_rises_and_none_comes_after_it_was_seen(
    steps: list[tuple[int, int]], interval: float
) -> None:
    at, readings = 0, list[tuple[float, int]]()
    for gap, value in steps:
        at += gap
        readings.append((at / 10, value))
    found = reconstructed(watched(readings, interval))
    values = [0, *(value for _, value in readings)]
    assert len(found) == sum(max(0, after - before) for before, after in itertools.pairwise(values))
    assert (np.diff(found) >= 0).all()
    for (when, _), before, after in zip(readings, values, values[1:], strict=False):
        assert (found <= round(when * S)).sum() >= max(0, after - before)
