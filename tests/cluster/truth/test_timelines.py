"""The comparison itself: what it must find, however small, and what it must let pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster.truth.timelines import Distance, Step, counted, distance, steps, told

REAL = [1, 1, 1, 4, 4, 8, 8, 8, 3, 3]


@pytest.mark.parametrize(
    ("simulated", "most"),
    [
        pytest.param(REAL, 0.0, id="the same"),
        pytest.param([1, 1, 4, 4, 4, 8, 8, 8, 3, 3], 1.0, id="one step a sync early"),
        pytest.param([1, *REAL[:-1]], 1.0, id="all a sync late"),
        pytest.param([1, 1, *REAL[:-2]], None, id="all two syncs late, and the last step not seen"),
        pytest.param([1, 1, *REAL], 2.0, id="all two syncs late"),
        pytest.param([1, 1, 1, 4, 4, 9, 8, 8, 3, 3], None, id="one wrong count"),
        pytest.param([1, 1, 1, 4, 4, 8, 8, 8, 4, 4], None, id="the last count is wrong"),
        pytest.param([1, 1, 1, 8, 8, 8, 8, 8, 3, 3], None, id="one step left out"),
        pytest.param([1, 1, 1, 4, 4, 8, 8, 8, 8, 8], None, id="the last step left out"),
        pytest.param([*REAL, 1], None, id="one step too many"),
        pytest.param([], None, id="nothing at all"),
    ],
)
def test_how_far_apart(simulated: list[int], most: float | None) -> None:
    assert distance(counted(REAL), counted(simulated)).most == most


def test_every_step_has_its_distance() -> None:
    assert distance(counted(REAL), counted([1, 1, 4, 4, 4, 8, 8, 8, 8, 3])).apart == (0.0, 1.0, 0.0, 1.0)


def test_the_first_difference_is_named() -> None:
    wrong = [1, 1, 1, 4, 4, 9, 8, 8, 3, 3]
    assert distance(counted(REAL), counted(wrong)) == Distance(apart=None, differs=2)


@given(values=st.lists(st.integers(0, 3), max_size=30), late=st.integers(0, 5))
def test_a_delay_is_measured_exactly(values: list[int], late: int) -> None:
    timeline = counted(values)
    delayed = [Step(step.at + late, step.value) for step in timeline]
    assert distance(timeline, delayed).most == (late if timeline else 0.0)


@given(one=st.lists(st.integers(0, 2), max_size=12), other=st.lists(st.integers(0, 2), max_size=12))
def test_only_the_same_steps_are_a_distance_apart(one: list[int], other: list[int]) -> None:
    real, simulated = counted(one), counted(other)
    same = [step.value for step in real] == [step.value for step in simulated]
    assert (distance(real, simulated).most is not None) == same
    assert distance(real, simulated).most == distance(simulated, real).most


def test_steps_are_changes_only() -> None:
    assert steps([Step(0.0, 1), Step(2.0, 1), Step(3.0, 2)]) == [Step(0.0, 1), Step(3.0, 2)]


def test_a_difference_is_shown_with_both_timelines() -> None:
    assert told("orders", counted([1, 2]), counted([1])) == "orders\n  real      1@0, 2@1\n  simulated 1@0"
