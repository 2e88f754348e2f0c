"""Counts become instants: each in its interval, as many as were counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.traces import Placement
from simulations.traces.spreading import placed, whole
from simulations.workload import streams

WIDTH = 60_000_000
COUNTS = st.lists(st.integers(0, 30), min_size=1, max_size=30)


@given(counts=COUNTS, placement=st.sampled_from(Placement), seed=st.integers(0, 2**32))
def test_each_interval_has_what_was_counted(counts: list[int], placement: Placement, seed: int) -> None:
    begins = np.arange(len(counts)) * WIDTH
    at = placed(begins, np.full(len(counts), WIDTH), np.array(counts), placement, streams(seed))
    assert np.bincount(at // WIDTH, minlength=len(counts)).tolist() == counts
    assert (np.diff(at) >= 0).all()


@given(counts=st.lists(st.floats(0, 1e6), min_size=1))
def test_whole_counts_never_stray_from_the_sum(counts: list[float]) -> None:
    found = whole(np.array(counts))
    assert (found >= 0).all()
    assert np.abs(np.cumsum(found) - np.cumsum(counts)).max() <= 0.5 + 1e-9 * sum(counts)


def test_equidistant() -> None:
    at = placed(np.array([0, WIDTH]), np.array([WIDTH, WIDTH]), np.array([3, 1]), Placement.EQUIDISTANT, streams(1))
    assert (at / 1e6).tolist() == [0, 20, 40, 60]


@pytest.mark.parametrize(
    ("placement", "variation"),
    [
        pytest.param(Placement.UNIFORM, 1.0, id="uniform: gaps as of Poisson arrivals"),
        pytest.param(Placement.EXPONENTIAL, 1.0, id="exponential gaps"),
        pytest.param(Placement.EQUIDISTANT, 0.0, id="no variation"),
    ],
)
def test_gaps_vary_as_they_should(placement: Placement, variation: float) -> None:
    many = np.full(200, 500)
    gaps = np.diff(placed(np.arange(200) * WIDTH, np.full(200, WIDTH), many, placement, streams(1)))
    assert gaps.std() / gaps.mean() == pytest.approx(variation, abs=0.02)


def test_exponential_begins_with_the_interval() -> None:
    at = placed(np.array([0]), np.array([WIDTH]), np.array([4]), Placement.EXPONENTIAL, streams(1))
    assert at[0] == 0
    assert len(np.unique(np.diff(at))) == 3
