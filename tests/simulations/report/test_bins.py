import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.model import SECOND
from simulations.report.bins import MOST, bins_of, width_of


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(60, "0.1 s"), (3600, "5 s"), (7200, "10 s"), (86_400, "2 min"), (86_437, "about 2 min"), (604_800, "15 min")],
)
def test_a_sample_is_a_round_time(seconds: int, said: str) -> None:
    end = seconds * SECOND
    assert width_of(end // bins_of(end)) == said


@given(st.integers(1, 400 * 86_400 * SECOND))
def test_there_is_always_a_sample_and_never_too_many(end: int) -> None:
    assert 1 <= bins_of(end) <= MOST
