from dataclasses import asdict, replace
from math import inf
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.figures import Figures, Outcome
from simulations.model import SECOND
from simulations.statistics import (
    EVERYTHING,
    NUMBERS,
    Summary,
    interval,
    intervals,
    overall,
    paired,
    quantiles,
    student,
    summaries,
    summary,
    total,
)
from tests.simulations.sample import HOUR, NOTHING, waited

BUSY = waited(
    [0.0, 0.0, 1.0, 3.0],
    arrived=6,
    waiting=1,
    unbegun=np.array([6 * SECOND], np.int64),
    serving=1,
    served=3,
    cold=3,
    service_time=2 * SECOND,
    ready_time=4 * HOUR,
    busy_time=2 * HOUR,
    draining_time=HOUR,
    draining_busy_time=HOUR,
    starting_time=HOUR,
    warm_time=3 * HOUR,
    blamed=(5 * SECOND, 2 * SECOND, 0, 3 * SECOND, 0, 0),
    started=2,
    starts=(SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND),
    warmed=5,
    hits=6,
    missed=2,
    wakes=3,
    sleeps=2,
    ups=7,
    downs=5,
    most=9,
    limit_time=30 * SECOND,
    overshoot_time=HOUR // 2,
    memory=2**29,
    concurrency=2,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("span", 7200.0),
        ("arrived", 6),
        ("served", 3),
        ("unfinished", 2),
        ("unbegun", 1),
        ("wait_mean", 2.0),
        ("wait_p50", 1.0),
        ("wait_p95", 6.0),
        ("wait_p99", 6.0),
        ("wait_max", 6.0),
        ("response_mean", 2.5),
        ("slo_missed", 2),
        ("slo_missed_ratio", 0.4),
        ("cold_ratio", 0.5),
        ("cold_pods", 2),
        ("cold_pod_ratio", 0.25),
        ("hit_ratio", 0.75),
        ("missed_ratio", 0.25),
        ("warmed", 5),
        ("pod_hours", 9.0),
        ("ready_hours", 4.0),
        ("busy_hours", 1.0),
        ("idle_hours", 3.5),
        ("starting_hours", 1.0),
        ("warm_hours", 3.0),
        ("draining_hours", 1.0),
        ("spare_gib_s", 3.5 * 3600 / 2),
        ("warm_gib_s", 3 * 3600 / 2),
        ("idle_gib_s", 6.5 * 3600 / 2),
        ("activations", 3),
        ("sleeps", 2),
        ("events_per_hour", 8.5),
        ("most", 9),
        ("limit_time", 30.0),
        ("overshoot_hours", 0.5),
        ("wait_poll", 1.0),
        ("share_poll", 0.5),
        ("share_start", 0.2),
        ("share_rate", 0.0),
        ("wait_hpa", 0.6),
        ("start_schedule", 0.5),
        ("start_ready", 4.0),
    ],
)
def test_a_number_is_what_it_is_called(name: str, expected: float) -> None:
    assert getattr(summary(BUSY, 2 * HOUR), name) == expected


def test_a_wait_as_long_as_the_slo_is_within_it() -> None:
    assert [summary(BUSY, HOUR, slo).slo_missed for slo in (0.5, 1.0, 2.9, 3.0)] == [3, 2, 2, 1]


def test_whoever_serves_nobody_lets_everybody_wait_to_the_end() -> None:
    idle = replace(NOTHING, arrived=3, waiting=3, unbegun=np.array([30, 20, 10], np.int64) * SECOND)
    found, quick = summary(idle, HOUR), summary(waited([5.0, 5.0, 5.0]), HOUR)
    assert (found.wait_p50, found.wait_max, found.wait_mean, found.slo_missed_ratio) == (20.0, 30.0, 20.0, 1.0)
    assert found.wait_p99 > quick.wait_p99


def test_a_ratio_of_nothing_is_zero() -> None:
    numbers = asdict(summary(NOTHING, HOUR))
    assert {value for name, value in numbers.items() if name in NUMBERS} == {0}
    assert asdict(total((), 0)) | {"name": "orders", "span": 3600.0} == numbers


def test_the_numbers_have_the_types_that_are_promised() -> None:
    types = {"str": str, "int": int, "float": float}
    for each in (summary(BUSY, 2 * HOUR), summary(NOTHING, HOUR)):
        promised = {name: types[kind.__name__] for name, kind in Summary.__annotations__.items()}
        assert {name: type(value) for name, value in asdict(each).items()} == promised


