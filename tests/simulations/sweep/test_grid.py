"""What ``--vary`` may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.errors import ConfigError
from simulations.sweep import Value, combinations, read_grid


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        pytest.param("pool.size=0..3", "pool.size", [0, 1, 2, 3], id="a range"),
        pytest.param("pool.size=0..100..40", "pool.size", [0, 40, 80], id="a step that does not meet the end"),
        pytest.param("x=0..0.3..0.1", "x", [0, 0.1, 0.2, 0.3], id="a decimal step"),
        pytest.param("x=-2..0", "x", [-2, -1, 0], id="below zero"),
        pytest.param("x=7..7", "x", [7], id="a range of one"),
        pytest.param("cooldownPeriod=30,60,300", "cooldownPeriod", [30, 60, 300], id="a list"),
        pytest.param("x=0..2,10,0.5", "x", [0, 1, 2, 10, 0.5], id="a list with a range"),
        pytest.param("use=keda-push,pool-auto", "use", ["keda-push", "pool-auto"], id="words"),
        pytest.param("interval=500ms,2s", "interval", ["500ms", "2s"], id="durations are the scenario's matter"),
        pytest.param("functions.0.name=a=b", "functions.0.name", ["a=b"], id="the first equals sign counts"),
    ],
)
def test_values(text: str, key: str, values: list[Value]) -> None:
    assert read_grid([text]) == {key: values}


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as told:
        read_grid(["pool.size", "a=1..", "b=5..1", "c=1,,2", "a=3", "d=0..1..0", "e=1,1", "f=0..99999", "=3"])
    assert told.value.problems == (
        "'pool.size' is not KEY=VALUES, such as pool.size=0..10 or cooldownPeriod=30,60,300",
        "a: '1..' is not a range such as 0..10 or 0..100..10",
        "b: '5..1' falls: write 1..5",
        "c: '' is no value, such as pool.size=0..10 or cooldownPeriod=30,60,300",
        "'a' is named twice: put its values together, as in a=1,2,5..9",
        "d: '0..1..0' has no step above 0",
        "e: 1 is named twice",
        "f: '0..99999' has 100000 values, more than 10000",
        "'=3' is not KEY=VALUES, such as pool.size=0..10 or cooldownPeriod=30,60,300",
    )


def test_too_many_combinations() -> None:
    with pytest.raises(ConfigError, match="10201 combinations are more than 10000"):
        read_grid(["a=0..100", "b=0..100"])


def test_the_last_key_changes_fastest_and_no_keys_are_one_combination() -> None:
    assert list(combinations(read_grid(["a=1,2", "b=x,y"]))) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]
    assert list(combinations({})) == [{}]


@given(st.integers(-50, 50), st.integers(0, 40), st.integers(1, 9))
def test_a_range_is_what_python_calls_one(first: int, length: int, step: int) -> None:
    assert read_grid([f"x={first}..{first + length}..{step}"])["x"] == list(range(first, first + length + 1, step))
