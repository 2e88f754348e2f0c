"""When synthetic requests arrive: as many as the rate says, where it says, and the same for the same seed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from scaler.errors import ConfigError
from simulations.model import SECOND, Ints
from simulations.workload import ArrivalsSection, draw_arrivals, streams
from simulations.workload.arrivals import expected_arrivals

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
MONDAY = 1_767_571_200.0  # 2026-01-05, midnight UTC

POISSON = {"poisson": {"rate": "10/s"}}
SINE = {"sine": {"base": "0/s", "peak": "20/s", "period": "1h"}}
LATE_SINE = {"sine": {"base": "0/s", "peak": "20/s", "period": "1h", "phase": "30m"}}
SHORT_SINE = {"sine": {"base": "5/s", "peak": "15/s", "period": "7s"}}
RAMP = {"ramp": {"from": "0/s", "to": "20/s", "over": "30m"}}
STEP = {"step": {"before": "0/s", "after": "20/s", "at": "30m"}}
SPIKE = {"spike": {"base": "1/s", "peak": "100/s", "at": "10m", "lasting": "1m"}}
SPIKES = {"spike": {"base": "0/s", "peak": "100/s", "at": "0s", "lasting": "6s", "every": "1m"}}
MMPP = {
    "mmpp": {"states": [{"rate": "1/s", "stay": "2s"}, {"rate": "20/s", "stay": "1s"}, {"rate": "0/s", "stay": "4s"}]}
}
ON_OFF = {"onOff": {"rate": "20/s", "on": "1s", "off": {"exponential": {"mean": "1s"}}}}
BATCH = {"batch": {"size": 20, "rate": "30/min", "within": "2s"}}
CONSTANT = {"constant": {"rate": "600/min"}}
CRON = {"cron": {"cron": "*/10 * * * *", "size": 3, "jitter": "5s"}}
SUM = {"sum": [POISSON, CONSTANT]}
THEN = {"then": [{"for": "20m", **CONSTANT}, {"for": "20m", **POISSON}, STEP]}
EVERY: list[dict[str, Any]] = [
    POISSON, SINE, LATE_SINE, SHORT_SINE, RAMP, STEP, SPIKE, SPIKES, MMPP, ON_OFF, BATCH, CONSTANT, CRON, SUM, THEN
]  # fmt: skip


def drawn(section: dict[str, Any], end: int = HOUR, seed: int = 1, wall: float = MONDAY) -> Ints:
    return draw_arrivals(ArrivalsSection.model_validate(section), end, streams(seed, "arrivals"), wall)


def between(arrivals: Ints, begin: int, end: int) -> int:
    return int(np.count_nonzero((arrivals >= begin) & (arrivals < end)))


@pytest.mark.parametrize(
    ("section", "begin", "end", "expected", "sd"),
    [
        pytest.param(POISSON, 0, HOUR, 36_000, 190, id="poisson: all"),
        pytest.param(POISSON, 30 * MINUTE, 31 * MINUTE, 600, 25, id="poisson: a minute"),
        pytest.param(SINE, 0, HOUR, 36_000, 190, id="sine: a period has the mean"),
        pytest.param(SINE, 0, 6 * MINUTE, 232, 15, id="sine: low at the beginning"),
        pytest.param(SINE, 27 * MINUTE, 33 * MINUTE, 7_141, 84, id="sine: high in the middle"),
        pytest.param(LATE_SINE, 27 * MINUTE, 33 * MINUTE, 59, 8, id="sine: low at its phase"),
        pytest.param(SHORT_SINE, 0, HOUR, 36_000, 190, id="sine: many periods"),
        pytest.param(RAMP, 0, 15 * MINUTE, 4_500, 67, id="ramp: half way"),
        pytest.param(RAMP, 30 * MINUTE, HOUR, 36_000, 190, id="ramp: then it stays"),
        pytest.param(STEP, 0, 30 * MINUTE, 0, 0, id="step: nothing before"),
        pytest.param(STEP, 30 * MINUTE, HOUR, 36_000, 190, id="step: after"),
        pytest.param(SPIKE, 10 * MINUTE, 11 * MINUTE, 6_000, 77, id="spike: in it"),
        pytest.param(SPIKE, 11 * MINUTE, HOUR, 2_940, 54, id="spike: after it"),
        pytest.param(SPIKES, 59 * MINUTE, 59 * MINUTE + 6 * SECOND, 600, 25, id="spikes: the last"),
        pytest.param(SPIKES, 58 * MINUTE + 6 * SECOND, 59 * MINUTE, 0, 0, id="spikes: between them"),
        # Three states, each as often: (1 x 2 + 20 x 1 + 0 x 4) / 7 a second; a cycle's spread is far above Poisson's.
        pytest.param(MMPP, 0, HOUR, 11_314, 700, id="mmpp: the mean over its states"),
        pytest.param(ON_OFF, 0, HOUR, 36_000, 700, id="on-off: half of the time"),
        pytest.param(BATCH, 0, HOUR, 36_000, 850, id="batches"),
        pytest.param(SUM, 0, HOUR, 72_000, 190, id="a sum"),
        pytest.param(THEN, 40 * MINUTE, HOUR, 0, 0, id="parts have their own beginning"),
    ],
)  # fmt: skip
def test_there_are_as_many_as_the_rate_says(
    section: dict[str, Any], begin: int, end: int, expected: int, sd: int
) -> None:
    assert between(drawn(section), begin, end) == pytest.approx(expected, abs=4 * sd)


@settings(deadline=None)
@given(section=st.sampled_from(EVERY), end=st.integers(1, 2 * HOUR), seed=st.integers(0, 2**63))
def test_they_ascend_within_the_time_and_come_again(section: dict[str, Any], end: int, seed: int) -> None:
    first, again = drawn(section, end, seed), drawn(section, end, seed)
    assert first.dtype == np.int64
    assert np.array_equal(first, again)
    assert not len(first) or (first[0] >= 0 and first[-1] < end)
    assert (np.diff(first) >= 0).all()


def test_another_seed_is_another_draw() -> None:
    assert not np.array_equal(drawn(POISSON, seed=1), drawn(POISSON, seed=2))


def test_gaps_of_poisson_arrivals_are_exponential() -> None:
    gaps = np.diff(drawn(POISSON, 100 * HOUR)) / SECOND
    assert gaps.mean() == pytest.approx(0.1, rel=0.01)
    assert gaps.std() == pytest.approx(0.1, rel=0.01)
    assert np.quantile(gaps, 0.99) == pytest.approx(0.1 * np.log(100), rel=0.01)


def test_poisson_counts_vary_as_they_should() -> None:
    counts = np.bincount(drawn(SHORT_SINE, 70_000 * SECOND) // (7 * SECOND))
    assert counts.var() / counts.mean() == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize(
    ("section", "end", "seconds"),
    [
        pytest.param({"constant": {"rate": "20/min"}}, 9 * SECOND, [0, 3, 6], id="equal distances, the end excluded"),
        pytest.param({"constant": {"rate": "0/s"}}, HOUR, [], id="never"),
        pytest.param({"poisson": {"rate": "0/h"}}, HOUR, [], id="never, by chance"),
        pytest.param({"cron": {"cron": "*/20 * * * *"}}, HOUR, [0, 1200, 2400], id="a timetable, the end excluded"),
        pytest.param(
            {"cron": {"cron": "30 1 * * *", "timeZone": "Europe/Berlin", "size": 2}},
            24 * HOUR,
            [1800, 1800],
            id="the timetable of another zone",
        ),
        pytest.param(
            {"then": [{"for": "40m", "poisson": {"rate": "0/s"}}, {"cron": {"cron": "*/15 * * * *"}}]},
            HOUR,
            [2700],
            id="a timetable that counts only for some time",
        ),
        pytest.param(
            {"then": [{"for": "5s", "constant": {"rate": "30/min"}}] * 2}, HOUR, [0, 2, 4, 5, 7, 9], id="then silence"
        ),
        pytest.param(
            {"sum": [{"constant": {"rate": "30/min"}}, {"constant": {"rate": "20/min"}}]},
            5 * SECOND,
            [0, 0, 2, 3, 4],
            id="a sum is merged",
        ),
    ],
)  # fmt: skip
def test_what_is_not_left_to_chance(section: dict[str, Any], end: int, seconds: list[int]) -> None:
    assert (drawn(section, end) / SECOND).tolist() == seconds


def test_a_batch_comes_together() -> None:
    batches = drawn({"batch": {"size": 5, "rate": "1/min"}})
    assert len(batches) % 5 == 0
    assert len(np.unique(batches)) == len(batches) // 5


def test_on_off_is_silent_while_off() -> None:
    arrivals = drawn({"onOff": {"rate": "50/s", "off": "50s", "on": "10s"}})
    assert between(arrivals % MINUTE, 0, 50 * SECOND) == 0
    assert len(arrivals) == pytest.approx(60 * 500, abs=700)


def test_a_part_of_a_sum_does_not_depend_on_the_others() -> None:
    slow, fast = drawn({"sum": [POISSON, {"poisson": {"rate": "1/s"}}]}), drawn(SUM)
    assert set(drawn({"sum": [POISSON]})) <= set(slow) & set(fast)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        pytest.param({}, "names exactly one of 'poisson', 'mmpp'", id="nothing"),
        pytest.param({**POISSON, **CONSTANT}, "names exactly one of", id="two"),
        pytest.param({"poisson": None}, "names exactly one of", id="an empty one"),
        pytest.param({"poisson": {"rate": 5}}, "must be a rate, such as 5/s", id="a bare number"),
        pytest.param({"poisson": {"rate": "5/m"}}, "must be a rate, such as 5/s", id="an unknown unit"),
        pytest.param({"poisson": {"rate": "-5/s"}}, "must be a rate, such as 5/s", id="a negative rate"),
        pytest.param({"poisson": {"rate": "2000000/s"}}, "at most 1000000/s", id="too fast"),
        pytest.param({"sine": {"base": "2/s", "peak": "1/s", "period": "1h"}}, "'base' is above 'peak'", id="a trough"),
        pytest.param({"sine": {"base": "0/s", "peak": "1/s", "period": "0s"}}, "must be 1ms to", id="no period"),
        pytest.param(
            {"spike": {"base": "0/s", "peak": "1/s", "at": "1m", "lasting": "1m", "every": "1m"}},
            "'every' is shorter than 'at' and 'lasting' together",
            id="spikes that overlap",
        ),
        pytest.param({"mmpp": {"states": [{"rate": "1/s", "stay": "1s"}]}}, "at least 2 items", id="one state"),
        pytest.param({"cron": {"cron": "@hourly"}}, "is not a cron expression such as", id="a word for a timetable"),
        pytest.param({"then": [CONSTANT, POISSON]}, "a part without 'for' that is not the last", id="an endless part"),
        pytest.param({"poisson": {"rate": "5/s", "burst": 3}}, "Extra inputs", id="an unknown key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(section: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ArrivalsSection.model_validate(section)


@pytest.mark.parametrize(
    "section",
    [
        pytest.param({"poisson": {"rate": "1000000/s"}}, id="poisson"),
        pytest.param({"constant": {"rate": "1000000/s"}}, id="constant"),
        pytest.param({"batch": {"size": 1_000_000, "rate": "1/s"}}, id="batches"),
        pytest.param({"cron": {"cron": "* * * * *", "size": 1_000_000}}, id="a timetable"),
    ],
)
def test_more_than_can_be_simulated_is_refused_before_it_is_drawn(section: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="at most 500,000,000 can be simulated"):
        drawn(section, 24 * HOUR)


def test_states_that_take_no_time_are_refused() -> None:
    with pytest.raises(ConfigError, match="never gets on"):
        drawn({"onOff": {"rate": "1/s", "on": "0s", "off": "0s"}})


@pytest.mark.parametrize("said", EVERY, ids=str)
def test_what_is_expected_is_what_comes_on_average(said: dict[str, Any]) -> None:
    section = ArrivalsSection.model_validate(said)
    drawn = [draw_arrivals(section, HOUR, streams(seed, "x"), MONDAY).size for seed in range(20)]
    expected = expected_arrivals(section, HOUR, streams(99, "x"), MONDAY)
    assert expected == pytest.approx(np.mean(drawn), rel=0.1)