def test_functions_are_added_and_their_waits_mixed() -> None:
    both = total((BUSY, replace(BUSY, name="payments", memory=2**30, most=4)), 2 * HOUR)
    assert (both.name, both.arrived, both.most, both.wait_p50, both.pod_hours) == (EVERYTHING, 12, 9, 1.0, 18.0)
    assert both.idle_gib_s == 6.5 * 3600 / 2 * 3
    assert both.cold_ratio == summary(BUSY, 2 * HOUR).cold_ratio


def test_a_run_counts_from_its_warmup_on() -> None:
    outcome = Outcome(figures=(BUSY,), end=3 * HOUR, warmup=HOUR)
    assert overall(outcome) == summaries(outcome)[0] == summary(BUSY, 2 * HOUR)
    assert overall(replace(outcome, figures=(BUSY, BUSY))).name == EVERYTHING


@given(st.lists(st.lists(st.integers(0, 5), max_size=12), max_size=4), st.floats(0.001, 1.0))
def test_a_quantile_is_the_smallest_wait_that_so_many_do_not_exceed(parts: list[list[int]], share: float) -> None:
    waits = sorted(wait for part in parts for wait in part)
    (found,) = quantiles([np.array(part, np.int64) for part in parts], (share,))
    enough = [wait for wait in waits if sum(other <= wait for other in waits) >= share * len(waits)]
    assert found == min(enough, default=0)


@given(st.lists(st.integers(0, 10**9), max_size=30), st.randoms(use_true_random=False))
def test_equal_figures_give_equal_bytes_in_any_order(waits: list[int], chance: Random) -> None:
    shuffled = list(waits)
    chance.shuffle(shuffled)
    made = [summary(_figures(order), HOUR) for order in (waits, shuffled)]
    assert repr(made[0]) == repr(made[1])


def _figures(waits: list[int]) -> Figures:
    return replace(BUSY, waits=np.array(waits, np.int64))


def test_a_pod_that_finishes_what_it_holds_makes_no_other_one_busier_than_it_is() -> None:
    left = waited([0.0], ready_time=HOUR, busy_time=2 * HOUR, draining_time=HOUR, draining_busy_time=HOUR)
    found = summary(left, HOUR)
    assert (found.idle_hours, found.spare_gib_s, found.busy_hours) == (0.0, 0.0, 2.0)
    assert found.pod_hours == found.ready_hours + found.draining_hours == 2.0


def test_the_figures_are_left_as_they_were() -> None:
    waits = np.array([5, 1, 4, 1], np.int64)
    summary(replace(BUSY, waits=waits), HOUR)
    assert waits.tolist() == [5, 1, 4, 1]


# -- over seeds --------------------------------------------------------------------------------------------------------


def test_an_interval_is_that_of_the_textbook() -> None:
    found = interval([4.0, 6.0, 8.0, 10.0])
    assert (found.mean, found.count) == (7.0, 4)
    assert found.half == pytest.approx(3.18245 * 2.581989 / 2)
    assert (found.low, found.high) == (7.0 - found.half, 7.0 + found.half)


def test_one_seed_says_nothing_about_the_next() -> None:
    assert interval([3.0]).half == inf
    assert not interval([3.0]).certain
    with pytest.raises(ValueError, match="no values"):
        interval([])


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.7062), (30, 2.0423), (31, 2.03951), (60, 2.0003), (1000, 1.9623)]
)
def test_the_quantile_of_t_is_that_of_the_tables(freedom: int, quantile: float) -> None:
    assert student(freedom) == pytest.approx(quantile, abs=1e-4)


def test_what_both_saw_cancels_out() -> None:
    slow = [summary(waited([1.0 + seed, 3.0 + seed]), HOUR) for seed in range(3)]
    slower = [summary(waited([1.5 + seed, 3.5 + seed]), HOUR) for seed in range(3)]
    assert not intervals(slow)["wait_mean"].certain or intervals(slow)["wait_mean"].half > 1
    difference = paired(slower, slow)["wait_mean"]
    assert (difference.mean, difference.half, difference.certain) == (0.5, 0.0, True)
    with pytest.raises(ValueError, match="shorter"):
        paired(slower, slow[:1])
