"""Bars of letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.demo.charts import ASCII, bars, columns, filled


@pytest.mark.parametrize(
    ("values", "height", "top", "rows"),
    [
        pytest.param([0, 1, 2, 4, 8], 1, 8, [" ▁▂▄█"], id="one row"),
        pytest.param([0, 4, 8, 16], 2, 16, ["   █", " ▄██"], id="two rows"),
        pytest.param([0.001], 2, 1000, [" ", "▁"], id="what is above zero is never nothing"),
        pytest.param([99], 1, 8, ["█"], id="what is above the top ends there"),
        pytest.param([], 2, 8, ["", ""], id="nothing"),
    ],
)
def test_bars(values: list[float], height: int, top: float, rows: list[str]) -> None:
    assert bars(values, height, top) == rows


def test_bars_of_plain_letters() -> None:
    assert all(row.isascii() for row in bars([1, 2, 3, 4, 5, 6, 7, 8], 2, 8, ASCII))


def test_what_is_wanted_is_shaded_above_what_is_there() -> None:
    layers = filled([0, 1, 2], [2, 2, 2], 2, 2)
    assert layers == [("  █", "░░ "), (" ██", "░  ")]


@given(st.lists(st.integers(0, 10)), st.integers(1, 50), st.integers(1, 6))
def test_columns_fill_the_width_and_lose_nothing_new(samples: list[int], width: int, each: int) -> None:
    found = columns(samples, width, each, sum, 0)
    assert len(found) == width
    kept = (width - 1) * each
    assert sum(samples[-kept:] if kept else []) <= sum(found) <= sum(samples[-width * each :])


@given(st.lists(st.integers(0, 10), min_size=1), st.integers(1, 6))
def test_a_column_that_is_complete_never_changes(samples: list[int], each: int) -> None:
    numbered = [str(number) for number in range(len(samples))]
    before = columns(numbered[:-1], 200, each, " ".join, "")
    after = columns(numbered, 200, each, " ".join, "")
    assert [cell for cell in before if cell.count(" ") == each - 1 and cell not in after] == []
